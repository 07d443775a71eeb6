//! `rollproof report`

use std::io::Write;

use super::Exit;
use super::args::ReportArgs;
use super::conclude::conclude;

pub(super) fn run(args: &ReportArgs, out: impl Write) -> anyhow::Result<Exit> {
    conclude(&args.run, out)
}
