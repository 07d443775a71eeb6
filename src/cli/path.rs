//! `rollproof path`

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;

use super::{Exit, help};
use crate::cluster::oceanbase::Version;
use crate::cluster::oceanbase::path::{NoPath, Versions};

/// `rollproof path`
#[derive(Debug, Args)]
#[command(after_help = help::PATH)]
pub(super) struct PathArgs {
    /// oceanbase_upgrade_dep.yml of the target version's package
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The version that runs, as 4.2.1.6 or with its build
    #[arg(long, value_name = "VERSION")]
    from: Version,
    /// The version to go to
    #[arg(long, value_name = "VERSION")]
    to: Version,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &PathArgs, mut out: impl Write) -> anyhow::Result<Exit> {
    let file = args.file.display();
    // Not a record of ours that proves nothing, but a name to correct.
    let yaml = std::fs::read_to_string(&args.file)
        .map_err(|error| anyhow!("cannot read {file}: {error}; name the package's file"))?;
    let versions = Versions::parse(&yaml).with_context(|| format!("{file} is not usable"))?;
    match versions.path(args.from, args.to) {
        Ok(task) if args.json => writeln!(out, "{}", serde_json::to_string_pretty(&task)?)?,
        Ok(task) => write!(out, "{task}")?,
        Err(why @ (NoPath::Unreadable(_) | NoPath::Twice(_))) => return Err(why.into()),
        Err(why) => {
            let why = why.to_string();
            match args.json {
                true => writeln!(out, "{:#}", serde_json::json!({ "no_way": why }))?,
                false => writeln!(out, "no way: {why}")?,
            }
            return Ok(Exit::UNFIT);
        }
    }
    Ok(Exit::DONE)
}
