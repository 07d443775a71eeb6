//! Who answers at an address: which product, in which version, and which server of it.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::event::StatementKind;
use crate::scenario::Product;
use crate::session::{Failure, Session, Statement, cell};

/// What every server of the family can be asked for; it leaves out what it does not have.
const VARIABLES: Statement = Statement::fixed(
    StatementKind::Admin,
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'version_comment', 'wsrep_on', \
     'group_replication_group_name', 'server_uuid', 'server_uid', 'hostname', 'port', 'server_id')",
);
/// The node's own name within its group, new at every start.
const NODE: Statement =
    Statement::fixed(StatementKind::Admin, "SHOW GLOBAL STATUS LIKE 'wsrep_gcomm_uuid'");

/// What a server says of itself, whatever product it is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// What it is; [`Product::Plain`] where nothing says more.
    pub(super) product: Product,
    /// The same with its version, for people: `MariaDB 10.11.18 with Galera`.
    pub(super) words: String,
    /// What no other server has, and its name; `None` where it tells nothing of the kind.
    pub(super) own: Option<(&'static str, String)>,
}

impl Identity {
    /// Asks a server.
    ///
    /// # Errors
    /// When it does not answer, or does not know the question.
    pub(super) async fn ask(session: &mut Session, by: Instant) -> Result<Self, Failure> {
        let mut variables = pairs(session, &VARIABLES, by).await?;
        if variables.get("wsrep_on").is_some_and(|value| value == "ON") {
            variables.extend(pairs(session, &NODE, by).await?);
        }
        Ok(Self::of(&variables))
    }

    fn of(variables: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| variables.get(name).map_or("", String::as_str);
        let named = format!("{} {}", text("version_comment"), text("version")).to_lowercase();
        let product = if named.contains("oceanbase") || named.contains("seekdb") {
            Product::OceanBase
        } else if text("wsrep_on") == "ON" {
            Product::Galera
        } else if !text("group_replication_group_name").is_empty() {
            Product::GroupReplication
        } else {
            Product::Plain
        };
        let (version, comment) = (text("version"), text("version_comment"));
        let words = words(product, version, comment);
        let shared = ["hostname", "port", "server_id", "server_uid"].map(text);
        let own = [
            ("wsrep_gcomm_uuid", text("wsrep_gcomm_uuid").to_owned()),
            ("server_uuid", text("server_uuid").to_owned()),
            // A server without a name, or without a port, tells nothing of where it is.
            match shared[..2].contains(&"") {
                true => ("", String::new()),
                false => ("hostname, port, server_id", shared[..3].join(", ") + shared[3]),
            },
        ];
        // Variables of OceanBase are a tenant's: the same on all of its servers.
        let own = own.into_iter().find(|(_, value)| !value.is_empty());
        Self { product, words, own: own.filter(|_| product != Product::OceanBase) }
    }

    /// Whether it can be watched as `asked`: every server speaks the protocol, and that is all that
    /// `plain` asks for.
    pub(super) fn is(&self, asked: Product) -> bool {
        asked == Product::Plain || asked == self.product
    }

    /// What it can be watched as.
    pub(super) fn fitting(&self) -> Product {
        match self.product {
            // It has no adapter yet.
            Product::GroupReplication => Product::Plain,
            product => product,
        }
    }
}

fn words(product: Product, version: &str, comment: &str) -> String {
    let number = version.split('-').next().unwrap_or_default();
    let names = |name: &str| format!("{comment} {version}").to_lowercase().contains(name);
    match product {
        // Its number stands in the comment; the version says what it is compatible with.
        Product::OceanBase if comment.is_empty() => version.to_owned(),
        Product::OceanBase => comment.split(" (").next().unwrap_or_default().to_owned(),
        _ => {
            let server = match (names("mariadb"), names("mysql") || names("percona")) {
                (true, _) => format!("MariaDB {number}"),
                (_, true) => format!("MySQL {number}"),
                _ => format!("a server of version {version}"),
            };
            match product {
                Product::Galera => format!("{server} with Galera"),
                Product::GroupReplication => format!("{server} with Group Replication"),
                _ => server,
            }
        }
    }
}

/// Names in lower case, and values.
async fn pairs(
    session: &mut Session,
    statement: &Statement,
    by: Instant,
) -> Result<BTreeMap<String, String>, Failure> {
    let rows = session.query(statement, by).await?.rows;
    rows.iter().map(|row| Ok((cell::<String>(row, 0)?.to_lowercase(), cell(row, 1)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(variables: &[(&str, &str)]) -> Identity {
        let owned = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Identity::of(&owned.collect())
    }

    #[test]
    fn a_server_is_known_by_what_it_says_of_itself() {
        type Said = &'static [(&'static str, &'static str)];
        const MARIA: (&str, &str) = ("version", "10.11.18-MariaDB-deb12u1-log");
        let cases: [(Said, Product, &str); 6] = [
            (&[MARIA, ("wsrep_on", "ON")], Product::Galera, "MariaDB 10.11.18 with Galera"),
            (&[MARIA, ("wsrep_on", "OFF")], Product::Plain, "MariaDB 10.11.18"),
            (
                &[("version", "9.7.0"), ("version_comment", "MySQL Community Server - GPL")],
                Product::Plain,
                "MySQL 9.7.0",
            ),
            (
                &[
                    ("version", "8.4.5"),
                    ("version_comment", "MySQL Community Server - GPL"),
                    ("group_replication_group_name", "aaaa"),
                ],
                Product::GroupReplication,
                "MySQL 8.4.5 with Group Replication",
            ),
            (
                &[
                    ("version", "5.7.25-OceanBase_CE-v4.2.1.8"),
                    ("version_comment", "OceanBase_CE 4.2.1.8 (r108) (Built Aug 1)"),
                ],
                Product::OceanBase,
                "OceanBase_CE 4.2.1.8",
            ),
            (&[("version", "5.7-X")], Product::Plain, "a server of version 5.7-X"),
        ];
        for (variables, product, words) in cases {
            let found = identity(variables);
            assert_eq!((found.product, found.words.as_str()), (product, words));
            assert!(found.is(product) && found.is(Product::Plain));
            let others =
                Product::ALL.iter().filter(|other| ![product, Product::Plain].contains(other));
            assert!(others.into_iter().all(|&other| !found.is(other)), "{words}");
        }
    }

    #[test]
    fn two_names_of_one_server_are_told_from_two_servers() {
        let place = |port: &'static str| {
            [
                ("version", "10.11.18-MariaDB"),
                ("hostname", "db1"),
                ("port", port),
                ("server_id", "1"),
            ]
        };
        let with = |port, more: &[(&'static str, &'static str)]| {
            identity(&[&place(port)[..], more].concat()).own
        };
        assert_eq!(with("3306", &[]), with("3306", &[]));
        assert_ne!(with("3306", &[]), with("3307", &[]));
        let node = |uuid| [("wsrep_on", "ON"), ("wsrep_gcomm_uuid", uuid)];
        assert_ne!(with("3306", &node("a")), with("3306", &node("b")), "cloned machines");
        assert_eq!(with("3306", &node("a")), with("3307", &node("a")));
        assert_ne!(with("3306", &[("server_uuid", "a")]), with("3306", &[("server_uuid", "b")]));
        let tenant = ("version_comment", "OceanBase 4.3.5");
        assert_eq!(with("3306", &[tenant, ("server_uuid", "a")]), None);
        assert_eq!(identity(&[("version", "8.0.1"), ("server_id", "1")]).own, None);
    }
}
