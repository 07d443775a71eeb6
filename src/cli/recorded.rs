//! What `run` and a recorded `load` have in common: a directory, perhaps an upgrade, the data
//! checks and the verdict.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{anyhow, bail};

use super::Exit;
use super::audit::audit;
use super::conclude::conclude;
use super::interrupt::Interrupt;
use super::load::word;
use super::notice::Notice;
use super::output_args::OutputArgs;
use super::secrets::control_password;
use super::show::{Progress, Showing};
use super::upgrade_args::UpgradeArgs;
use crate::audit::Limits;
use crate::live::{Board, Loading, Server, Subject};
use crate::record::{RecordError, Work};
use crate::run::{
    Finished, OutsideRequest, Prepared, RunRequest, Show, UpgradeEnd, UpgradeRequest, perform,
    prepare,
};
use crate::scenario::Scenario;
use crate::session::Password;
use crate::tpcc::LoadProgress;
use crate::upgrade::{Plan, Stop};

/// A zone that an upgrade left away does not come back while somebody waits for the verdict.
const OF_HALF_AN_UPGRADE: Limits = Limits {
    connect: Duration::from_secs(5),
    ready: Duration::from_secs(5),
    statement: Duration::from_secs(300),
};

/// What is asked for, from the command line.
pub(super) fn request(
    work: Work,
    scenario: Scenario,
    password: Password,
    upgrade: &UpgradeArgs,
    output: &OutputArgs,
) -> anyhow::Result<RunRequest> {
    let command_line: Vec<String> = std::env::args().collect();
    let run_id = output.run_id.clone().unwrap_or_else(default_run_id);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if run_id.is_empty() || run_id.starts_with('.') || !run_id.chars().all(plain) {
        bail!(
            "--run-id {run_id:?} is no name for a directory: letters, digits, '-', '_' and '.', and \
             no '.' first"
        );
    }
    let results = output.results.as_deref().unwrap_or(Path::new("results"));
    let dir = results.join(&run_id);
    // What is wrong with the directory is told before any server is asked.
    let there = results.ancestors().find(|path| path.exists());
    if let Some(file) = there.filter(|path| !path.is_dir()) {
        bail!("--results {}: {} is no directory", results.display(), file.display());
    }
    if dir.exists() {
        return Err(RecordError::Exists { path: dir }.into());
    }
    upgrade.check()?;
    let outside = outside(upgrade);
    let upgrade = match &upgrade.upgrade {
        None => None,
        Some(path) => Some(UpgradeRequest {
            plan: Plan::read(path, upgrade.target().as_deref())?,
            resume: upgrade.resume.clone(),
            allow_unsafe: upgrade.allow_unsafe,
            resume_hint: resume_hint(&command_line, &dir),
        }),
    };
    let control_password = control_password(&password);
    Ok(RunRequest {
        work,
        scenario,
        password,
        control_password,
        baseline: None,
        upgrade,
        outside,
        dir,
        run_id,
    })
}

/// The upgrade that a command is to perform.
fn outside(upgrade: &UpgradeArgs) -> Option<OutsideRequest> {
    let command = Some(upgrade.upgrade_cmd.clone()?);
    Some(OutsideRequest { command, target_version: upgrade.target() })
}

/// Performs what is asked for, checks the data and prints the verdict. `load` is told how far a
/// load is where no dashboard shows it.
pub(super) async fn record(
    request: RunRequest,
    output: &OutputArgs,
    load: impl Fn(LoadProgress) + Send + Sync + 'static,
    out: impl Write,
) -> anyhow::Result<Exit> {
    let progress = Progress::choose(output.progress, output.quiet)?;
    let listener = output.listen.map(|address| address.bind(output.listen_anywhere)).transpose()?;
    if let Some(address) = listener.as_ref().and_then(|listener| listener.local_addr().ok()) {
        Notice.line(&format_args!(
            "live page: http://{address}/ and metrics: http://{address}/metrics"
        ));
    }
    let prepared = prepare(request).await?;
    // Not before: until here there is nothing to bring to an end.
    let interrupt = Interrupt::listen();
    let board = Board::new(subject(&prepared.request));
    // Until the verdict is printed: whoever scrapes comes once more after the end.
    let _server = listener.map(|listener| Server::start(listener, board.clone())).transpose()?;
    let finished = watched(&prepared, &interrupt, &board, progress, load).await?;
    if let Some(upgrade) = &finished.upgrade {
        Notice.line(&format_args!("upgrade: {}", upgrade.advice));
    }
    // A load that found its own data wrong is checked all the same: the audit says where, on every
    // zone.
    let incomplete = matches!(&finished.load, Some(Err(error)) if !error.is_wrong_data());
    finished.record?;
    if incomplete {
        Notice.line(&"the data was not checked: the load is not complete");
    } else {
        let ends_well = finished.upgrade.is_none_or(|upgrade| upgrade.end == UpgradeEnd::Done);
        let limits = if ends_well { Limits::default() } else { OF_HALF_AN_UPGRADE };
        check_data(&prepared.request, limits, &interrupt).await;
    }
    conclude(&prepared.request.dir, out)
}

/// Performs it and shows how it goes, until there is nothing more to be measured.
async fn watched(
    prepared: &Prepared,
    interrupt: &Interrupt,
    board: &Board,
    progress: Progress,
    load: impl Fn(LoadProgress) + Send + Sync + 'static,
) -> anyhow::Result<Finished> {
    let stop = Stop { gently: interrupt.orderly.clone(), now: interrupt.now.clone() };
    let showing = Showing::start(progress, board, interrupt.orderly.clone())?;
    let (told, teller) = (board.clone(), showing.teller());
    let load = move |progress: LoadProgress| {
        let (rows_done, rows_total) = (progress.rows_done, progress.rows_total);
        told.loading(Loading { doing: word(progress.stage), rows_done, rows_total });
        if !teller.is_dashboard() {
            load(progress);
        }
    };
    let teller = showing.teller();
    let output = move |line: &str| teller.line(line);
    Ok(perform(prepared, &stop, Show { board, load, output }).await?)
}

/// What those who watch are told of it from the start.
fn subject(request: &RunRequest) -> Subject {
    let loads = request.work == Work::Load;
    let upgrade = request.upgrade.as_ref().map(|upgrade| &upgrade.plan.target_version);
    let doing = match (upgrade, &request.outside) {
        (Some(version), _) => format!("upgrade to {version}"),
        (None, Some(OutsideRequest { command: Some(_), .. })) => "upgrade by a command".to_owned(),
        (None, Some(OutsideRequest { target_version: Some(version), .. })) => {
            format!("watching until {version}")
        }
        (None, _) if loads => "initial load".to_owned(),
        (None, _) => "watching".to_owned(),
    };
    Subject::of(&request.scenario, loads, &request.run_id, doing)
}

async fn check_data(request: &RunRequest, limits: Limits, interrupt: &Interrupt) {
    // One signal more than so far: a run that is to end orderly still has its data checked.
    let enough = if interrupt.orderly.is_cancelled() { &interrupt.now } else { &interrupt.orderly };
    let checking = audit(&request.dir, &request.scenario, &request.password, limits);
    let cut_off = || Err(anyhow!("the run was cut off"));
    if let Err(why) = enough.run_until_cancelled(checking).await.unwrap_or_else(cut_off) {
        Notice.line(&format_args!(
            "the data was not checked: {why:#}; to do it now: rollproof audit {}",
            request.dir.display()
        ));
    }
}

/// The run's start, sortable and fit for a file name.
fn default_run_id() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string()
}

/// The command line as it was, asking to go on with what `dir` holds.
fn resume_hint(command_line: &[String], dir: &Path) -> String {
    let mut kept = Vec::new();
    let mut words = command_line.iter();
    while let Some(word) = words.next() {
        match word.split_once('=').map_or(word.as_str(), |(flag, _)| flag) {
            // The new run needs a name of its own, and goes on with this one.
            "--run-id" | "--resume" => {
                if !word.contains('=') {
                    words.next();
                }
            }
            _ => kept.push(shell_word(word)),
        }
    }
    format!("{} --resume {}", kept.join(" "), shell_word(&dir.display().to_string()))
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_can_be_pasted_into_a_shell() {
        let words =
            ["rollproof", "run", "--run-id", "a", "--upgrade", "my plan.toml", "--resume=x"];
        let line = words.map(str::to_owned);
        assert_eq!(
            resume_hint(&line, Path::new("results/a")),
            "rollproof run --upgrade 'my plan.toml' --resume results/a"
        );
    }
}
