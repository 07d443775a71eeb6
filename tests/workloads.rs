//! Every scenario and plan that comes with rollproof is one that it accepts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rollproof::scenario::{Product, Routing, Scenario};
use rollproof::upgrade::Plan;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension() == Some("toml".as_ref())).collect();
    files.sort();
    files
}

/// A plan says what is done; a scenario, what is watched.
fn is_plan(path: &Path) -> bool {
    fs::read_to_string(path).unwrap().contains("[[zone]]")
}

#[test]
fn scenarios_and_plans_are_valid() {
    let (plans, scenarios): (Vec<_>, Vec<_>) = [files("workloads"), files("workloads/plans")]
        .concat()
        .into_iter()
        .partition(|f| is_plan(f));
    assert!(plans.len() >= 3 && scenarios.len() >= 4, "{plans:?} {scenarios:?}");
    for path in plans {
        Plan::read(&path, None).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    for path in scenarios {
        let scenario = Scenario::read(&path).and_then(Scenario::validate);
        scenario.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// Plans that only watch: somebody else upgrades, so load and control plane are all they have.
#[test]
fn an_upgrade_by_ocp_or_ob_operator_is_watched_through_the_sys_tenant() {
    let scenarios: Vec<_> = files("workloads/plans").into_iter().filter(|f| !is_plan(f)).collect();
    let names: BTreeSet<_> = scenarios.iter().map(|path| path.file_stem().unwrap()).collect();
    assert_eq!(names, ["oceanbase-ob-operator".as_ref(), "oceanbase-ocp".as_ref()].into());
    for path in scenarios {
        let scenario = Scenario::read(&path).unwrap().validate().unwrap();
        let (load, control) = (&scenario.cluster, scenario.control_plane());
        assert_eq!((load.product, scenario.load.routing), (Product::OceanBase, Routing::Proxy));
        assert_eq!((load.user.as_str(), control.user.as_str()), ("app@shop", "rollproof@sys"));
        // Directly, while the load goes through the proxy.
        let proxy = load.proxy.as_deref().unwrap();
        assert!(control.zones.len() == 3 && control.zones.iter().all(|z| z.endpoint != proxy));
    }
}
