//! One worker's way to the database: a session on whichever endpoint serves, and the decision
//! when to give up.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::endpoints::Endpoints;
use super::request::LoadError;
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
    failures: AtomicU64,
    moved: Mutex<Instant>,
}

impl Shared {
    pub(super) fn new(connect_deadline: Duration, patience: Duration) -> Self {
        let (failures, moved) = (AtomicU64::new(0), Mutex::new(Instant::now()));
        Self { connect_deadline, patience, failures, moved }
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
}

impl Client {
    /// The client of worker number `worker`, which prefers an endpoint of its own.
    pub(super) fn new(shared: &Arc<Shared>, logins: &Logins, worker: usize) -> Self {
        let (shared, logins) = (Arc::clone(shared), Arc::clone(logins));
        let endpoints = Endpoints::new(logins.len(), worker);
        Self { shared, logins, endpoints, session: None, strikes: 0 }
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
                self.shared.moved();
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
        if self.strikes > 2 * self.endpoints.count() {
            return Err(LoadError::Refused { what: what.to_owned(), failure });
        }
        let patience = self.shared.patience;
        if self.shared.idle() > patience {
            return Err(LoadError::NoProgress { what: what.to_owned(), failure, patience });
        }
        match retry {
            Retry::SameEndpoint => tokio::time::sleep(UNLUCKY_PAUSE).await,
            Retry::OtherEndpoint | Retry::Never => self.endpoints.failed(endpoint, Instant::now()),
        }
        Ok(())
    }
}
