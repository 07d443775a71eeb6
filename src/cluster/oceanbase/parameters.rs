//! The parameters an upgrade changes: kept before, put back and checked after.

use tokio::time::{Instant, sleep};

use super::sys::{Sys, literal};
use crate::cluster::{Kept, Refusal, Setting};
use crate::event::ZoneId;
use crate::session::{Failure, cell};

/// Parameters of the cluster, and those that each tenant has.
const OF_CLUSTER: &str = "'server_permanent_offline_time', 'enable_rereplication', 'enable_ddl', \
     'enable_major_freeze'";
const OF_TENANT: &str = "'enable_rebalance'";

const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(100);

/// What an upgrade may change, as it is now. A meta tenant follows its tenant.
pub(super) async fn keep(sys: &Sys, by: Instant) -> Result<Kept, Failure> {
    let cluster = format!(
        "select distinct name, value from GV$OB_PARAMETERS where scope = 'CLUSTER' \
         and name in ({OF_CLUSTER}) order by name, value"
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
    Ok(Kept(kept))
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
async fn values(sys: &Sys, setting: &Setting, by: Instant) -> Result<Vec<String>, Failure> {
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

/// What differs from what was kept, as it was kept.
pub(super) async fn changed(sys: &Sys, kept: &Kept, by: Instant) -> Result<Vec<Setting>, Failure> {
    let mut changed = Vec::new();
    for setting in &kept.0 {
        let values = values(sys, setting, by).await?;
        if !matches!(&values[..], [one] if same(one, &setting.value)) {
            changed.push(setting.clone());
        }
    }
    Ok(changed)
}

/// Puts back what differs from what was kept, and checks it.
pub(super) async fn restore(sys: &Sys, kept: &Kept, by: Instant) -> Result<String, Refusal> {
    let changed = changed(sys, kept, by).await?;
    for setting in &changed {
        set(sys, setting, None, by).await?;
    }
    let names: Vec<&str> = changed.iter().map(|setting| setting.name.as_str()).collect();
    Ok(match names.is_empty() {
        true => format!("{} parameters are as they were", kept.0.len()),
        false => format!("put back and checked: {}", names.join(", ")),
    })
}
