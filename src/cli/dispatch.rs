//! From a parsed command line to an exit code: the one place where errors become one.

use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;

use super::answers::Answers;
use super::args::Verb;
use super::notice::Notice;
use super::{Cli, Exit, audit, check, compare, load, mark, path, report, run};
use crate::audit::AuditError;
use crate::compare::CompareError;
use crate::record::RecordError;
use crate::report::{AnalysisError, NoBaseline};
use crate::run::RunError;
use crate::upgrade::UpgradeError;

impl Cli {
    /// Does what was asked. Answers go to standard output, a line with the reason of a failure to
    /// standard error.
    pub async fn execute(self) -> Exit {
        let out = Answers(std::io::stdout());
        let result = match self.verb {
            Verb::Check(args) => check::run(args, out).await,
            Verb::Path(args) => path::run(&args, out),
            Verb::Load(args) => load::run(*args, out).await,
            Verb::Run(args) => run::run(*args, out).await,
            Verb::Mark(args) => mark::run(args, out).await,
            Verb::Audit(args) => audit::run(args, out).await,
            Verb::Report(args) => report::run(&args, out),
            Verb::Compare(args) => compare::run(*args, out),
            Verb::Completions { shell } => completions(shell, out),
            Verb::Man { verb } => man(verb.as_deref(), out),
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

/// The manual page of a verb, or of the whole.
fn man(verb: Option<&str>, mut out: impl Write) -> anyhow::Result<Exit> {
    let mut whole = Cli::command();
    // Without it a verb knows neither its full name nor what it inherits.
    whole.build();
    let command = match verb {
        None => whole,
        Some(verb) => whole.find_subcommand(verb).cloned().with_context(|| {
            let verbs: Vec<&str> = whole.get_subcommands().map(clap::Command::get_name).collect();
            format!("{verb:?} is not a verb; there are {}", verbs.join(", "))
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    out.write_all(&page)?;
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
    // TOML errors end with the line they quote.
    text.trim_end().to_owned()
}

/// A record that cannot be written, or read as it was written, proves nothing; everything else
/// that ends a verb early is something the user can put right.
fn exit_of(error: &anyhow::Error) -> Exit {
    let unwritten = error.is::<std::io::Error>()
        || matches!(error.downcast_ref(), Some(RunError::Record { .. }));
    let damaged = record_error(error).is_some_and(RecordError::is_of_a_record);
    let unfit = matches!(error.downcast_ref(), Some(CompareError::Unfit { .. }));
    if unwritten || damaged || unfit { Exit::UNPROVEN } else { Exit::USAGE }
}

/// What stood in the way of reading a record, whoever wanted to.
fn record_error(error: &anyhow::Error) -> Option<&RecordError> {
    let analysis = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(CompareError::Unreadable(error)), _) | (_, Some(NoBaseline::Unreadable(error))) => {
            Some(error)
        }
        _ => error.downcast_ref(),
    };
    match (analysis, error.downcast_ref(), error.downcast_ref()) {
        (Some(AnalysisError::Record(error)), ..)
        | (_, Some(AuditError::Record(error)), _)
        | (.., Some(RunError::Upgrade(UpgradeError::Record(error)))) => Some(error),
        _ => error.downcast_ref(),
    }
}
