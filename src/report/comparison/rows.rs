//! Tables and sentences that text, Markdown and page have in common.

use crate::analysis::{Quantile, words};
use crate::compare::{Comparison, Facts, Judged, Outcome, Quantity, RunInfo, Section, Unit};
use crate::event::RunTime;

/// What is held against what; the pairs of one comparison all have the same sides.
pub(super) fn title(found: &Comparison) -> String {
    let sides = found.sections.first().map(|section| section.pair.sides());
    sides.map_or_else(String::new, |[base, candidate]| format!("{base} against {candidate}"))
}

/// Heads of [`metrics`].
pub(super) fn metric_heads(section: &Section) -> [&'static str; 7] {
    let [base, candidate] = section.pair.sides();
    ["", "figure", base, candidate, "ratio", "95 % interval", "allowed"]
}

/// One row a metric that was tested.
pub(super) fn metrics(section: &Section) -> Vec<[String; 7]> {
    let tested = section.metrics.iter().filter(|judged| judged.outcome != Outcome::Untested);
    tested.map(row).collect()
}

/// A metric's cells.
pub(super) fn row(judged: &Judged) -> [String; 7] {
    let value = |value: Option<f64>| value.map_or_else(dash, |value| figure(judged, value));
    let ratio = |of: Option<f64>| of.map_or_else(dash, |ratio| format!("{ratio:.3}"));
    let interval = judged.estimate.map(|found| format!("{:.3} to {:.3}", found.low, found.high));
    let allowed = judged.limit.map(|limit| match judged.metric.quantity {
        Quantity::Throughput => format!("≥ {limit:.3}"),
        _ => format!("≤ {limit:.3}"),
    });
    [
        word(judged.outcome).to_owned(),
        judged.metric.words(),
        value(judged.base),
        value(judged.candidate),
        ratio(judged.estimate.map(|found| found.ratio)),
        interval.unwrap_or_else(dash),
        allowed.unwrap_or_else(dash),
    ]
}

fn dash() -> String {
    "-".to_owned()
}

/// A figure with its unit.
fn figure(judged: &Judged, value: f64) -> String {
    match judged.metric.quantity {
        Quantity::Throughput if value < 100.0 => format!("{value:.1}/s"),
        Quantity::Throughput => format!("{}/s", words::count(value.round() as u64)),
        _ => words::duration(value.round() as u64),
    }
}

/// An outcome, for people.
pub(super) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "ok",
        Outcome::Regressed => "REGRESSED",
        Outcome::Inconclusive => "open",
        Outcome::Untested => "untested",
    }
}

/// Why metrics were not tested, each reason once; and what else is said of one.
pub(super) fn remarks(section: &Section) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for judged in section.metrics.iter().filter(|judged| !judged.note.is_empty()) {
        let note = match judged.outcome {
            Outcome::Untested => format!("not tested, for {}", judged.note),
            _ => judged.note.clone(),
        };
        let name = judged.metric.words();
        match lines.iter_mut().find(|(known, _)| *known == note) {
            Some((_, names)) => names.push(name),
            None => lines.push((note, vec![name])),
        }
    }
    lines.into_iter().map(|(note, names)| format!("{}: {note}", names.join(", "))).collect()
}

/// What is compared with what, and whether it decides.
pub(super) fn heading(section: &Section) -> String {
    let pair = section.pair;
    let parts = match pair.base == pair.candidate {
        true => pair.base.to_string().to_uppercase(),
        false => format!("{} against {}", pair.base, pair.candidate).to_uppercase(),
    };
    let units = units(section).map_or_else(String::new, |units| format!(": {units}"));
    let gated = if pair.gated { "" } else { "; told, and decides nothing" };
    format!("{parts}{units}{gated}")
}

/// How many units there are of each side; `None` where nothing was tested.
fn units(section: &Section) -> Option<String> {
    let [base, candidate] = section.units;
    section.unit.map(|unit| match unit {
        Unit::Block(width) => {
            format!("{base} blocks of {} against {candidate}", words::duration(width))
        }
        Unit::Run => format!("{base} runs against {candidate}"),
    })
}

/// What a run's own report compares, before the figures or the reason why there are none.
pub(in crate::report) fn lead(section: &Section) -> String {
    match units(section) {
        None => format!("{ENDS}, cannot be told:"),
        Some(units) => format!(
            "{ENDS}: {units}. It decides nothing here; `rollproof compare` with this run alone does."
        ),
    }
}

/// The two ends of a run.
const ENDS: &str = "The phase final, when every zone was back, against the baseline, before the \
                    first was touched";

/// The same with its answer, in sentences: the figures of all transactions together, and whatever
/// became worse than is tolerated.
pub(in crate::report) fn in_short(section: &Section) -> Vec<String> {
    if !section.note.is_empty() {
        return vec![format!("{ENDS}, cannot be told: {}.", section.note)];
    }
    let told = section.metrics.iter().filter(|judged| judged.metric.is_required()).map(|judged| {
        let [_, name, _, _, ratio, interval, _] = row(judged);
        match judged.outcome {
            Outcome::Untested => format!("{name} not tested"),
            _ => format!("{name} × {ratio} ({interval})"),
        }
    });
    let told = told.collect::<Vec<_>>().join(", ");
    let worse = section.metrics.iter().filter(|judged| judged.outcome == Outcome::Regressed);
    let worse: Vec<String> = worse.map(|judged| judged.metric.words()).collect();
    let worse = match worse.is_empty() {
        true => "none is told to be worse than is tolerated".to_owned(),
        false => format!("worse than is tolerated: {}", worse.join(", ")),
    };
    vec![lead(section), format!("Ratios and their 95 % intervals: {told}; {worse}.")]
}

/// Heads of [`facts`].
pub(super) fn fact_heads(section: &Section) -> [&'static str; 3] {
    let [base, candidate] = section.pair.sides();
    ["not tested", base, candidate]
}

/// Plain facts of both sides.
pub(super) fn facts(section: &Section) -> Vec<[String; 3]> {
    let [base, candidate] = &section.facts;
    let of =
        |name: &str, fact: fn(&Facts) -> String| [name.to_owned(), fact(base), fact(candidate)];
    let mut rows = vec![
        of("time", |own| words::duration(own.length_us)),
        of("business transactions", |own| words::count(own.counts.offered)),
        of("of them bad", |own| {
            let share = words::share_of(own.counts.bad(), own.counts.offered);
            format!("{} ({share})", words::count(own.counts.bad()))
        }),
        of("longest write gap", |own| match own.gap_us {
            Some((least, most)) => {
                format!("{} to {}", words::duration(least), words::duration(most))
            }
            None => format!("none > {}", words::duration(own.tau_us)),
        }),
        of("client outage, p99", |own| outage(own.outage_p99)),
        of("client outage, longest", |own| outage(own.outage_max)),
    ];
    if base.p999.is_some() || candidate.p999.is_some() {
        rows.push(of("p99.9, pooled", |own| {
            let few = || "fewer than 100 000".to_owned();
            own.p999.map_or_else(few, |found| words::quantile(found, own.deadline_us))
        }));
    }
    rows
}

fn outage(length: Quantile) -> String {
    match length {
        Quantile::NoData => "none".to_owned(),
        length => words::quantile(length, 0),
    }
}

/// The runs of a side, one line each.
pub(super) fn runs(side: &[RunInfo]) -> Vec<String> {
    let line = |run: &RunInfo| {
        let began = words::wall_date_time(run.origin_wall, RunTime::ZERO);
        let versions = match run.versions.is_empty() {
            true => String::new(),
            false => format!(", {}", run.versions.join(" → ")),
        };
        format!("{}, {began} UTC{versions}, its own verdict {}", run.run_id, run.verdict.title())
    };
    side.iter().map(line).collect()
}

/// How the answer came about, as sentences.
pub(super) fn trust(found: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for difference in &found.differences {
        lines.push(format!("DIFFERENT: {difference}; compared all the same, as was asked."));
    }
    lines.extend(found.notes.iter().map(|note| format!("NOTE: {note}.")));
    for section in &found.sections {
        if let (Some(Unit::Block(_)), Some([base, candidate])) = (section.unit, section.memory_us) {
            lines.push(format!(
                "{}: figures remember themselves for {} in the base and {} in the candidate; no \
                 block is shorter.",
                section.pair.name(),
                words::duration(base),
                words::duration(candidate),
            ));
        }
    }
    let tolerated = |quantity: Quantity| {
        let of = found.rules.of(quantity);
        let floor = match of.floor_us {
            0 => String::new(),
            us => format!(" or {}", words::duration(us)),
        };
        format!("{quantity} {}{floor}", percent(of.share))
    };
    let all: Vec<String> = Quantity::ALL.iter().map(|&quantity| tolerated(quantity)).collect();
    lines.push(format!("Tolerated, whichever is more: {}.", all.join(", ")));
    lines.push(
        "Ratios are medians over all pairs of units, their intervals from a bootstrap over units; \
         a regression also stands Holm's correction over all figures that decide."
            .to_owned(),
    );
    lines
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let text = format!("{percent:.2}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_are_printed_as_they_were_given() {
        assert_eq!(percent(0.05), "5 %");
        assert_eq!(percent(0.2), "20 %");
        assert_eq!(percent(0.125), "12.5 %");
    }
}
