//! `summary.json`: the figures for machines.

mod layout;

use crate::analysis::{
    Analysis, Brownout, BrownoutFigures, ClockStep, Counts, Downtime, Gap, InputFigures,
    InputShare, Latency, LeadersMoved, LookedUp, OutageFigures, PhaseFigures, Role, ScopeGaps,
    StepRun, THROUGHPUT_WINDOW_US, Tally, WarningSeen, ZoneCheck, words,
};
use crate::compare::Section;
use crate::event::{RunTime, ZoneId};
use crate::verdict::{Evidence, Verdict};

use super::availability::{budget_used, budget_used_by_run};
use super::comparison;
use layout::{
    BrownoutOut, BrownoutsOut, ClockStepOut, ControlOut, DataOut, DowntimeOut, DuringOut,
    EvidenceOut, FailureOut, FirstSuccessOut, GapOut, InputsOut, LatencyOut, LeadersOut, LoadOut,
    LookedUpOut, ObjectiveOut, OutagesOut, PhaseOut, ProbesOut, QuantileOut, ReasonOut, ReturnOut,
    ScopeOut, SessionsOut, ShareOut, SpreadOut, StepOut, Summary, TallyOut, ThroughputOut, ToolOut,
    WarningOut, WriteGapsOut, ZoneOut,
};

/// Version of the summary's layout; raised when a name changes its meaning or goes away.
pub const SUMMARY_FORMAT: u32 = 1;

/// The summary as pretty JSON. Times are µs since the run's origin unless named otherwise.
pub(super) fn render(analysis: &Analysis, verdict: &Verdict, around: Option<&Section>) -> Vec<u8> {
    let summary = Summary::new(analysis, verdict, around);
    let mut bytes = serde_json::to_vec_pretty(&summary).expect("a summary has only string keys");
    bytes.push(b'\n');
    bytes
}

/// The JSON schema of `summary.json`, made from the layout itself. A copy of it is committed as
/// `results/summary.schema.json`.
pub fn summary_schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Summary<'static>>().to_value()
}

impl<'a> Summary<'a> {
    fn new(analysis: &'a Analysis, verdict: &'a Verdict, around: Option<&'a Section>) -> Self {
        let run = &analysis.run;
        Self {
            format: SUMMARY_FORMAT,
            run_id: &run.run_id,
            tool_version: &run.tool_version,
            origin_utc: words::rfc3339(run.origin_wall, RunTime::ZERO),
            end_us: run.end.0,
            ended_early: run.ended_early.as_deref(),
            drivers: run.shards,
            target_version: analysis.target_version(),
            verdict: verdict.kind.as_str(),
            exit_code: verdict.exit_code(),
            sentence: &verdict.sentence,
            load: analysis.load.as_ref().map(|load| LoadOut {
                outcome: load.outcome.as_str(),
                detail: &load.detail,
                last_write_us: load.last_write.0,
                upgrade_share: load.upgrade_share,
            }),
            reasons: verdict
                .reasons
                .iter()
                .map(|reason| ReasonOut { kind: reason.kind.as_str(), text: &reason.text })
                .collect(),
            objectives: objectives(analysis, verdict),
            total: TallyOut::new(&analysis.total),
            upgrade: TallyOut::new(&analysis.sum(|role| role == Role::Window)),
            phases: (0..analysis.phases.len()).map(|index| phase(analysis, index)).collect(),
            steps: analysis.course.steps.iter().map(|run| step(analysis, run)).collect(),
            zones: run.scenario.zone_ids().map(|id| zone(analysis, id)).collect(),
            write_gaps: write_gaps(analysis),
            client_outages: OutagesOut::new(&analysis.outages(Role::is_judged)),
            brownouts: analysis.brownouts.as_ref().map(|found| brownouts(analysis, found)),
            error_budget_used: budget_used_by_run(analysis),
            throughput_10s: throughput(analysis),
            data: data(analysis),
            data_during_run: during(analysis),
            tool: tool(analysis),
            inputs: analysis.inputs.as_ref().map(inputs),
            before_after: around.map(comparison::part),
            held_against: analysis.held_against.as_ref(),
            baseline_of: run.baseline.as_ref().map(|stored| stored.run_id.as_str()),
            capacity: run.capacity.as_ref(),
            sessions: SessionsOut {
                isolation: run.scenario.load.isolation.as_str(),
                style: run.sessions.as_ref(),
            },
            controls: controls(analysis),
            warnings: warnings(analysis),
            leaders: leaders(analysis),
            record_problems: analysis.problems.iter().map(ToString::to_string).collect(),
        }
    }
}

impl LatencyOut {
    fn new(latency: &Latency) -> Self {
        let quantile = |q| QuantileOut(latency.quantile(q));
        Self {
            count: latency.len(),
            never: latency.never(),
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p95_us: quantile(0.95),
            p99_us: quantile(0.99),
            p99_9_us: quantile(0.999),
            max_us: QuantileOut(latency.max()),
        }
    }
}

impl TallyOut {
    fn new(tally: &Tally) -> Self {
        let Counts { offered, good, late, failed, ambiguous, censored, shed, .. } = tally.counts;
        Self {
            offered,
            good,
            late,
            failed,
            ambiguous,
            censored,
            shed,
            absorbed_by_retry: tally.counts.absorbed,
            crossed: tally.counts.crossed,
            attempts: tally.counts.attempts,
            response: LatencyOut::new(&tally.response),
            service: LatencyOut::new(&tally.service),
        }
    }
}

impl OutagesOut {
    fn new(outages: &OutageFigures) -> Self {
        Self {
            count: outages.lengths.len(),
            p50_us: QuantileOut(outages.lengths.quantile(0.5)),
            p99_us: QuantileOut(outages.lengths.quantile(0.99)),
            max_us: QuantileOut(outages.lengths.max()),
            lost_us: outages.lost_us,
        }
    }
}

fn zone_name(analysis: &Analysis, zone: ZoneId) -> String {
    let zones = &analysis.run.scenario.cluster.zones;
    zones.get(zone.index()).map_or_else(|| format!("zone#{}", zone.0), |zone| zone.name.clone())
}

fn warnings(analysis: &Analysis) -> Vec<WarningOut> {
    let out = |WarningSeen { at, warning, zone, detail }| {
        let zone = zone.map(|zone| zone_name(analysis, zone));
        WarningOut { at_us: at.0, kind: warning.as_str(), zone, detail }
    };
    analysis.course.warnings.iter().cloned().map(out).collect()
}

fn leaders<'a>(analysis: &'a Analysis) -> Vec<LeadersOut<'a>> {
    let name = |zone: &Option<ZoneId>| zone.map(|zone| zone_name(analysis, zone));
    let out = |seen: &'a LeadersMoved| LeadersOut {
        at_us: seen.at.0,
        uncertainty_us: seen.uncertainty_us,
        from: name(&seen.from),
        to: name(&seen.to),
        moved: seen.moved,
        detail: &seen.detail,
    };
    analysis.course.leaders.iter().map(out).collect()
}

fn objectives<'a>(analysis: &Analysis, verdict: &'a Verdict) -> Vec<ObjectiveOut<'a>> {
    let evidence = |seen: &'a Evidence| EvidenceOut {
        phase: &seen.phase,
        zone: seen.zone.as_deref(),
        start_us: seen.start.0,
        end_us: seen.end.0,
        start_utc: words::rfc3339(analysis.run.origin_wall, seen.start),
        detail: &seen.detail,
    };
    verdict
        .objectives
        .iter()
        .map(|result| ObjectiveOut {
            id: result.id,
            title: result.title,
            only_in: result.only_in.as_deref(),
            status: result.status.as_str(),
            limit: result.limit,
            measured: result.measured,
            note: &result.note,
            evidence: result.evidence.as_ref().map(evidence),
        })
        .collect()
}

fn phase(analysis: &Analysis, index: usize) -> PhaseOut<'_> {
    let PhaseFigures {
        phase, label, role, total, zone_attempts, errors, outages, looked_up, ..
    } = &analysis.phases[index];
    let LookedUp { committed, absent, open } = *looked_up;
    let zones = analysis.zone_names().into_iter().zip(zone_attempts.iter().copied());
    let down = analysis.probes.iter().map(|probes| probes.phase_down_us[index]);
    let brownouts = analysis.brownouts.as_ref();
    PhaseOut {
        phase: label,
        role: role.as_str(),
        source: phase.source.as_str(),
        start_us: phase.start.0,
        end_us: phase.end.0,
        uncertainty_us: phase.uncertainty_us,
        step_failed: phase.failed,
        errors: *errors,
        write_gap_tau_us: analysis.writes.cluster.tau_us[index],
        write_gap_max_us: analysis.writes.longest(|of| of == index).map(Gap::length_us),
        client_outages: OutagesOut::new(outages),
        brownout_us: brownouts.map(|found| found.sum(|of| of.phase == index)),
        error_budget_used: budget_used(analysis, &analysis.phases[index]),
        unreachable_us_by_zone: analysis.zone_names().into_iter().zip(down).collect(),
        attempts_by_zone: zones.collect(),
        ambiguous_looked_up: (looked_up.total() > 0).then_some(LookedUpOut {
            committed,
            absent,
            open,
        }),
        total: TallyOut::new(total),
        kinds: analysis.phases[index]
            .by_kind(analysis.run.work)
            .map(|(kind, tally)| (kind.as_str(), TallyOut::new(tally)))
            .collect(),
    }
}

fn step<'a>(analysis: &Analysis, run: &'a StepRun) -> StepOut<'a> {
    StepOut {
        step: &run.step,
        zone: run.zone.map(|zone| zone_name(analysis, zone)),
        source: run.source.as_str(),
        start_us: run.begin.0,
        end_us: run.end.0,
        outcome: run.outcome.as_str(),
        detail: &run.detail,
    }
}

fn zone(analysis: &Analysis, id: ZoneId) -> ZoneOut {
    let course = analysis.course.zones.get(id.index());
    let probes = analysis.probes.iter().find(|probes| probes.zone == id);
    let downtime = |down: &Downtime| DowntimeOut {
        start_us: down.start.0,
        end_us: down.end.0,
        open: down.open,
        first_class: down.class.as_str(),
    };
    let kinds = probes.into_iter().flat_map(|probes| &probes.kinds).map(|kind| {
        let out = ProbesOut {
            probes: kind.probes,
            failed: kind.failed,
            unreachable_us: kind.down_us,
            times: kind.downtimes.len(),
        };
        (kind.kind.as_str(), out)
    });
    let returns = analysis.recoveries.iter().filter(|back| back.zone == id);
    let firsts = analysis.first_successes.iter().filter(|first| first.zone == Some(id));
    ZoneOut {
        zone: zone_name(analysis, id),
        first_version: course.and_then(|course| course.first_version.clone()),
        last_version: course.and_then(|course| course.last_version.clone()),
        unreachable_us: probes.map_or(0, |probes| probes.down_us),
        unreachable_out_of_turn_us: probes.map_or(0, |probes| probes.unexpected_us),
        unreachable: probes.into_iter().flat_map(|p| &p.downtimes).map(downtime).collect(),
        probes: kinds.collect(),
        brownout_us: analysis.brownouts.as_ref().map(|found| found.of_zone(id)),
        returns: returns
            .map(|back| ReturnOut {
                at_us: back.returned.0,
                calm_after_us: back.after_us,
                watched_us: back.watched_us,
            })
            .collect(),
        first_successes: firsts
            .map(|first| FirstSuccessOut {
                step: first.step.clone(),
                at_us: first.at.0,
                after_us: first.after_us,
                terminals: SpreadOut {
                    count: first.terminals.len(),
                    never: first.terminals.never(),
                    p50_us: QuantileOut(first.terminals.quantile(0.5)),
                    p99_us: QuantileOut(first.terminals.quantile(0.99)),
                    max_us: QuantileOut(first.terminals.max()),
                },
            })
            .collect(),
    }
}

fn write_gaps(analysis: &Analysis) -> WriteGapsOut {
    let gap = |gap: &Gap| GapOut {
        scope: gap.scope.to_string(),
        phase: analysis.phases[gap.phase].label.clone(),
        last_phase: analysis.phases[gap.last_phase].label.clone(),
        start_us: gap.start.0,
        end_us: gap.end.0,
        length_us: gap.length_us(),
        open: gap.open,
        tau_us: gap.tau_us,
        outage_us_min: gap.outage_us.0,
        outage_us_max: gap.outage_us.1,
    };
    let scope = |scope: &ScopeGaps| ScopeOut {
        scope: scope.scope.to_string(),
        writes_per_s: scope.rate_per_s,
        spacing_us: scope.spacing_us,
        baseline_gap_us: scope.baseline_gap_us,
        gaps: scope.gaps.iter().map(gap).collect(),
    };
    let writes = &analysis.writes;
    WriteGapsOut {
        service_p99_us: writes.service_p99_us,
        cluster: scope(&writes.cluster),
        kinds: writes.kinds.iter().map(scope).collect(),
        warehouses: writes.warehouses.iter().map(gap).collect(),
        warehouses_left_out: writes.warehouses_left_out,
    }
}

fn brownouts(analysis: &Analysis, found: &BrownoutFigures) -> BrownoutsOut {
    let brownout = |of: &Brownout| BrownoutOut {
        phase: analysis.phases[of.phase].label.clone(),
        zone: of.zone.map(|zone| zone_name(analysis, zone)),
        start_us: of.start.0,
        end_us: of.end.0,
        open: of.open,
        length_us: of.length_us,
        transactions: of.transactions,
        slow: of.slow,
    };
    BrownoutsOut {
        slow_us: found.slow_us,
        expected_share: found.expected_share,
        seconds_judged: found.windows,
        seconds_blind: found.blind,
        seconds_in_gaps: found.in_gaps,
        brownouts: found.brownouts.iter().map(brownout).collect(),
    }
}

fn throughput(analysis: &Analysis) -> Vec<ThroughputOut> {
    // One beside the other; the objective is held against those that overlap as well.
    let windows = analysis.throughput.iter();
    let beside = windows.filter(|window| window.start.0.is_multiple_of(THROUGHPUT_WINDOW_US));
    beside
        .map(|window| ThroughputOut {
            start_us: window.start.0,
            offered: window.offered,
            completed: window.completed,
        })
        .collect()
}

fn data(analysis: &Analysis) -> Option<DataOut<'_>> {
    analysis.data.as_ref().map(|data| DataOut {
        audited: data.audited,
        acknowledged: data.acknowledged,
        ambiguous_committed: data.ambiguous.committed,
        ambiguous_absent: data.ambiguous.absent,
        ambiguous_unresolved: data.ambiguous.unresolved,
        checks: data.checks,
        checks_failed: data.failures.len(),
        checks_not_made: data.unknowns.len(),
        violations: data.violations.iter().map(|(kind, n)| (kind.as_str(), *n)).collect(),
        failures: data
            .failures
            .iter()
            .map(|ZoneCheck { zone, check }| FailureOut {
                zone: zone_name(analysis, *zone),
                check: &check.check,
                title: &check.title,
                differences: check.violations,
                detail: &check.detail,
                first: &check.findings,
            })
            .collect(),
    })
}

fn during(analysis: &Analysis) -> DuringOut {
    let (spots, sights) = (&analysis.spots, &analysis.sights);
    DuringOut {
        snapshots: spots.read,
        snapshots_broken: spots.broken,
        snapshots_not_answered: spots.unread,
        order_numbers_seen: sights.sights,
        seen_after_move: sights.moved,
        behind_after_move: sights.behind,
    }
}

fn tool(analysis: &Analysis) -> ToolOut {
    let own = &analysis.own;
    ToolOut {
        samples: own.samples,
        stall_us_max: own.longest.map_or(0, |stall| stall.length_us),
        stall_at_us: own.longest.map(|stall| stall.start.0),
        queue_len_max: own.queue_len_max,
        cpu_us: own.cpu_us,
        wall_step_us: own.wall_step_us,
        clock_steps: own.clock_steps.iter().map(clock_step).collect(),
        dispatched: own.dispatched,
        dispatched_late: own.dispatched_late,
    }
}

fn clock_step(step: &ClockStep) -> ClockStepOut {
    ClockStepOut { at_us: step.at.0, wall_us: step.wall_us, slept_us: step.slept_us }
}

fn inputs(figures: &InputFigures) -> InputsOut<'_> {
    let share = |share: &InputShare| ShareOut {
        share: share.name,
        observed: share.observed,
        at_least: share.least,
        at_most: share.most,
        draws: share.draws,
        outcome: share.outcome.as_str(),
    };
    InputsOut { counts: &figures.counts, shares: figures.shares.iter().map(share).collect() }
}

fn controls(analysis: &Analysis) -> Vec<ControlOut> {
    let controls = analysis.controls.iter();
    controls
        .map(|control| ControlOut {
            zone: zone_name(analysis, control.zone),
            control: control.kind.as_str(),
            outcome: control.outcome.as_str(),
            detail: control.detail.clone(),
        })
        .collect()
}
