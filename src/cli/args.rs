//! What can be typed: the verbs, and what their arguments have in common. A verb's own arguments
//! stand in its file; those that several verbs take, in groups of their own (`*_args`).

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};

use super::audit::AuditArgs;
use super::check::CheckArgs;
use super::compare::CompareArgs;
use super::help;
use super::load::LoadArgs;
use super::mark::MarkArgs;
use super::path::PathArgs;
use super::report::ReportArgs;
use super::run::RunArgs;

/// Proves, with numbers anyone can check, whether a database cluster kept serving its business
/// while it was upgraded.
#[derive(Debug, Parser)]
#[command(name = "rollproof", version, propagate_version = true, after_help = help::TOOL)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Is this cluster fit to be upgraded? Read-only
    Check(CheckArgs),
    /// The way to a target version: main task and sub tasks, from oceanbase_upgrade_dep.yml
    Path(PathArgs),
    /// Create and fill the TPC-C schema
    Load(Box<LoadArgs>),
    /// Drive the load, watch or upgrade the cluster, check the data, print the verdict
    Run(Box<RunArgs>),
    /// Tell a run that goes on which phase of an upgrade begins now
    Mark(MarkArgs),
    /// Check the data of a finished run again, against the database as it is now
    Audit(AuditArgs),
    /// Make every derived file of a run again, from its raw record
    Report(ReportArgs),
    /// Before against after, or one run against another: ratios with intervals, and a gate
    Compare(Box<CompareArgs>),
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page
    #[command(after_help = help::MAN)]
    Man {
        /// Of this verb; without it, of rollproof as a whole
        verb: Option<String>,
    },
}

/// A choice by its stable spelling; help, completions and errors then name all of them.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let value = move |text: String| all.iter().copied().find(|&value| name(value) == text);
    PossibleValuesParser::new(all.iter().map(|&value| name(value)))
        .map(move |text| value(text).expect("only possible values get here"))
}

/// Puts `flag` in the place of a value that the scenario file or the default gave.
pub(super) fn set<T>(value: &mut T, flag: Option<T>) {
    if let Some(flag) = flag {
        *value = flag;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
