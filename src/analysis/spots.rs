//! What the spot checks of a run found.

use crate::event::{BrokenCondition, ClusterEvent, ClusterFact, SpotCheck, ZoneId};
use crate::record::{Finding, FindingKind};

use super::data::{Tallied, ZoneCheck};
use super::phases::Phases;
use super::words;

/// How often districts were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpotCounts {
    /// Looks that read their district.
    pub read: u64,
    /// Looks that the zone did not answer; they say nothing about the data.
    pub unread: u64,
    /// Looks that found a condition broken.
    pub broken: u64,
}

/// Counts the looks; gives a check for every zone that was read.
pub(super) fn spots(
    events: &[ClusterEvent],
    names: &[String],
    phases: &Phases,
) -> (SpotCounts, Vec<ZoneCheck>) {
    let mut counts = SpotCounts::default();
    let mut zones: Vec<(u64, Tallied)> = names.iter().map(|_| (0, Tallied::default())).collect();
    for event in events {
        let ClusterFact::Check(look) = &event.fact else { continue };
        let Some((read, tallied)) = zones.get_mut(look.zone.index()) else { continue };
        if look.unread.is_some() {
            counts.unread += 1;
            continue;
        }
        (*read, counts.read) = (*read + 1, counts.read + 1);
        counts.broken += u64::from(!look.broken.is_empty());
        for broken in &look.broken {
            let phase = phases.phase(phases.at(event.at));
            let when = format!("{} in {}", words::moment(event.at), phase.name.label(names));
            tallied.add(|| finding(broken, look, &when));
        }
    }
    let title = "a district's conditions hold in every snapshot taken during the run";
    let read = (0..).map(ZoneId).zip(zones).filter(|(_, (read, _))| *read > 0);
    let checks = read.map(|(zone, (read, tallied))| {
        let detail = format!("{} read", words::counted(read, "snapshot"));
        ZoneCheck { zone, check: tallied.result("spot-checks", title, detail) }
    });
    (counts, checks.collect())
}

fn finding(broken: &BrokenCondition, look: &SpotCheck, when: &str) -> Finding {
    let others = match broken.places {
        0 | 1 => String::new(),
        places => format!(", the first of {} places", words::count(places)),
    };
    Finding {
        kind: FindingKind::Inconsistent,
        key: format!(
            "{} ({}) at {when}, looking at w {}, d {}{others}",
            broken.condition, broken.place, look.warehouse, look.district
        ),
        expected: broken.expected.clone(),
        found: broken.found.clone(),
        sql: broken.sql.clone(),
    }
}
