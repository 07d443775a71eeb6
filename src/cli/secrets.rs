//! Where a password may come from: the environment or an option file, never an argument.

use std::path::PathBuf;

use clap::Args;

use super::option_file;
use crate::session::Password;

/// Environment variable that holds the database password.
pub(super) const PASSWORD_VARIABLE: &str = "ROLLPROOF_PASSWORD";

/// Environment variable that holds the control plane's, where it has a user of its own.
const CONTROL_VARIABLE: &str = "ROLLPROOF_CONTROL_PASSWORD";

/// The password of the control plane's user; the load's where none is given.
pub(super) fn control_password(load: &Password) -> Password {
    std::env::var(CONTROL_VARIABLE).map_or_else(|_| load.clone(), Password::new)
}

/// How to prove who connects.
#[derive(Debug, Default, Args)]
pub(super) struct SecretArgs {
    /// Option file with user and password in its [client] group, as the servers' own clients read
    /// it. Without it the password comes from the environment variable ROLLPROOF_PASSWORD
    #[arg(
        long,
        value_name = "FILE",
        env = "ROLLPROOF_OPTION_FILE",
        hide_env_values = true,
        help_heading = "Cluster"
    )]
    pub(super) option_file: Option<PathBuf>,
}

/// Who connects, as far as the command line's surroundings say.
pub(super) struct Credentials {
    pub(super) user: Option<String>,
    pub(super) password: Password,
}

impl SecretArgs {
    pub(super) fn resolve(&self) -> anyhow::Result<Credentials> {
        let options = match &self.option_file {
            Some(path) => option_file::read(path)?,
            None => option_file::ClientOptions::default(),
        };
        let environment = std::env::var(PASSWORD_VARIABLE).ok();
        let password = options.password.or(environment).unwrap_or_default();
        Ok(Credentials { user: options.user, password: Password::new(password) })
    }
}
