//! The pre-upgrade checks: is this cluster fit to be upgraded?
//!
//! Checks are data, made by the product's adapter; here they are gathered, judged and laid out.
//! All of them only read, so they may be repeated freely.

use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use crate::cluster::check::{CheckLine, CheckStatus};
use crate::cluster::{Act, Cluster, Kept};

/// What all checks together may take.
const DEADLINE: Duration = Duration::from_mins(1);

/// The outcome of the pre-upgrade checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// The checks, in the order of the table.
    pub checks: Vec<CheckLine>,
}

impl Preflight {
    /// How many checks came to `status`.
    pub fn count(&self, status: CheckStatus) -> usize {
        self.checks.iter().filter(|line| line.status == status).count()
    }

    /// Whether the upgrade may begin: nothing failed, and nothing is left unknown. A right that was
    /// not granted is no sign of health.
    pub fn is_fit(&self) -> bool {
        self.obstacles().next().is_none()
    }

    fn obstacles(&self) -> impl Iterator<Item = &CheckLine> {
        use CheckStatus::{Fail, Unsupported};
        self.checks.iter().filter(|line| matches!(line.status, Fail | Unsupported))
    }

    /// Turns a failed check into a warning: the user has said to accept it.
    pub fn tolerate(&mut self, id: &str) {
        for line in &mut self.checks {
            if line.id == id && line.status == CheckStatus::Fail {
                line.status = CheckStatus::Warn;
            }
        }
    }

    /// What stands in the way in one line each, for an error message.
    pub fn failures(&self) -> String {
        let line = |line: &CheckLine| {
            let unknown = if line.status == CheckStatus::Fail { "" } else { "not known: " };
            format!("{}: {unknown}{} ({})", line.id, line.answer, line.advice)
        };
        self.obstacles().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Asks the cluster everything. `target` is the version it is to be upgraded to, if known.
pub async fn check(cluster: &dyn Cluster, target: Option<&str>) -> Preflight {
    Preflight { checks: cluster.checks(target, Instant::now() + DEADLINE).await }
}

/// The one write that belongs to the checks: servers that are away for long keep their replicas.
/// Nothing is written where the cluster is not fit.
pub async fn prepare(cluster: &dyn Cluster, found: &Preflight) -> CheckLine {
    let line = |status, answer: String, advice: &str| CheckLine {
        id: "W01".to_owned(),
        title: "replicas are kept while a server is away".to_owned(),
        status,
        query: "alter system set server_permanent_offline_time='72h'".to_owned(),
        answer,
        meaning: "a server away for longer than this loses its replicas to others".to_owned(),
        advice: advice.to_owned(),
    };
    if !found.is_fit() {
        let answer = "not written: a check failed, or could not be asked".to_owned();
        return line(CheckStatus::Unsupported, answer, "mend what the lines above say and repeat");
    }
    let (kept, by) = (Kept::default(), Instant::now() + DEADLINE);
    match cluster.act(Act::ProtectReplicas, &kept, "", by).await {
        Ok(found) => line(CheckStatus::Pass, found, ""),
        Err(refusal) => {
            let advice = "grant ALTER SYSTEM to the user, or set it by hand";
            line(CheckStatus::Fail, refusal.to_string(), advice)
        }
    }
}

/// The table as text: one line a check, and under each that did not pass what was asked, why it
/// matters and what to do.
pub fn render_text(preflight: &Preflight) -> String {
    let width = |text: fn(&CheckLine) -> &str| {
        preflight.checks.iter().map(|l| text(l).chars().count()).max()
    };
    let id_width = width(|line| &line.id).unwrap_or(0);
    let title_width = width(|line| &line.title).unwrap_or(0);
    let mut text = String::new();
    let write = "writing to a string does not fail";
    for line in &preflight.checks {
        let CheckLine { id, title, status, query, answer, meaning, advice } = line;
        writeln!(text, "{status:<11}  {id:<id_width$}  {title:<title_width$}  {answer}")
            .expect(write);
        if *status != CheckStatus::Pass {
            for (label, words) in [("asked", query), ("why", meaning), ("do", advice)] {
                writeln!(text, "{:<11}    {label:<5} {words}", "").expect(write);
            }
        }
    }
    let count = |status| preflight.count(status);
    writeln!(
        text,
        "\n{}: {} passed, {} warned, {} failed, {} could not be asked",
        if preflight.is_fit() { "fit to be upgraded" } else { "NOT fit to be upgraded" },
        count(CheckStatus::Pass),
        count(CheckStatus::Warn),
        count(CheckStatus::Fail),
        count(CheckStatus::Unsupported),
    )
    .expect(write);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, status: CheckStatus) -> CheckLine {
        CheckLine {
            id: id.to_owned(),
            title: format!("title of {id}"),
            status,
            query: "SELECT 1".to_owned(),
            answer: "one".to_owned(),
            meaning: "it matters".to_owned(),
            advice: if status == CheckStatus::Pass { String::new() } else { "mend it".to_owned() },
        }
    }

    #[test]
    fn one_check_that_failed_or_got_no_answer_is_enough() {
        let all = |last| Preflight {
            checks: vec![
                line("a", CheckStatus::Pass),
                line("b", CheckStatus::Warn),
                line("c", last),
            ],
        };
        assert!(all(CheckStatus::Pass).is_fit());
        let unfit = all(CheckStatus::Fail);
        assert!(!unfit.is_fit());
        assert_eq!(unfit.failures(), "c: one (mend it)");
        let unknown = all(CheckStatus::Unsupported);
        assert!(!unknown.is_fit(), "what could not be asked is not known to be well");
        assert_eq!(unknown.failures(), "c: not known: one (mend it)");
    }

    #[test]
    fn the_table_explains_what_did_not_pass() {
        let preflight = Preflight {
            checks: vec![line("zones", CheckStatus::Pass), line("gcache-size", CheckStatus::Warn)],
        };
        insta::assert_snapshot!(render_text(&preflight), @r"
        pass         zones        title of zones        one
        warn         gcache-size  title of gcache-size  one
                       asked SELECT 1
                       why   it matters
                       do    mend it

        fit to be upgraded: 1 passed, 1 warned, 0 failed, 0 could not be asked
        ");
        let json = serde_json::to_string(&preflight).unwrap();
        assert_eq!(serde_json::from_str::<Preflight>(&json).unwrap(), preflight);
    }
}
