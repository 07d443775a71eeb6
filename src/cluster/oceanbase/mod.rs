//! OceanBase, seen and told through its sys tenant.
//!
//! `adapter` is the [`Cluster`](super::Cluster) of it. `sys` asks over two connections in
//! different zones; `questions` are the checks that are one count each, `checks` the others;
//! `reading` is what the views say and `health` judges it; `watch` is a look at everything, of
//! which `course` makes phases and warnings, and `leaders` who came to lead what; `acts` are the
//! statements of an upgrade, `parameters` what it changes and puts back; `queries` lists all that
//! is asked. [`path`] finds the way to a target version.

mod acts;
mod adapter;
mod checks;
mod course;
mod health;
mod leaders;
mod parameters;
pub mod path;
mod queries;
mod questions;
mod reading;
mod sys;
mod version;
mod watch;

pub(super) use adapter::OceanBase;
pub use queries::queries;
pub use version::{NoVersion, Version};
