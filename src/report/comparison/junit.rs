//! `comparison.junit.xml`: one test case a metric, with stable names.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::compare::{Comparison, Judged, Outcome, Section};
use crate::report::junit;

use super::rows;

/// Regressed is a failure; what a pass needs and cannot be told, an error; all else only says so.
pub(super) fn render(found: &Comparison) -> String {
    let mut report = Report::new("rollproof");
    for section in &found.sections {
        let mut suite = TestSuite::new(format!("compare.{}", section.pair.name()));
        suite.add_property(Property::new("answer", found.answer.as_str()));
        for (name, side) in [("base", &found.base), ("candidate", &found.candidate)] {
            for run in side {
                suite.add_property(Property::new(name, &*run.run_id));
            }
        }
        for judged in &section.metrics {
            suite.add_test_case(case(section, judged));
        }
        report.add_test_suite(suite);
    }
    junit::written(&report)
}

fn case(section: &Section, judged: &Judged) -> TestCase {
    let message = message(section, judged);
    let decides = section.pair.gated;
    let status = match judged.outcome {
        Outcome::Regressed if decides => junit::failure(NonSuccessKind::Failure, &message),
        Outcome::Inconclusive | Outcome::Untested if decides && judged.metric.is_required() => {
            junit::failure(NonSuccessKind::Error, &message)
        }
        _ => TestCaseStatus::success(),
    };
    let is_success = matches!(status, TestCaseStatus::Success { .. });
    let mut case = TestCase::new(judged.metric.to_string(), status);
    case.set_classname(format!("rollproof.compare.{}", section.pair.name()));
    if is_success {
        case.set_system_out(message);
    }
    case
}

fn message(section: &Section, judged: &Judged) -> String {
    let row = rows::row(judged);
    let [word, name, base, candidate, ratio, interval, allowed] = row;
    if judged.outcome == Outcome::Untested {
        return format!("{name}: not tested, for {}", judged.note);
    }
    let note = match judged.note.as_str() {
        "" => String::new(),
        note => format!("; {note}"),
    };
    let [first, second] = section.pair.sides();
    format!(
        "{name}: {word}: {base} {first}, {candidate} {second}; ratio {ratio}, {interval}, allowed \
         {allowed}{note}"
    )
}
