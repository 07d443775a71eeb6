//! The objectives against what is known so far.
//!
//! Phases count as in the verdict, and those with a limit of their own are held against that. What
//! needs the whole record (data, throughput over ten seconds, recovery) is left to the verdict.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::course::Course;
use super::subject::Subject;
use super::tally::{PhaseTally, Role, lengths};
use super::words;
use crate::event::{Grade, RunTime};
use crate::scenario::{PhaseObjectives, Span};

/// How an objective stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was judged yet.
    Open,
    /// Held so far.
    Met,
    /// Missed; nothing that follows can mend it, a share apart.
    Missed,
}

/// An objective, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Stable name, as in the summary: `write-gap`.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// The scenario's key of the phases with a limit of their own.
    pub only_in: Option<String>,
    /// The limit, as `≤ 1.00 s`.
    pub limit: String,
    /// What was measured so far; empty where nothing was.
    pub measured: String,
    /// How it stands.
    pub standing: Standing,
}

/// What lasts at the moment of the look.
pub(super) struct Lasting {
    pub(super) at: RunTime,
    /// No pause up to this is called a write gap, in µs.
    pub(super) tau_us: u64,
    /// When the write gap that is on began.
    pub(super) gap: Option<RunTime>,
    /// When each client outage that is on began.
    pub(super) outages: Vec<RunTime>,
}

/// What one limit is held against.
struct Part<'a> {
    course: &'a Course,
    lasting: &'a Lasting,
    /// Indexes of its phases.
    phases: Vec<usize>,
}

/// The objectives of a run, in the order of reports. A load has none that can be judged before its
/// end.
pub(super) fn so_far(subject: &Subject, course: &Course, lasting: &Lasting) -> Vec<Held> {
    if subject.loads {
        return Vec::new();
    }
    let limits = &subject.objectives;
    let all = Judge { subject, course, lasting };
    let not_warm_up = |role| role != Role::WarmUp;
    let mut held = all.held(
        not_warm_up,
        limits.failed_max,
        |own| own.failed_max,
        |part, most| {
            let bad = part.sum(PhaseTally::bad);
            let title = "failed after every retry";
            let limit = format!("≤ {most}");
            judged("failed", title, limit, Some((words::count(bad), bad <= most)))
        },
    );
    held.extend(all.held(
        |role| role == Role::Window,
        limits.good_share_min,
        |own| own.good_share_min,
        |part, least| {
            let (good, all) = (part.sum(|own| own.ended(Grade::Good)), part.sum(PhaseTally::all));
            let share = good as f64 / all as f64;
            let measured = (all > 0).then(|| (words::share(share), share >= least));
            judged("good-share", "good through the upgrade", at_least(least), measured)
        },
    ));
    held.extend(all.held(
        Role::is_judged,
        limits.write_gap_max,
        |own| own.write_gap_max,
        |part, most| {
            let tau_us = part.lasting.tau_us;
            let measured = match part.gap_us_max() {
                // Nothing this fine can be told from chance.
                0 if tau_us > most.as_us() => None,
                0 => Some(("none".to_owned(), true)),
                us => Some((words::duration(us), us <= most.as_us())),
            };
            judged("write-gap", "longest write gap", at_most(most), measured)
        },
    ));
    let p99 = |own: &PhaseObjectives| own.client_outage_p99;
    held.extend(all.held(Role::is_judged, limits.client_outage_p99, p99, |part, most| {
        part.outages("client-outage-p99", "client outage, p99", 0.99, most)
    }));
    let max = |own: &PhaseObjectives| own.client_outage_max;
    held.extend(all.held(Role::is_judged, limits.client_outage_max, max, |part, most| {
        part.outages("client-outage-max", "client outage, longest", 1.0, most)
    }));
    held
}

fn judged(
    id: &'static str,
    title: &'static str,
    limit: String,
    measured: Option<(String, bool)>,
) -> Held {
    let (measured, standing) = match measured {
        None => (String::new(), Standing::Open),
        Some((measured, true)) => (measured, Standing::Met),
        Some((measured, false)) => (measured, Standing::Missed),
    };
    Held { id, title, only_in: None, limit, measured, standing }
}

fn at_most(limit: Span) -> String {
    format!("≤ {}", words::duration(limit.as_us()))
}

fn at_least(share: f64) -> String {
    format!("≥ {}", words::share(share))
}

struct Judge<'a> {
    subject: &'a Subject,
    course: &'a Course,
    lasting: &'a Lasting,
}

impl<'a> Judge<'a> {
    /// One kind of objective: for the phases without a limit of their own, then for those with one.
    fn held<T: Copy>(
        &self,
        counts: impl Fn(Role) -> bool,
        limit: T,
        own: impl Fn(&PhaseObjectives) -> Option<T>,
        judge: impl Fn(&Part<'a>, T) -> Held,
    ) -> Vec<Held> {
        let steps_told = self.course.has_steps();
        let mut parts: BTreeMap<Option<String>, (T, Vec<usize>)> =
            BTreeMap::from([(None, (limit, Vec::new()))]);
        for (index, tally) in self.course.tallies().iter().enumerate() {
            let label = tally.name.label(&self.subject.zones).to_string();
            let of_phase = self.subject.objectives.of_phase(&label, &tally.name.step, &own);
            let (key, limit) = of_phase.map_or((None, limit), |(key, own)| (Some(key), own));
            if key.is_some() || counts(tally.role(steps_told)) {
                let part = parts.entry(key.map(str::to_owned)).or_insert((limit, Vec::new()));
                part.1.push(index);
            }
        }
        let mut held = Vec::new();
        for (only_in, (limit, phases)) in parts {
            let part = Part { course: self.course, lasting: self.lasting, phases };
            let mut result = judge(&part, limit);
            if part.phases.is_empty() {
                (result.standing, result.measured) = (Standing::Open, String::new());
            }
            held.push(Held { only_in, ..result });
        }
        held
    }
}

impl Part<'_> {
    fn tallies(&self) -> impl Iterator<Item = &PhaseTally> {
        self.phases.iter().map(|&index| &self.course.tallies()[index])
    }

    fn sum(&self, of: impl Fn(&PhaseTally) -> u64) -> u64 {
        self.tallies().map(of).sum()
    }

    /// Whether what began at `start` is held against this part.
    fn holds(&self, start: RunTime) -> bool {
        self.phases.contains(&self.course.at(start))
    }

    fn gap_us_max(&self) -> u64 {
        let ended_us = self.tallies().map(|tally| tally.gap_us_max).max().unwrap_or(0);
        let open = self.lasting.gap.filter(|&start| self.holds(start));
        ended_us.max(open.map_or(0, |start| self.lasting.at.since_us(start)))
    }

    fn outages(&self, id: &'static str, title: &'static str, quantile: f64, most: Span) -> Held {
        let mut all: Histogram<u64> = lengths();
        for tally in self.tallies() {
            if let Some(own) = &tally.outages {
                all.add(own).expect("the bounds are the same");
            }
        }
        for &start in self.lasting.outages.iter().filter(|&&start| self.holds(start)) {
            all.saturating_record(self.lasting.at.since_us(start));
        }
        let measured = match all.is_empty() {
            true => ("none".to_owned(), true),
            false => {
                let us = all.value_at_quantile(quantile);
                (words::duration(us), us <= most.as_us())
            }
        };
        judged(id, title, at_most(most), Some(measured))
    }
}
