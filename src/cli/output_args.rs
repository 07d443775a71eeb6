//! Where a record goes, and what is shown of it meanwhile.

use std::path::PathBuf;

use clap::Args;

use super::show::Progress;
use crate::live::ListenAddress;

/// Where the record goes.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Where run directories go [default: results]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(super) results: Option<PathBuf>,
    /// Name of the run's directory; by default its start as 2026-01-31T14-05-09Z
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub(super) run_id: Option<String>,
    /// How progress is shown on standard error: a dashboard that fills the terminal, a plain line a
    /// second, or nothing [default: dashboard on a terminal, else lines]
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Output")]
    pub(super) progress: Option<Progress>,
    /// The same as --progress none
    #[arg(short, long, conflicts_with = "progress", help_heading = "Output")]
    pub(super) quiet: bool,
    /// Serve a live page at / and Prometheus metrics at /metrics until the verdict, as 9464 or
    /// 127.0.0.1:9464
    #[arg(long, value_name = "ADDR", help_heading = "Output")]
    pub(super) listen: Option<ListenAddress>,
    /// Let --listen take an address that other machines can reach; nobody is asked for a password
    #[arg(long, requires = "listen", help_heading = "Output")]
    pub(super) listen_anywhere: bool,
}
