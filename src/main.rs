//! The `rollproof` command.

use std::process::ExitCode;

use clap::Parser;
use rollproof::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().execute().await.into()
}
