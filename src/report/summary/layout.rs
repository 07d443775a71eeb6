//! The layout of `summary.json`: names are stable and carry their units. Times are µs since the
//! run's origin unless named otherwise.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::analysis::{ControlKind, ControlOutcome, Quantile, Role, ShareOutcome, StepOutcome};
use crate::event::{ErrorClass, InputCounts, Source};
use crate::record::{BaselineFigures, Capacity, Finding, SessionStyle};
use crate::report::comparison::PartOut;
use crate::verdict::{Figure, Limit, Status, VerdictKind};

/// The figures of one run of rollproof. Times are µs since the run's origin unless named otherwise;
/// names are stable, and more may come.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Summary")]
pub(super) struct Summary<'a> {
    pub(super) format: u32,
    pub(super) run_id: &'a str,
    pub(super) tool_version: &'a str,
    pub(super) origin_utc: String,
    pub(super) end_us: u64,
    pub(super) ended_early: Option<&'a str>,
    pub(super) drivers: usize,
    pub(super) target_version: Option<&'a str>,
    #[schemars(with = "VerdictKind")]
    pub(super) verdict: &'static str,
    pub(super) exit_code: u8,
    pub(super) sentence: &'a str,
    /// There only where the initial load was recorded, and not a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) load: Option<LoadOut<'a>>,
    pub(super) reasons: Vec<ReasonOut<'a>>,
    pub(super) objectives: Vec<ObjectiveOut<'a>>,
    pub(super) total: TallyOut,
    pub(super) upgrade: TallyOut,
    pub(super) phases: Vec<PhaseOut<'a>>,
    pub(super) steps: Vec<StepOut<'a>>,
    pub(super) zones: Vec<ZoneOut>,
    pub(super) write_gaps: WriteGapsOut,
    pub(super) client_outages: OutagesOut,
    pub(super) brownouts: Option<BrownoutsOut>,
    pub(super) error_budget_used: Option<f64>,
    pub(super) throughput_10s: Vec<ThroughputOut>,
    pub(super) data: Option<DataOut<'a>>,
    pub(super) data_during_run: DuringOut,
    pub(super) tool: ToolOut,
    pub(super) inputs: Option<InputsOut<'a>>,
    /// The phase `final` against the baseline, as `rollproof compare` tells it of a run alone; there
    /// only where an upgrade was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before_after: Option<PartOut<'a>>,
    pub(super) held_against: Option<&'a BaselineFigures>,
    pub(super) baseline_of: Option<&'a str>,
    pub(super) capacity: Option<&'a Capacity>,
    pub(super) sessions: SessionsOut<'a>,
    pub(super) controls: Vec<ControlOut>,
    /// There only where something endangered the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<WarningOut>,
    /// There only where leaders were seen to move.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) leaders: Vec<LeadersOut<'a>>,
    pub(super) record_problems: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct WarningOut {
    pub(super) at_us: u64,
    pub(super) kind: &'static str,
    pub(super) zone: Option<String>,
    pub(super) detail: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LeadersOut<'a> {
    pub(super) at_us: u64,
    pub(super) uncertainty_us: u64,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) moved: u32,
    pub(super) detail: &'a str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LoadOut<'a> {
    #[schemars(with = "StepOutcome")]
    pub(super) outcome: &'static str,
    pub(super) detail: &'a str,
    pub(super) last_write_us: u64,
    pub(super) upgrade_share: Option<f64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ReasonOut<'a> {
    #[schemars(with = "VerdictKind")]
    pub(super) kind: &'static str,
    pub(super) text: &'a str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ObjectiveOut<'a> {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) only_in: Option<&'a str>,
    #[schemars(with = "Status")]
    pub(super) status: &'static str,
    pub(super) limit: Limit,
    pub(super) measured: Option<Figure>,
    pub(super) note: &'a str,
    pub(super) evidence: Option<EvidenceOut<'a>>,
}

#[derive(Serialize, JsonSchema)]
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

impl JsonSchema for QuantileOut {
    fn schema_name() -> Cow<'static, str> {
        "Quantile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of µs, null without data, \"never\" among transactions that never succeeded.",
            "oneOf": [{ "type": ["integer", "null"], "minimum": 0 }, { "const": "never" }],
        })
    }
}

impl Serialize for QuantileOut {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Quantile::NoData => to.serialize_none(),
            Quantile::Us(us) => to.serialize_u64(us),
            Quantile::Never => to.serialize_str("never"),
        }
    }
}

#[derive(Serialize, JsonSchema)]
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

#[derive(Serialize, JsonSchema)]
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

#[derive(Serialize, JsonSchema)]
pub(super) struct LookedUpOut {
    pub(super) committed: u64,
    pub(super) absent: u64,
    pub(super) open: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct PhaseOut<'a> {
    pub(super) phase: &'a str,
    #[schemars(with = "Role")]
    pub(super) role: &'static str,
    #[schemars(with = "Source")]
    pub(super) source: &'static str,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) uncertainty_us: u64,
    pub(super) step_failed: bool,
    pub(super) errors: u64,
    pub(super) write_gap_tau_us: u64,
    pub(super) write_gap_max_us: Option<u64>,
    pub(super) client_outages: OutagesOut,
    pub(super) brownout_us: Option<u64>,
    pub(super) error_budget_used: Option<f64>,
    pub(super) unreachable_us_by_zone: BTreeMap<String, u64>,
    pub(super) attempts_by_zone: BTreeMap<String, u64>,
    /// There only where a commit's fate was unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ambiguous_looked_up: Option<LookedUpOut>,
    pub(super) total: TallyOut,
    pub(super) kinds: BTreeMap<&'static str, TallyOut>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct StepOut<'a> {
    pub(super) step: &'a str,
    pub(super) zone: Option<String>,
    #[schemars(with = "Source")]
    pub(super) source: &'static str,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    #[schemars(with = "StepOutcome")]
    pub(super) outcome: &'static str,
    pub(super) detail: &'a str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ZoneOut {
    pub(super) zone: String,
    pub(super) first_version: Option<String>,
    pub(super) last_version: Option<String>,
    pub(super) unreachable_us: u64,
    pub(super) unreachable_out_of_turn_us: u64,
    pub(super) unreachable: Vec<DowntimeOut>,
    pub(super) probes: BTreeMap<&'static str, ProbesOut>,
    pub(super) brownout_us: Option<u64>,
    pub(super) returns: Vec<ReturnOut>,
    pub(super) first_successes: Vec<FirstSuccessOut>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ProbesOut {
    pub(super) probes: u64,
    pub(super) failed: u64,
    pub(super) unreachable_us: u64,
    pub(super) times: usize,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct DowntimeOut {
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) open: bool,
    #[schemars(with = "ErrorClass")]
    pub(super) first_class: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ReturnOut {
    pub(super) at_us: u64,
    pub(super) calm_after_us: Option<u64>,
    pub(super) watched_us: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct FirstSuccessOut {
    pub(super) step: String,
    pub(super) at_us: u64,
    pub(super) after_us: Option<u64>,
    /// Of each terminal that was on the zone.
    pub(super) terminals: SpreadOut,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct SpreadOut {
    pub(super) count: u64,
    pub(super) never: u64,
    pub(super) p50_us: QuantileOut,
    pub(super) p99_us: QuantileOut,
    pub(super) max_us: QuantileOut,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct BrownoutsOut {
    pub(super) slow_us: u64,
    pub(super) expected_share: f64,
    pub(super) seconds_judged: u64,
    pub(super) seconds_blind: u64,
    pub(super) seconds_in_gaps: u64,
    pub(super) brownouts: Vec<BrownoutOut>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct BrownoutOut {
    pub(super) phase: String,
    pub(super) zone: Option<String>,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    pub(super) open: bool,
    pub(super) length_us: u64,
    pub(super) transactions: u64,
    pub(super) slow: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct WriteGapsOut {
    pub(super) service_p99_us: u64,
    pub(super) cluster: ScopeOut,
    pub(super) kinds: Vec<ScopeOut>,
    pub(super) warehouses: Vec<GapOut>,
    pub(super) warehouses_left_out: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ScopeOut {
    pub(super) scope: String,
    pub(super) writes_per_s: f64,
    pub(super) spacing_us: u64,
    pub(super) baseline_gap_us: u64,
    pub(super) gaps: Vec<GapOut>,
}

#[derive(Serialize, JsonSchema)]
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

#[derive(Serialize, JsonSchema)]
pub(super) struct OutagesOut {
    pub(super) count: u64,
    pub(super) p50_us: QuantileOut,
    pub(super) p99_us: QuantileOut,
    pub(super) max_us: QuantileOut,
    pub(super) lost_us: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ThroughputOut {
    pub(super) start_us: u64,
    pub(super) offered: u64,
    pub(super) completed: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct DataOut<'a> {
    /// Whether the data was audited after the run.
    pub(super) audited: bool,
    pub(super) acknowledged: u64,
    pub(super) ambiguous_committed: u64,
    pub(super) ambiguous_absent: u64,
    pub(super) ambiguous_unresolved: u64,
    pub(super) checks: u64,
    pub(super) checks_failed: usize,
    pub(super) checks_not_made: usize,
    pub(super) violations: BTreeMap<&'static str, u64>,
    /// Every check that does not hold, zone by zone, with its first differences.
    pub(super) failures: Vec<FailureOut<'a>>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct FailureOut<'a> {
    pub(super) zone: String,
    pub(super) check: &'a str,
    pub(super) title: &'a str,
    pub(super) differences: u64,
    pub(super) detail: &'a str,
    pub(super) first: &'a [Finding],
}

/// What was looked at while the load went on.
#[derive(Serialize, JsonSchema)]
pub(super) struct DuringOut {
    pub(super) snapshots: u64,
    pub(super) snapshots_broken: u64,
    pub(super) snapshots_not_answered: u64,
    pub(super) order_numbers_seen: u64,
    pub(super) seen_after_move: u64,
    pub(super) behind_after_move: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ToolOut {
    pub(super) samples: u64,
    pub(super) stall_us_max: u64,
    pub(super) stall_at_us: Option<u64>,
    pub(super) queue_len_max: u64,
    pub(super) cpu_us: u64,
    pub(super) wall_step_us: i64,
    pub(super) clock_steps: Vec<ClockStepOut>,
    pub(super) dispatched: u64,
    pub(super) dispatched_late: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ClockStepOut {
    pub(super) at_us: u64,
    pub(super) wall_us: i64,
    pub(super) slept_us: i64,
}

/// What the load asked for. Shares and bounds are per cent, but for `lines an order`.
#[derive(Serialize, JsonSchema)]
pub(super) struct InputsOut<'a> {
    pub(super) counts: &'a InputCounts,
    pub(super) shares: Vec<ShareOut>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ShareOut {
    pub(super) share: &'static str,
    pub(super) observed: Option<f64>,
    pub(super) at_least: f64,
    pub(super) at_most: Option<f64>,
    pub(super) draws: u64,
    #[schemars(with = "ShareOutcome")]
    pub(super) outcome: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct SessionsOut<'a> {
    pub(super) isolation: &'static str,
    pub(super) style: Option<&'a SessionStyle>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ControlOut {
    pub(super) zone: String,
    #[schemars(with = "ControlKind")]
    pub(super) control: &'static str,
    #[schemars(with = "ControlOutcome")]
    pub(super) outcome: &'static str,
    pub(super) detail: String,
}
