//! One connection: hears, writes down, replies.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use mysql_common::constants::{CapabilityFlags, StatusFlags, UTF8MB4_GENERAL_CI};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, HandshakePacket, HandshakeResponse};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::heard::{Connection, What};
use super::script::{Answer, Auth, Call, Greeting, Hangup, Part, Reply, Verb};
use super::server::Shared;
use super::wire;

pub(super) const USER: &str = "tester";
pub(super) const PASSWORD: &str = "not-a-secret";
const NONCE: &[u8; 20] = b"a-nonce-of-20-bytes.";

/// A throwaway key: nothing here is ever decrypted.
const PUBLIC_KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvYmmkalnzbDdGJOPlv/N
2gpNfuJgIpENFGPGYldfYWv9T+eMJYbfHXYYERr3QuYsIFsO/rNbVCPPhWDIpiF3
fEGI6mYm1L+tCebY5Qo5WAumJWLnrLpV47BQ6w916r0GxZaGKmwECx2vsvNhV27z
jzq6PGBU2aJf5FxEX/6rPay9ABCPlYT3HWR4pe/0kd7yMP8tOd4HBfQYuv6QysHf
Hsw0e/yPAiMZI8zwP+O/VWISGZ1NMgIs3MhxCZTNu9TZ5npByZ4TipNej1ld3XQy
UDASsecCx4UhCYfCZjXU71XOj/oAOJV+GXUz87yxSyGwWSbE5S/t3THGQDG/4h2e
QQIDAQAB
-----END PUBLIC KEY-----
";

pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let id = {
        let mut connections = shared.connections();
        let id = connections.len() as u32 + 1;
        connections.push(Connection { id, opened: Instant::now(), heard: Vec::new() });
        id
    };
    let (from, to) = stream.into_split();
    let (packets, queue) = mpsc::unbounded_channel();
    let shared_too = Arc::clone(&shared);
    let mut speaker = Speaker { id, shared: shared_too, to, queue, in_transaction: false };
    // Reading never waits for replying: what a client sends while it should be waiting is heard
    // at the moment it arrives.
    let hangup = tokio::select! {
        () = listen(from, packets, &shared, id) => return,
        hangup = speaker.speak() => hangup,
    };
    shared.heard(id, What::HungUp);
    if hangup == Hangup::Reset {
        // Without lingering, closing throws the connection away instead of ending it.
        speaker.to.as_ref().set_zero_linger().unwrap();
        speaker.to.forget();
    }
}

async fn listen(
    mut from: OwnedReadHalf,
    packets: mpsc::UnboundedSender<(u8, Vec<u8>)>,
    shared: &Shared,
    id: u32,
) {
    let mut ear = Ear::default();
    while let Ok(Some((sequence, packet))) = wire::read_packet(&mut from).await {
        let what = ear.understand(sequence, &packet).expect("a client's packet is well formed");
        shared.heard(id, what);
        // Nobody takes it once the server has hung up or stalled; it was heard all the same.
        let _ = packets.send((sequence, packet));
    }
    shared.heard(id, What::Gone);
}

/// Numbers statements as they are prepared; listener and speaker count alike.
#[derive(Default)]
struct Ear {
    logged_in: bool,
    commanded: bool,
    statements: HashMap<u32, String>,
    prepared: u32,
}

impl Ear {
    fn understand(&mut self, sequence: u8, packet: &[u8]) -> io::Result<What> {
        // Commands begin a new exchange; packets of the login and of a file carry on the server's
        // numbers.
        if sequence != 0 {
            return if self.commanded {
                Ok(What::File(packet.to_vec()))
            } else {
                self.login(packet)
            };
        }
        self.commanded = true;
        let (command, body) = packet.split_first().ok_or(io::ErrorKind::UnexpectedEof)?;
        let text = || String::from_utf8_lossy(body).into_owned();
        Ok(match command {
            0x01 => What::Quit,
            0x03 => What::Query(text()),
            0x0e => What::Ping,
            0x16 => {
                self.prepared += 1;
                self.statements.insert(self.prepared, text());
                What::Prepare(text())
            }
            0x17 => {
                let sql = self.statements.get(&statement_id(body)).cloned();
                let sql = sql.expect("only a prepared statement is executed");
                let params = wire::execute_params(packet, params_in(&sql).into())?;
                What::Execute(sql, params)
            }
            0x19 => {
                let sql = self.statements.remove(&statement_id(body));
                What::CloseStatement(sql.expect("only a prepared statement is closed"))
            }
            other => What::Unknown(*other),
        })
    }

    fn login(&mut self, packet: &[u8]) -> io::Result<What> {
        if std::mem::replace(&mut self.logged_in, true) {
            return Ok(What::Auth(packet.to_vec()));
        }
        let login = ParseBuf(packet).parse::<HandshakeResponse<'_>>(())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(What::Login {
            user: text(login.user()),
            database: login.db_name().map(text),
            capabilities: login.capabilities(),
        })
    }
}

fn statement_id(body: &[u8]) -> u32 {
    body.first_chunk().map_or(0, |id| u32::from_le_bytes(*id))
}

fn params_in(sql: &str) -> u16 {
    u16::try_from(sql.matches('?').count()).unwrap()
}

/// The server's side of one connection. An error means that the client is gone.
struct Speaker {
    id: u32,
    shared: Arc<Shared>,
    to: OwnedWriteHalf,
    queue: mpsc::UnboundedReceiver<(u8, Vec<u8>)>,
    in_transaction: bool,
}

/// How a part of the conversation ended: carry on, say nothing more, or hang up.
enum Next {
    GoOn,
    Stall,
    HangUp(Hangup),
}

impl Speaker {
    /// Returns when the server hangs up; not at all when it stalls.
    async fn speak(&mut self) -> Hangup {
        let next = match self.greet().await {
            Ok(Next::GoOn) => self.converse().await,
            other => other,
        };
        match next {
            Ok(Next::HangUp(how)) => how,
            // The client is gone, which its listener notices, or nobody speaks to it any more.
            _ => std::future::pending().await,
        }
    }

    async fn send(&mut self, sequence: u8, payloads: Vec<Vec<u8>>) -> io::Result<()> {
        self.to.write_all(&wire::framed(sequence, payloads).concat()).await
    }

    async fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        self.queue.recv().await.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    async fn greet(&mut self) -> io::Result<Next> {
        let (greeting, auth) = {
            let script = self.shared.script();
            (script.greeting.clone(), script.auth)
        };
        match &greeting {
            Greeting::Silence => return Ok(Next::Stall),
            Greeting::HangUp(how) => return Ok(Next::HangUp(*how)),
            Greeting::Refuse { errno, message } => {
                self.send(0, vec![wire::early_error(*errno, message)]).await?;
                return Ok(Next::HangUp(Hangup::Close));
            }
            Greeting::Late(delay) => tokio::time::sleep(*delay).await,
            Greeting::Welcome => {}
        }
        self.send(0, vec![wire::serialized(&handshake(self.id, auth))]).await?;
        self.check_login(auth).await
    }

    async fn check_login(&mut self, auth: Auth) -> io::Result<Next> {
        let (sequence, packet) = self.receive().await?;
        let login = ParseBuf(&packet).parse::<HandshakeResponse<'_>>(())?;
        let proof = plugin(auth).gen_data(Some(PASSWORD), NONCE).map(|proof| proof.to_vec());
        if login.user() != USER.as_bytes() || Some(login.scramble_buf()) != proof.as_deref() {
            let refusal = wire::error(1045, "28000", "Access denied");
            self.send(sequence + 1, vec![refusal]).await?;
            return Ok(Next::HangUp(Hangup::Close));
        }
        let ok = wire::ok(0);
        match auth {
            Auth::Native => self.send(sequence + 1, vec![ok]).await?,
            Auth::CachingSha2 => self.send(sequence + 1, vec![vec![0x01, 0x03], ok]).await?,
            Auth::CachingSha2Full => {
                self.send(sequence + 1, vec![vec![0x01, 0x04]]).await?;
                let (sequence, request) = self.receive().await?;
                assert_eq!(request, [0x02], "without TLS the client asks for the server's key");
                self.send(sequence + 1, vec![[&[0x01], PUBLIC_KEY].concat()]).await?;
                let (sequence, secret) = self.receive().await?;
                assert_eq!(secret.len(), 256, "the password comes encrypted with that key");
                self.send(sequence + 1, vec![ok]).await?;
            }
        }
        Ok(Next::GoOn)
    }

    async fn converse(&mut self) -> io::Result<Next> {
        let mut ear = Ear { logged_in: true, ..Ear::default() };
        loop {
            let (sequence, packet) = self.receive().await?;
            let (verb, sql, params) = match ear.understand(sequence, &packet)? {
                What::Query(sql) => (Verb::Query, sql, Vec::new()),
                What::Prepare(sql) => (Verb::Prepare, sql, Vec::new()),
                What::Execute(sql, params) => (Verb::Execute, sql, params),
                What::Quit => return Ok(Next::HangUp(Hangup::Close)),
                What::CloseStatement(_) => continue,
                _ => {
                    self.send(1, vec![wire::ok(0)]).await?;
                    continue;
                }
            };
            let call = Call { connection: self.id, verb, sql, params };
            let reply = self.shared.script().reply_to(&call);
            match self.reply(&call, &reply, ear.prepared).await? {
                Next::GoOn => {}
                end => return Ok(end),
            }
        }
    }

    /// Whether a transaction is open once the call is answered.
    fn status_after(&mut self, call: &Call, reply: &Reply) -> StatusFlags {
        match call.sql.to_lowercase().as_str() {
            "start transaction" => self.in_transaction = true,
            "commit" | "rollback" => self.in_transaction = false,
            _ => self.in_transaction &= !reply.lets_go,
        }
        let mut status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS, self.in_transaction);
        status
    }

    async fn reply(&mut self, call: &Call, reply: &Reply, prepared: u32) -> io::Result<Next> {
        let mut sequence = 1;
        if matches!(reply.answer, Answer::AfterFile(_)) && call.verb != Verb::Prepare {
            self.send(sequence, vec![wire::ask_for_file("rows")]).await?;
            loop {
                let (last, piece) = self.receive().await?;
                if piece.is_empty() {
                    sequence = last.wrapping_add(1);
                    break;
                }
            }
        }
        tokio::time::sleep(reply.delay).await;
        let status = self.status_after(call, reply);
        let is_error = matches!(reply.answer, Answer::Error { .. });
        let payloads = match call.verb {
            Verb::Prepare if !is_error => wire::prepared(prepared, params_in(&call.sql)),
            verb => wire::answer(&reply.answer, verb == Verb::Execute, status),
        };
        let mut packets = wire::framed(sequence, payloads);
        if let Part::Packets(count) = reply.part {
            packets.truncate(count);
        }
        let bytes = packets.concat();
        let end = match reply.part {
            Part::Whole | Part::Packets(_) => bytes.len(),
            Part::Half => bytes.len() / 2,
            Part::Nothing => 0,
        };
        self.to.write_all(&bytes[..end]).await?;
        Ok(match (reply.hangup, reply.part) {
            (Some(how), _) => Next::HangUp(how),
            (None, Part::Whole) => Next::GoOn,
            (None, _) => Next::Stall,
        })
    }
}

fn plugin(auth: Auth) -> AuthPlugin<'static> {
    match auth {
        Auth::Native => AuthPlugin::MysqlNativePassword,
        Auth::CachingSha2 | Auth::CachingSha2Full => AuthPlugin::CachingSha2Password,
    }
}

fn handshake(id: u32, auth: Auth) -> HandshakePacket<'static> {
    let capabilities = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_CONNECT_WITH_DB
        | CapabilityFlags::CLIENT_FOUND_ROWS
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_MULTI_RESULTS
        | CapabilityFlags::CLIENT_PS_MULTI_RESULTS;
    let (first, second) = NONCE.split_first_chunk::<8>().unwrap();
    HandshakePacket::new(
        10,
        &b"8.0.99-scripted"[..],
        id,
        *first,
        Some([second, &[0]].concat()),
        capabilities,
        UTF8MB4_GENERAL_CI as u8,
        StatusFlags::SERVER_STATUS_AUTOCOMMIT,
        Some(plugin(auth).as_bytes().to_vec()),
    )
}
