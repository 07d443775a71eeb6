//! Outages of known length, and what is made of them: for `tests/live_accuracy.rs`.
#![allow(unreachable_pub, reason = "a part of one test program")]

use std::collections::BTreeMap;
use std::fmt::Write;

use rollproof::analysis::{Analysis, Gap};

/// One outage as it was made, and what the analysis says of it.
#[derive(Debug, Clone)]
pub struct Found {
    pub rate: u32,
    pub fault: &'static str,
    pub length_ms: u64,
    /// The true length lies between these, in µs: neither beginning nor end takes no time.
    pub true_us: (u64, u64),
    /// τ where it began: no shorter gap is claimed.
    pub tau_us: u64,
    /// The write gap's length, and the least and the most that the outage behind it lasted.
    pub gap: Option<(u64, u64, u64)>,
}

/// The outage as it was made, in run time or on any other clock.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub fault: &'static str,
    pub length_ms: u64,
    pub began_us: u64,
    pub in_force_us: u64,
    pub end_begun_us: u64,
    pub ended_us: u64,
}

impl Made {
    /// The same on a clock that began at `origin_us` of this one.
    pub fn since(self, origin_us: u64) -> Self {
        Self {
            began_us: self.began_us - origin_us,
            in_force_us: self.in_force_us - origin_us,
            end_begun_us: self.end_begun_us - origin_us,
            ended_us: self.ended_us - origin_us,
            ..self
        }
    }

    fn overlaps(&self, gap: &Gap) -> bool {
        gap.start.0 < self.ended_us && gap.end.0 > self.began_us
    }
}

/// One row an outage as it was made: kept beside its run's record.
pub fn made_csv(made: &[Made]) -> String {
    let mut text = "fault,length_ms,began_us,in_force_us,end_begun_us,ended_us\n".to_owned();
    for Made { fault, length_ms, began_us, in_force_us, end_begun_us, ended_us } in made {
        writeln!(text, "{fault},{length_ms},{began_us},{in_force_us},{end_begun_us},{ended_us}")
            .unwrap();
    }
    text
}

/// What [`made_csv`] wrote; faults are among `names`.
pub fn made_from_csv(text: &str, names: &[&'static str]) -> Vec<Made> {
    let row = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        let number = |index: usize| cells[index].parse().unwrap();
        Made {
            fault: names.iter().find(|name| **name == cells[0]).unwrap(),
            length_ms: number(1),
            began_us: number(2),
            in_force_us: number(3),
            end_begun_us: number(4),
            ended_us: number(5),
        }
    };
    text.lines().skip(1).map(row).collect()
}

/// Looks up what the analysis says of every outage.
pub fn look_up(analysis: &Analysis, rate: u32, made: &[Made]) -> Vec<Found> {
    let cluster = &analysis.writes.cluster;
    let phase_at = |at: u64| {
        let phases = &analysis.phases;
        phases.iter().rposition(|phase| phase.phase.start.0 <= at).unwrap_or(0)
    };
    made.iter()
        .map(|one| {
            let gaps = cluster.gaps.iter().filter(|gap| one.overlaps(gap));
            let gap = gaps.max_by_key(|gap| gap.length_us());
            Found {
                rate,
                fault: one.fault,
                length_ms: one.length_ms,
                true_us: (one.end_begun_us - one.in_force_us, one.ended_us - one.began_us),
                tau_us: cluster.tau_us[phase_at(one.began_us)],
                gap: gap.map(|gap| (gap.length_us(), gap.outage_us.0, gap.outage_us.1)),
            }
        })
        .collect()
}

/// Gaps that no outage explains, and during which the tool itself did not stand still either.
pub fn unexplained<'a>(analysis: &'a Analysis, made: &[Made]) -> Vec<&'a Gap> {
    let gaps = analysis.writes.cluster.gaps.iter();
    gaps.filter(|gap| analysis.phases[gap.phase].role.is_judged())
        .filter(|gap| !made.iter().any(|one| one.overlaps(gap)))
        .filter(|gap| analysis.own.stall_within(gap.start, gap.end, gap.tau_us / 2).is_none())
        .collect()
}

impl Found {
    pub fn is_within(&self) -> bool {
        self.gap.is_some_and(|(_, least, most)| least <= self.true_us.1 && self.true_us.0 <= most)
    }

    /// Long enough that it must be found.
    pub fn must_be_found(&self) -> bool {
        self.true_us.0 >= 2 * self.tau_us
    }

    fn true_middle_us(&self) -> u64 {
        (self.true_us.0 + self.true_us.1) / 2
    }

    /// How far the gap, the figure that is judged, is from the outage.
    pub fn error_us(&self) -> Option<u64> {
        self.gap.map(|(length, _, _)| length.abs_diff(self.true_middle_us()))
    }

    /// How fine the reported interval is.
    pub fn resolution_us(&self) -> Option<u64> {
        self.gap.map(|(_, least, most)| most - least)
    }
}

pub fn median(mut of: Vec<u64>) -> Option<u64> {
    of.sort_unstable();
    of.get(of.len() / 2).copied()
}

/// One row an outage.
pub fn csv(found: &[Found]) -> String {
    let mut text = "rate,fault,length_ms,true_us_min,true_us_max,tau_us,gap_us,outage_us_min,outage_us_max,within\n".to_owned();
    for one in found {
        let (gap, least, most) = one.gap.map_or_else(Default::default, |(gap, least, most)| {
            (gap.to_string(), least.to_string(), most.to_string())
        });
        let within = one.gap.map_or("", |_| if one.is_within() { "1" } else { "0" });
        writeln!(
            text,
            "{},{},{},{},{},{},{gap},{least},{most},{within}",
            one.rate, one.fault, one.length_ms, one.true_us.0, one.true_us.1, one.tau_us
        )
        .unwrap();
    }
    text
}

fn ms(us: Option<u64>) -> String {
    us.map_or_else(|| "-".to_owned(), |us| format!("{:.0}", us as f64 / 1e3))
}

/// One row a rate, fault and length.
pub fn markdown(found: &[Found]) -> String {
    let mut cells: BTreeMap<(u32, &str, u64), Vec<&Found>> = BTreeMap::new();
    for one in found {
        cells.entry((one.rate, one.fault, one.length_ms)).or_default().push(one);
    }
    let mut text =
        "| transactions/s | fault | outage, ms | found | in the interval | gap − outage, \
                    median ms | resolution, median ms | τ, ms |\n\
                    | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            .to_owned();
    for ((rate, fault, length_ms), all) in cells {
        let seen: Vec<_> = all.iter().filter(|one| one.gap.is_some()).collect();
        let must = if all.iter().any(|one| one.must_be_found()) { "" } else { " (under 2 τ)" };
        writeln!(
            text,
            "| {rate} | {fault} | {length_ms} | {} of {}{must} | {} of {} | {} | {} | {} |",
            seen.len(),
            all.len(),
            seen.iter().filter(|one| one.is_within()).count(),
            seen.len(),
            ms(median(seen.iter().filter_map(|one| one.error_us()).collect())),
            ms(median(seen.iter().filter_map(|one| one.resolution_us()).collect())),
            ms(median(all.iter().map(|one| one.tau_us).collect())),
        )
        .unwrap();
    }
    text
}
