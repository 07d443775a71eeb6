//! A server that lies: it stands before a real one, forwards everything, and now and then says
//! what is not so. It looks at packets of the MySQL protocol, not at bytes as they come.
//!
//! It runs on a thread of its own and ends when dropped, its connections with it. Include it with
//! `#[path = "support/liar.rs"] mod liar;`.
#![allow(dead_code, unreachable_pub, reason = "every test uses its own part of this")]

mod packet;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use packet::read_packet;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What it lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// It says OK to every COMMIT, and rolls back one in so many.
    Forgets(u64),
    /// To one in so many questions for a district's next order it answers what was so a few orders
    /// ago.
    IsBehind(u64),
}

/// A running liar.
pub struct Liar {
    address: SocketAddr,
    lies: Arc<AtomicU64>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Liar {
    /// Starts before the server at `upstream`, on a free port of 127.0.0.1.
    pub fn start(upstream: &str, lie: Lie) -> Self {
        let upstream = upstream.parse().expect("an address and a port");
        let lies = Arc::new(AtomicU64::new(0));
        let (end, ended) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let told = Arc::clone(&lies);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                tokio::select! {
                    () = listen(upstream, lie, told, ready) => {}
                    _ = ended => {}
                }
            });
        });
        let address = is_ready.recv().unwrap();
        Self { address, lies, end: Some(end), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often it has lied.
    pub fn lies(&self) -> u64 {
        self.lies.load(Ordering::Relaxed)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.end = None;
        let joined = self.thread.take().map(std::thread::JoinHandle::join);
        assert!(matches!(joined, Some(Ok(()))) || std::thread::panicking(), "the liar panicked");
    }
}

async fn listen(
    upstream: SocketAddr,
    lie: Lie,
    lies: Arc<AtomicU64>,
    ready: mpsc::Sender<SocketAddr>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    ready.send(listener.local_addr().unwrap()).expect("its maker waits for it");
    let chances = Arc::new(AtomicU64::new(0));
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (lies, chances) = (Arc::clone(&lies), Arc::clone(&chances));
        let talk = Talk { lie, lies, chances, state: Mutex::default() };
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(upstream).await else { return };
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            talk.forward(client, server).await;
        });
    }
}

/// One connection.
struct Talk {
    lie: Lie,
    /// Over all connections.
    lies: Arc<AtomicU64>,
    chances: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The statement being prepared asks for a district's next order.
    preparing: bool,
    /// Statements that do, by their numbers on this connection.
    asking: HashSet<u32>,
    /// The next row is to be a lie.
    lying: bool,
}

impl Talk {
    async fn forward(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let requests = async {
            while let Ok(mut packet) = read_packet(&mut from_client).await {
                self.request(&mut packet);
                if to_server.write_all(&packet).await.is_err() {
                    return;
                }
            }
        };
        let answers = async {
            while let Ok(mut packet) = read_packet(&mut from_server).await {
                self.answer(&mut packet);
                if to_client.write_all(&packet).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = requests => {}
            () = answers => {}
        }
    }

    /// Whether it is time for a lie.
    fn lies_now(&self, one_in: u64) -> bool {
        let lies = self.chances.fetch_add(1, Ordering::Relaxed) % one_in == one_in - 1;
        self.lies.fetch_add(u64::from(lies), Ordering::Relaxed);
        lies
    }

    fn request(&self, packet: &mut Vec<u8>) {
        let mut state = self.state.lock().unwrap();
        match (self.lie, &packet[4..]) {
            (Lie::Forgets(one_in), [0x03, text @ ..])
                if text == b"COMMIT" && self.lies_now(one_in) =>
            {
                *packet = b"\x09\0\0\0\x03ROLLBACK".to_vec();
            }
            (Lie::IsBehind(_), [0x16, text @ ..]) => {
                state.preparing =
                    text == b"SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ?";
            }
            (Lie::IsBehind(one_in), [0x17, a, b, c, d, ..]) => {
                let statement = u32::from_le_bytes([*a, *b, *c, *d]);
                state.lying = state.asking.contains(&statement) && self.lies_now(one_in);
            }
            _ => {}
        }
    }

    fn answer(&self, packet: &mut [u8]) {
        let mut state = self.state.lock().unwrap();
        match packet {
            [_, _, _, 1, 0, a, b, c, d, ..] if std::mem::take(&mut state.preparing) => {
                state.asking.insert(u32::from_le_bytes([*a, *b, *c, *d]));
            }
            // The one row of the answer: a zero, no NULLs, and an INT.
            [6, 0, 0, _, 0, 0, number @ ..] if number.len() == 4 && state.lying => {
                state.lying = false;
                let order = u32::from_le_bytes([number[0], number[1], number[2], number[3]]);
                number.copy_from_slice(&order.saturating_sub(50).to_le_bytes());
            }
            _ => {}
        }
    }
}
