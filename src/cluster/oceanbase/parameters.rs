//! The parameters an upgrade changes: kept before, put back and checked after.

use tokio::time::{Instant, sleep};

use super::sys::{Sys, literal};
use crate::cluster::{Kept, Refusal, Setting};
use crate::event::ZoneId;
use crate::session::{Failure, cell};

/// Parameters of the cluster, and those that each tenant has.
const OF_CLUSTER: [&str; 4] =
    ["enable_ddl", "enable_major_freeze", "enable_rereplication", "server_permanent_offline_time"];
const OF_TENANT: &str = "'enable_rebalance'";

const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(100);

/// What an upgrade may change, as it is now. A meta tenant follows its tenant.
///
/// # Errors
/// When it cannot be read, or would not be what was there before an upgrade: one is under way, or
/// servers have different values.
pub(super) async fn keep(sys: &Sys, by: Instant) -> Result<Kept, Refusal> {
    is_in_no_upgrade(sys, by).await?;
    let names = OF_CLUSTER.map(literal).join(", ");
    let cluster = format!(
        "select distinct name, value from GV$OB_PARAMETERS where scope = 'CLUSTER' \
         and name in ({names}) order by name, value"
    );
    let tenants = format!(
        "select distinct p.name, p.value, t.tenant_name from __all_virtual_tenant_parameter_info p \
         join DBA_OB_TENANTS t on t.tenant_id = p.tenant_id \
         where t.tenant_type != 'META' and p.name in ({OF_TENANT}) order by 3, 1, 2"
    );
    let mut kept = Vec::new();
    for (sql, of_tenant) in [(cluster, false), (tenants, true)] {
        for row in sys.rows(sql, by).await? {
            kept.push(Setting {
                name: cell(&row, 0)?,
                value: cell(&row, 1)?,
                tenant: if of_tenant { Some(cell(&row, 2)?) } else { None },
            });
        }
    }
    whole(&kept)?;
    Ok(Kept(kept))
}

/// In the middle of an upgrade the parameters are that upgrade's, not what is to be put back.
async fn is_in_no_upgrade(sys: &Sys, by: Instant) -> Result<(), Refusal> {
    const STATE: &str = "select distinct name, value from __all_virtual_sys_parameter_stat \
         where name in ('enable_upgrade_mode', '_upgrade_stage') order by name, value";
    let mut found = Vec::new();
    for row in sys.rows(STATE, by).await? {
        let (name, value): (String, String) = (cell(&row, 0)?, cell(&row, 1)?);
        if !same(&value, "False") && !same(&value, "NONE") {
            found.push(format!("{name} is {value}"));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Refusal(format!(
        "the cluster is in an upgrade that this one did not begin ({}): wait for its end if \
         somebody else upgrades; go on with --resume and its run's directory if rollproof began \
         it; or, while all servers run one version, leave it with ALTER SYSTEM END UPGRADE and set \
         the parameters it changed by hand",
        found.join(", ")
    )))
}

/// Whether there is one value to put back of every parameter.
fn whole(kept: &[Setting]) -> Result<(), Refusal> {
    let of_cluster = |name: &str| kept.iter().any(|s| s.name == name && s.tenant.is_none());
    if let Some(name) = OF_CLUSTER.into_iter().find(|name| !of_cluster(name)) {
        return Err(Refusal(format!(
            "GV$OB_PARAMETERS shows no {name}, so it could not be put back; let the user read it"
        )));
    }
    let differs = |pair: &&[Setting]| {
        (&pair[0].name, &pair[0].tenant) == (&pair[1].name, &pair[1].tenant)
            && !same(&pair[0].value, &pair[1].value)
    };
    match kept.windows(2).find(differs) {
        None => Ok(()),
        Some(pair) => Err(Refusal(format!(
            "servers differ in {}: {} and {}; give all of them one value with `{}`",
            pair[0].name,
            pair[0].value,
            pair[1].value,
            statement(&pair[0])
        ))),
    }
}

/// Whether two values are the same to the server: `True` is `true`.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The statement that gives a parameter a value.
pub(super) fn statement(setting: &Setting) -> String {
    let tenant = match &setting.tenant {
        Some(tenant) => format!(" TENANT = {}", literal(tenant)),
        None => String::new(),
    };
    format!("ALTER SYSTEM SET {} = {}{tenant}", setting.name, literal(&setting.value))
}

/// The values servers have for a parameter, each once.
pub(super) async fn values(
    sys: &Sys,
    setting: &Setting,
    by: Instant,
) -> Result<Vec<String>, Failure> {
    let name = literal(&setting.name);
    let sql = match &setting.tenant {
        None => format!(
            "select distinct value from __all_virtual_sys_parameter_stat where name = {name}"
        ),
        Some(tenant) => format!(
            "select distinct p.value from __all_virtual_tenant_parameter_info p \
             join DBA_OB_TENANTS t on t.tenant_id = p.tenant_id \
             where p.name = {name} and t.tenant_name = {}",
            literal(tenant)
        ),
    };
    sys.texts(sql, by).await
}

/// Waits until every server has the value.
pub(super) async fn in_sync(sys: &Sys, setting: &Setting, by: Instant) -> Result<(), Refusal> {
    loop {
        let found = match values(sys, setting, by).await {
            Ok(values) if matches!(&values[..], [one] if same(one, &setting.value)) => {
                return Ok(());
            }
            Ok(values) if values.is_empty() => "no server has it".to_owned(),
            Ok(values) => format!("servers have {}", values.join(", ")),
            Err(failure) => failure.to_string(),
        };
        if Instant::now() + LOOK_EVERY > by {
            let Setting { name, value, .. } = setting;
            return Err(Refusal(format!(
                "{name} did not become {value} on every server in time: {found}"
            )));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Gives a parameter a value and waits until every server has it.
pub(super) async fn set(
    sys: &Sys,
    setting: &Setting,
    beside: Option<ZoneId>,
    by: Instant,
) -> Result<(), Refusal> {
    let sql = statement(setting);
    let told = sys.tell(sql.clone(), beside, by).await;
    told.map_err(|failure| Refusal(format!("`{sql}` was refused: {failure}")))?;
    in_sync(sys, setting, by).await
}

/// Puts back what differs from what was kept, and checks it. One parameter that cannot be put back
/// is no reason to leave the others.
///
/// # Errors
/// Every parameter that is not as it was, and why.
pub(super) async fn restore(sys: &Sys, kept: &Kept, by: Instant) -> Result<String, Refusal> {
    let (mut told, mut failed) = (Vec::new(), Vec::new());
    for setting in &kept.0 {
        // What cannot be read is told all the same.
        let values = values(sys, setting, by).await.unwrap_or_default();
        if matches!(&values[..], [one] if same(one, &setting.value)) {
            continue;
        }
        let sql = statement(setting);
        match sys.tell(sql.clone(), None, by).await {
            Ok(()) => told.push(setting),
            Err(failure) => failed.push(format!("`{sql}` was refused: {failure}")),
        }
    }
    // All are told before the first is waited for, and each has its share of the time that is left.
    for (place, setting) in told.iter().enumerate() {
        let left = by.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(told.len() - place).unwrap_or(1);
        if let Err(refusal) = in_sync(sys, setting, Instant::now() + share).await {
            failed.push(refusal.to_string());
        }
    }
    if !failed.is_empty() {
        return Err(Refusal(failed.join("; ")));
    }
    let names: Vec<&str> = told.iter().map(|setting| setting.name.as_str()).collect();
    Ok(match names.is_empty() {
        true => format!("{} parameters are as they were", kept.0.len()),
        false => format!("put back and checked: {}", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_has_one_value_of_every_parameter() {
        let setting = |name: &str, value: &str| Setting {
            name: name.to_owned(),
            tenant: None,
            value: value.to_owned(),
        };
        let kept = OF_CLUSTER.map(|name| setting(name, "1"));
        assert_eq!(whole(&kept), Ok(()));
        let error = |kept: &[Setting]| whole(kept).unwrap_err().0;
        assert!(error(&[]).contains("shows no enable_ddl"));
        assert!(error(&kept[..3]).contains("shows no server_permanent_offline_time"));
        let two = [&[setting("enable_ddl", "0")], &kept[..]].concat();
        assert!(error(&two).contains("servers differ in enable_ddl: 0 and 1"));
        let of_tenant = |tenant: &str, value: &str| Setting {
            tenant: Some(tenant.to_owned()),
            ..setting("enable_rebalance", value)
        };
        let tenants = [&kept[..], &[of_tenant("a", "True"), of_tenant("b", "False")]].concat();
        assert_eq!(whole(&tenants), Ok(()));
    }
}
