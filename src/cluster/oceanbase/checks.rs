//! The pre-upgrade checks of OceanBase, all read-only.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::Version;
use super::questions::{COUNTS, Count, V4_1, When};
use super::reading::{REPLICAS, Replica, replicas};
use super::sys::Sys;
use crate::cluster::check::{self, CheckLine, Question};
use crate::event::ErrorClass;
use crate::session::{Failure, cell};

/// The release the cluster as a whole runs.
pub(super) const MOV: &str =
    "select distinct value from GV$OB_PARAMETERS where name='min_observer_version'";

/// Rolling upgrades of this kind begin with 4.0.
const OLDEST: Version = Version::release(4, 0, 0, 0);

/// The product's own checker gives these questions 1000 s, in µs, by a hint in the query.
const READS_MUCH: &str = "query_timeout(1000000000)";
const READS_MUCH_FOR: Duration = Duration::from_secs(1000);

const C01: Question = Question {
    id: "C01",
    title: "one observer version, not too old",
    query: MOV,
    meaning: "two versions are the trace of an upgrade that did not end",
};
const C02A: Question = Question {
    id: "C02a",
    title: "past the last barrier",
    query: MOV,
    meaning: "an upgrade across the barrier version 4.1.0.0 must stop there first",
};
const C02B: Question = Question {
    id: "C02b",
    title: "one `compatible`",
    query: "select distinct value from __all_virtual_tenant_parameter_info where name='compatible'",
    meaning: "a tenant whose data version lags behind has not finished its last upgrade",
};
const C02C: Question = Question {
    id: "C02c",
    title: "data versions are `compatible`'s",
    query: "select count(*) from __all_tenant; select count(*) from __all_virtual_core_table \
            where column_name in ('target_data_version','current_data_version') \
            and column_value=PACKED",
    meaning: "a tenant whose data version lags behind has not finished its last upgrade",
};
const C03: Question = Question {
    id: "C03",
    title: "every replica is there and in sync",
    query: REPLICAS,
    meaning: "a majority without the zone that is stopped is needed in every log stream; rows of a \
              dead server vanish, so they are counted against PAXOS_REPLICA_NUM",
};
const C08: Question = Question {
    id: "C08",
    title: "one primary zone a tenant",
    query: "select tenant_name, primary_zone from DBA_OB_TENANTS where tenant_id != 1",
    meaning: "4.0 upgrades its tenants where their one primary zone is",
};
const C15: Question = Question {
    id: "C15",
    title: "schemas are refreshed everywhere",
    query: super::health::SCHEMAS,
    meaning: "a server that lacks a tenant's schema fails its statements",
};
const C16: Question = Question {
    id: "C16",
    title: "one build",
    query: "select distinct(substring_index(build_version,'_',1)) from __all_server",
    meaning: "two builds are the trace of an upgrade that did not end",
};
const C17: Question = Question {
    id: "C17",
    title: "no reserved tenant name",
    query: "select tenant_name from DBA_OB_TENANTS",
    meaning: "ALTER SYSTEM … TENANT = all, all_user and all_meta mean more than one tenant",
};
const ZONES: Question = Question {
    id: "zones",
    title: "at least three zones",
    query: super::reading::ZONES,
    meaning: "with fewer, stopping one leaves no majority",
};
const ZONE_STATES: Question = Question {
    id: "zone-states",
    title: "every zone is ACTIVE, and named",
    query: super::reading::ZONES,
    meaning: "a zone that is not in service already, or that this upgrade leaves out, is one more \
              than may be away",
};
const LOCALITY: Question = Question {
    id: "locality",
    title: "every tenant lives in at least three zones",
    query: "select tenant_name, locality from DBA_OB_TENANTS",
    meaning: "a tenant in fewer zones loses its majority with one of them, whatever the cluster has",
};
const TARGET: Question = Question {
    id: "target-version",
    title: "the target version is a newer one",
    query: MOV,
    meaning: "versions only go up; an upgrade to what is running would prove nothing",
};

/// The questions that are not one count each.
pub(super) const QUESTIONS: [&Question; 12] =
    [&C01, &C02A, &C02B, &C02C, &C03, &C08, &C15, &C16, &C17, &ZONES, &LOCALITY, &TARGET];

/// Every check, in the order of the table.
pub(super) async fn all(sys: &Sys, target: Option<&str>, by: Instant) -> Vec<CheckLine> {
    let mut lines = check::connections(&sys.site).await;
    // The workload's schema is another tenant's.
    lines.retain(|line| line.id != "database");
    lines.extend(zones(sys, by).await);
    lines.push(locality(sys, by).await);
    let goal = target.map(|text| text.parse::<Version>().map_err(|error| error.to_string()));
    let versions = sys.texts(MOV, by).await;
    let running = running(&versions);
    lines.push(observer_version(&versions, running));
    lines.extend(goal.as_ref().map(|goal| going_to(running, goal)));
    let Some(running) = running else {
        lines.push(C02A.unasked("which checks apply depends on the version"));
        return lines;
    };
    lines.push(last_barrier(running));
    lines.extend(data_versions(sys, running, by).await);
    lines.push(in_sync(sys, by).await);
    let goal = goal.and_then(Result::ok);
    let mut by = by;
    for count in COUNTS {
        let began = Instant::now();
        lines.push(counted(sys, count, running, goal, by).await);
        // What reads much has time of its own, and takes none from what is asked after it.
        if count.question.query.contains(READS_MUCH) {
            by += began.elapsed();
        }
    }
    lines.push(primary_zones(sys, running, by).await);
    lines.push(schemas(sys, by).await);
    lines.push(one_build(sys, by).await);
    lines.push(reserved_names(sys, by).await);
    lines
}

/// The line of a question without an answer: a view that is not there is told apart from a server
/// that is not.
pub(super) fn unanswered(question: &Question, failure: &Failure) -> CheckLine {
    match failure.class {
        ErrorClass::Schema => question.unsupported(
            format!("this server does not have what is asked for: {}", failure.message),
            "connect as a user of the sys tenant, directly and not through the proxy; if this \
             release has no such view, ask its own upgrade_checker.py",
        ),
        _ => question.unanswered(failure),
    }
}

/// The one version that all servers agree on.
fn running(versions: &Result<Vec<String>, Failure>) -> Option<Version> {
    match versions.as_deref() {
        Ok([version]) => version.parse().ok(),
        _ => None,
    }
}

fn observer_version(
    versions: &Result<Vec<String>, Failure>,
    running: Option<Version>,
) -> CheckLine {
    match (versions, running) {
        (Err(failure), _) => unanswered(&C01, failure),
        (Ok(_), Some(version)) if version >= OLDEST => C01.pass(version.to_string()),
        (Ok(_), Some(version)) => C01.fail(
            format!("{version} is older than {OLDEST}"),
            "rollproof upgrades 4.x; older releases have a process of their own",
        ),
        (Ok(versions), None) if versions.is_empty() => {
            C01.unsupported("no server tells it", "connect as a user of the sys tenant")
        }
        (Ok(versions), None) => C01.fail(
            versions.join(", "),
            "finish the upgrade that was begun, or wait until every server knows the version",
        ),
    }
}

fn last_barrier(running: Version) -> CheckLine {
    match running >= V4_1 {
        true => C02A.pass(format!("{running}, at least {V4_1}")),
        false => C02A.fail(
            format!("{running} is below {V4_1}"),
            "upgrade to the barrier version first; `rollproof path` shows the way",
        ),
    }
}

fn going_to(running: Option<Version>, goal: &Result<Version, String>) -> CheckLine {
    match (running, goal) {
        (_, Err(error)) => TARGET.fail(error, "give --target-version as 4.2.1.8"),
        (None, Ok(_)) => TARGET.unasked("the cluster's own version is not known"),
        (Some(running), Ok(goal)) if *goal > running => {
            TARGET.pass(format!("{running}, going to {goal}"))
        }
        (Some(running), Ok(goal)) if goal.any_build() == running.any_build() => TARGET.fail(
            format!("the cluster runs {running} already"),
            "give another --target-version, or take the older release to begin with",
        ),
        (Some(running), Ok(goal)) => TARGET.fail(
            format!("the cluster runs {running}, which is newer than {goal}"),
            "give a newer --target-version; there is no way back",
        ),
    }
}

async fn data_versions(sys: &Sys, running: Version, by: Instant) -> Vec<CheckLine> {
    if running < V4_1 {
        let why = format!("asked only from {V4_1} on; the cluster runs {running}");
        return vec![C02B.pass(&*why), C02C.pass(why)];
    }
    let compatible = match sys.texts(C02B.query, by).await {
        Ok(compatible) => compatible,
        Err(failure) => return vec![unanswered(&C02B, &failure), unanswered(&C02C, &failure)],
    };
    let one = match compatible.as_slice() {
        [one] => one.parse::<Version>().ok(),
        _ => None,
    };
    let Some(version) = one.filter(|version| *version >= V4_1) else {
        let advice = "ALTER SYSTEM RUN UPGRADE JOB 'UPGRADE_ALL', and wait until it is done";
        let line = C02B.fail(compatible.join(", "), advice);
        return vec![line, C02C.unasked("it needs one value of `compatible`, see above")];
    };
    vec![C02B.pass(version.to_string()), packed(sys, version, by).await]
}

async fn packed(sys: &Sys, version: Version, by: Instant) -> CheckLine {
    let sql = C02C.query.replace("PACKED", &format!("'{}'", version.packed()));
    let (tenants, versions) = sql.split_once("; ").expect("the check is two queries");
    let counted = async {
        Ok::<_, Failure>((sys.number(tenants, by).await?, sys.number(versions, by).await?))
    };
    match counted.await {
        Ok((tenants, versions)) if versions == 2 * tenants => {
            C02C.pass(format!("{tenants} tenants, all on {version}"))
        }
        Ok((tenants, versions)) => C02C.fail(
            format!(
                "{tenants} tenants, but {versions} instead of {} data versions {version}",
                2 * tenants
            ),
            "ALTER SYSTEM RUN UPGRADE JOB 'UPGRADE_ALL', and wait until it is done",
        ),
        Err(failure) => unanswered(&C02C, &failure),
    }
}

async fn in_sync(sys: &Sys, by: Instant) -> CheckLine {
    let replicas = match replicas(sys, by).await {
        Ok(replicas) => replicas,
        Err(failure) => return unanswered(&C03, &failure),
    };
    if replicas.is_empty() {
        return C03.unsupported("no log stream is shown", "connect as a user of the sys tenant");
    }
    C03.pass_unless(
        Replica::problems(&replicas),
        format!("{} replicas", replicas.len()),
        "wait until the replicas have caught up; start the servers whose replicas are missing",
    )
}

async fn counted(
    sys: &Sys,
    count: &Count,
    running: Version,
    goal: Option<Version>,
    by: Instant,
) -> CheckLine {
    let Count { question, when, what, advice } = count;
    if when.depends_on_target(running, goal) {
        let answer = "not asked: whether it concerns this upgrade depends on where it leads";
        return question.warn(answer, "give --target-version");
    }
    if let Some(why) = when.spared(running, goal) {
        return question.pass(why);
    }
    let found = match question.query.contains(READS_MUCH) {
        true => sys.number_in_time(question.query, Instant::now() + READS_MUCH_FOR).await,
        false => sys.number(question.query, by).await,
    };
    match found {
        Ok(0) => question.pass(format!("0 {what}")),
        Ok(many) => question.fail(format!("{many} {what}"), advice),
        Err(failure) => unanswered(question, &failure),
    }
}

/// Pairs of text.
async fn pairs(sys: &Sys, sql: &str, by: Instant) -> Result<Vec<(String, String)>, Failure> {
    let rows = sys.rows(sql, by).await?;
    rows.iter().map(|row| Ok((cell(row, 0)?, cell(row, 1)?))).collect()
}

async fn primary_zones(sys: &Sys, running: Version, by: Instant) -> CheckLine {
    if let Some(why) = When::Below(V4_1).spared(running, None) {
        return C08.pass(why);
    }
    match pairs(sys, C08.query, by).await {
        Ok(tenants) => {
            let spread = tenants.iter().filter(|(_, zones)| is_spread(zones));
            let problems = spread.map(|(tenant, zones)| format!("{tenant}: {zones}")).collect();
            let good = format!("{} tenants", tenants.len());
            C08.pass_unless(problems, good, "ALTER TENANT … PRIMARY_ZONE = 'one zone'")
        }
        Err(failure) => unanswered(&C08, &failure),
    }
}

/// Whether more than one zone comes first: `a,b;c` does, `a;b,c` does not.
fn is_spread(primary_zone: &str) -> bool {
    let first = primary_zone.split(';').next().unwrap_or_default();
    first.eq_ignore_ascii_case("RANDOM") || first.contains(',')
}

async fn schemas(sys: &Sys, by: Instant) -> CheckLine {
    match super::health::schemas(sys, by).await {
        Ok((refreshed, expected)) if refreshed == expected => {
            C15.pass(format!("{refreshed} of {expected} schemas, servers times tenants"))
        }
        Ok((refreshed, expected)) => C15.fail(
            format!("{refreshed} of {expected} schemas, servers times tenants"),
            "wait, then look at GV$OB_SERVER_SCHEMA_INFO for the server that lags behind",
        ),
        Err(failure) => unanswered(&C15, &failure),
    }
}

async fn one_build(sys: &Sys, by: Instant) -> CheckLine {
    match sys.texts(C16.query, by).await {
        Ok(builds) if builds.len() == 1 => C16.pass(builds.concat()),
        Ok(builds) => C16.fail(
            builds.join(", "),
            "finish the upgrade that was begun, with `--resume` if it is rollproof's own",
        ),
        Err(failure) => unanswered(&C16, &failure),
    }
}

async fn reserved_names(sys: &Sys, by: Instant) -> CheckLine {
    const RESERVED: [&str; 3] = ["all", "all_user", "all_meta"];
    match sys.texts(C17.query, by).await {
        Ok(names) => {
            let total = names.len();
            let reserved = |name: &String| RESERVED.iter().any(|r| r.eq_ignore_ascii_case(name));
            let found = names.into_iter().filter(reserved).collect();
            C17.pass_unless(
                found,
                format!("{total} tenants"),
                "ALTER TENANT … RENAME GLOBAL_NAME TO …",
            )
        }
        Err(failure) => unanswered(&C17, &failure),
    }
}

async fn zones(sys: &Sys, by: Instant) -> [CheckLine; 2] {
    let zones = match pairs(sys, ZONES.query, by).await {
        Ok(zones) => zones,
        Err(failure) => return [&ZONES, &ZONE_STATES].map(|of| unanswered(of, &failure)),
    };
    let enough = match zones.len() {
        few @ ..3 => ZONES.fail(
            format!("the cluster has {few}"),
            "add zones to the cluster; --allow-unsafe is for those who accept an outage",
        ),
        enough => ZONES.pass(format!("{enough} zones")),
    };
    let named: Vec<&str> = sys.site.ids().map(|zone| sys.site.name(zone)).collect();
    let unknown = named.iter().filter(|name| !zones.iter().any(|(zone, _)| zone == *name));
    let unknown = unknown.map(|name| format!("{name} of the scenario is no zone of the cluster"));
    let left_out = zones.iter().filter(|(zone, _)| !named.contains(&zone.as_str()));
    let left_out = left_out.map(|(zone, _)| format!("{zone} is not in the scenario"));
    let away = zones.iter().filter(|(_, status)| !status.eq_ignore_ascii_case("ACTIVE"));
    let away = away.map(|(zone, status)| format!("{zone} is {status}"));
    let states = ZONE_STATES.pass_unless(
        unknown.chain(left_out).chain(away).collect(),
        format!("{} zones", zones.len()),
        "name every zone as DBA_OB_ZONES does, and start those that are stopped",
    );
    [enough, states]
}

async fn locality(sys: &Sys, by: Instant) -> CheckLine {
    let tenants = match pairs(sys, LOCALITY.query, by).await {
        Ok(tenants) => tenants,
        Err(failure) => return unanswered(&LOCALITY, &failure),
    };
    let narrow = tenants.iter().filter(|(_, locality)| full_zones(locality) < 3);
    let problems = narrow.map(|(tenant, locality)| format!("{tenant}: {locality}")).collect();
    LOCALITY.pass_unless(
        problems,
        format!("{} tenants", tenants.len()),
        "ALTER TENANT … LOCALITY over at least three zones, or accept that this tenant stops",
    )
}

/// How many zones hold a full replica: `FULL{1}@zone1, READONLY{1}@zone2` has one.
fn full_zones(locality: &str) -> usize {
    let replicas = locality.split(',').filter_map(|replica| replica.trim().split_once('@'));
    let full = replicas.filter(|(kind, _)| {
        let kind = kind.to_ascii_uppercase();
        kind.starts_with('F')
    });
    full.map(|(_, zone)| zone.trim()).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_with_a_full_replica_are_counted() {
        let cases = [
            ("FULL{1}@zone1, FULL{1}@zone2, FULL{1}@zone3", 3),
            ("F@z1,F@z2,F@z2", 2),
            ("FULL{1}@zone1, READONLY{1}@zone2", 1),
            ("", 0),
        ];
        for (locality, zones) in cases {
            assert_eq!(full_zones(locality), zones, "{locality}");
        }
    }

    #[test]
    fn a_primary_zone_is_one_or_spread() {
        for (zones, spread) in
            [("RANDOM", true), ("z1,z2;z3", true), ("z1;z2,z3", false), ("z1", false)]
        {
            assert_eq!(is_spread(zones), spread, "{zones}");
        }
    }
}
