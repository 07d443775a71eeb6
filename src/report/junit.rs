//! `junit.xml`: one test case an objective, a data check and a reason, with stable names.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::analysis::{Analysis, StepOutcome, ZoneCheck, words};
use crate::event::RunTime;
use crate::phase::PhaseName;
use crate::record::DataVerdict;
use crate::verdict::{ObjectiveResult, Status, Verdict, VerdictKind};

/// Missed is a failure; what cannot be told is an error, so that no CI takes it for a pass.
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
    // Nothing is ever skipped here. The strictest reader, the schema of Jenkins' xUnit plugin, takes
    // that count on a suite but not on the root.
    xml.replacen(" skipped=\"0\"", "", 1)
}

pub(super) fn failure(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
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
    let names = analysis.zone_names();
    for step in &analysis.course.steps {
        let name = PhaseName { zone: step.zone, step: step.step.clone() };
        let status = match step.outcome {
            StepOutcome::Done | StepOutcome::Open => TestCaseStatus::success(),
            StepOutcome::Failed => failure(NonSuccessKind::Failure, &step.detail),
        };
        let mut case = case("upgrade", &name.label(&names).to_string(), status);
        case.set_time(Duration::from_micros(step.length_us()));
        suite.add_test_case(case);
    }
    suite
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
