//! The recorded sys tenant: a database with the views' names, columns and types (`views.sql`), a
//! healthy cluster of three zones in it (`cluster.sql`), and a script of what every statement and
//! every act on a host does to them (`upgrade.toml`, `variants.toml`).
//!
//! The database is real and lives on a MariaDB server of the lab, so that what rollproof asks is
//! parsed, typed and counted by a server. In front of it stand two ports a zone, for the control
//! plane and for the load: they hand everything on, except ALTER SYSTEM and settings that only
//! OceanBase has, which go to the script, and refuse connections or say that the server is starting
//! while the script has the zone's server down.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "every test uses its own part of this"
)]

mod front;
#[path = "../lab/mod.rs"]
pub mod lab;
mod script;
mod variants;
mod watch;

use std::path::Path;
use std::time::Duration;

use rollproof::event::StatementKind;
use rollproof::scenario::{self, Product, Zone};
use rollproof::session::{Login, Session, Statement, cell};
use tokio::time::Instant;

pub use front::Reply;
pub use script::{Act, Host, Script, SysTenant, rolling_upgrade, seen_steps};
pub use variants::{Variant, Variants};
pub use watch::{Watch, warnings};

pub const OLD: &str = "4.2.1.6";
pub const NEW: &str = "4.2.1.8";
const DATABASE: &str = "oceanbase";

pub fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sys_tenant").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lab's first server, where the database is kept.
pub struct Store {
    pub login: Login,
}

impl Store {
    /// `None` where there is no lab.
    pub fn of_lab() -> Option<Self> {
        let (cluster, password) = lab::cluster()?;
        let cluster = scenario::Cluster { product: Product::Plain, ..cluster };
        let mut login = Login::to_zone(&cluster, &cluster.zones[0], &password);
        // The views are this server's alone, and some have no primary key to replicate by.
        login.settings = vec!["SET SESSION wsrep_on = OFF".into()];
        Some(Self { login })
    }

    pub async fn open(&self) -> Session {
        Session::open(&self.login, soon()).await.unwrap()
    }

    /// A parameter's value on all servers.
    pub async fn parameter(&self, name: &str) -> String {
        let mut session = self.open().await;
        run(&mut session, "USE oceanbase").await;
        let sql = format!(
            "SELECT GROUP_CONCAT(DISTINCT value) FROM __all_virtual_sys_parameter_stat \
             WHERE name = '{name}'"
        );
        let statement = Statement::built(StatementKind::Admin, sql);
        cell(&session.query(&statement, soon()).await.unwrap().rows[0], 0).unwrap()
    }

    /// The healthy cluster, whatever was there before.
    pub async fn reset(&self) {
        let mut session = self.open().await;
        for sql in [
            format!("DROP DATABASE IF EXISTS {DATABASE}"),
            format!("CREATE DATABASE {DATABASE} CHARACTER SET latin1"),
            format!("USE {DATABASE}"),
        ] {
            run(&mut session, &sql).await;
        }
        for name in ["views.sql", "cluster.sql"] {
            run_all(&mut session, &file(name)).await;
        }
    }

    /// Empties the views and fills them again: faster than making them.
    pub async fn refill(&self) {
        let mut session = self.open().await;
        run(&mut session, &format!("USE {DATABASE}")).await;
        run(&mut session, "START TRANSACTION").await;
        let tables = format!(
            "SELECT table_name FROM information_schema.tables \
             WHERE table_schema = '{DATABASE}' AND table_type = 'BASE TABLE'"
        );
        let statement = Statement::built(StatementKind::Admin, tables);
        for row in session.query(&statement, soon()).await.unwrap().rows {
            let table: String = rollproof::session::cell(&row, 0).unwrap();
            run(&mut session, &format!("DELETE FROM `{table}`")).await;
        }
        run_all(&mut session, &file("cluster.sql")).await;
        run(&mut session, "COMMIT").await;
    }

    pub async fn drop_database(&self) {
        run(&mut self.open().await, &format!("DROP DATABASE IF EXISTS {DATABASE}")).await;
    }
}

/// Zones as `--zones` and `--control` take them.
pub fn listed(zones: &[Zone]) -> String {
    let one = |zone: &Zone| format!("{}={}", zone.name, zone.endpoint);
    zones.iter().map(one).collect::<Vec<_>>().join(",")
}

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub async fn run(session: &mut Session, sql: &str) {
    let statement = Statement::built(StatementKind::Admin, sql.to_owned());
    let result = session.query(&statement, soon()).await;
    result.unwrap_or_else(|failure| panic!("{sql}: {failure}"));
}

/// Every statement of a file; they end with a semicolon at a line's end.
async fn run_all(session: &mut Session, text: &str) {
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    for sql in code.join("\n").split(";\n").map(str::trim).filter(|sql| !sql.is_empty()) {
        run(session, sql.trim_end_matches(';')).await;
    }
}
