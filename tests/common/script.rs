//! What the scripted server answers, as plain data.

use std::time::Duration;

use rollproof::session::Value;

/// How the server meets a new connection.
#[derive(Debug, Clone, Default)]
pub enum Greeting {
    /// It greets and lets the right user in.
    #[default]
    Welcome,
    /// It greets this much later.
    Late(Duration),
    /// It accepts the connection and never says a word.
    Silence,
    /// It hangs up instead of greeting.
    HangUp(Hangup),
    /// It sends an error instead of a greeting, as a full server does.
    Refuse {
        /// As 1040.
        errno: u16,
        /// As `Too many connections`.
        message: String,
    },
}

/// How the user proves the password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Auth {
    /// `mysql_native_password`.
    #[default]
    Native,
    /// `caching_sha2_password`, password known to the server's cache.
    CachingSha2,
    /// `caching_sha2_password` after a restart: the cache is empty, so the client must fetch the
    /// server's key and send the password encrypted with it.
    CachingSha2Full,
}

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// Orderly (FIN).
    Close,
    /// Reset (RST).
    Reset,
}

/// A result set. Every column's type is taken from its first value that is not NULL.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Rows {
    /// A result set without rows.
    pub fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self { columns: columns.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(mut self, row: [Value; N]) -> Self {
        assert_eq!(row.len(), self.columns.len(), "a row has one value a column");
        self.rows.push(row.to_vec());
        self
    }
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Ok {
        affected: u64,
        warnings: u16,
    },
    Rows(Rows),
    Error {
        errno: u16,
        sqlstate: String,
        message: String,
    },
    /// The client's file is asked for first; this is the answer once it is there.
    AfterFile(Box<Answer>),
}

/// How much of the answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// The first packets, complete.
    Packets(usize),
    /// The first half of the bytes, ending inside a packet.
    Half,
    Nothing,
}

/// What the server does about one statement: what it answers, when, how much of it, and whether
/// it hangs up afterwards. A connection that was sent only part of an answer and not hung up on
/// stalls: whatever else it asks is heard and never answered.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) answer: Answer,
    pub(super) delay: Duration,
    pub(super) part: Part,
    pub(super) hangup: Option<Hangup>,
    pub(super) lets_go: bool,
}

impl Reply {
    fn whole(answer: Answer) -> Self {
        Self { answer, delay: Duration::ZERO, part: Part::Whole, hangup: None, lets_go: false }
    }

    /// OK, with so many rows affected.
    pub fn ok(affected: u64) -> Self {
        Self::whole(Answer::Ok { affected, warnings: 0 })
    }

    /// OK, with a warning for every row affected.
    pub fn ok_but(affected: u16) -> Self {
        Self::whole(Answer::Ok { affected: affected.into(), warnings: affected })
    }

    /// An error.
    pub fn error(errno: u16, sqlstate: &str, message: &str) -> Self {
        let (sqlstate, message) = (sqlstate.to_owned(), message.to_owned());
        Self::whole(Answer::Error { errno, sqlstate, message })
    }

    /// The client is asked for its local file first; the answer comes when it has sent all of it.
    pub fn after_file(self) -> Self {
        Self { answer: Answer::AfterFile(Box::new(self.answer)), ..self }
    }

    /// No answer, ever, and the connection stays open.
    pub fn stall() -> Self {
        Self { part: Part::Nothing, ..Self::ok(0) }
    }

    /// No answer; the connection is closed or reset instead.
    pub fn hang_up(how: Hangup) -> Self {
        Self { part: Part::Nothing, hangup: Some(how), ..Self::ok(0) }
    }

    /// The answer is dropped and the connection closed: for a statement that took effect without
    /// its client ever learning it.
    pub fn lost(self) -> Self {
        Self { part: Part::Nothing, hangup: Some(Hangup::Close), ..self }
    }

    /// The transaction around the statement is gone, and nothing but the status says so.
    pub fn lets_go(self) -> Self {
        Self { lets_go: true, ..self }
    }

    /// The answer is sent this much later.
    pub fn late(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Only the first half of the answer's bytes is sent.
    pub fn half(self) -> Self {
        Self { part: Part::Half, ..self }
    }

    /// A result set breaks off behind so many rows.
    ///
    /// # Panics
    /// When the answer is not a result set.
    pub fn breaks_off_after_rows(self, rows: usize) -> Self {
        let Answer::Rows(set) = &self.answer else { panic!("only a result set has rows") };
        // Before the rows come the column count, the columns and the packet that ends them.
        Self { part: Part::Packets(set.columns.len() + 2 + rows), ..self }
    }

    /// The connection is closed or reset behind what was sent.
    pub fn then(self, hangup: Hangup) -> Self {
        Self { hangup: Some(hangup), ..self }
    }
}

impl From<Rows> for Reply {
    fn from(rows: Rows) -> Self {
        Self::whole(Answer::Rows(rows))
    }
}

/// How a statement reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// As text (COM_QUERY).
    Query,
    /// To be prepared (COM_STMT_PREPARE).
    Prepare,
    /// Prepared before, now executed (COM_STMT_EXECUTE).
    Execute,
}

/// A statement that waits for its reply.
#[derive(Debug, Clone)]
pub struct Call {
    /// The connection it came on, as in [`super::Connection::id`].
    pub connection: u32,
    /// How it came.
    pub verb: Verb,
    /// Its text, with `?` for parameters when it was prepared.
    pub sql: String,
    /// Its parameters, when it was prepared.
    pub params: Vec<Value>,
}

type Replier = Box<dyn FnMut(&Call) -> Reply + Send>;

struct Rule {
    prepare: bool,
    pattern: String,
    left: u64,
    reply: Replier,
}

/// Replies by statement. Rules are tried in the order they were added; a pattern must match the
/// whole text, letter case aside, with `%` for any stretch of it, as LIKE does.
///
/// Without a matching rule, preparing succeeds, SET, START TRANSACTION, COMMIT and ROLLBACK are
/// answered OK, and everything else is a syntax error that quotes the statement.
#[derive(Default)]
pub struct Script {
    pub(super) greeting: Greeting,
    pub(super) auth: Auth,
    rules: Vec<Rule>,
}

impl Script {
    /// A server that welcomes everyone and knows no statement.
    pub fn new() -> Self {
        Self::default()
    }

    /// How new connections are met.
    pub fn greeting(self, greeting: Greeting) -> Self {
        Self { greeting, ..self }
    }

    /// How passwords are proved.
    pub fn auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    /// Replies to every statement like this, sent as text or executed.
    pub fn on(self, pattern: &str, reply: impl Into<Reply>) -> Self {
        self.times(u64::MAX, pattern, reply)
    }

    /// Replies to the next `times` statements like this; later ones are left to later rules.
    pub fn times(self, times: u64, pattern: &str, reply: impl Into<Reply>) -> Self {
        let reply = reply.into();
        self.rule(false, times, pattern, Box::new(move |_| reply.clone()))
    }

    /// Computes the reply from the statement, for a server that keeps a state.
    pub fn compute(
        self,
        pattern: &str,
        reply: impl FnMut(&Call) -> Reply + Send + 'static,
    ) -> Self {
        self.rule(false, u64::MAX, pattern, Box::new(reply))
    }

    /// Replies to preparing a statement like this. OK stands for a prepared statement.
    pub fn on_prepare(self, pattern: &str, reply: impl Into<Reply>) -> Self {
        let reply = reply.into();
        self.rule(true, u64::MAX, pattern, Box::new(move |_| reply.clone()))
    }

    fn rule(mut self, prepare: bool, left: u64, pattern: &str, reply: Replier) -> Self {
        self.rules.push(Rule { prepare, pattern: pattern.to_lowercase(), left, reply });
        self
    }

    pub(super) fn reply_to(&mut self, call: &Call) -> Reply {
        let (sql, prepare) = (call.sql.trim().to_lowercase(), call.verb == Verb::Prepare);
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.prepare == prepare && rule.left > 0 && matches(&rule.pattern, &sql));
        if let Some(rule) = rule {
            rule.left -= 1;
            return (rule.reply)(call);
        }
        let harmless = ["set %", "start transaction%", "commit", "rollback"];
        if prepare || harmless.iter().any(|pattern| matches(pattern, &sql)) {
            return Reply::ok(0);
        }
        Reply::error(1064, "42000", &format!("the script has no rule for: {}", call.sql))
    }
}

/// LIKE with `%` only.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('%') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            rest.is_empty() || ends.into_iter().any(|at| matches(rest, &text[at..]))
        }),
    }
}
