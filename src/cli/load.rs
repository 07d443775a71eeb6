//! `rollproof load`

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::Exit;
use super::args::LoadArgs;
use super::interrupt::Interrupt;
use super::notice::Notice;
use crate::cluster::reach;
use crate::scenario::Scenario;
use crate::session::{Login, Password};
use crate::tpcc::load::LoadStage;
use crate::tpcc::{LoadError, LoadProgress, LoadRequest, load};

/// Patience with a server that is not answering; the load itself goes on elsewhere.
const CONNECT: Duration = Duration::from_secs(5);
const STATEMENT: Duration = Duration::from_secs(60);
const WITHOUT_PROGRESS: Duration = Duration::from_secs(120);

/// Where no terminal is, a line this often.
const LINE_EVERY: Duration = Duration::from_secs(3);

pub(super) async fn run(args: LoadArgs, mut out: impl Write) -> anyhow::Result<Exit> {
    let (scenario, password) = args.resolve()?;
    reach(&scenario.cluster, &password).await?;
    let interrupt = Interrupt::listen();
    let shown = Shown::new();
    let request = request(&scenario, &password);
    let result = load(&request, &|progress| shown.tell(progress), interrupt.orderly.clone()).await;
    shown.bar.finish_and_clear();
    let summary = match result {
        Ok(summary) => summary,
        // What the user cannot put right by another command line.
        Err(
            error @ (LoadError::Stopped
            | LoadError::NoProgress { .. }
            | LoadError::Count { .. }
            | LoadError::Inconsistent { .. }),
        ) => {
            Notice.line(&format_args!("rollproof: {error}"));
            return Ok(Exit::INCOMPLETE);
        }
        Err(error) => return Err(error.into()),
    };
    for note in &summary.notes {
        Notice.line(&format_args!("note: {note}"));
    }
    let (rows, seconds) = (summary.rows_written, summary.elapsed.as_secs_f64());
    let warehouses = match summary.marker.warehouses {
        1 => "1 warehouse".to_owned(),
        more => format!("{more} warehouses"),
    };
    let database = &request.database;
    if rows == 0 {
        writeln!(out, "{database} already holds {warehouses}, complete; nothing to do")?;
    } else {
        writeln!(
            out,
            "{database} holds {warehouses}: {} rows written in {seconds:.1} s, counts and \
             consistency conditions checked, {} failures overcome",
            HumanCount(rows),
            summary.failures,
        )?;
        if let Some(bulk) = &summary.bulk {
            writeln!(out, "written by {bulk}; indexes and constraints were kept all the time")?;
        }
    }
    Ok(Exit::DONE)
}

fn request(scenario: &Scenario, password: &Password) -> LoadRequest {
    let cluster = &scenario.cluster;
    LoadRequest {
        logins: cluster.zones.iter().map(|z| Login::to_zone(cluster, z, password)).collect(),
        product: cluster.product,
        database: cluster.database.clone(),
        warehouses: scenario.workload.warehouses,
        seed: scenario.workload.seed,
        workers: scenario.workload.load_workers,
        beside_others: false,
        load_data: true,
        connect_deadline: CONNECT,
        statement_deadline: STATEMENT,
        patience: WITHOUT_PROGRESS,
    }
}

/// A bar on a terminal, a line every few seconds elsewhere.
struct Shown {
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
    fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = "{msg:9} {bar:30} {human_pos} / {human_len} rows  {per_sec}  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
        let now = Instant::now();
        let plain = Plain { began: now, last: now, stage: None, found: None };
        Self { bar, plain: (!terminal).then(|| Mutex::new(plain)) }
    }

    fn tell(&self, progress: LoadProgress) {
        self.bar.set_message(word(progress.stage));
        self.bar.set_length(progress.rows_total);
        self.bar.set_position(progress.rows_done);
        if let Some(plain) = &self.plain {
            let mut plain = plain.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(line) = plain.line(progress) {
                Notice.line(&line);
            }
        }
    }
}

impl Plain {
    /// A line when the stage changes and every few seconds.
    fn line(&mut self, progress: LoadProgress) -> Option<String> {
        let changed = self.stage.replace(progress.stage) != Some(progress.stage);
        if changed && progress.stage == LoadStage::Writing {
            self.found = Some(progress.rows_done);
        }
        if !changed && self.last.elapsed() < LINE_EVERY {
            return None;
        }
        self.last = Instant::now();
        let LoadProgress { stage, rows_done, rows_total, failures } = progress;
        let written = rows_done - self.found.unwrap_or(rows_done).min(rows_done);
        let rate = written as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left = (rows_total - rows_done.min(rows_total)) as f64 / rate.max(1.0);
        let left = match written {
            0 => String::new(),
            _ => format!(", {} left", HumanDuration(Duration::from_secs_f64(left))),
        };
        Some(format!(
            "{:9} {} of {} rows, {} rows/s{left}, {failures} failures",
            word(stage),
            HumanCount(rows_done),
            HumanCount(rows_total),
            HumanCount(rate as u64),
        ))
    }
}

fn word(stage: LoadStage) -> &'static str {
    match stage {
        LoadStage::Preparing => "preparing",
        LoadStage::Writing => "loading",
        LoadStage::Checking => "checking",
    }
}
