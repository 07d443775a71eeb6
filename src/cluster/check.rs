//! Pre-upgrade checks as data, and those that hold for every product.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::site::Site;
use crate::event::{ErrorClass, ZoneStatus};
use crate::session::{Failure, Login, Session};
use crate::spelling::spelled;

spelled! {
    /// What a check came to.
    pub enum CheckStatus {
        /// As it should be.
        Pass = "pass",
        /// The upgrade may go on; the user should know.
        Warn = "warn",
        /// The upgrade must not begin.
        Fail = "fail",
        /// The server could not be asked, so nothing is known. Never a pass.
        Unsupported = "unsupported",
    }
}

/// One check with its question, the answer and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckLine {
    /// Stable name, as `gcache-size`.
    pub id: String,
    /// What is checked, for people.
    pub title: String,
    /// What it came to.
    pub status: CheckStatus,
    /// The statement that was sent, or what was tried.
    pub query: String,
    /// What came back, zone by zone where zones differ.
    pub answer: String,
    /// Why it matters to an upgrade.
    pub meaning: String,
    /// What to do now; empty when the check passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// A check's fixed part; its methods make the line from what came back.
pub(super) struct Question {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) query: &'static str,
    pub(super) meaning: &'static str,
}

impl Question {
    fn line(&self, status: CheckStatus, answer: String, advice: &str) -> CheckLine {
        CheckLine {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            status,
            query: self.query.to_owned(),
            answer,
            meaning: self.meaning.to_owned(),
            advice: advice.to_owned(),
        }
    }

    pub(super) fn pass(&self, answer: impl Into<String>) -> CheckLine {
        self.line(CheckStatus::Pass, answer.into(), "")
    }

    pub(super) fn warn(&self, answer: impl Into<String>, advice: &str) -> CheckLine {
        self.line(CheckStatus::Warn, answer.into(), advice)
    }

    pub(super) fn fail(&self, answer: impl Into<String>, advice: &str) -> CheckLine {
        self.line(CheckStatus::Fail, answer.into(), advice)
    }

    /// Passes when `problems` is empty; fails with all of them otherwise.
    pub(super) fn pass_unless(
        &self,
        problems: Vec<String>,
        good: impl Into<String>,
        advice: &str,
    ) -> CheckLine {
        if problems.is_empty() { self.pass(good) } else { self.fail(problems.join("; "), advice) }
    }

    /// The line of a question that got no answer.
    pub(super) fn unanswered(&self, failure: &Failure) -> CheckLine {
        self.unasked(&failure.to_string())
    }

    /// The line of a question that this server cannot answer, because it has not what is asked
    /// for. Nothing is known then: no rows would be another answer.
    pub(super) fn unsupported(&self, why: impl Into<String>, advice: &str) -> CheckLine {
        self.line(CheckStatus::Unsupported, why.into(), advice)
    }

    /// The line of a question that could not be put to anyone.
    pub(super) fn unasked(&self, why: &str) -> CheckLine {
        let advice = "nothing is known of this; see the lines above for the connection, or grant \
                      the user the right to read it";
        self.line(CheckStatus::Unsupported, why.to_owned(), advice)
    }
}

const REACHABLE: Question = Question {
    id: "reachable",
    title: "every zone can be reached",
    query: "connect",
    meaning: "each zone is watched and loaded directly, never through a proxy",
};
const LOGIN: Question = Question {
    id: "login",
    title: "every zone accepts the user",
    query: "log in",
    meaning: "load, observers and runner all use this user on every zone",
};
const DATABASE: Question = Question {
    id: "database",
    title: "the schema is there on every zone",
    query: "log in to the schema",
    meaning: "the load runs in this schema",
};
const ENOUGH_ZONES: Question = Question {
    id: "zones",
    title: "at least three zones",
    query: "the scenario",
    meaning: "with fewer, stopping one leaves no majority",
};
const ONE_VERSION: Question = Question {
    id: "one-version",
    title: "all zones run one version",
    query: "version of every zone",
    meaning: "different versions are the trace of an upgrade that did not end",
};
const NOT_YET_THERE: Question = Question {
    id: "target-version",
    title: "the target version is another one",
    query: "version of every zone",
    meaning: "an upgrade to the version that is running would prove nothing",
};

/// A zone that has not let the user in by then is unreachable, however long the other checks may
/// take.
const CONNECT: Duration = Duration::from_secs(3);

/// Connects to every zone afresh. Unreachable, refused user and missing schema are three lines:
/// each has another remedy.
pub(super) async fn connections(site: &Site) -> Vec<CheckLine> {
    let (mut unreachable, mut refused, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for zone in site.ids() {
        let login = site.login(zone);
        let problem = |failure: &Failure| {
            format!("{} ({}:{}): {}", site.name(zone), login.host, login.port, failure.message)
        };
        if let Err(failure) = Session::open(login, Instant::now() + CONNECT).await {
            match failure.class {
                ErrorClass::Auth => refused.push(problem(&failure)),
                _ => unreachable.push(problem(&failure)),
            }
            continue;
        }
        let in_schema = Login { database: Some(site.database.clone()), ..login.clone() };
        if let Err(failure) = Session::open(&in_schema, Instant::now() + CONNECT).await {
            missing.push(problem(&failure));
        }
    }
    let all = site.len();
    let reached = all - unreachable.len();
    let entered = reached - refused.len();
    let there = entered - missing.len();
    let login = match reached {
        0 => LOGIN.unasked("no zone could be reached"),
        _ => LOGIN.pass_unless(
            refused,
            format!("{entered} of {all} zones"),
            "correct ROLLPROOF_USER and ROLLPROOF_PASSWORD, or create the user on the cluster",
        ),
    };
    let database = match (entered, missing.is_empty()) {
        (0, _) => DATABASE.unasked("no zone let the user in"),
        (_, true) => DATABASE.pass(format!("{} on {there} of {all} zones", site.database)),
        (_, false) => {
            DATABASE.warn(missing.join("; "), "run `rollproof load` first; it makes the schema")
        }
    };
    let reachable = REACHABLE.pass_unless(
        unreachable,
        format!("{reached} of {all} zones"),
        "start the server, or correct the zone's address in the scenario or --zones",
    );
    vec![reachable, login, database]
}

/// Whether enough zones are named.
pub(super) fn enough_zones(zones: usize) -> CheckLine {
    match zones {
        3.. => ENOUGH_ZONES.pass(format!("{zones} zones")),
        _ => ENOUGH_ZONES.fail(
            format!("{zones} named"),
            "add zones to the cluster; --allow-unsafe is for those who accept an outage",
        ),
    }
}

/// Whether versions are uniform and not yet the target.
pub(super) fn versions(statuses: &[ZoneStatus], target: Option<&str>) -> Vec<CheckLine> {
    let mut found: Vec<&str> = statuses.iter().filter_map(|s| s.version.as_deref()).collect();
    found.sort_unstable();
    found.dedup();
    let answer = found.join(", ");
    let one = match found.len() {
        1 => ONE_VERSION.pass(&*answer),
        0 => ONE_VERSION.fail("no zone answered", "see the lines above"),
        _ => ONE_VERSION.warn(
            &*answer,
            "an upgrade seems to be under way: go on with `--resume` if it is rollproof's own",
        ),
    };
    let Some(target) = target else { return vec![one] };
    let there = statuses.iter().filter(|status| status.runs(target)).count();
    let other = match there {
        0 => NOT_YET_THERE.pass(format!("{answer}, going to {target}")),
        n if n < statuses.len() => NOT_YET_THERE.warn(
            format!("{n} of {} zones run {target} already", statuses.len()),
            "those zones are taken through the steps again; nothing is lost by it",
        ),
        _ => NOT_YET_THERE.fail(
            format!("every zone runs {target} already"),
            "give another --target-version, or take the older release to begin with",
        ),
    };
    vec![one, other]
}
