//! Before against after, one renderer a file, as for a run. `rows` are the tables that text,
//! Markdown and page have in common. A run's own report holds what came after an upgrade against what
//! came before it, with the same tables.

mod files;
mod forest;
mod json;
mod junit;
mod markdown;
mod page;
mod rows;
mod text;

pub use files::{COMPARISON_FILES, Compared, comparison};
pub(super) use forest::Forest;
pub use json::{COMPARISON_FORMAT, comparison_schema};
pub(super) use json::{PartOut, part};
pub(super) use markdown::of_section;
pub(super) use rows::{in_short, lead};
