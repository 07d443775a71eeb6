//! `rollproof load`

use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use super::args::set;
use super::cluster_args::ClusterArgs;
use super::drive_args::WorkloadArgs;
use super::interrupt::Interrupt;
use super::notice::Notice;
use super::output_args::OutputArgs;
use super::recorded::{record, request};
use super::show::Progress;
use super::upgrade_args::UpgradeArgs;
use super::{Exit, help};
use crate::cluster::reach;
use crate::record::Work;
use crate::run::RunError;
use crate::scenario::{Load, Scenario, Span, Timetable, Zone};
use crate::session::Password;
use crate::tpcc::load::LoadStage;
use crate::tpcc::{EndpointState, LoadProgress, LoadRequest, load};
use crate::words::count;

/// Where no terminal is, a line this often.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// How long a load goes on undisturbed before its zones are upgraded.
const BASELINE: Span = Span::secs(5);

/// `rollproof load`
#[derive(Debug, Args)]
#[command(after_help = help::LOAD)]
pub(super) struct LoadArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    workload: WorkloadArgs,
    /// Parallel workers [default: 4]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Workload")]
    workers: Option<u32>,
    /// Write at most this many rows a second, so that the load lasts as long as an upgrade
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Workload")]
    rows_per_second: Option<u32>,
    /// How long to load undisturbed before the upgrade begins [default: 5s]
    #[arg(long, value_name = "TIME", help_heading = "Upgrade")]
    baseline: Option<Span>,
    #[command(flatten)]
    upgrade: UpgradeArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl LoadArgs {
    /// Whether a record of the load is to be kept.
    fn is_recorded(&self) -> bool {
        let OutputArgs { results, run_id, listen, .. } = &self.output;
        self.upgrade.is_any() || results.is_some() || run_id.is_some() || listen.is_some()
    }

    /// The validated scenario and the password. What a scenario says of a run's transactions and
    /// timetable does not hold for a load.
    fn scenario(&mut self) -> anyhow::Result<(Scenario, Password)> {
        let (mut scenario, password) = std::mem::take(&mut self.cluster).scenario()?;
        self.workload.apply(&mut scenario);
        let workload = &mut scenario.workload;
        set(&mut workload.load_workers, self.workers);
        workload.load_rows_per_s = self.rows_per_second.or(workload.load_rows_per_s);
        scenario.load = Load::of_loader(workload.load_workers);
        let none = Span::secs(0);
        scenario.phases = Timetable {
            warm_up: none,
            baseline: self.baseline.unwrap_or(BASELINE),
            duration: none,
            settle: none,
            final_: none,
        };
        Ok((scenario.validate()?, password))
    }
}

pub(super) async fn run(mut args: LoadArgs, mut out: impl Write) -> anyhow::Result<Exit> {
    let (scenario, password) = args.scenario()?;
    args.upgrade.check()?;
    if args.baseline.is_some() && !args.upgrade.is_any() {
        bail!(
            "--baseline says how long to load before an upgrade, and there is none: give --upgrade \
             or --upgrade-cmd, or leave it out"
        );
    }
    if !args.is_recorded() {
        let shown = Shown::of(args.output.progress, args.output.quiet, &scenario.cluster.zones)?;
        let away = reach(&scenario.cluster, &password).await?;
        for line in away.lines() {
            Notice.line(&format_args!("the load goes on without {}", line.trim_start()));
        }
        return load_alone(&LoadRequest::of(&scenario, &password), shown, out).await;
    }
    let request = request(Work::Load, scenario, password, &args.upgrade, &args.output)?;
    // Lines, where there is no dashboard: what happens to the cluster comes as lines as well.
    let shown = Shown::lines(&request.scenario.cluster.zones);
    let upgrades = request.upgrade.is_some();
    let told = move |progress| shown.tell(progress);
    let recorded = record(request, &args.output, told, &mut out).await;
    match recorded.as_ref().map_err(|error| error.downcast_ref()) {
        Err(Some(RunError::AlreadyLoaded { database, warehouses })) if !upgrades => {
            nothing_to_do(out, database, *warehouses)
        }
        _ => recorded,
    }
}

fn nothing_to_do(mut out: impl Write, database: &str, warehouses: u32) -> anyhow::Result<Exit> {
    let warehouses = counted(warehouses);
    writeln!(out, "{database} already holds {warehouses}, complete; nothing to do")?;
    Ok(Exit::DONE)
}

fn counted(warehouses: u32) -> String {
    match warehouses {
        1 => "1 warehouse".to_owned(),
        more => format!("{more} warehouses"),
    }
}

/// The load and nothing else: no record, no checks but the loader's own.
async fn load_alone(
    request: &LoadRequest,
    shown: Shown,
    mut out: impl Write,
) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen();
    let result = load(request, &|progress| shown.tell(progress), interrupt.orderly.clone()).await;
    shown.bar.finish_and_clear();
    let summary = match result {
        Ok(summary) => summary,
        // What the user cannot put right by another command line.
        Err(error) if error.is_incomplete() || error.is_wrong_data() => {
            Notice.line(&format_args!("rollproof: {error}"));
            return Ok(if error.is_wrong_data() { Exit::WRONG_DATA } else { Exit::INCOMPLETE });
        }
        Err(error) => return Err(error.into()),
    };
    for note in &summary.notes {
        Notice.line(&format_args!("note: {note}"));
    }
    let rows = summary.rows_written;
    let (all_s, writing_s) = (summary.elapsed.as_secs_f64(), summary.writing.as_secs_f64());
    let warehouses = counted(summary.marker.warehouses);
    let database = &request.database;
    if rows == 0 {
        return nothing_to_do(out, database, summary.marker.warehouses);
    }
    writeln!(
        out,
        "{database} holds {warehouses}: {} rows written in {writing_s:.1} s, counts and \
         consistency conditions checked in {:.1} s, {} failures overcome",
        count(rows),
        all_s - writing_s,
        summary.failures,
    )?;
    if let Some(bulk) = &summary.bulk {
        writeln!(out, "written by {bulk}; no check of the server was turned off for it")?;
    }
    Ok(Exit::DONE)
}

/// A bar on a terminal, a line every few seconds elsewhere.
struct Shown {
    zones: Vec<String>,
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
}

struct Plain {
    began: Instant,
    last: Instant,
    stage: Option<LoadStage>,
    /// Rows that were there when this load began.
    found: Option<u64>,
}

impl Shown {
    /// For a load without a record, which has no dashboard.
    fn of(asked: Option<Progress>, quiet: bool, zones: &[Zone]) -> anyhow::Result<Self> {
        match asked {
            _ if quiet => Ok(Self { plain: None, ..Self::lines(zones) }),
            Some(Progress::None) => Ok(Self { plain: None, ..Self::lines(zones) }),
            Some(Progress::Lines) => Ok(Self::lines(zones)),
            Some(Progress::Dashboard) => bail!(
                "--progress dashboard shows a record as it is made, and this load makes none: add \
                 --results, or take --progress lines"
            ),
            None => Ok(Self::on(std::io::stderr().is_terminal(), zones)),
        }
    }

    fn lines(zones: &[Zone]) -> Self {
        Self::on(false, zones)
    }

    fn on(terminal: bool, zones: &[Zone]) -> Self {
        let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
        // No wider than 80 columns: a bar that wraps draws itself again and again.
        let template = "{msg:9} {bar:20} {done} of {all} rows  {rate}/s  {eta} left{prefix}";
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        let key = |of: fn(&ProgressState) -> u64| {
            move |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = out.write_str(&count(of(state)));
            }
        };
        let style = style.with_key("done", key(ProgressState::pos));
        let style = style.with_key("all", key(|state| state.len().unwrap_or_default()));
        bar.set_style(style.with_key("rate", key(|state| state.per_sec() as u64)));
        let now = Instant::now();
        let plain = Plain { began: now, last: now, stage: None, found: None };
        let zones = zones.iter().map(|zone| zone.name.clone()).collect();
        Self { zones, bar, plain: (!terminal).then(|| Mutex::new(plain)) }
    }

    fn tell(&self, progress: LoadProgress) {
        let zones = zone_states(&self.zones, &progress.endpoints);
        self.bar.set_message(word(progress.stage));
        self.bar.set_prefix(zones.replacen("; ", "\n", 1));
        self.bar.set_length(progress.rows_total);
        self.bar.set_position(progress.rows_done);
        if let Some(plain) = &self.plain {
            let mut plain = plain.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(line) = plain.line(&progress, &zones) {
                Notice.line(&line);
            }
        }
    }
}

impl Plain {
    /// A line when the stage changes and every few seconds.
    fn line(&mut self, progress: &LoadProgress, zones: &str) -> Option<String> {
        // Until there is a stage to be in, there is nothing to tell: the load may yet be refused.
        let changed = self.stage.replace(progress.stage) != Some(progress.stage)
            && progress.stage != LoadStage::Preparing;
        if changed && progress.stage == LoadStage::Writing {
            self.found = Some(progress.rows_done);
        }
        if !changed && self.last.elapsed() < LINE_EVERY {
            return None;
        }
        self.last = Instant::now();
        let LoadProgress { stage, rows_done, rows_total, failures, .. } = *progress;
        let written = rows_done - self.found.unwrap_or(rows_done).min(rows_done);
        let rate = written as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left = (rows_total - rows_done.min(rows_total)) as f64 / rate.max(1.0);
        let left = match written {
            0 => String::new(),
            _ => format!(", {} left", HumanDuration(Duration::from_secs_f64(left))),
        };
        Some(format!(
            "{:9} {} of {} rows, {} rows/s{left}, {failures} failures{zones}",
            word(stage),
            count(rows_done),
            count(rows_total),
            count(rate as u64),
        ))
    }
}

/// What a line ends with: `; zone1 serving, zone2 away for 3 s, zone3 not used yet`. Nothing for a
/// single zone that serves, which the rows tell already.
fn zone_states(zones: &[String], states: &[EndpointState]) -> String {
    if let [] | [EndpointState::Unused | EndpointState::Serving] = states {
        return String::new();
    }
    let state = |(zone, state): (&String, &EndpointState)| match state {
        EndpointState::Unused => format!("{zone} not used yet"),
        EndpointState::Serving => format!("{zone} serving"),
        EndpointState::Away(time) => format!("{zone} away for {} s", time.as_secs()),
    };
    let all: Vec<_> = zones.iter().zip(states).map(state).collect();
    format!("; {}", all.join(", "))
}

pub(super) fn word(stage: LoadStage) -> &'static str {
    match stage {
        LoadStage::Preparing => "preparing",
        LoadStage::Writing => "loading",
        LoadStage::Checking => "checking",
        LoadStage::Settling => "settling",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_how_each_zone_does() {
        let zones: Vec<_> = ["z1", "z2", "z3"].map(str::to_owned).into();
        let away = EndpointState::Away(Duration::from_millis(3_900));
        let states = [EndpointState::Serving, away, EndpointState::Unused];
        let line = zone_states(&zones, &states);
        assert_eq!(line, "; z1 serving, z2 away for 3 s, z3 not used yet");
        assert_eq!(zone_states(&zones[..1], &states[..1]), "");
        assert_eq!(zone_states(&zones[..1], &[away]), "; z1 away for 3 s");
    }
}
