//! What the page's pictures are drawn from: compact arrays, computed from the figures alone.
//! Times are µs since the run's origin. A quantile is `null` without data and -1 beyond the
//! deadline.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::{
    Analysis, Brownout, Gap, Latency, PhaseFigures, Quantile, Role, Series, Spread, row_start_us,
    words,
};
use crate::event::{ErrorClass, ZoneId};
use crate::phase::stretch;

/// Changes, failing stretches and gaps that the page holds of each kind; beyond it the longest or
/// the first are kept.
const MARKS_MAX: usize = 3_000;
/// Phases with fewer transactions get no curve: a percentile of a handful is none.
const CURVE_COUNT_MIN: u64 = 20;
/// Curves one can choose from.
const CURVES_MAX: usize = 60;
/// Shares at which curves are drawn.
const SHARES: [f64; 14] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1.0];

#[derive(Serialize)]
pub(super) struct PageData<'a> {
    origin_ms: i64,
    end_us: u64,
    deadline_us: u64,
    phases: Vec<PhaseData<'a>>,
    zones: Vec<ZoneData<'a>>,
    /// Stretches that run through every picture.
    gaps: Vec<GapData>,
    /// What else came and went, a lane for each kind.
    lanes: Vec<LaneData>,
    flows: FlowData,
    latency: LatencyData,
    errors: Vec<ErrorData>,
    tool: ToolData,
    shares: [f64; SHARES.len()],
    curves: Vec<CurveData>,
}

#[derive(Serialize)]
struct PhaseData<'a> {
    from: u64,
    to: u64,
    label: &'a str,
    step: &'a str,
    zone: Option<ZoneId>,
    failed: bool,
}

#[derive(Serialize)]
struct ZoneData<'a> {
    name: String,
    probed: bool,
    /// From, to, and what the first failing probe met.
    down: Vec<(u64, u64, &'static str)>,
    /// When, state, version.
    changes: Vec<(u64, &'static str, Option<&'a str>)>,
}

#[derive(Serialize)]
struct GapData {
    from: u64,
    to: u64,
}

#[derive(Serialize)]
struct LaneData {
    name: &'static str,
    marks: Vec<MarkData>,
}

#[derive(Serialize)]
struct MarkData {
    from: u64,
    to: u64,
    /// What stands beside it.
    label: String,
    /// What it says when it is pointed at.
    says: String,
}

#[derive(Serialize)]
struct FlowData {
    width_us: u64,
    offered: Vec<u32>,
    completed: Vec<u32>,
    failed: Vec<u32>,
}

#[derive(Serialize)]
struct LatencyData {
    width_us: u64,
    first_row: usize,
    /// Where each row from the first on begins, and where the last one ends.
    rows_us: Vec<u64>,
    /// For each slice the rows that hold any, each followed by its count.
    cells: Vec<Vec<u32>>,
    beyond: Vec<u64>,
    p50: Vec<Option<i64>>,
    p99: Vec<Option<i64>>,
    max: Vec<Option<i64>>,
}

#[derive(Serialize)]
struct ErrorData {
    name: &'static str,
    total: u64,
    /// The slices that hold any, each followed by its count.
    counts: Vec<u64>,
}

#[derive(Serialize)]
struct ToolData {
    width_us: u64,
    /// The longest stall of each slice, in µs.
    stalls: Vec<u64>,
    /// Arrivals dispatched late.
    late: Vec<u64>,
}

#[derive(Serialize)]
struct CurveData {
    label: String,
    shown: bool,
    us: Vec<Option<i64>>,
}

impl<'a> PageData<'a> {
    pub(super) fn new(analysis: &'a Analysis) -> Self {
        let run = &analysis.run;
        let gaps = gaps(analysis);
        Self {
            origin_ms: run.origin_wall.as_millisecond(),
            end_us: run.end.0,
            deadline_us: run.scenario.load.deadline.as_us(),
            phases: analysis.phases.iter().map(phase).collect(),
            zones: run.scenario.zone_ids().map(|id| zone(analysis, id)).collect(),
            gaps: gaps.iter().map(|gap| GapData { from: gap.start.0, to: gap.end.0 }).collect(),
            lanes: lanes(analysis, &gaps),
            flows: flows(&analysis.series),
            latency: latency(&analysis.series),
            errors: errors(&analysis.series),
            tool: tool(&analysis.series),
            shares: SHARES,
            curves: curves(analysis),
        }
    }

    /// As JSON that can stand inside a script element: nothing in it can end the element.
    pub(super) fn to_json(&self) -> String {
        let json = serde_json::to_string(self).expect("the page's data has only string keys");
        json.replace('<', "\\u003c")
    }
}

fn phase(figures: &PhaseFigures) -> PhaseData<'_> {
    let phase = &figures.phase;
    PhaseData {
        from: phase.start.0,
        to: phase.end.0,
        label: &figures.label,
        step: &phase.name.step,
        zone: phase.name.zone,
        failed: phase.failed,
    }
}

fn zone(analysis: &Analysis, id: ZoneId) -> ZoneData<'_> {
    let probes = analysis.probes.iter().find(|probes| probes.zone == id);
    let mut down: Vec<_> = probes.into_iter().flat_map(|probes| &probes.downtimes).collect();
    down.sort_by_key(|down| (Reverse(down.length_us()), down.start));
    down.truncate(MARKS_MAX);
    down.sort_by_key(|down| down.start);
    let course = analysis.course.zones.get(id.index());
    let changes = course.into_iter().flat_map(|course| &course.changes).take(MARKS_MAX);
    ZoneData {
        name: analysis.zone_names().swap_remove(id.index()),
        probed: probes.is_some_and(|probes| !probes.kinds.is_empty()),
        down: down.iter().map(|down| (down.start.0, down.end.0, down.class.as_str())).collect(),
        changes: changes
            .map(|change| (change.at.0, change.state.as_str(), change.version.as_deref()))
            .collect(),
    }
}

/// The longest judged write gaps of the cluster, in order.
fn gaps(analysis: &Analysis) -> Vec<&Gap> {
    let is_judged = |phase: usize| analysis.phases[phase].role.is_judged();
    let all = analysis.writes.cluster.gaps.iter();
    let mut gaps: Vec<_> = all.filter(|gap| is_judged(gap.phase)).collect();
    gaps.sort_by_key(|gap| (Reverse(gap.length_us()), gap.start));
    gaps.truncate(MARKS_MAX);
    gaps.sort_by_key(|gap| gap.start);
    gaps
}

fn lanes(analysis: &Analysis, gaps: &[&Gap]) -> Vec<LaneData> {
    let gaps = gaps.iter().map(|gap| gap_mark(analysis, gap)).collect();
    let brownouts = analysis.brownouts.as_ref().map(|figures| LaneData {
        name: "brownouts",
        marks: figures
            .brownouts
            .iter()
            .take(MARKS_MAX)
            .map(|b| brownout_mark(analysis, b))
            .collect(),
    });
    std::iter::once(LaneData { name: "write gaps", marks: gaps }).chain(brownouts).collect()
}

fn brownout_mark(analysis: &Analysis, brownout: &Brownout) -> MarkData {
    let length = words::duration(brownout.length_us);
    let says = format!(
        "brownout of {length} from {} in {}: {} of {} were slow",
        words::moment(brownout.start),
        analysis.phases[brownout.phase].label,
        words::count(brownout.slow),
        words::counted(brownout.transactions, "transaction")
    );
    MarkData { from: brownout.start.0, to: brownout.end.0, label: length, says }
}

fn gap_mark(analysis: &Analysis, gap: &Gap) -> MarkData {
    let (least, most) = gap.outage_us;
    let length = words::duration(gap.length_us());
    let says = format!(
        "write gap of {length} in {} from {}: an outage of {} to {}",
        analysis.phases[gap.phase].label,
        words::moment(gap.start),
        words::duration(least),
        words::duration(most)
    );
    MarkData { from: gap.start.0, to: gap.end.0, label: length, says }
}

fn flows(series: &Series) -> FlowData {
    let slices = || series.flows.slices.iter();
    FlowData {
        width_us: series.flows.width_us,
        offered: slices().map(|slice| slice.offered).collect(),
        completed: slices().map(|slice| slice.completed).collect(),
        failed: slices().map(|slice| slice.failed).collect(),
    }
}

fn latency(series: &Series) -> LatencyData {
    let spreads = || series.seconds.slices.iter().map(|slice| &slice.responses);
    let rows = || spreads().flat_map(|spread| spread.rows()).map(|(row, _)| row);
    let (first, last) = (rows().min().unwrap_or(0), rows().max().unwrap_or(0));
    let cells =
        |spread: &Spread| spread.rows().flat_map(|(row, count)| [row as u32, count]).collect();
    let of = |quantile: fn(&Spread) -> Quantile| {
        spreads().map(|spread| number(quantile(spread))).collect()
    };
    LatencyData {
        width_us: series.seconds.width_us,
        first_row: first,
        rows_us: (first..=last + 1).map(row_start_us).collect(),
        cells: spreads().map(cells).collect(),
        beyond: spreads().map(|spread| spread.beyond()).collect(),
        p50: of(|spread| spread.quantile(0.5)),
        p99: of(|spread| spread.quantile(0.99)),
        max: of(|spread| spread.max()),
    }
}

fn number(quantile: Quantile) -> Option<i64> {
    match quantile {
        Quantile::NoData => None,
        Quantile::Us(us) => Some(i64::try_from(us).unwrap_or(i64::MAX)),
        Quantile::Never => Some(-1),
    }
}

/// The commonest class first.
fn errors(series: &Series) -> Vec<ErrorData> {
    let mut classes: BTreeMap<ErrorClass, (u64, Vec<u64>)> = BTreeMap::new();
    for (index, slice) in series.seconds.slices.iter().enumerate() {
        for (&class, &count) in &slice.errors {
            let (total, counts) = classes.entry(class).or_default();
            *total += u64::from(count);
            counts.extend([index as u64, u64::from(count)]);
        }
    }
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_by_key(|(class, (total, _))| (Reverse(*total), *class));
    classes
        .into_iter()
        .map(|(class, (total, counts))| ErrorData { name: class.as_str(), total, counts })
        .collect()
}

fn tool(series: &Series) -> ToolData {
    let slices = || series.seconds.slices.iter();
    ToolData {
        width_us: series.seconds.width_us,
        stalls: slices().map(|slice| slice.stall_us).collect(),
        late: slices().map(|slice| slice.late).collect(),
    }
}

/// The stretches before and after, each zone's whole turn, then every phase with enough in it. The
/// first ones are shown, the others can be chosen.
fn curves(analysis: &Analysis) -> Vec<CurveData> {
    let mut curves = Vec::new();
    let mut add = |label: &str, shown, latency: &Latency| {
        if latency.len() >= CURVE_COUNT_MIN && curves.len() < CURVES_MAX {
            curves.push(CurveData { label: label.to_owned(), shown, us: curve(latency) });
        }
    };
    let is_calm = |phase: &PhaseFigures| {
        phase.role == Role::Baseline || phase.phase.name.step == stretch::FINAL
    };
    for phase in analysis.phases.iter().filter(|phase| is_calm(phase)) {
        add(&phase.label, true, &phase.total.response);
    }
    for (zone, name) in analysis.run.scenario.zone_ids().zip(analysis.zone_names()) {
        let mut turn = Latency::default();
        let own = analysis.phases.iter().filter(|phase| phase.phase.name.zone == Some(zone));
        own.for_each(|phase| turn.add(&phase.total.response));
        add(&format!("{name}, whole turn"), true, &turn);
    }
    for phase in analysis.phases.iter().filter(|phase| !is_calm(phase) && phase.role.is_judged()) {
        add(&phase.label, false, &phase.total.response);
    }
    curves
}

/// As far as there is a transaction to stand for the share, then the slowest.
fn curve(latency: &Latency) -> Vec<Option<i64>> {
    let finest = 1.0 - 1.0 / latency.len() as f64;
    let at = |share: f64| if share <= finest { latency.quantile(share) } else { latency.max() };
    let known = SHARES.iter().take_while(|&&share| share <= finest).count();
    SHARES[..(known + 1).min(SHARES.len())].iter().map(|&share| number(at(share))).collect()
}
