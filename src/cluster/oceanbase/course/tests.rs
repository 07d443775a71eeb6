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
    seen.log_behind.insert("z2".into(), "replicas are out of sync".into());
    assert!(words(&both.take(seen.clone(), LOOK)).contains(&"! leaders-left".to_owned()));
    seen.members.zones.insert("z2".into(), true);
    let told = words(&both.clone().take(seen.clone(), LOOK));
    assert!(told.contains(&"! start-before-ready".to_owned()), "{told:?}");
    // It had caught up by then, or fell behind for a moment after it.
    seen.log_behind.clear();
    seen.schema_behind.insert("z2".into(), "its schemas are not shown".into());
    let told = words(&both.take(seen, LOOK));
    assert!(!told.contains(&"! start-before-ready".to_owned()), "{told:?}");
}

/// A zone of two servers, of which the observer reaches one.
fn two_servers() -> (Course, Seen) {
    let mut seen = rest();
    let second = Server { address: "z1b:2882".into(), ..seen.members.servers[0].clone() };
    seen.members.servers.push(second);
    let mut course = Course::new(["z1".to_owned(), "z2".to_owned()]);
    course.take(seen.clone(), LOOK);
    (course, seen)
}

fn detail(told: &[Told]) -> &str {
    match told {
        [Told { fact: ClusterFact::Warning { detail, .. }, .. }] => detail,
        other => unreachable!("one warning, not {other:?}"),
    }
}

#[test]
fn any_server_of_a_zone_in_service_may_be_missed() {
    let (mut course, mut seen) = two_servers();
    (seen.members.servers[2].active, seen.members.servers[2].serves_since) = (false, None);
    assert_eq!(course.take(seen.clone(), LOOK), [], "the zone may be stopped by now");
    // Its leaders are not left behind: the zone's other server may lead them.
    assert_eq!(
        detail(&course.take(seen.clone(), LOOK)),
        "z1b:2882 was INACTIVE while DBA_OB_ZONES had the zone ACTIVE"
    );
    assert_eq!(course.take(seen.clone(), LOOK), []);
    // Back, and as little news as that it was away.
    (seen.members.servers[2].active, seen.members.servers[2].serves_since) =
        (true, Some("t1".into()));
    assert_eq!(course.take(seen.clone(), LOOK), []);
    seen.members.servers[2].active = false;
    course.take(seen.clone(), LOOK);
    assert_eq!(words(&course.take(seen, LOOK)), ["! server-down-in-active-zone"], "once more");
}

#[test]
fn a_restart_in_service_is_seen_however_short_it_is() {
    for server in [0, 2] {
        let (mut course, mut seen) = two_servers();
        seen.members.servers[server].serves_since = Some("t1".into());
        let mut stopped = course.clone();
        let told = course.take(seen.clone(), LOOK);
        let words = "was started anew while DBA_OB_ZONES had the zone ACTIVE";
        assert!(detail(&told).ends_with(words), "{told:?}");
        assert_eq!(course.take(seen.clone(), LOOK), []);
        // The looks failed for a while, and all was done as it should be.
        let what = "zone/stop_zone".into();
        let ago = Duration::from_secs(20);
        seen.history = vec![Happened { what, words: "z1".into(), ago }];
        assert_eq!(stopped.take(seen, Duration::from_secs(30)), []);
    }
}

#[test]
fn a_restart_of_which_one_look_saw_something_is_seen() {
    let mut course = course();
    let mut seen = rest();
    seen.ports[0] = Port::Silent;
    assert_eq!(course.take(seen.clone(), LOOK), []);
    (seen.ports[0], seen.members.servers[0].serves_since) = (Port::Starting, None);
    assert_eq!(course.take(seen.clone(), LOOK), []);
    (seen.ports[0], seen.members.servers[0].serves_since) = (Port::Answers, Some("t1".into()));
    let told = course.take(seen.clone(), LOOK);
    assert!(detail(&told).starts_with("z1:2882 was started anew"), "{told:?}");
    assert_eq!(course.take(seen, LOOK), []);
}

#[test]
fn a_server_that_is_new_in_a_zone_was_not_started_anew() {
    let (mut course, mut seen) = two_servers();
    seen.members.servers.reverse();
    let third = Server { address: "z1c:2882".into(), ..seen.members.servers[0].clone() };
    seen.members.servers.push(Server { serves_since: Some("t7".into()), ..third });
    assert_eq!(course.take(seen, LOOK), []);
}

#[test]
fn a_zone_put_back_into_service_is_judged_from_then_on() {
    let mut course = course();
    let mut seen = rest();
    seen.members.zones.insert("z1".into(), false);
    course.take(seen.clone(), LOOK);
    seen.members.servers[0].serves_since = Some("t1".into());
    course.take(seen.clone(), LOOK);
    // One look at its port fails in the very moment.
    seen.members.zones.insert("z1".into(), true);
    seen.ports[0] = Port::Silent;
    course.take(seen.clone(), LOOK);
    seen.ports[0] = Port::Answers;
    assert_eq!(course.take(seen, LOOK), []);
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
