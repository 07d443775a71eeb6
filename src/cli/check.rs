//! `rollproof check`

use std::io::Write;

use super::Exit;
use super::args::CheckArgs;
use crate::cluster::{adapter, reach};
use crate::preflight;

pub(super) async fn run(args: CheckArgs, mut out: impl Write) -> anyhow::Result<Exit> {
    let (target, json) = (args.target_version.clone(), args.json);
    let (scenario, password) = args.resolve()?;
    let cluster = adapter(&scenario.cluster, &password)?;
    // Where nobody can be asked, a table of unanswered questions would not help.
    reach(&scenario.cluster, &password).await?;
    let checks = preflight::check(&*cluster, target.as_deref()).await;
    let text = if json {
        serde_json::to_string_pretty(&checks)? + "\n"
    } else {
        preflight::render_text(&checks)
    };
    out.write_all(text.as_bytes())?;
    Ok(if checks.is_fit() { Exit::DONE } else { Exit::UNFIT })
}
