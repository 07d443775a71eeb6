//! The parts of the page that no other report has: tiles, links, a card a zone, words for pictures.

use crate::analysis::{
    Analysis, Gap, PhaseFigures, RECOVERY_FACTOR, RECOVERY_FLOOR_US, RECOVERY_WINDOW_US, ZoneCheck,
    words,
};
use crate::event::{RunTime, ZoneId};
use crate::phase::step;
use crate::record::{FindingKind, Work};
use crate::report::{rows, sentences};
use crate::verdict::{Status, Verdict, VerdictKind};

/// How much is shown around a gap in a zone's card, in µs.
const AROUND_US: u64 = 10_000_000;

/// A link to a stretch of the timeline, as the page's script reads it.
pub(super) fn link(start: RunTime, end: RunTime) -> String {
    format!("#t={:.3}-{:.3}", start.as_secs_f64(), end.as_secs_f64())
}

/// One figure of the strip at the top.
pub(super) struct Tile {
    pub(super) title: &'static str,
    pub(super) tone: &'static str,
    pub(super) figure: String,
    pub(super) link: String,
    pub(super) lines: Vec<String>,
}

/// The worst gap, the data, what was served, and whether the run can be believed.
pub(super) fn tiles(analysis: &Analysis, verdict: &Verdict) -> Vec<Tile> {
    vec![
        gap(analysis, verdict),
        writes(analysis),
        served(analysis, verdict),
        validity(analysis, verdict),
    ]
}

/// The longest judged write gap of the cluster.
pub(super) fn worst_gap(analysis: &Analysis) -> Option<&Gap> {
    analysis.writes.longest(|phase| analysis.phases[phase].role.is_judged())
}

fn tone_of(verdict: &Verdict, id: &str) -> &'static str {
    let result = verdict.objectives.iter().find(|result| result.id == id);
    match result.map(|result| result.status) {
        Some(Status::Met) => "good",
        Some(Status::Missed) => "bad",
        Some(Status::Unknown | Status::Warned) => "doubt",
        None => "",
    }
}

fn gap(analysis: &Analysis, verdict: &Verdict) -> Tile {
    let taus = analysis.writes.cluster.tau_us.iter().zip(&analysis.phases);
    let tau = taus.filter(|(_, phase)| phase.role.is_judged()).map(|(tau, _)| *tau).max();
    let tau = words::duration(tau.unwrap_or(0));
    let tile = Tile {
        title: "Worst write gap",
        tone: tone_of(verdict, "write-gap"),
        figure: format!("none over {tau}"),
        link: String::new(),
        lines: Vec::new(),
    };
    let Some(gap) = worst_gap(analysis) else {
        return Tile { lines: vec!["nothing shorter can be told from chance".to_owned()], ..tile };
    };
    let (least, most) = gap.outage_us;
    let length = words::duration(gap.length_us());
    Tile {
        figure: format!("{} to {}", words::duration(least), words::duration(most)),
        link: link(gap.start, gap.end),
        lines: vec![
            format!("outage behind a gap of {}{length}", if gap.open { "≥ " } else { "" }),
            format!(
                "{} at {} ({} UTC)",
                analysis.phases[gap.phase].label,
                words::moment(gap.start),
                words::wall_time(analysis.run.origin_wall, gap.start)
            ),
            format!("resolution {tau}"),
        ],
        ..tile
    }
}

fn writes(analysis: &Analysis) -> Tile {
    let tile = Tile {
        title: "Data",
        tone: "doubt",
        figure: "not checked".to_owned(),
        link: String::new(),
        lines: Vec::new(),
    };
    let Some(data) = &analysis.data else {
        return Tile { lines: vec!["rollproof audit checks it".to_owned()], ..tile };
    };
    let of = |kind| words::count(data.violations.get(&kind).copied().unwrap_or(0));
    let ambiguous = &data.ambiguous;
    use FindingKind::{Divergent, Inconsistent, Phantom, Stale};
    let others = [Phantom, Inconsistent, Divergent, Stale];
    let others = others.map(|kind| format!("{} {kind}", of(kind))).join(", ");
    let checks = words::counted(data.checks, "check");
    let mut lines = vec![others];
    if analysis.run.work == Work::Run {
        let all = ambiguous.committed + ambiguous.absent + ambiguous.unresolved;
        lines.push(format!(
            "{} acknowledged, {} ambiguous ({} unresolved)",
            words::counted(data.acknowledged, "write"),
            words::count(all),
            words::count(ambiguous.unresolved)
        ));
    }
    lines.push(format!(
        "{checks}, {} failed, {} not made",
        data.failures.len(),
        data.unknowns.len()
    ));
    let tone = match (data.failures.is_empty(), data.unknowns.is_empty() && data.checks > 0) {
        (false, _) => "bad",
        (true, false) => "doubt",
        (true, true) if ambiguous.unresolved > 0 => "doubt",
        (true, true) => "good",
    };
    let figure =
        format!("{} lost, {} duplicate", of(FindingKind::Lost), of(FindingKind::Duplicate));
    Tile { tone, figure, lines, ..tile }
}

fn served(analysis: &Analysis, verdict: &Verdict) -> Tile {
    let counts = analysis.sum(|role| role.is_judged()).counts;
    // A load is asked for one thing: that every chunk is there.
    let (title, noun) = match analysis.run.work {
        Work::Run => ("Served in time", "transaction"),
        Work::Load => ("Chunks loaded", "chunk"),
    };
    let tones = ["failed", "good-share", "complete"].map(|id| tone_of(verdict, id));
    let tone = ["bad", "doubt"].into_iter().find(|tone| tones.contains(tone)).unwrap_or("good");
    let worst = analysis.phases.iter().filter(|phase| phase.role.is_judged());
    let worst =
        worst.max_by_key(|phase| phase.total.counts.bad()).filter(|p| p.total.counts.bad() > 0);
    let mut lines = vec![format!(
        "{} of {} good",
        words::count(counts.good),
        words::counted(counts.offered, noun)
    )];
    lines.extend(
        worst.map(|phase| {
            format!("{} bad in {}", words::count(phase.total.counts.bad()), phase.label)
        }),
    );
    lines.push(format!("{} absorbed by retry", words::count(counts.absorbed)));
    Tile {
        title,
        tone,
        figure: words::share_of(counts.good, counts.offered),
        link: worst.map_or_else(String::new, |phase| link(phase.phase.start, phase.phase.end)),
        lines,
    }
}

fn validity(analysis: &Analysis, verdict: &Verdict) -> Tile {
    let has = |kind| verdict.reasons.iter().any(|reason| reason.kind == kind);
    let (tone, figure) = if has(VerdictKind::Invalid) {
        ("bad", "invalid")
    } else if has(VerdictKind::Inconclusive) || verdict.kind == VerdictKind::Inconclusive {
        ("doubt", "inconclusive")
    } else {
        ("good", "valid")
    };
    let held = analysis.controls.iter().filter(|c| c.outcome.as_str() == "held").count();
    let own = &analysis.own;
    let stall = own.longest.map_or(0, |stall| stall.length_us);
    let record = if analysis.problems.is_empty() { "complete" } else { "INCOMPLETE" };
    Tile {
        title: "Can it be trusted?",
        tone,
        figure: figure.to_owned(),
        link: String::new(),
        lines: vec![
            format!("{held} of {} controls held", analysis.controls.len()),
            format!("the tool's longest stall {}", words::duration(stall)),
            format!("the record is {record}"),
        ],
    }
}

/// What there is to say about one zone.
pub(super) struct ZoneCard {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) gap: String,
    pub(super) link: String,
    /// The close-up's words, for those who cannot see it.
    pub(super) picture: String,
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    pub(super) facts: Vec<(&'static str, String)>,
    /// Outcome and what was seen.
    pub(super) controls: Vec<(&'static str, String)>,
}

/// A card for every zone.
pub(super) fn zones(analysis: &Analysis) -> Vec<ZoneCard> {
    let ids = analysis.run.scenario.zone_ids();
    let versions = sentences::versions(analysis);
    let all = ids.zip(rows::zones(analysis)).zip(versions);
    all.map(|((id, cells), version)| card(analysis, id, cells, version)).collect()
}

fn card(analysis: &Analysis, id: ZoneId, cells: [String; 7], version: String) -> ZoneCard {
    let [name, down, out_of_turn, before, in_turn, after, calm] = cells;
    let own = |phase: usize| analysis.phases[phase].phase.name.zone == Some(id);
    let gap = analysis.writes.longest(own);
    let of = |name| analysis.course.steps.iter().find(|s| s.zone == Some(id) && s.step == name);
    let stop = of(step::STOP_SERVER).or_else(|| of(step::STOP_ZONE));
    let (words, span) = match (gap, stop) {
        (Some(gap), _) => (gap_words(analysis, gap), Some((gap.start, gap.end))),
        (None, Some(stop)) => {
            let words = format!("No write gap in its turn. Shown: {}.", stop.step);
            (words, Some((stop.begin, stop.end)))
        }
        (None, None) => ("No step of an upgrade was seen here.".to_owned(), None),
    };
    let (start, end) = span.unwrap_or_default();
    let firsts = analysis.first_successes.iter().filter(|first| first.zone == Some(id));
    let mut facts = vec![
        ("unreachable", down),
        ("of that, out of turn", out_of_turn),
        ("its share of the load: before", before),
        ("in its turn", in_turn),
        ("after", after),
        ("calm again after", calm),
    ];
    for first in firsts {
        let title = match first.step.as_str() {
            step::STOP_ZONE => "first success after stop-zone",
            _ => "first success after stop-server",
        };
        facts.push((title, first.after_us.map_or_else(|| "never".to_owned(), words::duration)));
    }
    let controls = analysis.controls.iter().filter(|control| control.zone == id);
    ZoneCard {
        picture: format!("{name} from ten seconds before to ten seconds after: {words}"),
        name,
        version,
        gap: words,
        link: span.map_or_else(String::new, |(start, end)| link(start, end)),
        from_us: start.0.saturating_sub(AROUND_US),
        to_us: end.plus_us(AROUND_US).0.min(analysis.run.end.0),
        facts,
        controls: controls.map(|c| (c.outcome.as_str(), c.detail.clone())).collect(),
    }
}

/// What is meant by a zone that is calm again.
pub(super) fn calm_means() -> String {
    format!(
        "Calm again: how long after a zone's return until, of the transactions due in {}, no more \
         were slower than {RECOVERY_FACTOR} times the baseline's p99 than chance makes of 1 %; \
         {} more than that p99 is never slow.",
        words::duration(RECOVERY_WINDOW_US),
        words::duration(RECOVERY_FLOOR_US)
    )
}

fn gap_words(analysis: &Analysis, gap: &Gap) -> String {
    let (least, most) = gap.outage_us;
    format!(
        "Write gap of {}{} in {} at {}: an outage of {} to {}.",
        if gap.open { "at least " } else { "" },
        words::duration(gap.length_us()),
        analysis.phases[gap.phase].phase.name.step,
        words::moment(gap.start),
        words::duration(least),
        words::duration(most)
    )
}

/// The timeline in words, for those who cannot see it and for those who want to be told.
pub(super) fn timeline(analysis: &Analysis) -> Vec<String> {
    let seconds = &analysis.series.seconds;
    let flows = &analysis.series.flows;
    let load_end = analysis.phases.iter().rev().find(|phase| phase.role.is_judged());
    let load_end = load_end.map_or(analysis.run.end, |phase| phase.phase.end);
    let per_second = (1_000_000 / flows.width_us).max(1) as usize;
    let whole = flows.slices.chunks(per_second).enumerate();
    let empty: Vec<u64> = whole
        .filter(|(_, part)| part.iter().any(|slice| slice.offered > 0))
        .filter(|(_, part)| part.iter().all(|slice| slice.completed == 0))
        .map(|(index, _)| index as u64 * per_second as u64 * flows.width_us)
        .filter(|&at| at < load_end.0)
        .collect();
    let mut lines = Vec::new();
    let width = words::duration(per_second as u64 * flows.width_us);
    lines.push(match empty.first() {
        None => format!(
            "Throughput: in every {width} in which something was offered, something was completed."
        ),
        Some(&first) => format!(
            "Throughput: nothing at all was completed in {} of {width}, first at {}.",
            words::counted(empty.len() as u64, "stretch"),
            words::moment(RunTime(first))
        )
        .replace("stretchs", "stretches"),
    });
    let slowest =
        seconds.slices.iter().enumerate().max_by_key(|(index, slice)| {
            (slice.responses.quantile(0.99), std::cmp::Reverse(*index))
        });
    if let Some((index, slice)) = slowest {
        let deadline = analysis.run.scenario.load.deadline.as_us();
        lines.push(format!(
            "Response time: the worst p99 of {} was {}, at {}.",
            words::duration(seconds.width_us),
            words::quantile(slice.responses.quantile(0.99), deadline),
            words::moment(RunTime(index as u64 * seconds.width_us))
        ));
    }
    lines
}

/// One check over all zones.
pub(super) struct CheckRow {
    pub(super) title: String,
    /// For every zone the outcome and what was looked at.
    pub(super) cells: Vec<(&'static str, String)>,
}

/// Every data check, those of one kind in one row.
pub(super) fn checks(analysis: &Analysis) -> Vec<CheckRow> {
    let Some(data) = &analysis.data else { return Vec::new() };
    let mut names: Vec<&str> = Vec::new();
    for ZoneCheck { check, .. } in &data.all {
        if !names.contains(&check.check.as_str()) {
            names.push(&check.check);
        }
    }
    let zones: Vec<ZoneId> = analysis.run.scenario.zone_ids().collect();
    let find = |zone: ZoneId, name: &str| {
        data.all.iter().find(|of| of.zone == zone && of.check.check == name).map(|of| &of.check)
    };
    let row = |name: &str| CheckRow {
        title: zones
            .iter()
            .find_map(|&zone| find(zone, name))
            .map_or_else(String::new, |check| format!("{name}: {}", check.title)),
        cells: zones
            .iter()
            .map(|&zone| match find(zone, name) {
                Some(check) => (check.verdict.as_str(), check.detail.clone()),
                None => ("unknown", "not made".to_owned()),
            })
            .collect(),
    };
    names.into_iter().map(row).collect()
}

/// What became of each kind of transaction in a phase: median and p99, and how many were bad.
pub(super) fn kinds(analysis: &Analysis, phase: &PhaseFigures) -> Vec<(String, u64)> {
    let deadline = analysis.run.scenario.load.deadline.as_us();
    let cell = |tally: &crate::analysis::Tally| {
        let (counts, response) = (&tally.counts, &tally.response);
        if counts.offered == 0 {
            return ("-".to_owned(), 0);
        }
        let times =
            [0.5, 0.99].map(|q| words::quantile(response.quantile(q), deadline)).join(" · ");
        (times, counts.bad())
    };
    phase.by_kind(analysis.run.work).map(|(_, tally)| cell(tally)).collect()
}
