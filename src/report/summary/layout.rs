//! The layout of `summary.json`: names are stable and carry their units. Times are µs since the
//! run's origin unless named otherwise.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::Quantile;
use crate::event::InputCounts;
use crate::record::SessionStyle;
use crate::verdict::{Figure, Limit};

#[derive(Serialize)]
pub(super) struct Summary<'a> {
    pub(super) format: u32,
    pub(super) run_id: &'a str,
    pub(super) tool_version: &'a str,
    pub(super) origin_utc: String,
    pub(super) end_us: u64,
    pub(super) ended_early: Option<&'a str>,
    pub(super) drivers: usize,
    pub(super) target_version: Option<&'a str>,
    pub(super) verdict: &'static str,
    pub(super) exit_code: u8,
    pub(super) sentence: &'a str,
    pub(super) reasons: Vec<ReasonOut<'a>>,
    pub(super) objectives: Vec<ObjectiveOut<'a>>,
    pub(super) total: TallyOut,
    pub(super) upgrade: TallyOut,
    pub(super) phases: Vec<PhaseOut<'a>>,
    pub(super) steps: Vec<StepOut<'a>>,
    pub(super) zones: Vec<ZoneOut>,
    pub(super) write_gaps: WriteGapsOut,
    pub(super) client_outages: OutagesOut,
    pub(super) throughput_10s: Vec<ThroughputOut>,
    pub(super) data: Option<DataOut>,
    pub(super) tool: ToolOut,
    pub(super) inputs: Option<InputsOut<'a>>,
    pub(super) sessions: SessionsOut<'a>,
    pub(super) controls: Vec<ControlOut>,
    pub(super) record_problems: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct ReasonOut<'a> {
    pub(super) kind: &'static str,
    pub(super) text: &'a str,
}

#[derive(Serialize)]
pub(super) struct ObjectiveOut<'a> {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) status: &'static str,
    pub(super) limit: Limit,
    pub(super) measured: Option<Figure>,
    pub(super) note: &'a str,
    pub(super) evidence: Option<EvidenceOut<'a>>,
}

#[derive(Serialize)]
pub(super) struct EvidenceOut<'a> {
    pub(super) phase: &'a str,
    pub(super) zone: Option<&'a str>,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) start_utc: String,
    pub(super) detail: &'a str,
}

/// A quantile: a number of µs, `null` without data, `"never"` among failures.
pub(super) struct QuantileOut(pub(super) Quantile);

impl Serialize for QuantileOut {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Quantile::NoData => to.serialize_none(),
            Quantile::Us(us) => to.serialize_u64(us),
            Quantile::Never => to.serialize_str("never"),
        }
    }
}

#[derive(Serialize)]
pub(super) struct LatencyOut {
    pub(super) count: u64,
    pub(super) never: u64,
    pub(super) p50_us: QuantileOut,
    pub(super) p90_us: QuantileOut,
    pub(super) p95_us: QuantileOut,
    pub(super) p99_us: QuantileOut,
    pub(super) p99_9_us: QuantileOut,
    pub(super) max_us: QuantileOut,
}

#[derive(Serialize)]
pub(super) struct TallyOut {
    pub(super) offered: u64,
    pub(super) good: u64,
    pub(super) late: u64,
    pub(super) failed: u64,
    pub(super) ambiguous: u64,
    pub(super) censored: u64,
    pub(super) shed: u64,
    pub(super) absorbed_by_retry: u64,
    pub(super) crossed: u64,
    pub(super) attempts: u64,
    pub(super) response: LatencyOut,
    pub(super) service: LatencyOut,
}

#[derive(Serialize)]
pub(super) struct PhaseOut<'a> {
    pub(super) phase: &'a str,
    pub(super) role: &'static str,
    pub(super) source: &'static str,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) uncertainty_us: u64,
    pub(super) step_failed: bool,
    pub(super) errors: u64,
    pub(super) write_gap_tau_us: u64,
    pub(super) write_gap_max_us: Option<u64>,
    pub(super) client_outages: OutagesOut,
    pub(super) attempts_by_zone: BTreeMap<String, u64>,
    pub(super) total: TallyOut,
    pub(super) kinds: BTreeMap<&'static str, TallyOut>,
}

#[derive(Serialize)]
pub(super) struct StepOut<'a> {
    pub(super) step: &'a str,
    pub(super) zone: Option<String>,
    pub(super) source: &'static str,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) outcome: &'static str,
    pub(super) detail: &'a str,
}

#[derive(Serialize)]
pub(super) struct ZoneOut {
    pub(super) zone: String,
    pub(super) first_version: Option<String>,
    pub(super) last_version: Option<String>,
    pub(super) unreachable_us: u64,
    pub(super) unreachable_out_of_turn_us: u64,
    pub(super) unreachable: Vec<DowntimeOut>,
    pub(super) probes: BTreeMap<&'static str, ProbesOut>,
    pub(super) returns: Vec<ReturnOut>,
    pub(super) first_successes: Vec<FirstSuccessOut>,
}

#[derive(Serialize)]
pub(super) struct ProbesOut {
    pub(super) probes: u64,
    pub(super) failed: u64,
    pub(super) unreachable_us: u64,
    pub(super) times: usize,
}

#[derive(Serialize)]
pub(super) struct DowntimeOut {
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) open: bool,
    pub(super) first_class: &'static str,
}

#[derive(Serialize)]
pub(super) struct ReturnOut {
    pub(super) at_us: u64,
    pub(super) calm_after_us: Option<u64>,
    pub(super) watched_us: u64,
}

#[derive(Serialize)]
pub(super) struct FirstSuccessOut {
    pub(super) step: String,
    pub(super) at_us: u64,
    pub(super) after_us: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct WriteGapsOut {
    pub(super) service_p99_us: u64,
    pub(super) cluster: ScopeOut,
    pub(super) kinds: Vec<ScopeOut>,
    pub(super) warehouses: Vec<GapOut>,
    pub(super) warehouses_left_out: u64,
}

#[derive(Serialize)]
pub(super) struct ScopeOut {
    pub(super) scope: String,
    pub(super) writes_per_s: f64,
    pub(super) spacing_us: u64,
    pub(super) baseline_gap_us: u64,
    pub(super) gaps: Vec<GapOut>,
}

#[derive(Serialize)]
pub(super) struct GapOut {
    pub(super) scope: String,
    pub(super) phase: String,
    pub(super) last_phase: String,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) length_us: u64,
    pub(super) open: bool,
    pub(super) tau_us: u64,
    pub(super) outage_us_min: u64,
    pub(super) outage_us_max: u64,
}

#[derive(Serialize)]
pub(super) struct OutagesOut {
    pub(super) count: u64,
    pub(super) p50_us: QuantileOut,
    pub(super) p99_us: QuantileOut,
    pub(super) max_us: QuantileOut,
    pub(super) lost_us: u64,
}

#[derive(Serialize)]
pub(super) struct ThroughputOut {
    pub(super) start_us: u64,
    pub(super) offered: u64,
    pub(super) completed: u64,
}

#[derive(Serialize)]
pub(super) struct DataOut {
    pub(super) acknowledged: u64,
    pub(super) ambiguous_committed: u64,
    pub(super) ambiguous_absent: u64,
    pub(super) ambiguous_unresolved: u64,
    pub(super) checks: u64,
    pub(super) checks_failed: usize,
    pub(super) checks_not_made: usize,
    pub(super) violations: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
pub(super) struct ToolOut {
    pub(super) samples: u64,
    pub(super) stall_us_max: u64,
    pub(super) stall_at_us: Option<u64>,
    pub(super) queue_len_max: u64,
    pub(super) cpu_us: u64,
    pub(super) wall_step_us: i64,
    pub(super) dispatched: u64,
    pub(super) dispatched_late: u64,
}

/// What the load asked for. Shares and bounds are per cent, but for `lines an order`.
#[derive(Serialize)]
pub(super) struct InputsOut<'a> {
    pub(super) counts: &'a InputCounts,
    pub(super) shares: Vec<ShareOut>,
}

#[derive(Serialize)]
pub(super) struct ShareOut {
    pub(super) share: &'static str,
    pub(super) observed: Option<f64>,
    pub(super) at_least: f64,
    pub(super) at_most: Option<f64>,
    pub(super) draws: u64,
    pub(super) outcome: &'static str,
}

#[derive(Serialize)]
pub(super) struct SessionsOut<'a> {
    pub(super) isolation: &'static str,
    pub(super) style: Option<&'a SessionStyle>,
}

#[derive(Serialize)]
pub(super) struct ControlOut {
    pub(super) zone: String,
    pub(super) control: &'static str,
    pub(super) outcome: &'static str,
    pub(super) detail: String,
}
