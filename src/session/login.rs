//! Who connects, and where to.

use std::fmt;

use crate::scenario::{Cluster, Product, Zone};

/// A password: never printed, never serialised.
#[derive(Clone, Default)]
pub struct Password(String);

impl Password {
    /// Takes a password over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether it is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Everything needed to open a session, over and over.
#[derive(Debug, Clone)]
pub struct Login {
    /// Picks the error table.
    pub product: Product,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database user.
    pub user: String,
    /// Its password; empty for none.
    pub password: Password,
    /// Schema to start in; `None` where it may not exist yet.
    pub database: Option<String>,
    /// Statements applied to every new session, in this order.
    pub settings: Vec<String>,
}

impl Login {
    /// The login at a cluster's own address, in no schema and with no settings yet.
    pub fn to(cluster: &Cluster, (host, port): (&str, u16), password: &Password) -> Self {
        Self {
            product: cluster.product,
            host: host.to_owned(),
            port,
            user: cluster.user.clone(),
            password: password.clone(),
            database: None,
            settings: Vec::new(),
        }
    }

    /// The login of one zone's own server, no proxy between, in no schema and with no settings
    /// yet.
    ///
    /// # Panics
    /// When the scenario was not validated and the endpoint is not `host:port`.
    pub fn to_zone(cluster: &Cluster, zone: &Zone, password: &Password) -> Self {
        let address = zone.host_port().expect("a validated scenario has host:port endpoints");
        let user = cluster.direct_user().to_owned();
        Self { user, ..Self::to(cluster, address, password) }
    }

    /// The same, starting in a schema.
    pub fn in_database(self, database: &str) -> Self {
        Self { database: Some(database.to_owned()), ..self }
    }
}
