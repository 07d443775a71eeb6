//! The pre-upgrade checks of Galera, all read-only.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::membership::{Node, membership};
use super::reading::{Reading, Variables};
use crate::cluster::check::{self, CheckLine, Question};
use crate::cluster::site::{Site, unread};
use crate::event::{ErrorClass, ZoneId};
use crate::session::{Failure, cell};

/// A zone is seldom away for longer than this while its package is changed and its server starts.
const AWAY: Duration = Duration::from_mins(10);
/// How long writes are counted to know their rate.
const SAMPLE: Duration = Duration::from_secs(1);

const GCACHE: Question = Question {
    id: "gcache-size",
    title: "a returning zone catches up by IST",
    query: "gcache.size of wsrep_provider_options against the rate of wsrep_*_bytes",
    meaning: "a zone that was away for longer than gcache remembers copies all data from a donor \
              (SST), which may block that donor",
};
const KEYS: Question = Question {
    id: "primary-keys",
    title: "all tables have primary keys",
    query: "information_schema.tables without a PRIMARY KEY constraint",
    meaning: "Galera cannot delete or certify rows without a key reliably",
};
const OTHER_KEYS: Question = Question {
    id: "primary-keys-elsewhere",
    title: "tables of other schemas have primary keys",
    query: "information_schema.tables without a PRIMARY KEY constraint",
    meaning: "Galera cannot delete or certify rows without a key reliably",
};
const INNODB: Question = Question {
    id: "innodb",
    title: "all tables are InnoDB",
    query: "information_schema.tables where engine is not InnoDB",
    meaning: "only InnoDB is replicated; other tables differ between zones",
};
const PRIVILEGES: Question = Question {
    id: "privileges",
    title: "the user may stop and start zones",
    query: "information_schema.user_privileges: SUPER, PROCESS",
    meaning: "stop-zone sets wsrep_reject_queries (SUPER) and waits for open transactions (PROCESS)",
};
const LOADED: Question = Question {
    id: "data-loaded",
    title: "the workload's data is there",
    query: "SELECT load_complete FROM rollproof_meta",
    meaning: "the load needs the nine TPC-C tables, whole",
};

/// Every check, in the order of the table. Zones that do not answer are left out of the later
/// ones: the first lines name them.
pub(super) async fn all(site: &Site, target: Option<&str>, by: Instant) -> Vec<CheckLine> {
    let mut lines = check::connections(site).await;
    lines.push(check::enough_zones(site.len()));
    let (mut nodes, mut statuses) = (Vec::new(), Vec::new());
    for zone in site.ids() {
        match variables(site, zone, by).await {
            Ok(variables) => {
                let reading = Reading::new(&variables);
                statuses.push(reading.status(zone));
                nodes.push(Node { name: site.name(zone), zone, variables, reading });
            }
            Err(failure) => statuses.push(unread(zone, &failure)),
        }
    }
    lines.extend(check::versions(&statuses, target));
    let names: Vec<&str> = site.ids().map(|zone| site.name(zone)).collect();
    lines.extend(membership(&nodes, &names));
    let Some(first) = nodes.first() else { return lines };
    lines.push(gcache(site, first, by).await);
    lines.extend(schema(site, first.zone, by).await);
    lines.push(privileges(site, &nodes, by).await);
    lines.push(loaded(site, first.zone, by).await);
    lines
}

async fn variables(site: &Site, zone: ZoneId, by: Instant) -> Result<Variables, Failure> {
    let mut variables = site.pairs(zone, super::adapter::STATUS, by).await?;
    variables.extend(site.pairs(zone, super::adapter::SETTING, by).await?);
    Ok(variables)
}

async fn gcache(site: &Site, node: &Node<'_>, by: Instant) -> CheckLine {
    const OPTIONS: &str = "SHOW GLOBAL VARIABLES LIKE 'wsrep_provider_options'";
    let options = match site.pairs(node.zone, OPTIONS, by).await {
        Ok(options) => options,
        Err(failure) => return GCACHE.unanswered(&failure),
    };
    sleep(SAMPLE).await;
    let later = match variables(site, node.zone, by).await {
        Ok(later) => later,
        Err(failure) => return GCACHE.unanswered(&failure),
    };
    let size = options.get("wsrep_provider_options").and_then(|text| gcache_size(text));
    let (Some(size), Some(before), Some(after)) = (size, written(&node.variables), written(&later))
    else {
        return GCACHE.warn("not told by the server", "look at gcache.size by hand");
    };
    let rate = after.saturating_sub(before) / SAMPLE.as_secs();
    let needed = rate.saturating_mul(AWAY.as_secs());
    let answer = format!(
        "{} MiB for {:.1} MiB/s written now: {}",
        size >> 20,
        rate as f64 / f64::from(1 << 20),
        size.checked_div(rate).map_or("enough".to_owned(), |holds| format!("holds {holds} s")),
    );
    if size >= needed {
        GCACHE.pass(answer)
    } else {
        GCACHE.warn(
            answer,
            "enlarge gcache.size to ten minutes of writes, or keep every zone's absence short",
        )
    }
}

/// Bytes of write sets this node has seen: its own and the others'.
fn written(of: &Variables) -> Option<u64> {
    let bytes = |name: &str| of.get(name)?.parse::<u64>().ok();
    Some(bytes("wsrep_replicated_bytes")? + bytes("wsrep_received_bytes")?)
}

/// `gcache.size` in bytes out of `name = value; name = value; …`.
fn gcache_size(options: &str) -> Option<u64> {
    let (_, value) = options
        .split(';')
        .filter_map(|option| option.split_once('='))
        .find(|(name, _)| name.trim() == "gcache.size")?;
    let value = value.trim();
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &value[digits.len()..] {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

async fn schema(site: &Site, zone: ZoneId, by: Instant) -> Vec<CheckLine> {
    let database = &site.database;
    let keyless = format!(
        "SELECT t.table_name FROM information_schema.tables t \
         LEFT JOIN information_schema.table_constraints c \
         ON c.table_schema = t.table_schema AND c.table_name = t.table_name \
         AND c.constraint_type = 'PRIMARY KEY' \
         WHERE t.table_schema = '{database}' AND t.table_type = 'BASE TABLE' \
         AND c.constraint_name IS NULL"
    );
    let foreign = format!(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = '{database}' \
         AND table_type = 'BASE TABLE' AND (engine IS NULL OR engine <> 'InnoDB')"
    );
    let questions = [
        (&KEYS, keyless, "add a primary key to each of these tables"),
        (&INNODB, foreign, "ALTER TABLE … ENGINE=InnoDB"),
    ];
    let count = format!(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{database}' \
         AND table_type = 'BASE TABLE'"
    );
    let tables = site.number(zone, count, by).await;
    let mut lines = Vec::new();
    for (question, sql, advice) in questions {
        lines.push(match names(site, zone, sql, by).await {
            Ok(_) if matches!(tables, Ok(0)) => {
                question.warn(format!("{database} has no tables yet"), "run `rollproof load`")
            }
            Ok(names) => question.pass_unless(names, format!("all of {database}"), advice),
            Err(failure) => question.unanswered(&failure),
        });
    }
    lines.push(other_keys(site, zone, by).await);
    lines
}

/// Schemas that are not the workload's are somebody else's to mend: worth a warning.
async fn other_keys(site: &Site, zone: ZoneId, by: Instant) -> CheckLine {
    let sql = format!(
        "SELECT CONCAT(t.table_schema, '.', t.table_name) FROM information_schema.tables t \
         LEFT JOIN information_schema.table_constraints c \
         ON c.table_schema = t.table_schema AND c.table_name = t.table_name \
         AND c.constraint_type = 'PRIMARY KEY' \
         WHERE t.table_type = 'BASE TABLE' AND c.constraint_name IS NULL AND t.table_schema \
         NOT IN ('{}', 'mysql', 'sys', 'information_schema', 'performance_schema') LIMIT 10",
        site.database
    );
    match names(site, zone, sql, by).await {
        Ok(names) if names.is_empty() => OTHER_KEYS.pass("all that this user sees"),
        Ok(names) => OTHER_KEYS
            .warn(names.join("; "), "add a primary key to each, or keep them still meanwhile"),
        Err(failure) => OTHER_KEYS.unanswered(&failure),
    }
}

async fn names(
    site: &Site,
    zone: ZoneId,
    sql: String,
    by: Instant,
) -> Result<Vec<String>, Failure> {
    site.rows(zone, sql, by).await?.iter().map(|row| cell(row, 0)).collect()
}

async fn privileges(site: &Site, nodes: &[Node<'_>], by: Instant) -> CheckLine {
    const OWN: &str = "SELECT privilege_type FROM information_schema.user_privileges \
         WHERE REPLACE(grantee, '''', '') = CURRENT_USER() \
         AND privilege_type IN ('SUPER', 'PROCESS')";
    let mut lacking = Vec::new();
    for node in nodes {
        let held = match names(site, node.zone, OWN.to_owned(), by).await {
            Ok(held) => held,
            Err(failure) => return PRIVILEGES.unanswered(&failure),
        };
        for needed in ["SUPER", "PROCESS"] {
            if !held.iter().any(|one| one == needed) {
                lacking.push(format!("{} lacks {needed}", node.name));
            }
        }
    }
    PRIVILEGES.pass_unless(
        lacking,
        "SUPER, PROCESS",
        "GRANT SUPER, PROCESS ON *.* to the user; rights held through a role do not count here",
    )
}

async fn loaded(site: &Site, zone: ZoneId, by: Instant) -> CheckLine {
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(load_complete), 0) AS UNSIGNED) FROM `{}`.rollproof_meta",
        site.database
    );
    let advice = "run `rollproof load`; `rollproof run` needs the data";
    match site.number(zone, sql, by).await {
        Ok(0) => LOADED.warn("the load did not finish", advice),
        Ok(_) => LOADED.pass(format!("{} is loaded", site.database)),
        Err(failure) if failure.class == ErrorClass::Schema => {
            LOADED.warn(format!("not loaded: no rollproof_meta in {}", site.database), advice)
        }
        Err(failure) => LOADED.unanswered(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gcache_size_is_read_with_its_unit() {
        let cases = [
            ("debug = no; gcache.size = 128M; gcs.fc_limit = 16;", Some(128 << 20)),
            ("gcache.size=2G", Some(2 << 30)),
            ("gcache.size = 4096", Some(4096)),
            ("gcache.page_size = 128M", None),
            ("gcache.size = much", None),
        ];
        for (options, size) in cases {
            assert_eq!(gcache_size(options), size, "{options}");
        }
    }
}
