//! From a parsed command line to an exit code: the one place where errors become one.

use std::io::Write;

use clap::CommandFactory;

use super::args::Verb;
use super::{Cli, Exit, audit, check, load, report, run};
use crate::record::RecordError;
use crate::run::RunError;

impl Cli {
    /// Does what was asked. Answers go to standard output, a line with the reason of a failure to
    /// standard error.
    pub async fn execute(self) -> Exit {
        let out = std::io::stdout();
        let result = match self.verb {
            Verb::Check(args) => check::run(args, out).await,
            Verb::Load(args) => load::run(args, out).await,
            Verb::Run(args) => run::run(*args, out).await,
            Verb::Audit(args) => audit::run(args, out).await,
            Verb::Report(args) => report::run(&args, out),
            Verb::Completions { shell } => {
                let mut command = Cli::command();
                clap_complete::generate(shell, &mut command, "rollproof", &mut std::io::stdout());
                Ok(Exit::DONE)
            }
        };
        result.unwrap_or_else(|error| {
            let _ = writeln!(std::io::stderr(), "rollproof: {error:#}");
            exit_of(&error)
        })
    }
}

/// A record that cannot be written proves nothing; everything else that ends a verb early is
/// something the user can put right.
fn exit_of(error: &anyhow::Error) -> Exit {
    let unwritten = matches!(error.downcast_ref(), Some(RunError::Record(RecordError::Io { .. })));
    if unwritten { Exit::UNPROVEN } else { Exit::USAGE }
}
