//! `junit.xml`: one test case an objective, a data check and a reason, with stable names.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::analysis::{Analysis, StepOutcome, StepRun, ZoneCheck, words};
use crate::event::RunTime;
use crate::phase::PhaseName;
use crate::record::DataVerdict;
use crate::verdict::{ObjectiveResult, RECOVERY, Status, Verdict, VerdictKind};

/// Missed is a failure; what cannot be told is an error, so that no CI takes it for a pass. What an
/// upgrade never came to is skipped: a CI server follows cases over builds by their names.
pub(super) fn render(analysis: &Analysis, verdict: &Verdict) -> String {
    let mut report = Report::new("rollproof");
    report.set_time(Duration::from_micros(analysis.run.end.0));
    report.add_test_suite(objectives(analysis, verdict));
    report.add_test_suite(data(analysis));
    report.add_test_suite(upgrade(analysis));
    report.add_test_suite(validity(verdict));
    written(&report)
}

/// The file's text.
pub(super) fn written(report: &Report) -> String {
    let xml = report.to_string().expect("a report in memory can be written");
    // The strictest reader, the schema of Jenkins' xUnit plugin, takes the count of skipped cases on
    // a suite but not on the root, where it comes first.
    let skipped: usize = report.test_suites.iter().map(|suite| suite.skipped).sum();
    xml.replacen(&format!(" skipped=\"{skipped}\""), "", 1)
}

pub(super) fn failure(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    status
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}

fn case(suite: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("rollproof.{suite}"));
    case
}

fn objectives(analysis: &Analysis, verdict: &Verdict) -> TestSuite {
    let mut suite = TestSuite::new("objectives");
    suite.add_property(Property::new("run", &*analysis.run.run_id));
    let origin = words::rfc3339(analysis.run.origin_wall, RunTime::ZERO);
    suite.add_property(Property::new("origin", origin));
    suite.add_property(Property::new("verdict", verdict.kind.as_str()));
    for result in &verdict.objectives {
        let mut case = case("objectives", &result.name(), objective(result));
        if result.status == Status::Warned {
            case.set_system_out(format!("warning: {}", message(result)));
        }
        suite.add_test_case(case);
    }
    let is_meant = analysis.run.upgrade.is_some() || analysis.run.outside.is_some();
    if is_meant && !verdict.objectives.iter().any(|result| result.id == RECOVERY) {
        suite.add_test_case(case("objectives", RECOVERY, skipped("no zone returned")));
    }
    suite
}

fn message(result: &ObjectiveResult) -> String {
    let measured = result.measured.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
    let mut message = format!("{}: {measured}, limit {}", result.headline(), result.limit);
    if let Some(seen) = &result.evidence {
        message.push_str(&format!("; {} at {}", seen.phase, words::moment(seen.start)));
    }
    message
}

fn objective(result: &ObjectiveResult) -> TestCaseStatus {
    match result.status {
        Status::Met | Status::Warned => TestCaseStatus::success(),
        Status::Missed => failure(NonSuccessKind::Failure, &message(result)),
        Status::Unknown => {
            failure(NonSuccessKind::Error, &format!("{}: {}", result.headline(), result.note))
        }
    }
}

fn data(analysis: &Analysis) -> TestSuite {
    let mut suite = TestSuite::new("data");
    let names = analysis.zone_names();
    let Some(data) = &analysis.data else {
        let status = failure(NonSuccessKind::Error, "the data was not checked");
        suite.add_test_case(case("data", "checked", status));
        return suite;
    };
    let checked = match data.audited {
        true => TestCaseStatus::success(),
        false => failure(NonSuccessKind::Error, "the data was not checked after the run"),
    };
    suite.add_test_case(case("data", "checked", checked));
    for ZoneCheck { zone, check } in &data.all {
        let zone = names.get(zone.index()).map_or("?", String::as_str);
        let message = format!("{}: {}", check.title, check.detail);
        let status = match check.verdict {
            DataVerdict::Pass => TestCaseStatus::success(),
            DataVerdict::Fail => failure(NonSuccessKind::Failure, &message),
            DataVerdict::Unknown => failure(NonSuccessKind::Error, &message),
        };
        suite.add_test_case(case("data", &format!("{zone}/{}", check.check), status));
    }
    suite
}

fn upgrade(analysis: &Analysis) -> TestSuite {
    let mut suite = TestSuite::new("upgrade");
    for (name, runs) in steps(analysis) {
        let failed = runs.iter().find(|run| run.outcome == StepOutcome::Failed);
        let status = match failed {
            Some(run) => failure(NonSuccessKind::Failure, &run.detail),
            None if runs.is_empty() => skipped("not begun in this run"),
            None => TestCaseStatus::success(),
        };
        let mut case = case("upgrade", &name, status);
        case.set_time(Duration::from_micros(runs.iter().map(|run| run.length_us()).sum()));
        suite.add_test_case(case);
    }
    suite
}

/// Steps by name, each with all the times it was gone through: of two cases with one name readers
/// show one. Those of the plan that were never begun come last.
fn steps<'a>(analysis: &'a Analysis) -> Vec<(String, Vec<&'a StepRun>)> {
    let names = analysis.zone_names();
    let label =
        |zone, step: &str| PhaseName { zone, step: step.to_owned() }.label(&names).to_string();
    let mut steps: Vec<(String, Vec<&'a StepRun>)> = Vec::new();
    let mut add = |name: String, run: Option<&'a StepRun>| {
        let known = steps.iter_mut().find(|(known, _)| *known == name);
        match known {
            Some((_, runs)) => runs.extend(run),
            None => steps.push((name, run.into_iter().collect())),
        }
    };
    for run in &analysis.course.steps {
        add(label(run.zone, &run.step), Some(run));
    }
    if let Some(intent) = &analysis.run.upgrade {
        for zone in analysis.run.scenario.zone_ids() {
            intent.zone_steps.iter().for_each(|step| add(label(Some(zone), step), None));
        }
    }
    steps
}

/// One case for each way a run can be worth nothing, whatever its objectives say.
fn validity(verdict: &Verdict) -> TestSuite {
    let mut suite = TestSuite::new("validity");
    for (name, kind) in [("valid", VerdictKind::Invalid), ("conclusive", VerdictKind::Inconclusive)]
    {
        let reasons: Vec<&str> = verdict
            .reasons
            .iter()
            .filter(|reason| reason.kind == kind)
            .map(|reason| reason.text.as_str())
            .collect();
        let status = if reasons.is_empty() {
            TestCaseStatus::success()
        } else {
            failure(NonSuccessKind::Error, &reasons.join("; "))
        };
        suite.add_test_case(case("validity", name, status));
    }
    suite
}
