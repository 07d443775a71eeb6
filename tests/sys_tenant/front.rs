//! A server of the recorded cluster as clients meet it: everything goes to the real SQL server
//! behind it, except what that server cannot know, which goes to the script.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

/// What a statement for the script is answered with.
#[derive(Debug, Clone)]
pub enum Reply {
    Ok,
    Error { errno: u16, message: String },
}

/// A statement for the script, and where its answer goes.
pub struct Told {
    pub sql: String,
    pub answer: oneshot::Sender<Reply>,
}

/// One server's port.
pub struct Front {
    pub address: SocketAddr,
    behind: SocketAddr,
    script: mpsc::Sender<Told>,
    /// Up, but answering every client that it is not ready.
    starting: Arc<AtomicBool>,
    accepting: Option<AbortHandle>,
}

impl Front {
    pub async fn start(behind: SocketAddr, script: mpsc::Sender<Told>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let starting = Arc::default();
        let mut front = Self { address, behind, script, starting, accepting: None };
        front.accept(listener);
        front
    }

    fn accept(&mut self, listener: TcpListener) {
        let (behind, script) = (self.behind, self.script.clone());
        let starting = Arc::clone(&self.starting);
        let accepting = tokio::spawn(async move {
            // Owns the connections' tasks, so that they end with it.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if starting.load(Ordering::Relaxed) {
                    connections.spawn(refuse(client));
                } else {
                    connections.spawn(serve(client, behind, script.clone()));
                }
                while connections.try_join_next().is_some() {}
            }
        });
        self.accepting = Some(accepting.abort_handle());
    }

    /// Drops every connection and refuses new ones, as a killed server does.
    pub async fn down(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            while !accepting.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Drops every connection and takes no new one, while the machine goes on shaking hands: what a
    /// server that hangs is like.
    pub async fn hang(&mut self) {
        self.down().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        let listener = socket.listen(64).unwrap();
        let hanging = tokio::spawn(async move {
            let _never_asked = listener;
            std::future::pending::<()>().await;
        });
        self.accepting = Some(hanging.abort_handle());
    }

    /// Listens on its port again; while `starting`, only to say that it is not ready.
    pub async fn up(&mut self, starting: bool) {
        self.starting.store(starting, Ordering::Relaxed);
        if self.accepting.is_none() {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(self.address).unwrap();
            self.accept(socket.listen(64).unwrap());
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

/// Before the handshake an error carries no SQLSTATE.
async fn refuse(mut client: TcpStream) {
    let words = b"\xff\x41\x1fserver is initializing";
    let _ = client.write_all(&packet(0, words)).await;
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[length[0], length[1], length[2], sequence], payload].concat()
}

async fn serve(client: TcpStream, behind: SocketAddr, script: mpsc::Sender<Told>) {
    let Ok(server) = TcpStream::connect(behind).await else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let ((from_client, to_client), (mut from_server, to_server)) =
        (client.into_split(), server.into_split());
    let to_client = Arc::new(Mutex::new(to_client));
    let answers = {
        let to_client = Arc::clone(&to_client);
        async move {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                if to_client.lock().await.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        }
    };
    // Whichever side ends, both are closed.
    tokio::select! {
        () = answers => {}
        () = questions(from_client, to_server, &to_client, &script) => {}
    }
}

/// Hands on what the client sends, packet by packet. The protocol takes turns, so while the script
/// answers a statement the server behind has nothing to say.
async fn questions(
    mut from: OwnedReadHalf,
    mut to_server: OwnedWriteHalf,
    to_client: &Mutex<OwnedWriteHalf>,
    script: &mpsc::Sender<Told>,
) {
    const QUERY: u8 = 3;
    loop {
        let mut head = [0; 4];
        if from.read_exact(&mut head).await.is_err() {
            return;
        }
        let mut payload = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
        if from.read_exact(&mut payload).await.is_err() {
            return;
        }
        let is_query = head[3] == 0 && payload.first() == Some(&QUERY);
        let sql = is_query.then(|| String::from_utf8_lossy(&payload[1..]).into_owned());
        let sent = match sql.filter(|sql| is_for_the_script(sql)) {
            Some(sql) => {
                let (answer, answered) = oneshot::channel();
                if script.send(Told { sql, answer }).await.is_err() {
                    return;
                }
                let Ok(reply) = answered.await else { return };
                to_client.lock().await.write_all(&packet(1, &reply.payload())).await
            }
            None => to_server.write_all(&packet(head[3], &as_oceanbase(payload))).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The question who answers here, which the server behind would answer with its own name; anything
/// else as it is.
fn as_oceanbase(payload: Vec<u8>) -> Vec<u8> {
    const WHO: &[u8] = b"SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version'";
    const OCEANBASE: &str = "SELECT 'version' AS Variable_name, '5.7.25-OceanBase_CE-v4.2.1.6' AS Value \
                             UNION ALL SELECT 'version_comment', 'OceanBase_CE 4.2.1.6'";
    match payload.split_first() {
        Some((command, sql)) if sql.starts_with(WHO) => {
            [&[*command], OCEANBASE.as_bytes()].concat()
        }
        _ => payload,
    }
}

/// What only OceanBase knows.
fn is_for_the_script(sql: &str) -> bool {
    let words = sql.trim_start().to_ascii_uppercase();
    words.starts_with("ALTER SYSTEM") || words.starts_with("SET SESSION") && words.contains(" OB_")
}

impl Reply {
    fn payload(&self) -> Vec<u8> {
        match self {
            // No rows affected, no id, autocommit, no warnings.
            Self::Ok => vec![0, 0, 0, 2, 0, 0, 0],
            Self::Error { errno, message } => {
                [&[0xff][..], &errno.to_le_bytes(), b"#HY000", message.as_bytes()].concat()
            }
        }
    }
}
