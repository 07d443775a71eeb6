//! A TCP proxy that stands before a real server and breaks its connections on command.
//!
//! ```ignore
//! let proxy = Proxy::start("127.0.0.1:13401");          // clients go to proxy.address()
//! proxy.begin(Fault::LoseCommitAnswer(Then::Reset));     // in force when this returns
//! …
//! proxy.end();                                           // over when this returns
//! let outage = &proxy.episodes()[0];                     // began_us … ended_us
//! ```
//!
//! It runs on a thread of its own, so that a busy test holds it up no more than it holds up a
//! server; nothing in it needs a runtime of the caller's. Its moments are those of CLOCK_MONOTONIC
//! in µs: less `RunClock::origin_monotonic_us`, which is `origin_monotonic_us` in a record's
//! manifest, they are run times. Include it with `#[path = "support/proxy.rs"] mod proxy;`.
#![allow(dead_code, unreachable_pub, reason = "every test uses its own part of this")]

mod packet;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, mpsc as replies};
use std::thread::JoinHandle;
use std::time::Duration;

use packet::read_packet;
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc, watch};

/// What the proxy does to its connections while it lasts. Never more than one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Connections are closed and new ones refused, as when a server's process ends.
    Refuse,
    /// Connections are reset; new ones are accepted and reset.
    Reset,
    /// Connections are accepted and nothing is forwarded either way. What was held back is
    /// forwarded at the end, as by a server that was stopped and continued.
    Stall,
    /// The server's side is closed, and the client is never told, not even at the end; new
    /// connections are accepted and never hear a word.
    HalfOpen,
    /// Everything read in one go is forwarded so much later, both ways: a statement takes at
    /// least twice as much longer.
    Delay(Duration),
    /// Every COMMIT is kept from the server, whose side is closed, so that it rolls back.
    LoseCommit(Then),
    /// Every COMMIT is forwarded, and its answer is dropped once it is there.
    LoseCommitAnswer(Then),
    /// Every COMMIT is forwarded so much later, even where its client has left meanwhile; its
    /// answer is dropped and the connection reset.
    LateCommit(Duration),
}

/// What the client of a lost COMMIT sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Its connection is reset.
    Reset,
    /// Nothing at all.
    Silence,
}

/// One fault from beginning to end. µs of CLOCK_MONOTONIC.
#[derive(Debug, Clone, Copy)]
pub struct Episode {
    pub fault: Fault,
    /// Nothing was touched before this moment.
    pub began_us: u64,
    /// Every connection was under it by this moment.
    pub in_force_us: u64,
    /// The first moment at which things were as always; `None` while it lasts.
    pub ended_us: Option<u64>,
}

/// A COMMIT that was lost, or whose answer was.
#[derive(Debug, Clone, Copy)]
pub struct LostCommit {
    pub at_us: u64,
    /// Whether the server said that it had committed.
    pub applied: bool,
}

/// This moment in µs of CLOCK_MONOTONIC.
pub fn monotonic_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1_000
}

type Order = (Option<Fault>, replies::Sender<()>);

/// A running proxy. It ends when dropped, its connections with it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts before the server at `upstream`, on a free port of 127.0.0.1.
    pub fn start(upstream: &str) -> Self {
        let upstream = upstream.parse().expect("an address and a port");
        let shared = Arc::new(Shared::new(upstream));
        let (orders, received) = mpsc::unbounded_channel();
        let (ready, is_ready) = replies::channel();
        let rule = rule(Arc::clone(&shared), received, ready);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(rule);
        });
        let address = is_ready.recv().unwrap();
        Self { address, shared, orders: Some(orders), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins a fault, in the place of any other. Returns once every connection is under it.
    pub fn begin(&self, fault: Fault) {
        self.switch(Some(fault));
    }

    /// Ends the fault that lasts, if any.
    pub fn end(&self) {
        self.switch(None);
    }

    fn switch(&self, fault: Option<Fault>) {
        let (done, is_done) = replies::channel();
        self.orders.as_ref().unwrap().send((fault, done)).expect("the proxy lives");
        is_done.recv_timeout(Duration::from_secs(10)).expect("the proxy lives");
    }

    /// Every fault so far.
    pub fn episodes(&self) -> Vec<Episode> {
        self.shared.log().episodes.clone()
    }

    /// Every COMMIT lost so far.
    pub fn lost_commits(&self) -> Vec<LostCommit> {
        self.shared.log().lost_commits.clone()
    }

    /// Connections that were ever accepted, so that a test can bound how often clients come.
    pub fn accepted(&self) -> u64 {
        self.shared.log().accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.orders = None;
        let joined = self.thread.take().map(JoinHandle::join);
        assert!(matches!(joined, Some(Ok(()))) || std::thread::panicking(), "the proxy panicked");
    }
}

struct Shared {
    upstream: SocketAddr,
    fault: watch::Sender<Option<Fault>>,
    log: Mutex<Log>,
    settled: Notify,
}

#[derive(Default)]
struct Log {
    episodes: Vec<Episode>,
    lost_commits: Vec<LostCommit>,
    accepted: u64,
    /// Connections that forward, by number.
    open: BTreeSet<u64>,
    /// Those of them that have not heard of the last change yet.
    unsettled: BTreeSet<u64>,
}

impl Shared {
    fn new(upstream: SocketAddr) -> Self {
        let (fault, log) = (watch::Sender::new(None), Mutex::default());
        Self { upstream, fault, log, settled: Notify::new() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    fn fault(&self) -> Option<Fault> {
        *self.fault.borrow()
    }

    async fn switch(&self, fault: Option<Fault>) {
        {
            let mut log = self.log();
            let now_us = monotonic_us();
            if let Some(last) = log.episodes.last_mut() {
                last.ended_us.get_or_insert(now_us);
            }
            log.episodes.extend(fault.map(|fault| Episode {
                fault,
                began_us: now_us,
                in_force_us: now_us,
                ended_us: None,
            }));
            log.unsettled = log.open.clone();
            self.fault.send_replace(fault);
        }
        while !self.log().unsettled.is_empty() {
            self.settled.notified().await;
        }
        if let (Some(_), Some(last)) = (fault, self.log().episodes.last_mut()) {
            last.in_force_us = monotonic_us();
        }
    }

    fn settle(&self, connection: u64) {
        self.log().unsettled.remove(&connection);
        self.settled.notify_one();
    }

    fn lost_commit(&self, applied: bool) {
        self.log().lost_commits.push(LostCommit { at_us: monotonic_us(), applied });
    }
}

/// Listens, and does as ordered, until nobody can give orders any more.
async fn rule(
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    ready: replies::Sender<SocketAddr>,
) {
    // Holds the port without listening, so that it refuses while nobody else can take it.
    let guard = bind("127.0.0.1:0".parse().unwrap());
    let address = guard.local_addr().unwrap();
    let mut listener = Some(bind(address).listen(1024).unwrap());
    ready.send(address).expect("its maker waits for it");
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some((fault, done)) = order else { return };
                if fault == Some(Fault::Refuse) {
                    listener = None;
                }
                shared.switch(fault).await;
                if fault != Some(Fault::Refuse) && listener.is_none() {
                    listener = Some(bind(address).listen(1024).unwrap());
                }
                let _ = done.send(());
            }
            client = accept(listener.as_ref()) => {
                tokio::spawn(serve(client, Arc::clone(&shared)));
            }
        }
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => listener.accept().await.unwrap().0,
        None => std::future::pending().await,
    }
}

/// How a connection's forwarding ends. The server's side is closed in every case.
enum Cut {
    Close,
    Reset,
    Silence,
}

impl From<Then> for Cut {
    fn from(then: Then) -> Self {
        match then {
            Then::Reset => Self::Reset,
            Then::Silence => Self::Silence,
        }
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let relay = Relay::enter(shared);
    let cut = tokio::select! {
        biased;
        cut = relay.until_cut() => cut,
        cut = relay.forward(&mut client) => cut,
    };
    match cut {
        Cut::Close => drop(client),
        Cut::Reset => {
            // Without lingering, closing throws the connection away instead of ending it.
            client.set_zero_linger().unwrap();
            drop(client);
        }
        Cut::Silence => {
            drop(relay);
            let mut ignored = [0; 4096];
            while client.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
        }
    }
}

/// One connection that forwards.
struct Relay {
    number: u64,
    shared: Arc<Shared>,
    /// Set while the server's next answer is one that is to be lost.
    losing: Mutex<Option<Then>>,
}

impl Relay {
    fn enter(shared: Arc<Shared>) -> Self {
        let number = {
            let mut log = shared.log();
            log.accepted += 1;
            let number = log.accepted;
            log.open.insert(number);
            number
        };
        Self { number, shared, losing: Mutex::new(None) }
    }

    /// Returns when a fault ends this connection.
    async fn until_cut(&self) -> Cut {
        let mut changes = self.shared.fault.subscribe();
        loop {
            match *changes.borrow_and_update() {
                Some(Fault::Refuse) => return Cut::Close,
                Some(Fault::Reset) => return Cut::Reset,
                Some(Fault::HalfOpen) => return Cut::Silence,
                _ => self.shared.settle(self.number),
            }
            if changes.changed().await.is_err() {
                return Cut::Close;
            }
        }
    }

    /// Returns when what was read may go on its way.
    async fn gate(&self) {
        let mut changes = self.shared.fault.subscribe();
        loop {
            let fault = *changes.borrow_and_update();
            match fault {
                Some(Fault::Stall) => {
                    let _ = changes.changed().await;
                }
                Some(Fault::Delay(delay)) => return tokio::time::sleep(delay).await,
                _ => return,
            }
        }
    }

    async fn forward(&self, client: &mut TcpStream) -> Cut {
        self.gate().await;
        // A client cannot be refused any more once it is accepted.
        let Ok(mut server) = TcpStream::connect(self.shared.upstream).await else {
            return Cut::Reset;
        };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            cut = self.requests(from_client, to_server) => cut,
            cut = self.answers(from_server, to_client) => cut,
        }
    }

    async fn requests(
        &self,
        mut client: impl AsyncRead + Unpin,
        mut server: impl AsyncWrite + Unpin,
    ) -> Cut {
        while let Ok(packet) = read_packet(&mut client).await {
            self.gate().await;
            if is_commit(&packet) {
                match self.shared.fault() {
                    Some(Fault::LoseCommit(then)) => {
                        self.shared.lost_commit(false);
                        return then.into();
                    }
                    Some(Fault::LoseCommitAnswer(then)) => self.lose_answer(then),
                    Some(Fault::LateCommit(delay)) => {
                        self.lose_answer(Then::Reset);
                        tokio::time::sleep(delay).await;
                    }
                    _ => {}
                }
            }
            if server.write_all(&packet).await.is_err() {
                return Cut::Reset;
            }
        }
        if self.losing.lock().unwrap().is_some() {
            // The client gave up; the server's answer is awaited all the same.
            std::future::pending::<()>().await;
        }
        Cut::Close
    }

    async fn answers(
        &self,
        mut server: impl AsyncRead + Unpin,
        mut client: impl AsyncWrite + Unpin,
    ) -> Cut {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = match server.read(&mut buffer).await {
                Ok(0) => return Cut::Close,
                Ok(count) => count,
                Err(_) => return Cut::Reset,
            };
            if let Some(then) = *self.losing.lock().unwrap() {
                // Behind the packet's head, zero is the server's OK.
                self.shared.lost_commit(buffer.get(4) == Some(&0));
                return then.into();
            }
            self.gate().await;
            if client.write_all(&buffer[..count]).await.is_err() {
                return Cut::Close;
            }
        }
    }

    fn lose_answer(&self, then: Then) {
        *self.losing.lock().unwrap() = Some(then);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.log().open.remove(&self.number);
        self.shared.settle(self.number);
    }
}

/// Whether this packet of a client is COMMIT as text (COM_QUERY), which is how the tool sends it.
fn is_commit(packet: &[u8]) -> bool {
    // Commands begin a new exchange, so their packets are numbered 0.
    let [_, _, _, 0, 0x03, text @ ..] = packet else { return false };
    let text = text.trim_ascii().strip_suffix(b";").unwrap_or(text.trim_ascii());
    text.eq_ignore_ascii_case(b"COMMIT")
}
