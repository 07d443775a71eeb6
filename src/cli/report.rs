//! `rollproof report`

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::conclude::conclude;
use super::{Exit, help};

/// `rollproof report`
#[derive(Debug, Args)]
#[command(after_help = help::REPORT)]
pub(super) struct ReportArgs {
    /// The run's directory
    #[arg(value_name = "RUN")]
    run: PathBuf,
}

pub(super) fn run(args: &ReportArgs, out: impl Write) -> anyhow::Result<Exit> {
    conclude(&args.run, out)
}
