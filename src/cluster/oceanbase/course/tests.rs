use super::*;
use crate::cluster::oceanbase::reading::Server;

const LOOK: Duration = Duration::from_millis(100);

/// A cluster of two zones at rest.
fn rest() -> Seen {
    let server = |zone: &str| Server {
        zone: zone.into(),
        address: format!("{zone}:2882"),
        active: true,
        serves_since: Some("t0".into()),
        build: "4.2.1.6_1".into(),
    };
    let value = |value: &str| BTreeSet::from([value.to_owned()]);
    Seen {
        members: Members {
            zones: [("z1".into(), true), ("z2".into(), true)].into(),
            servers: vec![server("z1"), server("z2")],
        },
        ports: vec![Port::Answers; 2],
        leaders: [("z1".into(), 2), ("z2".into(), 1)].into(),
        parameters: [
            ("enable_upgrade_mode".into(), value("False")),
            ("enable_ddl".into(), value("True")),
        ]
        .into(),
        ..Seen::default()
    }
}

fn words(told: &[Told]) -> Vec<String> {
    let line = |told: &Told| match &told.fact {
        ClusterFact::Step { step, zone, edge, .. } => {
            format!("{}{step} {edge}", zone.map(|z| format!("z{} ", z.0 + 1)).unwrap_or_default())
        }
        ClusterFact::Warning { warning, .. } => format!("! {warning}"),
        other => unreachable!("a course does not tell {other:?}"),
    };
    told.iter().map(line).collect()
}

fn course() -> Course {
    let mut course = Course::new(["z1".to_owned(), "z2".to_owned()]);
    assert!(course.take(rest(), LOOK).is_empty());
    course
}

#[test]
fn a_restart_shorter_than_the_lease_is_seen_by_its_marks() {
    let mut course = course();
    let mut seen = rest();
    seen.members.zones.insert("z1".into(), false);
    seen.leaders.remove("z1");
    assert_eq!(words(&course.take(seen.clone(), LOOK)), ["z1 stop-zone begin", "z1 stop-zone end"]);
    // Never silent, never inactive: only the time since when it serves is another.
    seen.members.servers[0].serves_since = Some("t1".into());
    let told = words(&course.take(seen.clone(), LOOK));
    assert_eq!(
        told,
        [
            "z1 stop-server begin",
            "z1 stop-server end",
            "z1 start-server begin",
            "z1 start-server end",
            "z1 wait-version begin"
        ]
    );
    seen.members.servers[0].build = "4.2.1.8_1".into();
    assert_eq!(
        words(&course.take(seen.clone(), LOOK)),
        ["z1 wait-version end", "z1 health-check begin"]
    );
    seen.members.zones.insert("z1".into(), true);
    let told = words(&course.take(seen.clone(), LOOK));
    assert_eq!(told, ["z1 health-check end", "z1 start-zone begin", "z1 start-zone end"]);
    assert!(course.take(seen, LOOK).is_empty());
}

#[test]
fn a_server_is_stopped_when_the_cluster_has_given_it_up() {
    let mut course = course();
    let mut seen = rest();
    seen.members.zones.insert("z1".into(), false);
    seen.leaders.remove("z1");
    course.take(seen.clone(), LOOK);
    seen.ports[0] = Port::Silent;
    assert_eq!(words(&course.take(seen.clone(), LOOK)), ["z1 stop-server begin"]);
    // Away, and its lease is not over.
    assert_eq!(course.take(seen.clone(), LOOK), []);
    (seen.members.servers[0].active, seen.members.servers[0].serves_since) = (false, None);
    let expired = |address: &str, ms| Happened {
        what: "server/lease_expire".into(),
        words: format!("\"{address}\""),
        ago: Duration::from_millis(ms),
    };
    seen.history = vec![expired("xz1:2882", 5), expired("z1:28820", 6), expired("z1:2882", 30)];
    let told = course.take(seen.clone(), LOOK);
    assert_eq!(words(&told), ["z1 stop-server end"]);
    assert_eq!((told[0].ago, told[0].uncertainty), (Duration::from_millis(30), DATED));
    // A package is installed, which nobody sees.
    assert_eq!(course.take(seen.clone(), LOOK), []);
    seen.ports[0] = Port::Starting;
    assert_eq!(words(&course.take(seen, LOOK)), ["z1 start-server begin"]);
}

#[test]
fn history_dates_what_it_knows() {
    let mut course = course();
    let mut seen = rest();
    seen.members.zones.insert("z1".into(), false);
    let happened = |words: &str, ms| Happened {
        what: "zone/stop_zone".into(),
        words: words.into(),
        ago: Duration::from_millis(ms),
    };
    // Of another zone, of another day, and its own.
    seen.history = vec![happened("z10", 5), happened("z1", 90_000), happened("zone: z1", 70)];
    let told = course.take(seen, LOOK);
    assert_eq!((told[0].ago, told[0].uncertainty), (Duration::from_millis(70), DATED));
}

#[test]
fn what_endangers_the_cluster_is_told_once() {
    let mut one = course();
    let mut seen = rest();
    seen.ports[0] = Port::Silent;
    assert!(one.take(seen.clone(), LOOK).is_empty(), "one silent look may be a stop to come");
    let told = words(&one.take(seen.clone(), LOOK));
    assert_eq!(told, ["! server-down-in-active-zone", "! leaders-left"]);
    assert!(one.take(seen, LOOK).is_empty());

    let mut both = course();
    let mut seen = rest();
    for zone in ["z1", "z2"] {
        seen.members.zones.insert(zone.into(), false);
    }
    let told = words(&both.take(seen.clone(), LOOK));
    assert_eq!(told[0], "! two-zones-inactive");
    seen.ports[0] = Port::Silent;
    assert!(words(&both.take(seen.clone(), LOOK)).contains(&"! leaders-left".to_owned()));
    seen.members.zones.insert("z2".into(), true);
    seen.log_behind.insert("z2".into(), "replicas are out of sync".into());
    let told = words(&both.take(seen, LOOK));
    assert!(told.contains(&"! start-before-ready".to_owned()), "{told:?}");
}

/// A cluster whose upgrade switches DDL off and leaves its mode.
fn upgraded(course: &mut Course) -> Seen {
    let mut seen = rest();
    set(&mut seen, "enable_upgrade_mode", "True");
    set(&mut seen, "enable_ddl", "False");
    course.take(seen.clone(), LOOK);
    assert_eq!(course.end(), None, "the upgrade goes on");
    set(&mut seen, "enable_upgrade_mode", "False");
    course.take(seen.clone(), LOOK);
    seen
}

fn set(seen: &mut Seen, name: &str, value: &str) {
    seen.parameters.insert(name.into(), BTreeSet::from([value.to_owned()]));
}

#[test]
fn the_upgrade_s_own_steps_are_seen_by_parameters() {
    let mut course = course();
    let mut seen = rest();
    set(&mut seen, "enable_upgrade_mode", "True");
    set(&mut seen, "enable_ddl", "False");
    let told = words(&course.take(seen.clone(), LOOK));
    assert_eq!(
        told,
        [
            "begin-upgrade begin",
            "begin-upgrade end",
            "special-actions begin",
            "special-actions end"
        ]
    );
    set(&mut seen, "enable_upgrade_mode", "False");
    assert_eq!(words(&course.take(seen, LOOK)), ["end-upgrade begin", "end-upgrade end"]);
}

#[test]
fn settings_that_are_not_put_back_are_told_at_the_end() {
    let mut course = course();
    let mut seen = upgraded(&mut course);
    // However long it takes: a later task may put them back.
    let minute = Duration::from_secs(60);
    assert_eq!(course.take(seen.clone(), minute), []);
    let told = course.end().unwrap();
    let ClusterFact::Warning { warning, detail, .. } = &told.fact else { unreachable!("{told:?}") };
    assert_eq!(*warning, ClusterWarning::ParametersNotRestored);
    assert_eq!(detail, "enable_ddl is False, it was True, 60 s after the upgrade's mode was left");
    set(&mut seen, "enable_ddl", "True");
    assert_eq!(course.take(seen, LOOK), []);
    assert_eq!(course.end(), None);
}

#[test]
fn what_was_set_before_the_watch_is_not_known() {
    let mut course = Course::new(["z1".to_owned(), "z2".to_owned()]);
    let mut seen = rest();
    set(&mut seen, "enable_upgrade_mode", "True");
    set(&mut seen, "enable_ddl", "False");
    course.take(seen, LOOK);
    course.take(rest(), LOOK);
    assert_eq!(course.end(), None, "DDL was switched off by the upgrade that is over");
}
