//! The script: what is done to the views when the cluster is told something.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rollproof::scenario::{self, Product, Zone};
use rollproof::session::Session;
use serde::Deserialize;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::front::{Front, Reply, Told};
use super::{Store, file, run};

const ZONES: [&str; 3] = ["zone1", "zone2", "zone3"];

/// One act and what it does, state by state.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// The statement, or `HOST …`, with names in braces for what varies.
    pub on: String,
    /// Only for this zone; for every zone when left out.
    #[serde(default)]
    pub zone: Option<String>,
    /// Where its states come from.
    pub source: String,
    /// The statement is refused.
    #[serde(default)]
    pub refuse: Option<Refuse>,
    #[serde(default)]
    pub answer_after_ms: u64,
    #[serde(default, rename = "state")]
    pub states: Vec<State>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    pub errno: u16,
    pub message: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    #[serde(default)]
    pub after_ms: u64,
    /// What becomes of the zone's server: `down`, `hanging`, `starting` or `up`.
    #[serde(default)]
    pub server: Option<String>,
    #[serde(default)]
    pub sql: Vec<String>,
}

/// Every act that the cluster knows. The first that fits is taken, so a variant's own come first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    #[serde(default, rename = "act")]
    pub acts: Vec<Act>,
}

impl Script {
    /// A rolling upgrade in which nothing goes wrong.
    pub fn good() -> Self {
        toml::from_str(&file("upgrade.toml")).unwrap()
    }

    /// With acts that go before its own.
    pub fn with(mut self, acts: &[Act]) -> Self {
        self.acts.splice(0..0, acts.iter().cloned());
        self
    }

    /// The same, everything taking so many times as long: for looks that may be slow.
    pub fn slowed(mut self, times: u64) -> Self {
        for act in &mut self.acts {
            act.answer_after_ms *= times;
            act.states.iter_mut().for_each(|state| state.after_ms *= times);
        }
        self
    }

    fn find(&self, said: &str) -> Option<(&Act, BTreeMap<String, String>)> {
        self.acts.iter().find_map(|act| {
            let names = captures(&act.on, said)?;
            let fits = act.zone.is_none() || act.zone.as_ref() == names.get("zone");
            fits.then_some((act, names))
        })
    }
}

/// What stands for the names in braces, when a text is as the pattern says.
fn captures(pattern: &str, text: &str) -> Option<BTreeMap<String, String>> {
    let mut names = BTreeMap::new();
    let (mut pattern, mut text) = (pattern, text);
    while let Some((before, rest)) = pattern.split_once('{') {
        text = text.strip_prefix(before)?;
        let (name, after) = rest.split_once('}').unwrap();
        let next = after.split('{').next().unwrap();
        let end = if next.is_empty() { text.len() } else { text.find(next)? };
        // A name or a value, not half a statement.
        if text[..end].contains('\'') || text[..end].contains(" = ") {
            return None;
        }
        names.insert(name.to_owned(), text[..end].to_owned());
        (pattern, text) = (after, &text[end..]);
    }
    (pattern == text).then_some(names)
}

/// What was done to the cluster, and when: the truth.
pub type Log = std::sync::Arc<std::sync::Mutex<Vec<(Instant, String)>>>;

/// The running cluster: two ports a server, one for the sys tenant and one for everybody else's,
/// and the script behind them. It ends when dropped.
pub struct SysTenant {
    addresses: Vec<[SocketAddr; 2]>,
    told: mpsc::Sender<Told>,
    playing: AbortHandle,
    /// Everything that the cluster was told, in order.
    pub log: Log,
}

impl SysTenant {
    pub async fn start(store: &Store, script: Script) -> Self {
        let (told, mut queue) = mpsc::channel::<Told>(16);
        let behind = format!("{}:{}", store.login.host, store.login.port).parse().unwrap();
        let mut fronts = Vec::new();
        for _ in ZONES {
            let front = || Front::start(behind, told.clone());
            fronts.push([front().await, front().await]);
        }
        let address = |fronts: &[Front; 2]| [fronts[0].address, fronts[1].address];
        let addresses = fronts.iter().map(address).collect();
        let mut session = store.open().await;
        run(&mut session, "USE oceanbase").await;
        let log = Log::default();
        let stage = std::sync::Arc::new(Stage {
            script,
            fronts: Mutex::new(fronts),
            session: Mutex::new(session),
            log: log.clone(),
            servers: Default::default(),
        });
        let playing = tokio::spawn(async move {
            let mut acts = tokio::task::JoinSet::new();
            while let Some(told) = queue.recv().await {
                acts.spawn(std::sync::Arc::clone(&stage).play(told));
            }
        });
        Self { addresses, told, playing: playing.abort_handle(), log }
    }

    /// The servers as the sys tenant's users reach them.
    pub fn control(&self) -> Vec<Zone> {
        self.zones(0)
    }

    /// The same servers as the users of other tenants reach them.
    pub fn business(&self) -> Vec<Zone> {
        self.zones(1)
    }

    fn zones(&self, port: usize) -> Vec<Zone> {
        let zone = |(name, addresses): (&&str, &[SocketAddr; 2])| Zone {
            name: (*name).to_owned(),
            endpoint: addresses[port].to_string(),
        };
        ZONES.iter().zip(&self.addresses).map(zone).collect()
    }

    /// A scenario whose control plane this is, and nothing else.
    pub fn scenario(&self, store: &Store) -> scenario::Scenario {
        let cluster = scenario::Cluster {
            product: Product::OceanBase,
            user: store.login.user.clone(),
            zones: self.control(),
            ..scenario::Cluster::default()
        };
        let control = Some(scenario::Control::default());
        scenario::Scenario { cluster, control, ..scenario::Scenario::default() }
    }

    /// Tells the cluster something as an orchestrator beside rollproof does.
    pub async fn tell(&self, what: &str) -> Reply {
        let (answer, answered) = oneshot::channel();
        self.told.send(Told { sql: what.to_owned(), answer }).await.unwrap();
        answered.await.unwrap()
    }

    /// Tells it one thing after another, with the time it takes between, in ms.
    pub async fn orchestrate<A: AsRef<str>>(&self, acts: &[(A, u64)]) {
        for (act, pause_ms) in acts {
            let act = act.as_ref();
            assert!(matches!(self.tell(act).await, Reply::Ok), "{act}");
            sleep(Duration::from_millis(*pause_ms)).await;
        }
    }

    /// When it was told something first.
    pub fn told_at(&self, what: &str) -> Instant {
        let log = self.log.lock().unwrap();
        log.iter().find(|(_, told)| told == what).unwrap_or_else(|| panic!("{what}")).0
    }
}

/// A whole rolling upgrade as an orchestrator takes the cluster through it, and how long it waits
/// after each act, in ms.
pub fn rolling_upgrade() -> Vec<(String, u64)> {
    let mut acts = vec![
        ("ALTER SYSTEM BEGIN UPGRADE".to_owned(), 500),
        ("ALTER SYSTEM BEGIN ROLLING UPGRADE".to_owned(), 500),
    ];
    for zone in ZONES {
        acts.extend([
            (format!("ALTER SYSTEM STOP ZONE '{zone}'"), 1_500),
            (format!("HOST stop-server {zone}"), 1_500),
            (format!("HOST start-server {zone}"), 3_500),
            (format!("ALTER SYSTEM START ZONE '{zone}'"), 1_000),
        ]);
    }
    acts.push(("ALTER SYSTEM END ROLLING UPGRADE".to_owned(), 3_000));
    acts.push(("ALTER SYSTEM END UPGRADE".to_owned(), 4_000));
    acts
}

/// A step that an observer can see, the zone it is about and the act that begins it: all of
/// `rolling_upgrade`, in order. Those without an act follow from the one before.
pub fn seen_steps() -> Vec<(&'static str, Option<usize>, Option<String>)> {
    let whole = |step, act: &str| (step, None, Some(format!("ALTER SYSTEM {act}")));
    let mut steps = vec![
        whole("begin-upgrade", "BEGIN UPGRADE"),
        whole("begin-rolling-upgrade", "BEGIN ROLLING UPGRADE"),
    ];
    for (place, zone) in ZONES.iter().enumerate() {
        let own = |step, act: Option<String>| (step, Some(place), act);
        steps.extend([
            own("stop-zone", Some(format!("ALTER SYSTEM STOP ZONE '{zone}'"))),
            own("stop-server", Some(format!("HOST stop-server {zone}"))),
            own("start-server", Some(format!("HOST start-server {zone}"))),
            own("log-in-sync", None),
            own("schema-refreshed", None),
            own("health-check", None),
            own("start-zone", Some(format!("ALTER SYSTEM START ZONE '{zone}'"))),
        ]);
    }
    steps.push(whole("end-rolling-upgrade", "END ROLLING UPGRADE"));
    steps.push(whole("end-upgrade", "END UPGRADE"));
    steps
}

impl Drop for SysTenant {
    fn drop(&mut self) {
        self.playing.abort();
    }
}

struct Stage {
    script: Script,
    fronts: Mutex<Vec<[Front; 2]>>,
    session: Mutex<Session>,
    log: Log,
    /// What is done to one zone's server is done in turn: on a quick machine it would otherwise be
    /// started while its stop is still being noticed, and be noticed as stopped for ever.
    servers: [Mutex<()>; 3],
}

impl Stage {
    /// Plays an act: its first state, the answer when it is due, and the rest when it is due.
    async fn play(self: std::sync::Arc<Self>, told: Told) {
        if told.sql.to_ascii_uppercase().starts_with("SET ") {
            let _ = told.answer.send(Reply::Ok);
            return;
        }
        self.log.lock().unwrap().push((Instant::now(), told.sql.clone()));
        let Some((act, mut names)) = self.script.find(&told.sql) else {
            let message = format!("the script has no act for: {}", told.sql);
            let _ = told.answer.send(Reply::Error { errno: 1064, message });
            return;
        };
        let place = names.get("zone").and_then(|zone| ZONES.iter().position(|name| name == zone));
        if let Some(place) = place {
            names.insert("ip".into(), format!("10.0.0.{}", place + 1));
            names.insert("next".into(), ZONES[(place + 1) % 3].into());
        }
        let _turn = match place {
            Some(place) if told.sql.starts_with("HOST ") => Some(self.servers[place].lock().await),
            _ => None,
        };
        let began = Instant::now();
        let due = |ms: u64| began + Duration::from_millis(ms);
        let reply = match &act.refuse {
            None => Reply::Ok,
            Some(Refuse { errno, message }) => {
                Reply::Error { errno: *errno, message: message.clone() }
            }
        };
        let mut answer = Some((told.answer, reply));
        for state in &act.states {
            if state.after_ms > act.answer_after_ms
                && let Some((sender, reply)) = answer.take()
            {
                sleep_until(due(act.answer_after_ms)).await;
                let _ = sender.send(reply);
            }
            sleep_until(due(state.after_ms)).await;
            self.enter(state, &names, place).await;
        }
        if let Some((sender, reply)) = answer {
            sleep_until(due(act.answer_after_ms)).await;
            let _ = sender.send(reply);
        }
    }

    /// A state is entered at once: no look sees half of it.
    async fn enter(&self, state: &State, names: &BTreeMap<String, String>, place: Option<usize>) {
        if let Some(server) = &state.server {
            let mut fronts = self.fronts.lock().await;
            for front in &mut fronts[place.expect("an act on a server names its zone")] {
                match server.as_str() {
                    "down" => front.down().await,
                    "hanging" => front.hang().await,
                    "starting" => front.up(true).await,
                    "up" => front.up(false).await,
                    other => panic!("a server is down, hanging, starting or up, not {other}"),
                }
            }
        }
        if state.sql.is_empty() {
            return;
        }
        let mut session = self.session.lock().await;
        run(&mut session, "START TRANSACTION").await;
        for sql in &state.sql {
            let filled = names
                .iter()
                .fold(sql.clone(), |sql, (name, value)| sql.replace(&format!("{{{name}}}"), value));
            run(&mut session, &filled).await;
        }
        run(&mut session, "COMMIT").await;
    }
}

/// Acts on hosts, asked for by the commands of a plan: a command leaves a request in a directory
/// and waits until it is answered.
pub struct Host {
    dir: PathBuf,
}

impl Host {
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The command of a plan that does this to a host.
    pub fn command(&self, act: &str) -> String {
        let dir = self.dir.display();
        format!(
            "echo 'HOST {act} {{zone}}' > {dir}/asked.tmp && mv {dir}/asked.tmp {dir}/asked && \
             while [ ! -e {dir}/done ]; do sleep 0.02; done; rm {dir}/done"
        )
    }

    /// Answers requests for as long as it is polled.
    pub async fn serve(&self, cluster: &SysTenant) {
        let (asked, done) = (self.dir.join("asked"), self.dir.join("done"));
        loop {
            if let Ok(request) = std::fs::read_to_string(&asked) {
                std::fs::remove_file(&asked).unwrap();
                if let Reply::Ok = cluster.tell(request.trim()).await {
                    std::fs::write(&done, "").unwrap();
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}
