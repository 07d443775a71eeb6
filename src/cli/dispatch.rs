//! From a parsed command line to an exit code: the one place where errors become one.

use std::io::Write;

use clap::CommandFactory;

use super::answers::Answers;
use super::args::Verb;
use super::notice::Notice;
use super::{Cli, Exit, audit, check, load, report, run};
use crate::record::RecordError;
use crate::report::AnalysisError;
use crate::run::RunError;

impl Cli {
    /// Does what was asked. Answers go to standard output, a line with the reason of a failure to
    /// standard error.
    pub async fn execute(self) -> Exit {
        let out = Answers(std::io::stdout());
        let result = match self.verb {
            Verb::Check(args) => check::run(args, out).await,
            Verb::Load(args) => load::run(args, out).await,
            Verb::Run(args) => run::run(*args, out).await,
            Verb::Audit(args) => audit::run(args, out).await,
            Verb::Report(args) => report::run(&args, out),
            Verb::Completions { shell } => completions(shell, out),
        };
        result.unwrap_or_else(|error| {
            Notice.line(&format_args!("rollproof: {}", words(&error)));
            exit_of(&error)
        })
    }
}

fn completions(shell: clap_complete::Shell, mut out: impl Write) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rollproof", &mut script);
    out.write_all(&script)?;
    Ok(Exit::DONE)
}

/// An error with its causes, each told once: many of ours quote theirs already.
fn words(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// What cannot be written, or was damaged since, proves nothing; everything else that ends a verb
/// early is something the user can put right.
fn exit_of(error: &anyhow::Error) -> Exit {
    let unwritten = error.is::<std::io::Error>()
        || matches!(error.downcast_ref(), Some(RunError::Record { .. }));
    let read = match error.downcast_ref() {
        Some(AnalysisError::Record(error)) => Some(error),
        _ => error.downcast_ref::<RecordError>(),
    };
    let damaged = matches!(read, Some(RecordError::Damaged { .. }));
    if unwritten || damaged { Exit::UNPROVEN } else { Exit::USAGE }
}
