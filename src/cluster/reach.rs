//! Whether the zones are there and are what they are taken for, found out before anything is begun.

use std::time::Duration;

use tokio::time::Instant;

use super::identity::Identity;
use crate::event::ErrorClass;
use crate::scenario::{self, Product};
use crate::session::{Failure, Login, Password, Session};

/// A zone that has not let the user in by then counts as unreachable.
const CONNECT: Duration = Duration::from_secs(5);

/// The zones that did not let the user in, and what each said.
#[derive(Debug, Default)]
pub struct Away {
    reasons: Vec<String>,
    refused: bool,
}

impl Away {
    /// Adds a zone.
    pub fn add(&mut self, zone: &scenario::Zone, failure: &Failure) {
        self.refused |= failure.class == ErrorClass::Auth;
        self.reasons.push(format!("  {} ({}): {failure}", zone.name, zone.endpoint));
    }

    /// A line for each.
    pub fn lines(&self) -> &[String] {
        &self.reasons
    }

    /// They are all there are.
    pub fn all(self, password: &Password) -> Unusable {
        let without_password = self.refused && password.is_empty();
        Unusable::NoZone { reasons: self.reasons, without_password }
    }
}

/// Why zones cannot be used as they are named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not one zone let the user in.
    #[error("no zone can be used:\n{}\n{}", .reasons.join("\n"), remedy(*.without_password))]
    NoZone {
        /// What each zone said, in a line.
        reasons: Vec<String>,
        /// A zone refused the user, and no password had been given.
        without_password: bool,
    },
    /// Somebody else is there.
    #[error(
        "{zone} ({endpoint}) answers as {found}; --product says {asked}: use --product {fitting}, \
         or correct the address if another server was meant"
    )]
    OtherProduct {
        /// The zone.
        zone: String,
        /// Its address.
        endpoint: String,
        /// What answers there, with its version.
        found: String,
        /// What it was taken for.
        asked: Product,
        /// What it can be watched as.
        fitting: Product,
    },
    /// One server under two names.
    #[error(
        "{first} and {second} are one and the same server ({what} {value}); each zone needs a server \
         of its own: correct --zones or the scenario"
    )]
    SameServer {
        /// A zone and its address.
        first: String,
        /// The other one.
        second: String,
        /// By what it is known.
        what: &'static str,
        /// What both have.
        value: String,
    },
}

fn remedy(without_password: bool) -> &'static str {
    if without_password {
        "no password was given: set ROLLPROOF_PASSWORD, or name a file that holds it with \
         --option-file"
    } else {
        "correct the addresses (--zones or the scenario), the user (--user) or ROLLPROOF_PASSWORD, \
         or start the servers"
    }
}

/// Waits until every zone of a validated scenario has answered or had its time, and makes sure that
/// those that let the user in are what they are taken for. All are asked at once, so that zones
/// behind a dead link do not add up. Hands out those that are not there: silent ones, and those
/// that do not know the user. A server that is full or not ready is there.
///
/// # Errors
/// When none let the user in, one is of another product, or two are one server.
pub async fn reach(cluster: &scenario::Cluster, password: &Password) -> Result<Away, Unusable> {
    let by = Instant::now() + CONNECT;
    let mut asked = tokio::task::JoinSet::new();
    for (index, zone) in cluster.zones.iter().enumerate() {
        let login = Login::to_zone(cluster, zone, password);
        asked.spawn(async move {
            let met = match Session::open(&login, by).await {
                // One that will not say who it is may still be what it is taken for.
                Ok(mut session) => Ok(Identity::ask(&mut session, by).await.ok()),
                Err(failure) => Err(failure),
            };
            (index, met)
        });
    }
    let mut met = asked.join_all().await;
    met.sort_by_key(|(index, _)| *index);
    let (mut away, mut silent, mut identities) = (Away::default(), Away::default(), Vec::new());
    for (zone, (_, met)) in cluster.zones.iter().zip(met) {
        match met {
            Ok(identity) => identities.extend(identity.map(|identity| (zone, identity))),
            Err(failure) => {
                away.add(zone, &failure);
                if failure.class == ErrorClass::Auth || !failure.is_answer() {
                    silent.add(zone, &failure);
                }
            }
        }
    }
    if away.lines().len() == cluster.zones.len() {
        return Err(away.all(password));
    }
    are_what_they_should_be(cluster.product, &identities)?;
    Ok(silent)
}

fn are_what_they_should_be(
    asked: Product,
    met: &[(&scenario::Zone, Identity)],
) -> Result<(), Unusable> {
    if let Some((zone, other)) = met.iter().find(|(_, identity)| !identity.is(asked)) {
        return Err(Unusable::OtherProduct {
            zone: zone.name.clone(),
            endpoint: zone.endpoint.clone(),
            found: other.words.clone(),
            asked,
            fitting: other.fitting(),
        });
    }
    for (place, (second, identity)) in met.iter().enumerate() {
        let Some((what, value)) = &identity.own else { continue };
        let twin = met[..place].iter().find(|(_, earlier)| earlier.own == identity.own);
        if let Some((first, _)) = twin {
            let named = |zone: &scenario::Zone| format!("{} ({})", zone.name, zone.endpoint);
            let (first, second) = (named(first), named(second));
            return Err(Unusable::SameServer { first, second, what, value: value.clone() });
        }
    }
    Ok(())
}
