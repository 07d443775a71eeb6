//! A headless Chromium, spoken to over a pair of pipes (the DevTools protocol: JSON messages, each
//! ended by a zero byte). No port is opened and no crate is needed for it.

#![allow(unreachable_pub, reason = "each test uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// No answer takes longer, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page open.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    sent: u64,
    /// Whatever the browser told without being asked.
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

/// Where a Chromium is installed, if one is.
fn chromium() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

impl Browser {
    /// Starts a browser without a network; says so and answers `None` where none is installed.
    pub fn start() -> Option<Self> {
        let Some(program) = chromium() else {
            eprintln!("no Chromium is installed: the page was not opened in a browser");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // The pipes are its descriptors 3 and 4; only a shell can put them there without unsafe code.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 >/dev/null 2>&1"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-pipe", "--proxy-server=127.0.0.1:9", "--no-first-run"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (tell, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let (session, sent, events) = (None, 0, Vec::new());
        let mut browser = Self { child, to, from, session, sent, events, _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// One command and its answer.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut told = self.from.recv_timeout(PATIENCE).expect("the browser answers");
            if told["id"] == self.sent {
                assert!(told["error"].is_null(), "{method}: {told}");
                return told["result"].take();
            }
            self.events.push(told);
        }
    }

    /// Opens a file and waits until it is loaded; answers how long that took.
    pub fn open(&mut self, file: &Path) -> Duration {
        let began = Instant::now();
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", json!({ "url": url }));
        while self.value("document.readyState + location.href") != format!("complete{url}").as_str()
        {
            assert!(began.elapsed() < PATIENCE, "{url} never loads");
            std::thread::sleep(Duration::from_millis(20));
        }
        began.elapsed()
    }

    /// What an expression is on the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// A number on the page.
    pub fn number(&mut self, expression: &str) -> f64 {
        let value = self.value(expression);
        value.as_f64().unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// Waits until an expression is true on the page.
    pub fn until(&mut self, expression: &str) {
        let began = Instant::now();
        while self.value(expression) != Value::Bool(true) {
            assert!(began.elapsed() < PATIENCE, "it never comes to {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses a key.
    pub fn key(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key }));
        }
    }

    /// Drags the mouse from one point of the window to another.
    pub fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        let steps = [("mousePressed", from), ("mouseMoved", to), ("mouseReleased", to)];
        for (kind, (x, y)) in steps {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Clicks on the middle of an element, which must be in sight.
    pub fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const b = document.querySelector('{selector}').getClientRects()[0]; \
             return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        ));
        let at = (place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
        self.drag(at, at);
    }

    /// Everything the page complained about, and every address it asked for.
    pub fn complaints_and_requests(&self) -> (Vec<String>, Vec<String>) {
        let of = |methods: &'static [&'static str]| {
            self.events.iter().filter(move |event| {
                event["method"].as_str().is_some_and(|method| methods.contains(&method))
            })
        };
        let complaints =
            of(&["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"]);
        let requests = of(&["Network.requestWillBeSent", "Network.webSocketCreated"]);
        let address = |event: &Value| {
            let params = &event["params"];
            params["request"]["url"].as_str().or(params["url"].as_str()).unwrap_or("?").to_owned()
        };
        (complaints.map(Value::to_string).collect(), requests.map(address).collect())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        let close = json!({ "id": 0, "method": "Browser.close", "params": {} });
        let _ = self.to.write_all(format!("{close}\0").as_bytes());
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
