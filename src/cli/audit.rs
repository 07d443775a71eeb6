//! `rollproof audit`, and the audit that ends every run.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use super::conclude::conclude;
use super::notice::Notice;
use super::secrets::SecretArgs;
use super::{Exit, help};
use crate::audit::{AuditRequest, Limits, Progress, audit as hold_against_database};
use crate::cluster::reach;
use crate::record::Record;
use crate::scenario::{Cluster, Scenario, Zone};
use crate::session::{Login, Password};

/// Where there is no terminal to show a bar on, a line this often.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// `rollproof audit`
#[derive(Debug, Args)]
#[command(after_help = help::AUDIT)]
pub(super) struct AuditArgs {
    /// The run's directory
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Zones, where their addresses have changed since the run
    #[arg(long, value_name = "NAME=HOST:PORT", value_delimiter = ',', help_heading = "Cluster")]
    zones: Vec<Zone>,
    /// Database user, where it is not the run's
    #[arg(short, long, env = "ROLLPROOF_USER", hide_env_values = true, help_heading = "Cluster")]
    user: Option<String>,
    #[command(flatten)]
    secrets: SecretArgs,
}

pub(super) async fn run(args: AuditArgs, out: impl Write) -> anyhow::Result<Exit> {
    let credentials = args.secrets.resolve()?;
    let record = Record::open(&args.run)?;
    // A record that proves nothing needs no server to say so.
    record.ledger()?;
    let mut scenario = record.manifest.scenario;
    if let Some(user) = args.user.or(credentials.user) {
        scenario.cluster.user = user;
    }
    move_zones(&mut scenario.cluster, args.zones)?;
    let scenario = scenario.validate()?;
    // A wrong password, or another database, must not replace what an earlier audit found by "nothing is known".
    reach(&scenario.cluster, &credentials.password).await?;
    let (password, limits) = (&credentials.password, Limits::default());
    request(&args.run, &scenario, password, limits)?.check_database().await?;
    audit(&args.run, &scenario, password, limits).await?;
    conclude(&args.run, out)
}

/// Takes new addresses over for zones of the run; names and their order stay as they were.
fn move_zones(cluster: &mut Cluster, moved: Vec<Zone>) -> anyhow::Result<()> {
    for zone in moved {
        let Some(known) = cluster.zones.iter_mut().find(|known| known.name == zone.name) else {
            let names: Vec<_> = cluster.zones.iter().map(|zone| zone.name.as_str()).collect();
            anyhow::bail!(
                "--zones: {} is not a zone of this run ({})",
                zone.name,
                names.join(", ")
            );
        };
        known.endpoint = zone.endpoint;
    }
    Ok(())
}

fn request(
    dir: &Path,
    scenario: &Scenario,
    password: &Password,
    limits: Limits,
) -> anyhow::Result<AuditRequest> {
    let cluster = &scenario.cluster;
    let login = |zone| Login::to_zone(cluster, zone, password).in_database(&cluster.database);
    Ok(AuditRequest {
        record: Record::open(dir)?,
        logins: cluster.zones.iter().map(login).collect(),
        limits,
    })
}

/// Audits the run in `dir` against the database of `scenario` and keeps the result there.
pub(super) async fn audit(
    dir: &Path,
    scenario: &Scenario,
    password: &Password,
    limits: Limits,
) -> anyhow::Result<()> {
    let names = scenario.zone_names();
    let request = request(dir, scenario, password, limits)?;
    let terminal = std::io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
    // However it ends, by an interrupt as well.
    let bar = bar.with_finish(ProgressFinish::AndClear);
    let template = "checking data {bar:30} {pos}/{len} {msg}";
    bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
    if !terminal {
        Notice.line(&"checking the data on every zone");
    }
    let shown = bar.clone();
    let told = Mutex::new(Instant::now());
    let record = hold_against_database(request, move |progress| {
        let Progress { zone, check, done, of } = progress;
        shown.set_length(of as u64);
        shown.set_position(done as u64);
        let name = names.get(zone.index()).map_or("?", String::as_str);
        shown.set_message(format!("{name} {check}"));
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if !terminal && told.elapsed() >= TELL_EVERY {
            *told = Instant::now();
            Notice.line(&format_args!("checking the data: {name} {check}, {done} of {of} done"));
        }
    })
    .await?;
    record.write(dir)?;
    Ok(())
}
