//! `rollproof mark`

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::{Exit, help};
use crate::outside::{Addressee, RUN_VARIABLE, send};

/// `rollproof mark`
#[derive(Debug, Args)]
#[command(after_help = help::MARK)]
pub(super) struct MarkArgs {
    /// The phase that begins now: a step of an upgrade plan, as stop-zone
    #[arg(value_name = "PHASE")]
    phase: String,
    /// The zone it is done to; none for what concerns the whole cluster
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The run's directory or name; without it, the only run that goes on
    #[arg(long, value_name = "RUN", env = RUN_VARIABLE, hide_env_values = true)]
    run: Option<PathBuf>,
    /// Where run directories are looked for
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

pub(super) async fn run(args: MarkArgs, mut out: impl Write) -> anyhow::Result<Exit> {
    let to = args.run.map_or(Addressee::TheOnlyOne, Addressee::Run);
    let recorded = send(&args.phase, args.zone.as_deref(), &to, &args.results).await?;
    let (phase, zone) = (&args.phase, args.zone.as_deref());
    writeln!(
        out,
        "{}{phase} begins at {:.6} UTC, {:.3} s into run {} (made up to {:.1} ms before)",
        zone.map(|zone| format!("{zone}/")).unwrap_or_default(),
        recorded.utc,
        recorded.at.0 as f64 / 1e6,
        recorded.run_id,
        recorded.uncertainty_us as f64 / 1e3,
    )?;
    Ok(Exit::DONE)
}
