//! OceanBase's pre-upgrade checks against the recorded sys tenant, over the MySQL protocol.
//!
//! Needs a server to keep the views on: `scripts/lab up --zones 1 && eval "$(scripts/lab env)"`.

mod page_commands;
mod sys_tenant;

use page_commands::{command, commands};
use rollproof::cluster::control;
use rollproof::preflight::{self, CheckLine, CheckStatus, Preflight};
use serde::Deserialize;
use sys_tenant::lab::password;
use sys_tenant::{Script, Store, SysTenant, file, listed, run};

/// The views are one database: the tests take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn check(tenant: &SysTenant, store: &Store, target: Option<&str>) -> Preflight {
    let cluster = control(&tenant.scenario(store), &password()).unwrap();
    preflight::check(&*cluster, target).await
}

fn line<'a>(of: &'a Preflight, id: &str) -> &'a CheckLine {
    of.checks.iter().find(|line| line.id == id).unwrap_or_else(|| panic!("no line {id}"))
}

fn failed(of: &Preflight) -> Vec<&str> {
    let failed = of.checks.iter().filter(|line| line.status == CheckStatus::Fail);
    failed.map(|line| line.id.as_str()).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unfit {
    case: Vec<Case>,
}

/// A cluster that is not fit, and the line that must say so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    fails: String,
    source: String,
    sql: String,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    min_observer_version: Option<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_tell_fit_from_unfit() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let tenant = SysTenant::start(&store, Script::good()).await;
    let fit = check(&tenant, &store, Some("4.2.1.8")).await;
    println!("{}", preflight::render_text(&fit));
    assert!(fit.checks.iter().all(|line| line.status == CheckStatus::Pass), "{:?}", failed(&fit));
    // What only newer releases ask is fit as well.
    let newer = check(&tenant, &store, Some("4.3.5.0")).await;
    assert!(newer.checks.iter().all(|line| line.status == CheckStatus::Pass), "{newer:?}");
    // As numbers, 10 comes after 8; as text it would not.
    assert_eq!(failed(&check(&tenant, &store, Some("4.2.1.10")).await), [""; 0]);
    assert_eq!(failed(&check(&tenant, &store, Some("4.2.1.6")).await), ["target-version"]);
    // Nobody said where the upgrade leads: what depends on that is open, and nothing else.
    let anywhere = check(&tenant, &store, None).await;
    let open = anywhere.checks.iter().filter(|line| line.status != CheckStatus::Pass);
    let open: Vec<_> = open.map(|line| (line.status, line.advice.as_str())).collect();
    assert!(open.len() >= 3, "{open:?}");
    assert!(
        open.iter().all(|one| *one == (CheckStatus::Warn, "give --target-version")),
        "{open:?}"
    );
    assert!(anywhere.is_fit());

    let unfit: Unfit = toml::from_str(&file("unfit.toml")).unwrap();
    for case in unfit.case {
        store.refill().await;
        let mut session = store.open().await;
        run(&mut session, "USE oceanbase").await;
        if let Some(version) = &case.min_observer_version {
            let older = format!(
                "UPDATE __all_virtual_sys_parameter_stat SET value = '{version}' \
                 WHERE name = 'min_observer_version'"
            );
            run(&mut session, &older).await;
            // What 4.0 demands beside what the case is about.
            run(&mut session, "UPDATE __all_tenant SET primary_zone = 'zone1'").await;
        }
        run(&mut session, &case.sql).await;
        let target = case.target.as_deref().or(Some("4.2.1.8"));
        let found = check(&tenant, &store, target).await;
        let (mut failed, fails) = (failed(&found), case.fails.as_str());
        // Below 4.1 the barrier is always in the way, beside what the case is about.
        if case.min_observer_version.as_deref() < Some("4.1") {
            failed.retain(|id| *id == fails || *id != "C02a");
        }
        // A server that is away is away for these as well.
        failed.retain(|id| *id == fails || !["C14", "C15"].contains(id) || fails != "C03");
        // A zone that is not there is not where the scenario has it either.
        failed.retain(|id| *id == fails || *id != "zone-states" || fails != "zones");
        assert_eq!(failed, [fails], "{}\n{}", case.source, preflight::render_text(&found));
        let line = line(&found, fails);
        assert!(!line.query.is_empty() && !line.advice.is_empty(), "{line:?}");
    }
    what_is_missing_is_unsupported(&store, &tenant).await;
    a_question_that_reads_much_may_take_its_time(&store, &tenant).await;
    the_one_write_is_made_only_where_all_is_well(&store, &tenant).await;
    store.drop_database().await;
}

/// N05b reads every table's row: longer than any other question may take.
async fn a_question_that_reads_much_may_take_its_time(store: &Store, tenant: &SysTenant) {
    store.reset().await;
    let mut session = store.open().await;
    for sql in [
        "USE oceanbase",
        "RENAME TABLE __all_virtual_table TO many",
        "CREATE VIEW __all_virtual_table AS SELECT many.* FROM many, (SELECT SLEEP(6)) AS reading",
    ] {
        run(&mut session, sql).await;
    }
    let found = check(tenant, store, Some("4.3.5.0")).await;
    let answer = &line(&found, "N05b").answer;
    assert!(found.is_fit(), "{answer}\n{}", preflight::render_text(&found));
    assert_eq!(answer, "0 tables compressed with zlib");
}

/// A view that is not there is not an empty one.
async fn what_is_missing_is_unsupported(store: &Store, tenant: &SysTenant) {
    store.refill().await;
    let mut session = store.open().await;
    run(&mut session, "USE oceanbase").await;
    run(&mut session, "DROP TABLE CDB_OB_RESTORE_PROGRESS").await;
    run(&mut session, "DROP VIEW DBA_OB_TENANTS").await;
    let found = check(tenant, store, Some("4.2.1.8")).await;
    for id in ["C07", "C06a", "C17", "locality"] {
        assert_eq!(line(&found, id).status, CheckStatus::Unsupported, "{id}");
    }
    assert_eq!(line(&found, "C10").status, CheckStatus::Pass);
    assert!(failed(&found).is_empty() && !found.is_fit(), "nothing failed, and much is not known");
    let cluster = control(&tenant.scenario(store), &password()).unwrap();
    let line = preflight::prepare(&*cluster, &found).await;
    assert_eq!(line.status, CheckStatus::Unsupported, "{line:?}");
    assert_eq!(store.parameter("server_permanent_offline_time").await, "3600s");
}

async fn the_one_write_is_made_only_where_all_is_well(store: &Store, tenant: &SysTenant) {
    let cluster = control(&tenant.scenario(store), &password()).unwrap();
    let unfit = check(tenant, store, Some("4.2.1.6")).await;
    let line = preflight::prepare(&*cluster, &unfit).await;
    assert_eq!(line.status, CheckStatus::Unsupported, "{line:?}");
    assert_eq!(store.parameter("server_permanent_offline_time").await, "3600s");
    store.reset().await;
    let fit = check(tenant, store, Some("4.2.1.8")).await;
    let line = preflight::prepare(&*cluster, &fit).await;
    assert_eq!(line.status, CheckStatus::Pass, "{line:?}");
    let undo = "it was 3600s, undo it after the upgrade with ALTER SYSTEM SET \
                server_permanent_offline_time = '3600s'";
    assert!(line.answer.contains(undo), "{line:?}");
    assert_eq!(store.parameter("server_permanent_offline_time").await, "72h");
}

/// `docs/oceanbase.md`: the upgrade path and the checks, with the account that the page describes.
#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_page_say_what_it_promises() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let mut session = store.open().await;
    for sql in [
        "CREATE OR REPLACE USER 'rollproof@sys' IDENTIFIED BY 'only for the views'",
        "GRANT SELECT ON oceanbase.* TO 'rollproof@sys'",
    ] {
        run(&mut session, sql).await;
    }
    let tenant = SysTenant::start(&store, Script::good()).await;
    let here = tempfile::tempdir().unwrap();
    let dependencies = "oceanbase_upgrade_dep.yml";
    std::fs::write(here.path().join(dependencies), file(dependencies)).unwrap();
    let (zones, control) = (listed(&tenant.business()), listed(&tenant.control()));

    let mut said = Vec::new();
    for line in commands("docs/oceanbase.md") {
        let mut command = command(&line, here.path());
        command.env("ROLLPROOF_ZONES", &zones).env("ROLLPROOF_CONTROL", &control);
        command.env("ROLLPROOF_CONTROL_PASSWORD", "only for the views");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        said.push(String::from_utf8(output.stdout).unwrap());
    }
    let [path, checks] = said.as_slice() else { panic!("{said:?}") };
    println!("{path}{checks}");
    assert!(path.contains("4.2.1.6") && path.contains("4.2.1.8"), "{path}");
    assert!(checks.contains("C01") && checks.contains("N08"), "{checks}");
    run(&mut session, "DROP USER 'rollproof@sys'").await;
    store.drop_database().await;
}
