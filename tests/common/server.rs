//! The server: accepts connections and keeps what they sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rollproof::scenario::Product;
use rollproof::session::{Login, Password};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::heard::{Connection, Heard, What};
use super::script::Script;
use super::talk::{PASSWORD, USER, serve};

#[derive(Default)]
pub(super) struct Shared {
    script: Mutex<Script>,
    connections: Mutex<Vec<Connection>>,
}

impl Shared {
    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(super) fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap()
    }

    pub(super) fn heard(&self, connection: u32, what: What) {
        let heard = Heard { at: Instant::now(), what };
        self.connections()[connection as usize - 1].heard.push(heard);
    }
}

/// A scripted MySQL server on a port of 127.0.0.1. It dies when dropped, its connections with it.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<AbortHandle>,
}

impl Server {
    /// Starts on a free port.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { script: Mutex::new(script), ..Shared::default() });
        let mut server = Self { address, shared, accepting: None };
        server.accept(listener);
        server
    }

    fn accept(&mut self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        let accepting = tokio::spawn(async move {
            // Owns the connections' tasks, so that they end with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        });
        self.accepting = Some(accepting.abort_handle());
    }

    /// Drops every connection and refuses new ones, as a killed server does.
    pub async fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            while !accepting.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Listens on the same port again. What was heard before is kept.
    pub async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.accept(listener);
    }

    /// Replaces the script for every later connection and statement.
    pub fn set_script(&self, script: Script) {
        *self.shared.script() = script;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A login that it welcomes.
    pub fn login(&self) -> Login {
        Login {
            product: Product::Plain,
            host: self.address.ip().to_string(),
            port: self.address.port(),
            user: USER.to_owned(),
            password: Password::new(PASSWORD),
            database: None,
            settings: Vec::new(),
        }
    }

    /// What every connection sent so far, in the order they were accepted.
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.connections().clone()
    }

    /// Waits until what was heard is as expected.
    ///
    /// # Panics
    /// After five seconds, with all that was heard.
    pub async fn until(&self, expected: impl Fn(&[Connection]) -> bool) -> Vec<Connection> {
        let began = Instant::now();
        loop {
            let connections = self.connections();
            if expected(&connections) {
                return connections;
            }
            assert!(began.elapsed() < Duration::from_secs(5), "heard only {connections:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

/// An address that takes no connection and gives no answer, as a host behind a dead link.
/// It stays so while the returned sockets live.
pub async fn black_hole() -> (SocketAddr, Vec<TcpStream>, TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    // Once the queue is full the system drops further attempts in silence.
    let patience = Duration::from_millis(200);
    while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    (address, waiting, listener)
}
