//! What sessions said to a server, out of the server's general log.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::sql;

/// The general log of one zone's server, on since [`SessionLog::begin`].
pub(crate) struct SessionLog {
    zone: &'static str,
    file: PathBuf,
}

/// What was heard of the sessions that began while the log was on.
#[derive(Default)]
pub(crate) struct Heard {
    /// For every session that began a transaction, what it had said before the first one.
    pub(crate) before: Vec<Vec<String>>,
    /// What was prepared while a transaction was open.
    pub(crate) prepared_inside: Vec<String>,
}

/// What one session has said so far.
enum Talk {
    Before(Vec<String>),
    Between,
    Inside,
}

impl SessionLog {
    /// Has the zone's server write down every statement.
    pub(crate) async fn begin(zone: &'static str, file: PathBuf) -> Self {
        let path = file.display();
        sql(zone, &format!("SET GLOBAL general_log_file = '{path}', general_log = ON")).await;
        Self { zone, file }
    }

    /// Ends it. Sessions that were there before the log began are left out.
    pub(crate) async fn end(self) -> Heard {
        sql(self.zone, "SET GLOBAL general_log = OFF, general_log_file = DEFAULT").await;
        let text = String::from_utf8_lossy(&std::fs::read(&self.file).unwrap()).into_owned();
        let mut talks: BTreeMap<u64, Talk> = BTreeMap::new();
        let mut heard = Heard::default();
        for line in text.lines() {
            // Date and time, or nothing; the session and what it does; with what.
            let Some((head, said)) = line.rsplit_once('\t') else { continue };
            let words: Vec<_> = head.split_whitespace().rev().collect();
            let [command, session, ..] = words[..] else { continue };
            let Ok(session) = session.parse::<u64>() else { continue };
            if command == "Connect" {
                talks.insert(session, Talk::Before(Vec::new()));
            } else if let Some(talk) = talks.get_mut(&session) {
                heard.take(talk, command, said);
            }
        }
        heard
    }
}

impl Heard {
    fn take(&mut self, talk: &mut Talk, command: &str, said: &str) {
        match (command, &mut *talk) {
            ("Query", Talk::Before(before)) if said == "START TRANSACTION" => {
                self.before.push(std::mem::take(before));
                *talk = Talk::Inside;
            }
            ("Query", Talk::Before(before)) => before.push(said.to_owned()),
            ("Query", Talk::Between) if said == "START TRANSACTION" => *talk = Talk::Inside,
            ("Query", Talk::Inside) if ["COMMIT", "ROLLBACK"].contains(&said) => {
                *talk = Talk::Between;
            }
            ("Prepare", Talk::Inside) => self.prepared_inside.push(said.to_owned()),
            _ => {}
        }
    }
}
