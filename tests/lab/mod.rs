//! The lab that `scripts/lab up` starts and `eval "$(scripts/lab env)"` names: what is where, and
//! the lab's own script.

#![allow(dead_code, reason = "every test uses its own part of this")]

use std::path::Path;
use std::process::{Command, Output};

use rollproof::scenario::{Cluster, Zone};
use rollproof::session::Password;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Its zones; `None`, and a word about it, where there is no lab.
pub(crate) fn zones() -> Option<Vec<Zone>> {
    let Ok(zones) = std::env::var("ROLLPROOF_ZONES") else {
        println!(
            "skipped: ROLLPROOF_ZONES is not set; `scripts/lab up`, eval \"$(scripts/lab env)\""
        );
        return None;
    };
    Some(zones.split(',').map(|zone| zone.parse().unwrap()).collect())
}

/// The password of the workload's user.
pub(crate) fn password() -> Password {
    Password::new(variable("ROLLPROOF_PASSWORD"))
}

/// Its cluster with the workload's user, and that user's password.
pub(crate) fn cluster() -> Option<(Cluster, Password)> {
    let (zones, user) = (zones()?, variable("ROLLPROOF_USER"));
    let product = std::env::var("ROLLPROOF_PRODUCT").map(|product| product.parse().unwrap());
    let named = Cluster { zones, user, ..Cluster::default() };
    let cluster = Cluster { product: product.unwrap_or(named.product), ..named };
    Some((cluster, password()))
}

/// What `scripts/lab` says and how it ends; its locks and pid files are the lab's own.
pub(crate) fn ask_lab(arguments: &[&str]) -> Output {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lab");
    Command::new(lab).args(arguments).output().unwrap()
}

/// `scripts/lab`, which must succeed.
pub(crate) fn scripts_lab(arguments: &[&str]) {
    let output = ask_lab(arguments);
    assert!(output.status.success(), "scripts/lab {arguments:?}: {output:?}");
}

/// The same beside a runtime's other tasks.
pub(crate) async fn scripts_lab_beside(arguments: &[&str]) {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let run = move || scripts_lab(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap();
}
