//! What Prometheus is served: a table of metrics, each read off a copy of the board.
//!
//! Names and units follow Prometheus' conventions (<https://prometheus.io/docs/practices/naming/>).
//! Every label has few values: kinds, classes and states are closed sets, zones and phases are the
//! run's and limited in number.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::figures::Figures;
use super::objectives::Standing;
use super::tally::{KindTally, PhaseTally};
use crate::event::{ErrorClass, Grade, ProbeKind, TxnKind, ZoneState};

/// A metric that `--listen` serves.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name, `_total` or `_info` included; a histogram's without `_bucket`, `_sum`, `_count`.
    pub name: &'static str,
    /// What kind of metric it is.
    pub kind: MetricType,
    /// What is counted or measured, as `transactions` or `seconds`.
    pub unit: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
    read: fn(&Figures) -> Vec<Sample>,
}

/// One value, with those of the metric's labels.
#[derive(Debug)]
struct Sample {
    labels: Vec<String>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Number(f64),
    Count(u64),
    Response(KindTally),
}

use MetricType::{Counter, Gauge, Histogram, Info};

/// All of them, in the order in which they are served.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "rollproof_run_info",
        kind: Info,
        unit: "",
        labels: &["run", "doing", "version"],
        help: "The run, what is done to the cluster, and the version of rollproof",
        read: |figures| {
            let subject = &figures.view.subject;
            let version = env!("CARGO_PKG_VERSION").to_owned();
            vec![count(vec![subject.run_id.clone(), subject.doing.clone(), version], 1)]
        },
    },
    Metric {
        name: "rollproof_run_seconds",
        kind: Gauge,
        unit: "seconds",
        labels: &[],
        help: "Time since the run's origin, until its end",
        read: |figures| vec![seconds(vec![], figures.view.at.as_us())],
    },
    Metric {
        name: "rollproof_run_over",
        kind: Gauge,
        unit: "0 or 1",
        labels: &[],
        help: "Whether the measuring is over",
        read: |figures| vec![count(vec![], figures.view.over.into())],
    },
    Metric {
        name: "rollproof_phase",
        kind: Gauge,
        unit: "0 or 1",
        labels: &["phase"],
        help: "1 for the phase that is on, 0 for those that were before",
        read: |figures| {
            let now = &figures.view.phase.name;
            let is_on = |phase: &PhaseTally| u64::from(phase.name == *now);
            figures.phases().map(|(label, phase)| count(vec![label], is_on(phase))).collect()
        },
    },
    Metric {
        name: "rollproof_phase_seconds",
        kind: Gauge,
        unit: "seconds",
        labels: &[],
        help: "How long the phase that is on has lasted",
        read: |figures| vec![seconds(vec![], figures.view.at.since_us(figures.view.phase.since))],
    },
    Metric {
        name: "rollproof_offered_per_second",
        kind: Gauge,
        unit: "transactions a second",
        labels: &[],
        help: "Business transactions that fall due a second: the schedule's rate or, in a closed \
               loop, those begun in the last second",
        read: |figures| {
            figures.view.offered_per_s.map(|rate| number(vec![], rate)).into_iter().collect()
        },
    },
    // Of these Prometheus may take rates: they are there, at zero, before anything is counted.
    Metric {
        name: "rollproof_transactions_total",
        kind: Counter,
        unit: "transactions",
        labels: &["transaction", "result"],
        help: "Business transactions that ended",
        read: |figures| {
            let of = |(kind, tally): (TxnKind, KindTally)| ended(&[kind.as_str()], &tally);
            figures.by_kind().flat_map(of).collect()
        },
    },
    Metric {
        name: "rollproof_response_seconds",
        kind: Histogram,
        unit: "seconds",
        labels: &["transaction"],
        help: "Time from when a business transaction was due until it was done, of those that were",
        read: |figures| {
            let sample =
                |(kind, tally): (TxnKind, KindTally)| response(vec![kind.to_string()], tally);
            figures.by_kind().map(sample).collect()
        },
    },
    Metric {
        name: "rollproof_retries_total",
        kind: Counter,
        unit: "attempts",
        labels: &["transaction"],
        help: "Attempts that failed and were repeated",
        read: |figures| {
            let sample =
                |(kind, tally): (TxnKind, KindTally)| count(vec![kind.to_string()], tally.retried);
            figures.by_kind().map(sample).collect()
        },
    },
    Metric {
        name: "rollproof_attempt_errors_total",
        kind: Counter,
        unit: "attempts",
        labels: &["class", "zone"],
        help: "Attempts that met an error, by its class and the zone asked; no zone for those that \
               went through a proxy or nowhere",
        read: |figures| {
            let names = figures.view.subject.zones.iter().cloned().chain([String::new()]);
            let names: Vec<String> = names.collect();
            let classes = ErrorClass::ALL.iter().zip(&figures.errors);
            let samples = classes.flat_map(|(class, track)| {
                let met = names.iter().zip(&track.by_zone);
                met.map(|(zone, met)| count(vec![class.to_string(), zone.clone()], *met))
            });
            samples.collect()
        },
    },
    // Those of a phase begin with it, and some last for less than a scrape: their values are to be
    // looked at, not their rates.
    Metric {
        name: "rollproof_phase_transactions_total",
        kind: Counter,
        unit: "transactions",
        labels: &["transaction", "phase", "result"],
        help: "Business transactions that ended, by the phase in which they were due",
        read: |figures| {
            let of = |(label, kind, tally): (String, TxnKind, &KindTally)| {
                ended(&[kind.as_str(), &label], tally)
            };
            figures.by_phase().flat_map(of).collect()
        },
    },
    Metric {
        name: "rollproof_phase_response_seconds",
        kind: Histogram,
        unit: "seconds",
        labels: &["transaction", "phase"],
        help: "The same time, by the phase in which the transaction was due",
        read: |figures| {
            let sample = |(label, kind, tally): (String, TxnKind, &KindTally)| {
                response(vec![kind.to_string(), label], *tally)
            };
            figures.by_phase().map(sample).collect()
        },
    },
    Metric {
        name: "rollproof_phase_retries_total",
        kind: Counter,
        unit: "attempts",
        labels: &["transaction", "phase"],
        help: "Attempts that failed and were repeated, by the phase in which they were due",
        read: |figures| {
            let sample = |(label, kind, tally): (String, TxnKind, &KindTally)| {
                count(vec![kind.to_string(), label], tally.retried)
            };
            figures.by_phase().map(sample).collect()
        },
    },
    Metric {
        name: "rollproof_write_gap_open_seconds",
        kind: Gauge,
        unit: "seconds",
        labels: &[],
        help: "How long the write gap that is on has lasted; 0 without one",
        read: |figures| vec![seconds(vec![], figures.view.gap.map_or(0, super::Gap::length_us))],
    },
    Metric {
        name: "rollproof_write_gap_max_seconds",
        kind: Gauge,
        unit: "seconds",
        labels: &[],
        help: "The longest write gap so far, the open one included",
        read: |figures| vec![seconds(vec![], figures.view.gap_us_max)],
    },
    Metric {
        name: "rollproof_write_gaps_total",
        kind: Counter,
        unit: "gaps",
        labels: &["phase"],
        help: "Write gaps that have ended, by the phase in which they began",
        read: |figures| {
            figures.phases().map(|(label, phase)| count(vec![label], phase.gaps)).collect()
        },
    },
    Metric {
        name: "rollproof_write_gap_resolution_seconds",
        kind: Gauge,
        unit: "seconds",
        labels: &[],
        help: "No pause between writes up to this is called a gap",
        read: |figures| vec![seconds(vec![], figures.view.tau_us)],
    },
    Metric {
        name: "rollproof_terminals_out",
        kind: Gauge,
        unit: "terminals",
        labels: &[],
        help: "Terminals whose last transaction was not good",
        read: |figures| vec![count(vec![], figures.view.clients_out as u64)],
    },
    Metric {
        name: "rollproof_objective_missed",
        kind: Gauge,
        unit: "0 or 1",
        labels: &["objective", "only_in"],
        help: "Whether an objective is missed so far; absent while nothing can be said",
        read: |figures| {
            let held = figures.view.objectives.iter();
            let judged = held.filter(|held| held.standing != Standing::Open);
            let sample = |held: &super::Held| {
                let only_in = held.only_in.clone().unwrap_or_default();
                count(vec![held.id.to_owned(), only_in], (held.standing == Standing::Missed).into())
            };
            judged.map(sample).collect()
        },
    },
    Metric {
        name: "rollproof_zone_info",
        kind: Info,
        unit: "",
        labels: &["zone", "version"],
        help: "The version a zone's server reports",
        read: |figures| {
            let version = |zone: &super::ZoneNow| {
                let version = zone.status.as_ref()?.version.clone()?;
                Some(count(vec![zone.name.clone(), version], 1))
            };
            figures.view.zones.iter().filter_map(version).collect()
        },
    },
    Metric {
        name: "rollproof_zone_state",
        kind: Gauge,
        unit: "0 or 1",
        labels: &["zone", "state"],
        help: "1 for the state in which a zone was last seen",
        read: |figures| {
            let states = |zone: &super::ZoneNow| {
                let now = zone.status.as_ref().map(|status| status.state);
                let sample = |state: &ZoneState| {
                    count(vec![zone.name.clone(), state.to_string()], (now == Some(*state)).into())
                };
                ZoneState::ALL.iter().map(sample).collect::<Vec<_>>()
            };
            figures.view.zones.iter().flat_map(states).collect()
        },
    },
    Metric {
        name: "rollproof_probes_total",
        kind: Counter,
        unit: "probes",
        labels: &["zone", "probe", "result"],
        help: "Direct probes of a zone, by kind of probe and whether they succeeded",
        read: |figures| {
            let names = figures.view.subject.zones.iter();
            let zones = names.zip(&figures.zones).flat_map(|(name, zone)| {
                let kinds = ProbeKind::ALL.iter().zip(zone.probes);
                kinds.flat_map(move |(kind, probe)| {
                    [("succeeded", probe.succeeded), ("failed", probe.failed)].map(|(result, n)| {
                        count(vec![name.clone(), kind.to_string(), result.to_owned()], n)
                    })
                })
            });
            zones.collect()
        },
    },
    Metric {
        name: "rollproof_load_rows",
        kind: Gauge,
        unit: "rows",
        labels: &[],
        help: "Rows of an initial load that are in the database for certain",
        read: |figures| {
            figures
                .view
                .loading
                .map(|loading| count(vec![], loading.rows_done))
                .into_iter()
                .collect()
        },
    },
    Metric {
        name: "rollproof_load_rows_wanted",
        kind: Gauge,
        unit: "rows",
        labels: &[],
        help: "Rows an initial load is to write",
        read: |figures| {
            figures
                .view
                .loading
                .map(|loading| count(vec![], loading.rows_total))
                .into_iter()
                .collect()
        },
    },
    Metric {
        name: "rollproof_dispatched_total",
        kind: Counter,
        unit: "transactions",
        labels: &[],
        help: "Business transactions that terminals took up",
        read: |figures| vec![count(vec![], figures.own.dispatched)],
    },
    Metric {
        name: "rollproof_dispatched_late_total",
        kind: Counter,
        unit: "transactions",
        labels: &[],
        help: "Of those, taken up more than 10 ms late by a terminal that was idle: rollproof's own \
               fault",
        read: |figures| vec![count(vec![], figures.own.dispatched_late)],
    },
    Metric {
        name: "rollproof_stall_max_seconds",
        kind: Gauge,
        unit: "seconds",
        labels: &[],
        help: "The longest stall of rollproof or its machine so far",
        read: |figures| vec![seconds(vec![], figures.own.stall_us_max)],
    },
    Metric {
        name: "rollproof_queue_events",
        kind: Gauge,
        unit: "events",
        labels: &[],
        help: "Events that waited to be recorded at the last look",
        read: |figures| {
            let waiting = figures.view.own.map(|own| count(vec![], own.queue_len));
            waiting.into_iter().collect()
        },
    },
    Metric {
        name: "rollproof_cpu_seconds_total",
        kind: Counter,
        unit: "seconds",
        labels: &[],
        help: "CPU time that rollproof has used",
        read: |figures| {
            let used = figures.view.own.map(|own| seconds(vec![], own.cpu_us));
            used.into_iter().collect()
        },
    },
];

fn number(labels: Vec<String>, value: f64) -> Sample {
    Sample { labels, value: Value::Number(value) }
}

fn count(labels: Vec<String>, value: u64) -> Sample {
    Sample { labels, value: Value::Count(value) }
}

fn seconds(labels: Vec<String>, us: u64) -> Sample {
    number(labels, us as f64 / 1e6)
}

fn response(labels: Vec<String>, tally: KindTally) -> Sample {
    Sample { labels, value: Value::Response(tally) }
}

/// A sample for each result, which is the last label.
fn ended(labels: &[&str], tally: &KindTally) -> Vec<Sample> {
    let sample = |how: &Grade| {
        let labels = labels.iter().copied().chain([how.as_str()]).map(str::to_owned);
        count(labels.collect(), tally.ended[*how as usize])
    };
    Grade::ALL.iter().map(sample).collect()
}

/// Everything as OpenMetrics text, which Prometheus has read since 2.5.
pub(super) fn exposition(figures: Figures) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(figures));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes everything");
    text
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in METRICS {
            let samples = (metric.read)(self);
            if samples.is_empty() {
                continue;
            }
            // The encoder adds what kind and unit put after the name.
            let suffix = match metric.kind {
                Counter => "_total",
                Info => "_info",
                _ => "",
            };
            let family = metric.name.trim_end_matches(suffix);
            let bare = family.trim_end_matches("_seconds");
            let unit = (bare != family).then_some(Unit::Seconds);
            let mut encoder =
                encoder.encode_descriptor(bare, metric.help, unit.as_ref(), metric.kind)?;
            for sample in &samples {
                sample.encode(metric, &mut encoder)?;
            }
        }
        Ok(())
    }
}

impl Sample {
    fn encode(&self, metric: &Metric, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        let values = self.labels.iter().map(String::as_str);
        let labels: Vec<(&str, &str)> = metric.labels.iter().copied().zip(values).collect();
        match metric.kind {
            Info => encoder.encode_info(&labels),
            kind if labels.is_empty() => self.value.encode(kind, encoder),
            kind => self.value.encode(kind, &mut encoder.encode_family(&labels)?),
        }
    }
}

impl Value {
    fn encode(&self, kind: MetricType, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match (self, kind) {
            (Self::Response(tally), _) => {
                let sum_s = tally.response_us_sum as f64 / 1e6;
                let bounds_s = KindTally::BOUNDS_US.iter().map(|&us| us as f64 / 1e6);
                let bounds_s = bounds_s.chain([f64::INFINITY]);
                let buckets: Vec<(f64, u64)> = bounds_s.zip(tally.buckets).collect();
                let all = tally.buckets.iter().sum();
                encoder.encode_histogram::<NoLabelSet>(sum_s, all, &buckets, None)
            }
            (Self::Count(value), Counter) => {
                encoder.encode_counter::<NoLabelSet, _, f64>(value, None)
            }
            (Self::Number(value), Counter) => {
                encoder.encode_counter::<NoLabelSet, _, f64>(value, None)
            }
            (Self::Count(value), _) => encoder.encode_gauge(value),
            (Self::Number(value), _) => encoder.encode_gauge(value),
        }
    }
}
