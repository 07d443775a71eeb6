//! The command line: one file a verb with its arguments, those that verbs share in `*_args`, the
//! exit code decided in one place.
//!
//! Answers go to standard output; progress, warnings and errors to standard error.

mod answers;
mod args;
mod audit;
mod check;
mod cluster_args;
mod compare;
mod conclude;
mod dispatch;
mod drive_args;
mod exit;
mod help;
mod interrupt;
mod load;
mod mark;
mod notice;
mod option_file;
mod output_args;
mod path;
mod recorded;
mod report;
mod run;
mod secrets;
mod show;
mod stale;
mod upgrade_args;

pub use args::Cli;
pub use exit::Exit;
