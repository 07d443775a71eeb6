//! `rollproof compare`

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::args::one_of;
use super::stale::set_aside;
use super::{Exit, help};
use crate::compare::{Comparison, Part, Rules, Tolerance, compare};
use crate::record::{Record, RecordError};
use crate::report::{self, COMPARISON_FILES};
use crate::scenario::Span;

/// `rollproof compare`
#[derive(Debug, Args)]
#[command(after_help = help::COMPARE)]
pub(super) struct CompareArgs {
    /// The run that is held against; given alone, its time before the upgrade with that after it
    #[arg(value_name = "BASE", required_unless_present = "runs", conflicts_with = "runs")]
    base: Option<PathBuf>,
    /// The run that is compared with it
    #[arg(value_name = "CANDIDATE", conflicts_with = "runs")]
    candidate: Option<PathBuf>,
    /// Several runs of the base; at least four a side, and best by turns with those of the candidate
    #[arg(long, value_name = "RUN", num_args = 1.., requires = "against")]
    runs: Vec<PathBuf>,
    /// Several runs of the candidate
    #[arg(long, value_name = "RUN", num_args = 1.., requires = "runs")]
    against: Vec<PathBuf>,
    /// Parts that decide: steady (nothing is done to the cluster), upgrade, after (the phase final)
    /// [default: steady; upgrade is told beside it]
    #[arg(
        long,
        value_name = "PART",
        value_delimiter = ',',
        value_parser = one_of(Part::ALL, Part::as_str),
        hide_possible_values = true
    )]
    part: Vec<Part>,
    /// Compare runs that did not do the same; the result says so
    #[arg(long)]
    allow_differences: bool,
    /// Write comparison.html, .md, .json and .junit.xml into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tolerated: Tolerated,
}

/// How much worse a figure may become. A latency may grow by its share or by its floor, whichever
/// is more.
#[derive(Debug, Args)]
struct Tolerated {
    /// Fall of throughput [default: 5%]
    #[arg(long, value_name = "PERCENT", help_heading = "Tolerated")]
    throughput: Option<Percent>,
    /// Growth of medians [default: 5%]
    #[arg(long, value_name = "PERCENT", help_heading = "Tolerated")]
    p50: Option<Percent>,
    /// Growth of 95th percentiles [default: 10%]
    #[arg(long, value_name = "PERCENT", help_heading = "Tolerated")]
    p95: Option<Percent>,
    /// Growth of 99th percentiles [default: 20%]
    #[arg(long, value_name = "PERCENT", help_heading = "Tolerated")]
    p99: Option<Percent>,
    /// Growth of medians that is nothing whatever its share [default: 1ms]
    #[arg(long, value_name = "TIME", help_heading = "Tolerated")]
    p50_floor: Option<Span>,
    /// The same of 95th percentiles [default: 2ms]
    #[arg(long, value_name = "TIME", help_heading = "Tolerated")]
    p95_floor: Option<Span>,
    /// The same of 99th percentiles [default: 5ms]
    #[arg(long, value_name = "TIME", help_heading = "Tolerated")]
    p99_floor: Option<Span>,
}

/// A share as people write it: `5%`, or `5`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Percent(f64);

impl std::str::FromStr for Percent {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim_end_matches('%').trim_end().parse::<f64>();
        match number {
            Ok(percent) if (0.0..1000.0).contains(&percent) => Ok(Self(percent / 100.0)),
            _ => Err(format!("{text:?} is not a share as 5% or 12.5%")),
        }
    }
}

impl Tolerated {
    fn rules(&self) -> anyhow::Result<Rules> {
        let usual = Rules::default();
        let of = |usual: Tolerance, share: Option<Percent>, floor: Option<Span>| Tolerance {
            share: share.map_or(usual.share, |percent| percent.0),
            floor_us: floor.map_or(usual.floor_us, Span::as_us),
        };
        if self.throughput.is_some_and(|percent| percent.0 >= 1.0) {
            bail!("--throughput: it cannot fall by more than 99%");
        }
        Ok(Rules {
            throughput: of(usual.throughput, self.throughput, None),
            p50: of(usual.p50, self.p50, self.p50_floor),
            p95: of(usual.p95, self.p95, self.p95_floor),
            p99: of(usual.p99, self.p99, self.p99_floor),
            ..usual
        })
    }
}

pub(super) fn run(args: CompareArgs, mut out: impl Write) -> anyhow::Result<Exit> {
    let rules = Rules {
        parts: (!args.part.is_empty()).then(|| args.part.clone()),
        allow_differences: args.allow_differences,
        ..args.tolerated.rules()?
    };
    let base: Vec<PathBuf> = args.base.into_iter().chain(args.runs).collect();
    let candidate: Vec<PathBuf> = args.candidate.into_iter().chain(args.against).collect();
    if candidate.is_empty() && rules.parts.is_some() {
        bail!("--part names a part of two runs; of one run, before is compared with after");
    }
    // Before the work is done that would be lost.
    if let Some(dir) = &args.out {
        // The command line is wrong, not the runs: no error of the file system's own.
        fs::create_dir_all(dir).map_err(|error| {
            anyhow!("--out {}: {error}; name a directory that can be made", dir.display())
        })?;
    }
    let found = compared(&base, &candidate, &rules).inspect_err(|_| {
        if let Some(dir) = &args.out {
            set_aside(dir, &COMPARISON_FILES);
        }
    })?;
    let compared = report::comparison(&found);
    let text = if args.json { &compared.json } else { &compared.printed };
    out.write_all(text.as_bytes())?;
    if let Some(dir) = &args.out {
        for (name, bytes) in &compared.files {
            let path = dir.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if !args.json {
            writeln!(out, "\nreport: {}", dir.join("comparison.html").display())?;
        }
    }
    Ok(Exit::from(found.answer))
}

fn compared(base: &[PathBuf], candidate: &[PathBuf], rules: &Rules) -> anyhow::Result<Comparison> {
    let open = |dirs: &[PathBuf]| -> Result<Vec<Record>, RecordError> {
        dirs.iter().map(|dir| Record::open(dir)).collect()
    };
    Ok(compare(&open(base)?, &open(candidate)?, rules)?)
}
