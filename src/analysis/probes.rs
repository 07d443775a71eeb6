//! What direct probes found: when each zone could not be reached, by kind of probe.

use crate::event::{ErrorClass, Probe, ProbeKind, RunTime, ZoneId};

use super::phases::Phases;

const KINDS: usize = ProbeKind::ALL.len();

/// A stretch of failing probes: from the start of the first one to the start of the next that
/// succeeded. It is merged by state; the class is the first failure's, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downtime {
    /// Start of the first failing probe.
    pub start: RunTime,
    /// Start of the next successful one, or the end of probing.
    pub end: RunTime,
    /// No successful probe came.
    pub open: bool,
    /// What the first failing probe met.
    pub class: ErrorClass,
}

impl Downtime {
    /// Length in µs.
    pub fn length_us(&self) -> u64 {
        self.end.since_us(self.start)
    }
}

/// What probes of one kind found at one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindProbes {
    /// What they tried.
    pub kind: ProbeKind,
    /// How many.
    pub probes: u64,
    /// Of those, failed.
    pub failed: u64,
    /// When they failed, in order.
    pub downtimes: Vec<Downtime>,
    /// Sum of those, in µs.
    pub down_us: u64,
}

/// What probes found at one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneProbes {
    /// The zone.
    pub zone: ZoneId,
    /// By kind of probe, those that were used.
    pub kinds: Vec<KindProbes>,
    /// When at least one kind failed.
    pub downtimes: Vec<Downtime>,
    /// Sum of those, in µs.
    pub down_us: u64,
    /// The part of it in each phase, in µs.
    pub phase_down_us: Vec<u64>,
    /// The part of it outside the zone's own turn in the upgrade, in µs.
    pub unexpected_us: u64,
}

/// Every probe in eight bytes: its start, and its failure's class in the lowest five bits. They
/// are sorted once at the end, so their order does not matter; an hour of 100 ms probes of four
/// kinds costs 1.2 MB a zone.
#[derive(Debug)]
pub(super) struct ProbeLog {
    zones: Vec<[Vec<u64>; KINDS]>,
    end: RunTime,
}

const CLASS_BITS: u32 = 5;
const _: () =
    assert!(ErrorClass::ALL.len() < 1 << CLASS_BITS, "a class and 0 for success must fit");

fn pack(probe: &Probe) -> u64 {
    probe.start.0 << CLASS_BITS | probe.failure.map_or(0, |class| class as u64 + 1)
}

fn start_of(packed: u64) -> RunTime {
    RunTime(packed >> CLASS_BITS)
}

fn failure_of(packed: u64) -> Option<ErrorClass> {
    let number = (packed & ((1 << CLASS_BITS) - 1)) as usize;
    ErrorClass::ALL.get(number.wrapping_sub(1)).copied()
}

impl ProbeLog {
    pub(super) fn new(zones: usize) -> Self {
        Self { zones: (0..zones).map(|_| Default::default()).collect(), end: RunTime::ZERO }
    }

    pub(super) fn record(&mut self, probe: &Probe) {
        self.end = self.end.max(probe.end);
        if let Some(zone) = self.zones.get_mut(probe.zone.index()) {
            zone[probe.kind as usize].push(pack(probe));
        }
    }

    /// How many probes of a zone begun within `[from, until)` succeeded and failed.
    pub(super) fn count(&self, zone: ZoneId, from: RunTime, until: RunTime) -> (u64, u64) {
        let all = self.zones.get(zone.index()).into_iter().flatten().flatten();
        let within = all.filter(|&&packed| (from..until).contains(&start_of(packed)));
        within.fold((0, 0), |(well, badly), &packed| match failure_of(packed) {
            None => (well + 1, badly),
            Some(_) => (well, badly + 1),
        })
    }

    pub(super) fn finish(self, phases: &Phases) -> Vec<ZoneProbes> {
        let end = self.end;
        let zones = self.zones.into_iter().zip(0_u8..);
        zones.map(|(logs, id)| zone_probes(ZoneId(id), logs, end, phases)).collect()
    }
}

fn zone_probes(zone: ZoneId, logs: [Vec<u64>; KINDS], end: RunTime, phases: &Phases) -> ZoneProbes {
    let kinds: Vec<KindProbes> = ProbeKind::ALL
        .iter()
        .zip(logs)
        .filter(|(_, log)| !log.is_empty())
        .map(|(&kind, mut log)| {
            log.sort_unstable();
            let downtimes = downtimes(&log, end);
            KindProbes {
                kind,
                probes: log.len() as u64,
                failed: log.iter().filter(|&&packed| failure_of(packed).is_some()).count() as u64,
                down_us: total(&downtimes),
                downtimes,
            }
        })
        .collect();
    let downtimes = union(kinds.iter().flat_map(|kind| kind.downtimes.iter().copied()).collect());
    let overlap = |(from, until): (RunTime, RunTime)| -> u64 {
        downtimes.iter().map(|down| down.end.min(until).since_us(down.start.max(from))).sum()
    };
    let spans = phases.timeline.phases().iter();
    let phase_down_us = spans.map(|phase| overlap((phase.start, phase.end))).collect();
    let down_us = total(&downtimes);
    let unexpected_us = down_us - phases.turn(zone).map_or(0, overlap);
    ZoneProbes { zone, kinds, downtimes, down_us, phase_down_us, unexpected_us }
}

fn total(downtimes: &[Downtime]) -> u64 {
    downtimes.iter().map(Downtime::length_us).sum()
}

/// Merges neighbouring failures of a sorted log.
fn downtimes(log: &[u64], end: RunTime) -> Vec<Downtime> {
    let mut found: Vec<Downtime> = Vec::new();
    let mut running: Option<(RunTime, ErrorClass)> = None;
    for &packed in log {
        match (failure_of(packed), running) {
            (Some(class), None) => running = Some((start_of(packed), class)),
            (None, Some((start, class))) => {
                running = None;
                found.push(Downtime { start, end: start_of(packed), open: false, class });
            }
            _ => {}
        }
    }
    if let Some((start, class)) = running {
        found.push(Downtime { start, end, open: true, class });
    }
    found
}

/// Merges stretches that overlap or touch.
fn union(mut downtimes: Vec<Downtime>) -> Vec<Downtime> {
    downtimes.sort_by_key(|down| (down.start, down.end));
    let mut merged: Vec<Downtime> = Vec::new();
    for down in downtimes {
        match merged.last_mut() {
            Some(last) if down.start <= last.end => {
                if down.end >= last.end {
                    last.open |= down.open;
                    last.end = down.end;
                }
            }
            _ => merged.push(down),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ErrorCode;
    use crate::phase::PhaseTimeline;

    fn probe(kind: ProbeKind, start: u64, failure: Option<ErrorClass>) -> Probe {
        let (start, end) = (RunTime(start), RunTime(start + 5));
        Probe { zone: ZoneId(0), kind, start, end, failure, code: ErrorCode::NONE }
    }

    #[test]
    fn failures_are_merged_by_state_and_dated_at_their_start() {
        let refused = Some(ErrorClass::Refused);
        let (read, write) = (ProbeKind::NewRead, ProbeKind::NewWrite);
        let mut log = ProbeLog::new(1);
        for (kind, at, failure) in [
            (read, 40, None),
            (read, 10, refused),
            (read, 0, None),
            (read, 20, Some(ErrorClass::Deadline)),
            (write, 30, refused),
            (write, 60, None),
            (write, 90, refused),
        ] {
            log.record(&probe(kind, at, failure));
        }
        assert_eq!(log.count(ZoneId(0), RunTime(10), RunTime(41)), (1, 3));
        let course = super::super::course::Course::default();
        let phases = Phases::new(PhaseTimeline::from_events(&[], RunTime(100)), &course);
        let found = log.finish(&phases).remove(0);
        let spans =
            |d: &[Downtime]| -> Vec<_> { d.iter().map(|d| (d.start.0, d.end.0, d.open)).collect() };
        assert_eq!(spans(&found.kinds[0].downtimes), [(10, 40, false)]);
        assert_eq!(found.kinds[0].downtimes[0].class, ErrorClass::Refused);
        assert_eq!(spans(&found.downtimes), [(10, 60, false), (90, 95, true)]);
        assert_eq!((found.down_us, found.unexpected_us), (55, 55));
        assert_eq!(found.phase_down_us, [55]);
    }
}
