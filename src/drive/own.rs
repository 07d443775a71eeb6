//! The tool watches itself: a heartbeat that would feel any stall of the machine or the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;

use crate::clock::{Drift, RunClock};
use crate::collect::EventSender;
use crate::event::{Event, RunTime, SelfSample};

/// Distance of two heartbeats.
const HEARTBEAT: Duration = Duration::from_millis(5);

/// Distance of two samples.
const SAMPLE_US: u64 = 1_000_000;

/// A stall of this length, in µs, is a sample of its own: one within a write gap must not be hidden
/// by a longer one beside it.
const TOLD_AT_ONCE_US: u64 = 50_000;

/// An arrival dispatched later than this to an idle terminal is the tool's own fault.
const LATE_US: u64 = 10_000;

/// Counts arrivals as terminals take them up.
#[derive(Debug, Default)]
pub(super) struct Dispatch {
    dispatched: AtomicU64,
    late: AtomicU64,
}

impl Dispatch {
    /// An arrival was taken up `late_us` after its time by a terminal that was idle at that time;
    /// 0 for one that was busy.
    pub(super) fn note(&self, late_us: u64) {
        self.dispatched.fetch_add(1, Ordering::Relaxed);
        if late_us > LATE_US {
            self.late.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// CPU time this process has used, in µs.
pub(super) fn cpu_us() -> u64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let us = used.tv_sec.saturating_mul(1_000_000).saturating_add(used.tv_nsec / 1_000);
    u64::try_from(us).unwrap_or(0)
}

/// The running heartbeat.
pub(super) struct SelfWatch {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl SelfWatch {
    /// Starts the heartbeat, on a thread of its own: it must not queue behind the work it watches.
    /// Call it inside the runtime.
    pub(super) fn start(clock: RunClock, dispatch: Arc<Dispatch>, events: EventSender) -> Self {
        let (stop, stopped) = channel();
        let runtime = Handle::current();
        let thread = std::thread::spawn(move || {
            let mut watch = Watch::new(clock.now(), &dispatch);
            let mut due = Instant::now() + HEARTBEAT;
            loop {
                let wait = due.saturating_duration_since(Instant::now());
                let over = stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout);
                let stall = Instant::now().saturating_duration_since(due);
                let beat = Beat { now: clock.now(), stall, over };
                let sample = watch.beat(beat, || Machine {
                    queued: events.queued(),
                    cpu_us: cpu_us(),
                    drift: clock.drift(),
                });
                // Whatever holds this thread up from here on makes the next heartbeat late. A full
                // queue does, as it does every sender: that is a stall like any other.
                due = (due + HEARTBEAT).max(Instant::now());
                match sample {
                    Some(sample) => runtime.block_on(events.send(Event::Own(sample))),
                    None => runtime.block_on(events.room()),
                }
                if over {
                    return;
                }
            }
        });
        Self { stop, thread }
    }

    /// Sends the last sample and ends.
    pub(super) async fn stop(self) {
        drop(self.stop);
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        joined.expect("joining is not cancelled").expect("the heartbeat does not panic");
    }
}

/// One heartbeat.
struct Beat {
    now: RunTime,
    /// How much later it came than it was due.
    stall: Duration,
    /// It is the last.
    over: bool,
}

/// The machine as a sample finds it.
struct Machine {
    queued: usize,
    cpu_us: u64,
    drift: Drift,
}

/// What the heartbeat has seen since the last sample.
struct Watch<'a> {
    dispatch: &'a Dispatch,
    sampled_at: RunTime,
    stall_us_max: u64,
    stall_at: RunTime,
    dispatched: u64,
    late: u64,
}

impl<'a> Watch<'a> {
    fn new(sampled_at: RunTime, dispatch: &'a Dispatch) -> Self {
        Self { dispatch, sampled_at, stall_us_max: 0, stall_at: sampled_at, dispatched: 0, late: 0 }
    }

    /// Takes in a heartbeat; gives a sample once a second, after a stall, and at the end.
    fn beat(&mut self, beat: Beat, machine: impl FnOnce() -> Machine) -> Option<SelfSample> {
        let Beat { now, stall, over } = beat;
        let stall_us = RunTime::from_duration(stall).as_us();
        if stall_us >= self.stall_us_max {
            self.stall_us_max = stall_us;
            self.stall_at = RunTime(now.as_us().saturating_sub(stall_us));
        }
        let is_due = over || stall_us >= TOLD_AT_ONCE_US;
        if !is_due && now.since_us(self.sampled_at) < SAMPLE_US {
            return None;
        }
        let Machine { queued, cpu_us, drift } = machine();
        let dispatched = self.dispatch.dispatched.load(Ordering::Relaxed);
        let late = self.dispatch.late.load(Ordering::Relaxed);
        let sample = SelfSample {
            at: now,
            stall_us_max: self.stall_us_max,
            stall_at: self.stall_at,
            queue_len: queued as u64,
            cpu_us,
            wall_step_us: drift.wall_us,
            boot_step_us: drift.boot_us,
            dispatched: dispatched - self.dispatched,
            dispatched_late: late.saturating_sub(self.late),
        };
        (self.sampled_at, self.stall_us_max, self.stall_at) = (now, 0, now);
        (self.dispatched, self.late) = (dispatched, late);
        Some(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of heartbeats, one of which came late, on a machine whose clocks moved so far.
    fn second(
        watch: &mut Watch<'_>,
        from_ms: u64,
        late: Option<(u64, u64)>,
        drift: Drift,
    ) -> SelfSample {
        let samples = (1..=200).filter_map(|beat| {
            let due_ms = from_ms + beat * 5;
            let late_ms = late.filter(|(at, _)| *at == due_ms).map_or(0, |(_, ms)| ms);
            let now = RunTime((due_ms + late_ms) * 1_000);
            let beat = Beat { now, stall: Duration::from_millis(late_ms), over: false };
            watch.beat(beat, || Machine { queued: 7, cpu_us: 9, drift })
        });
        samples.last().expect("a second has passed")
    }

    #[test]
    fn a_stall_is_dated_at_the_heartbeat_that_was_due() {
        let dispatch = Dispatch::default();
        let mut watch = Watch::new(RunTime::ZERO, &dispatch);
        dispatch.note(0);
        dispatch.note(LATE_US + 1);
        let first = second(&mut watch, 0, Some((400, 30)), Drift::default());
        assert_eq!((first.stall_at, first.stall_us_max), (RunTime(400_000), 30_000));
        assert_eq!((first.dispatched, first.dispatched_late, first.queue_len), (2, 1, 7));
        let next = second(&mut watch, 1_000, None, Drift::default());
        assert_eq!((next.stall_us_max, next.dispatched), (0, 0), "each sample begins anew");
    }

    #[test]
    fn no_long_stall_is_hidden_by_a_longer_one() {
        let dispatch = Dispatch::default();
        let mut watch = Watch::new(RunTime::ZERO, &dispatch);
        let beat = |at_ms: u64, stall_ms| Beat {
            now: RunTime(at_ms * 1_000),
            stall: Duration::from_millis(stall_ms),
            over: false,
        };
        let machine = || Machine { queued: 0, cpu_us: 0, drift: Drift::default() };
        let beats = [(105, 4), (410, 300), (415, 0), (620, 200), (800, 49), (1_620, 0)];
        let told = beats.iter().filter_map(|&(at, stall)| watch.beat(beat(at, stall), machine));
        let told: Vec<_> = told.map(|sample| (sample.stall_at.0, sample.stall_us_max)).collect();
        assert_eq!(told, [(110_000, 300_000), (420_000, 200_000), (751_000, 49_000)]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_full_queue_is_a_stall() {
        let clock = RunClock::start();
        let (events, mut queue) = EventSender::channel(1);
        let full = Event::Own(second(
            &mut Watch::new(RunTime::ZERO, &Dispatch::default()),
            0,
            None,
            Drift::default(),
        ));
        events.send(full).await;
        let watch = SelfWatch::start(clock, Arc::default(), events);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = queue.recv().await;
        let stopped = tokio::spawn(watch.stop());
        let mut longest_us = 0;
        while let Some(event) = queue.recv().await {
            let Event::Own(sample) = event else { panic!("only the watch sends") };
            longest_us = longest_us.max(sample.stall_us_max);
        }
        stopped.await.unwrap();
        assert!(longest_us >= 200_000, "{longest_us} µs");
    }

    #[test]
    fn a_clock_that_steps_is_on_record_with_its_sign() {
        let dispatch = Dispatch::default();
        let mut watch = Watch::new(RunTime::ZERO, &dispatch);
        let set_back = Drift { wall_us: -2_000_000, boot_us: 0 };
        let slept = Drift { wall_us: 5_000_000, boot_us: 7_000_000 };
        let steps = [Drift::default(), set_back, slept].map(|drift| {
            let sample = second(&mut watch, 0, None, drift);
            watch.sampled_at = RunTime::ZERO;
            (sample.wall_step_us, sample.boot_step_us)
        });
        assert_eq!(steps, [(0, 0), (-2_000_000, 0), (5_000_000, 7_000_000)]);
    }
}
