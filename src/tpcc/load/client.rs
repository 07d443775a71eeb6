//! One worker's way to the database: a session on whichever endpoint serves, and the decision
//! when to give up.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::attempts::{Attempts, Told};
use super::endpoints::Endpoints;
use super::request::{EndpointState, LoadError, LoadRequest};
use crate::classify::Retry;
use crate::session::{Failure, Login, Session};

/// Does some work on a session until it succeeds once, wherever that may be. The work must be safe
/// to repeat after an unknown outcome; `$what` names it in errors.
///
/// A macro because the worker's future has to be `Send`, which nothing can ask of the future of a
/// closure that borrows its argument.
macro_rules! until_done {
    ($client:expr, $what:expr, |$session:ident| $work:expr) => {
        loop {
            let $session = $client.session($what).await?;
            let result = $work.await;
            if let Some(value) = $client.settle($what, result).await? {
                break value;
            }
        }
    };
}
pub(super) use until_done;

/// Repeating at once what lost a lock or a certification would lose again.
const UNLUCKY_PAUSE: Duration = Duration::from_millis(50);

/// What all workers of a load share.
#[derive(Debug)]
pub(super) struct Shared {
    connect_deadline: Duration,
    patience: Duration,
    told: Told,
    failures: AtomicU64,
    moved: Mutex<Instant>,
    endpoints: Mutex<Vec<Seen>>,
}

/// How an endpoint was last seen, by whichever worker.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Never,
    Serving,
    AwaySince(Instant),
}

impl Shared {
    pub(super) fn new(request: &LoadRequest) -> Self {
        Self {
            connect_deadline: request.connect_deadline,
            patience: request.patience,
            told: request.attempts.clone(),
            failures: AtomicU64::new(0),
            moved: Mutex::new(Instant::now()),
            endpoints: Mutex::new(vec![Seen::Never; request.logins.len()]),
        }
    }

    /// How each endpoint does now.
    pub(super) fn endpoints(&self) -> Vec<EndpointState> {
        let seen = self.endpoints.lock().expect("nobody panics holding it");
        let state = |seen: &Seen| match seen {
            Seen::Never => EndpointState::Unused,
            Seen::Serving => EndpointState::Serving,
            Seen::AwaySince(since) => EndpointState::Away(since.elapsed()),
        };
        seen.iter().map(state).collect()
    }

    fn serves(&self, endpoint: usize) {
        self.endpoints.lock().expect("nobody panics holding it")[endpoint] = Seen::Serving;
    }

    fn is_away(&self, endpoint: usize) {
        let mut seen = self.endpoints.lock().expect("nobody panics holding it");
        // Away since the first failure: the later ones only confirm it.
        if !matches!(seen[endpoint], Seen::AwaySince(_)) {
            seen[endpoint] = Seen::AwaySince(Instant::now());
        }
    }

    /// Failures met so far.
    pub(super) fn failures(&self) -> u64 {
        // A count for people: no other value is read in step with it.
        self.failures.load(Ordering::Relaxed)
    }

    /// Something moved: patience begins anew, for everybody.
    fn moved(&self) {
        *self.moved.lock().expect("nobody panics holding it") = Instant::now();
    }

    fn idle(&self) -> Duration {
        self.moved.lock().expect("nobody panics holding it").elapsed()
    }
}

/// Complete logins, one an endpoint.
pub(super) type Logins = Arc<Vec<Login>>;

/// A session that survives its servers.
#[derive(Debug)]
pub(super) struct Client {
    shared: Arc<Shared>,
    logins: Logins,
    endpoints: Endpoints,
    session: Option<(usize, Session)>,
    /// Failures in a row that no other moment or endpoint will cure.
    strikes: usize,
    attempts: Attempts,
}

impl Client {
    /// The client of worker number `worker`, which prefers an endpoint of its own.
    pub(super) fn new(shared: &Arc<Shared>, logins: &Logins, worker: usize) -> Self {
        let (shared, logins) = (Arc::clone(shared), Arc::clone(logins));
        let endpoints = Endpoints::new(logins.len(), worker);
        let attempts = Attempts::new(&shared.told, worker);
        Self { shared, logins, endpoints, session: None, strikes: 0, attempts }
    }

    /// What is done from here on, until it succeeds, is writing a chunk of this warehouse.
    pub(super) fn take_chunk(&mut self, warehouse: u32) {
        // A paced load may have waited for longer than its patience: that was no stall.
        self.shared.moved();
        self.attempts.take(warehouse);
    }

    /// A client with the same logins for another worker.
    pub(super) fn sibling(&self, worker: usize) -> Self {
        Self::new(&self.shared, &self.logins, worker)
    }

    /// A session on the endpoint that is to be used now, opened if need be. `what` it is for is
    /// named in errors.
    ///
    /// # Errors
    /// When no endpoint lets anybody in for too long, or all say that they never will.
    pub(super) async fn session(&mut self, what: &str) -> Result<&mut Session, LoadError> {
        loop {
            let endpoint = match self.endpoints.choose(Instant::now()) {
                Ok(endpoint) => endpoint,
                Err(ready_at) => {
                    sleep_until(ready_at).await;
                    continue;
                }
            };
            self.attempts.at(endpoint);
            let usable = |(at, session): &(usize, Session)| *at == endpoint && session.is_open();
            if self.session.as_ref().is_some_and(usable) {
                break;
            }
            let by = Instant::now() + self.shared.connect_deadline;
            match Session::open(&self.logins[endpoint], by).await {
                Ok(session) => self.session = Some((endpoint, session)),
                Err(failure) => self.failed(what, endpoint, failure).await?,
            }
        }
        let (_, session) = self.session.as_mut().expect("the loop ends with a session");
        Ok(session)
    }

    /// Takes the result of work on [`Client::session`]. `None` asks for the work to be done again,
    /// which must be safe after an unknown outcome.
    ///
    /// # Errors
    /// When nothing moved for too long, or when the failure would only repeat itself.
    pub(super) async fn settle<T>(
        &mut self,
        what: &str,
        result: Result<T, Failure>,
    ) -> Result<Option<T>, LoadError> {
        let endpoint = self.session.as_ref().map_or(0, |(endpoint, _)| *endpoint);
        match result {
            Ok(value) => {
                self.strikes = 0;
                self.endpoints.worked(endpoint);
                self.shared.serves(endpoint);
                self.shared.moved();
                self.attempts.done().await;
                Ok(Some(value))
            }
            Err(failure) => self.failed(what, endpoint, failure).await.map(|()| None),
        }
    }

    /// Takes note of a failure, and decides whether to go on.
    async fn failed(
        &mut self,
        what: &str,
        endpoint: usize,
        failure: Failure,
    ) -> Result<(), LoadError> {
        // Closing is the shortest ROLLBACK, and none of its answers is needed.
        self.session = None;
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        let login = &self.logins[endpoint];
        tracing::warn!(endpoint = %format!("{}:{}", login.host, login.port), %failure, "{what}");

        let retry = failure.class.retry();
        self.strikes = if retry == Retry::Never { self.strikes + 1 } else { 0 };
        // A node that is coming or going may say anything once; all of them, twice, mean it.
        let refused = self.strikes > 2 * self.endpoints.count();
        let patience = self.shared.patience;
        let idle = self.shared.idle() > patience;
        self.attempts.failed(&failure, refused || idle).await;
        if refused {
            return Err(LoadError::Refused { what: what.to_owned(), failure });
        }
        if idle {
            return Err(LoadError::NoProgress { what: what.to_owned(), failure, patience });
        }
        match retry {
            Retry::SameEndpoint => tokio::time::sleep(UNLUCKY_PAUSE).await,
            Retry::OtherEndpoint | Retry::Never => {
                self.endpoints.failed(endpoint, Instant::now());
                self.shared.is_away(endpoint);
            }
        }
        Ok(())
    }
}
