//! Which cluster: the arguments of every verb that connects to one.

use std::path::PathBuf;

use clap::Args;

use super::args::{one_of, set};
use super::secrets::SecretArgs;
use crate::scenario::{Control, Product, Scenario, Zone};
use crate::session::Password;

/// Which cluster, and how to reach it. Flags override the scenario file.
#[derive(Debug, Default, Args)]
pub(super) struct ClusterArgs {
    /// Scenario file (TOML), as workloads/tpcc-10w.toml
    #[arg(short, long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Zones in the order in which they are upgraded, as zone1=127.0.0.1:3306,zone2=…
    #[arg(
        long,
        value_name = "NAME=HOST:PORT",
        value_delimiter = ',',
        env = "ROLLPROOF_ZONES",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    zones: Vec<Zone>,
    /// Database product; plain is any server that speaks the MySQL protocol [default: galera]
    #[arg(long, value_parser = one_of(Product::ALL, Product::as_str), env = "ROLLPROOF_PRODUCT", hide_env_values = true, help_heading = "Cluster")]
    product: Option<Product>,
    /// Database user [default: rollproof]
    #[arg(short, long, env = "ROLLPROOF_USER", hide_env_values = true, help_heading = "Cluster")]
    user: Option<String>,
    /// Database (schema) that holds the nine tables [default: tpcc]
    #[arg(
        short,
        long,
        env = "ROLLPROOF_DATABASE",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    database: Option<String>,
    /// The same zones by the addresses of the control plane, where it is not the load's: the servers
    /// of OceanBase's sys tenant, directly and not through the proxy
    #[arg(
        long,
        value_name = "NAME=HOST:PORT",
        value_delimiter = ',',
        env = "ROLLPROOF_CONTROL",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    control: Vec<Zone>,
    /// User of the control plane, as root@sys; its password is ROLLPROOF_CONTROL_PASSWORD
    #[arg(
        long,
        value_name = "USER",
        env = "ROLLPROOF_CONTROL_USER",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    control_user: Option<String>,
    #[command(flatten)]
    secrets: SecretArgs,
}

impl ClusterArgs {
    /// The scenario with these flags applied, not yet validated, and the password.
    pub(super) fn scenario(self) -> anyhow::Result<(Scenario, Password)> {
        let mut scenario = match &self.scenario {
            Some(path) => Scenario::read(path)?,
            None => Scenario::default(),
        };
        let credentials = self.secrets.resolve()?;
        let cluster = &mut scenario.cluster;
        if !self.zones.is_empty() {
            cluster.zones = self.zones;
        }
        set(&mut cluster.product, self.product);
        set(&mut cluster.user, self.user.or(credentials.user));
        set(&mut cluster.database, self.database);
        if !self.control.is_empty() || self.control_user.is_some() {
            let control = scenario.control.get_or_insert_with(Control::default);
            set(&mut control.user, self.control_user);
            if !self.control.is_empty() {
                control.zones = self.control;
            }
        }
        Ok((scenario, credentials.password))
    }
}
