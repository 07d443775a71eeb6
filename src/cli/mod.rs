//! The command line: one file a verb, the exit code decided in one place.
//!
//! Answers go to standard output; progress, warnings and errors to standard error.

mod answers;
mod args;
mod audit;
mod check;
mod conclude;
mod dispatch;
mod exit;
mod help;
mod interrupt;
mod load;
mod notice;
mod option_file;
mod report;
mod run;
mod secrets;

pub use args::Cli;
pub use exit::Exit;
