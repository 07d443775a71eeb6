//! Who came to lead what, as the servers' own history tells it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::reading::Members;
use crate::session::{Failure, Row, cell};

/// Elections that were written down within the last minute. A server may be 15 s late with that,
/// and again and again as late when it cannot write; HAPPENED_TIME, the fourth value, is when it
/// happened. Names are those of the product's sources, palf/election/utils.
pub(super) const ELECTIONS: &str = "select \
     concat_ws('/', event, value1, value2, svr_ip, svr_port, timestamp), event, \
     concat_ws('/', value1, value2), value3, concat(svr_ip, ':', svr_port), \
     timestampdiff(microsecond, timestamp, now(6)), timestampdiff(microsecond, value4, timestamp) \
     from DBA_OB_SERVER_EVENT_HISTORY where module = 'ELECTION' and event in \
     ('prepare change leader', 'directly change leader', 'change leader to takeover', \
     'decentralized to be leader') and timestamp > date_sub(now(6), interval 60 second)";

/// The log stream whose leader is RootService's place: the sys tenant's own.
const ROOT_SERVICE: &str = "1/1";

/// A row of that history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Election {
    /// What tells it from every other row.
    key: String,
    event: String,
    /// Tenant and log stream.
    stream: String,
    /// As `new leader takeover : "10.0.0.1:2882" -> "10.0.0.2:2882"`.
    words: String,
    /// Whose history it is.
    server: String,
    ago: Duration,
}

impl Election {
    pub(super) fn read(row: &Row) -> Result<Self, Failure> {
        let (shown, lag) = (cell::<i64>(row, 5)?, cell::<Option<i64>>(row, 6)?);
        Ok(Self {
            key: cell(row, 0)?,
            event: cell(row, 1)?,
            stream: cell(row, 2)?,
            words: cell::<Option<String>>(row, 3)?.unwrap_or_default(),
            server: cell(row, 4)?,
            ago: happened(shown, lag.unwrap_or(0)),
        })
    }

    fn is(&self, event: &str) -> bool {
        self.event.eq_ignore_ascii_case(event)
    }

    /// Whether the leader before handed its log stream over to this server.
    fn is_handed_over(&self) -> bool {
        self.is("change leader to takeover")
    }

    /// Whether its log stream is led by this server from now on.
    fn takes_over(&self) -> bool {
        self.is_handed_over() || self.is("decentralized to be leader")
    }

    /// Why it was to lead, by the latest announcement before it.
    fn reason(&self, all: &[Self]) -> Option<String> {
        let announced = all.iter().filter(|other| {
            other.stream == self.stream && !other.takes_over() && other.ago >= self.ago
        });
        let handovers = announced.filter_map(|other| {
            Some((other.ago, Handover::read(&other.words)?)).filter(|(_, it)| it.to == self.server)
        });
        handovers.min_by_key(|(ago, _)| *ago)?.1.reason
    }
}

/// How long ago something happened that was written down `shown_us` ago and `lag_us` after it had
/// happened. The two dates may be of different time zones, which are quarters of an hour apart.
fn happened(shown_us: i64, lag_us: i64) -> Duration {
    const QUARTER: i64 = 900_000_000;
    /// Between two readings of a clock.
    const SLACK: i64 = 1_000_000;
    let lag_us = (lag_us.saturating_add(SLACK).rem_euclid(QUARTER) - SLACK).max(0);
    Duration::from_micros(u64::try_from(shown_us.saturating_add(lag_us)).unwrap_or(0))
}

/// `… : A -> B, reason : WHY`.
#[derive(Debug, PartialEq, Eq)]
struct Handover {
    from: String,
    to: String,
    reason: Option<String>,
}

impl Handover {
    fn read(words: &str) -> Option<Self> {
        let (before, after) = words.split_once(" -> ")?;
        let (to, reason) = match after.split_once(", reason : ") {
            Some((to, reason)) => (to, Some(reason.trim().to_owned())),
            None => (after, None),
        };
        // An address may be quoted, and the newer kind of them bracketed.
        let plain = |address: &str| address.replace(['"', '[', ']'], "").trim().to_owned();
        Some(Self { from: plain(before.rsplit(' ').next()?), to: plain(to), reason })
    }
}

/// Leaders that moved from one zone to another for one reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// Names of zones; `None` where nobody handed over, or a server is not known.
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) moved: u32,
    pub(super) why: String,
    /// How long ago the first and the last of them moved.
    pub(super) first: Duration,
    pub(super) last: Duration,
}

/// What `seen` tells of moves that `before` did not.
pub(super) fn moves(seen: &[Election], before: &[Election], members: &Members) -> Vec<Move> {
    let zone_of = |address: &str| {
        let server = members.servers.iter().find(|server| server.address == address);
        server.map(|server| server.zone.clone())
    };
    let known: BTreeSet<&str> = before.iter().map(|election| election.key.as_str()).collect();
    let mut together: BTreeMap<_, Vec<&Election>> = BTreeMap::new();
    for new in seen.iter().filter(|one| one.takes_over() && !known.contains(one.key.as_str())) {
        let (from, why) = match new.is_handed_over() {
            true => (Handover::read(&new.words), new.reason(seen)),
            false => (None, Some("elected, nobody had handed over".to_owned())),
        };
        let from = from.and_then(|handover| zone_of(&handover.from));
        let why = why.unwrap_or_else(|| "handed over".to_owned());
        together.entry((from, zone_of(&new.server), why)).or_default().push(new);
    }
    let one = |((from, to, mut why), all): ((_, _, String), Vec<&Election>)| {
        if all.iter().any(|election| election.stream == ROOT_SERVICE) {
            why.push_str("; RootService moved along");
        }
        let agos = || all.iter().map(|election| election.ago);
        let (first, last) = (agos().max().unwrap_or_default(), agos().min().unwrap_or_default());
        let moved = u32::try_from(all.len()).unwrap_or(u32::MAX);
        Move { from, to, moved, why, first, last }
    };
    together.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::oceanbase::reading::Server;

    fn election(event: &str, stream: &str, words: &str, server: &str, ago_ms: u64) -> Election {
        Election {
            key: format!("{event}/{stream}/{server}"),
            event: event.into(),
            stream: stream.into(),
            words: words.into(),
            server: server.into(),
            ago: Duration::from_millis(ago_ms),
        }
    }

    fn members() -> Members {
        let server = Server::serving;
        let servers = vec![server("z1", "10.0.0.1:2882"), server("z2", "10.0.0.2:2882")];
        Members { servers, ..Members::default() }
    }

    const PREPARE: &str = r#"leader prepare to change leader : "10.0.0.1:2882" -> "10.0.0.2:2882", reason : ZONE STOPPED"#;
    const TAKEOVER: &str = r#"new leader takeover : "10.0.0.1:2882" -> "10.0.0.2:2882""#;

    #[test]
    fn leaders_that_move_together_are_told_together_and_once() {
        let seen = [
            election("prepare change leader", "1/1", PREPARE, "10.0.0.1:2882", 300),
            election("change leader to takeover", "1/1", TAKEOVER, "10.0.0.2:2882", 250),
            election("prepare change leader", "1002/1001", PREPARE, "10.0.0.1:2882", 290),
            election("change leader to takeover", "1002/1001", TAKEOVER, "10.0.0.2:2882", 150),
            // Announced, and it never came to it.
            election("prepare change leader", "1002/1002", PREPARE, "10.0.0.1:2882", 280),
        ];
        let told = moves(&seen, &[], &members());
        let expected = Move {
            from: Some("z1".into()),
            to: Some("z2".into()),
            moved: 2,
            why: "ZONE STOPPED; RootService moved along".into(),
            first: Duration::from_millis(250),
            last: Duration::from_millis(150),
        };
        assert_eq!(told, [expected]);
        assert_eq!(moves(&seen, &seen, &members()), []);
        // The second one was written down late.
        assert_eq!(moves(&seen, &seen[..3], &members())[0].moved, 1);
    }

    #[test]
    fn who_was_elected_took_over_from_nobody() {
        let words = r#"server|lease:["10.0.0.2:2882"|2024-07-22 12:00:00.123]"#;
        let seen = [election("decentralized to be leader", "1002/1", words, "10.0.0.2:2882", 5)];
        let told = moves(&seen, &[], &members());
        assert_eq!((told[0].from.as_deref(), told[0].to.as_deref()), (None, Some("z2")));
        assert_eq!(told[0].why, "elected, nobody had handed over");
    }

    #[test]
    fn an_address_is_read_however_it_is_written() {
        let read = Handover::read(r#"witness change leader : "[fe80::1]:2882" -> 10.0.0.2:2882"#);
        let read = read.unwrap();
        assert_eq!((&*read.from, &*read.to, read.reason), ("fe80::1:2882", "10.0.0.2:2882", None));
        assert_eq!(Handover::read("server|lease:[]"), None);
    }

    #[test]
    fn what_was_written_late_is_dated_by_when_it_happened() {
        let ago = |shown_ms: i64, lag_ms: i64| happened(shown_ms * 1_000, lag_ms * 1_000);
        let ms = Duration::from_millis;
        assert_eq!(ago(40, 0), ms(40));
        assert_eq!(ago(40, 15_000), ms(15_040));
        // Eight hours before, by the other clock's hands, or five and a half after.
        assert_eq!(ago(40, 8 * 3_600_000 + 15_000), ms(15_040));
        assert_eq!(ago(40, -5 * 3_600_000 - 1_800_000 + 15_000), ms(15_040));
        // Clocks are read one after another.
        assert_eq!(ago(40, -3), ms(40));
    }
}
