//! `rollproof run`

use std::io::Write;
use std::path::Path;

use anyhow::{anyhow, bail};

use super::Exit;
use super::args::RunArgs;
use super::audit::audit;
use super::conclude::conclude;
use super::interrupt::Interrupt;
use super::notice::Notice;
use crate::run::{RunRequest, UpgradeRequest, perform, prepare};
use crate::upgrade::{Plan, Stop};

pub(super) async fn run(args: RunArgs, out: impl Write) -> anyhow::Result<Exit> {
    let request = request(args)?;
    let quiet = request.quiet;
    let prepared = prepare(request.run).await?;
    // Not before: until here there is nothing to bring to an end.
    let interrupt = Interrupt::listen();
    let notice = Notice;
    let stop = Stop { gently: interrupt.orderly.clone(), now: interrupt.now.clone() };
    let finished = perform(&prepared, &stop, move |second| {
        if !quiet {
            notice.line(second);
        }
    })
    .await?;
    let dir = &prepared.request.dir;
    if let Some(upgrade) = &finished.upgrade {
        notice.line(&format_args!("upgrade: {}", upgrade.advice));
    }
    finished.record?;
    // One signal more than so far: a run that is to end orderly still has its data checked.
    let enough = if interrupt.orderly.is_cancelled() { &interrupt.now } else { &interrupt.orderly };
    let checking = audit(dir, &prepared.request.scenario, &prepared.request.password);
    let cut_off = || Err(anyhow!("the run was cut off"));
    if let Err(why) = enough.run_until_cancelled(checking).await.unwrap_or_else(cut_off) {
        notice.line(&format_args!(
            "the data was not checked: {why:#}; to do it now: rollproof audit {}",
            dir.display()
        ));
    }
    conclude(dir, out)
}

struct Request {
    run: RunRequest,
    quiet: bool,
}

fn request(mut args: RunArgs) -> anyhow::Result<Request> {
    let command_line: Vec<String> = std::env::args().collect();
    let run_id = args.run_id.take().unwrap_or_else(default_run_id);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if run_id.is_empty() || run_id.starts_with('.') || !run_id.chars().all(plain) {
        bail!("--run-id {run_id:?} may hold letters, digits, '-', '_' and '.' only");
    }
    let dir = args.results.join(&run_id);
    let upgrade = match &args.upgrade {
        None => None,
        Some(path) => Some(UpgradeRequest {
            plan: Plan::read(path, args.target_version.as_deref())?,
            resume: args.resume.clone(),
            allow_unsafe: args.allow_unsafe,
            resume_hint: resume_hint(&command_line, &dir),
        }),
    };
    let quiet = args.quiet;
    let (scenario, password) = args.cluster.scenario()?;
    let scenario = args.load.apply(&args.workload, scenario)?;
    Ok(Request { run: RunRequest { scenario, password, upgrade, dir, run_id }, quiet })
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
