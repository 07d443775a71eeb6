//! `latency.hlog`: the response times of successes as a standard HdrHistogram interval log.

use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::analysis::{Analysis, words};
use crate::event::RunTime;

/// Maxima are written in ms, as the format's other writers do; the histograms hold µs.
const US_PER_MS: f64 = 1000.0;

/// One interval a phase and transaction, tagged `phase:transaction`, in the order of phases.
pub(super) fn render(analysis: &Analysis) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let origin = analysis.run.origin_wall;
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment(&format!("[rollproof run {}]", analysis.run.run_id))
        .add_comment("[response times of successful transactions in µs; maxima in ms]")
        .add_comment(&format!("[origin {}]", words::rfc3339(origin, RunTime::ZERO)))
        .with_start_time(origin.into())
        .with_base_time(origin.into())
        .with_max_value_divisor(US_PER_MS)
        .begin_log_with(&mut bytes, &mut serializer)
        .expect("memory can be written");
    for phase in &analysis.phases {
        for (kind, tally) in phase.by_kind(analysis.run.work) {
            let finished = tally.response.finished();
            if finished.is_empty() {
                continue;
            }
            let tag = format!("{}:{kind}", phase.label);
            let start = Duration::from_micros(phase.phase.start.0);
            let length = Duration::from_micros(phase.phase.length_us());
            log.write_histogram(finished, start, length, Tag::new(&tag))
                .expect("memory can be written and a histogram serialised");
        }
    }
    bytes
}
