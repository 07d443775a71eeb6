//! What `--listen` serves: over real TCP, read by a parser of Prometheus' text; and whether the
//! documentation and the Grafana dashboard know the same metrics.

mod feed;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use feed::{Feed, mid_upgrade, outage};
use prometheus_client::metrics::MetricType;
use prometheus_parse::{Scrape, Value};
use rollproof::event::*;
use rollproof::live::{ListenAddress, METRICS, Metric, Server};

/// "At once", on a machine that does other things as well.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Somebody is served what was fed.
struct Served {
    address: SocketAddr,
    _server: Server,
}

impl Served {
    fn of(feed: &Feed) -> Self {
        let listener = "127.0.0.1:0".parse::<ListenAddress>().unwrap().bind(false).unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, _server: Server::start(listener, feed.board.clone()).unwrap() }
    }

    /// Head and body of the answer.
    fn ask(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(AT_ONCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn get(&self, path: &str) -> (String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address))
    }

    fn scrape(&self) -> Scrape {
        let (head, body) = self.get("/metrics");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
        assert!(body.ends_with("# EOF\n"), "{body}");
        Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap()
    }
}

/// A run in which everything has happened that a metric tells of.
fn eventful() -> Feed {
    let mut feed = outage();
    feed.calm(67, 70);
    for (at_s, dispatched) in [(69, 60), (70, 61)] {
        feed.board.observe(&Event::Own(SelfSample {
            at: RunTime(at_s * feed::SECOND),
            stall_us_max: 7_000,
            queue_len: 3,
            cpu_us: 2_500_000,
            dispatched,
            dispatched_late: 1,
            ..SelfSample::default()
        }));
    }
    feed.board.loading(rollproof::live::Loading { doing: "x", rows_done: 5, rows_total: 9 });
    feed
}

fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let mut found = scrape.samples.iter().filter(|sample| {
        sample.metric == name
            && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(value))
    });
    let sample = found.next().unwrap_or_else(|| panic!("no {name} {labels:?}"));
    assert!(found.next().is_none(), "more than one {name} {labels:?}");
    match sample.value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
        ref other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn every_metric_is_served_with_its_own_labels() {
    let scrape = Served::of(&eventful()).scrape();
    for metric in METRICS {
        let samples = scrape.samples.iter().filter(|sample| sample.metric == metric.name);
        let samples: Vec<_> = samples.collect();
        assert!(!samples.is_empty(), "{} is not served", metric.name);
        for sample in samples {
            let known: BTreeSet<&str> = metric.labels.iter().copied().collect();
            let own: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
            assert_eq!(own, known, "{}", metric.name);
        }
    }
    // The parser gathers buckets under the histogram's name, and leaves its sum and count apart.
    let ends = |metric: &Metric| match metric.kind {
        MetricType::Histogram => vec!["", "_sum", "_count"],
        _ => vec![""],
    };
    let known: BTreeSet<String> = METRICS
        .iter()
        .flat_map(|metric| ends(metric).into_iter().map(|end| format!("{}{end}", metric.name)))
        .collect();
    let served = scrape.samples.iter().map(|sample| &sample.metric);
    assert_eq!(served.filter(|name| !known.contains(*name)).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_figures_are_those_of_the_run() {
    let feed = eventful();
    let scrape = Served::of(&feed).scrape();
    let payment = |phase, result| {
        let labels = [("transaction", "payment"), ("phase", phase), ("result", result)];
        value(&scrape, "rollproof_phase_transactions_total", &labels)
    };
    assert_eq!(payment("baseline", "good"), 30.0 * 60.0);
    assert_eq!(payment("zone2/stop-server", "failed"), 120.0);
    let failed = [("transaction", "payment"), ("result", "failed")];
    assert_eq!(value(&scrape, "rollproof_transactions_total", &failed), 120.0);
    let repeated = [("transaction", "payment")];
    assert_eq!(value(&scrape, "rollproof_retries_total", &repeated), 121.0);
    let refused = [("zone", "zone2"), ("probe", "new-write"), ("result", "failed")];
    assert_eq!(value(&scrape, "rollproof_probes_total", &refused), 1.0);
    let deadline = [("class", "deadline"), ("zone", "zone1")];
    assert_eq!(value(&scrape, "rollproof_attempt_errors_total", &deadline), 240.0);
    assert_eq!(value(&scrape, "rollproof_phase", &[("phase", "zone2/stop-server")]), 1.0);
    assert_eq!(value(&scrape, "rollproof_phase", &[("phase", "baseline")]), 0.0);
    let down = [("zone", "zone2"), ("state", "down")];
    assert_eq!(value(&scrape, "rollproof_zone_state", &down), 1.0);
    assert_eq!(value(&scrape, "rollproof_objective_missed", &[("objective", "write-gap")]), 1.0);
    assert_eq!(value(&scrape, "rollproof_dispatched_total", &[]), 121.0);
    assert_eq!(value(&scrape, "rollproof_cpu_seconds_total", &[]), 2.5);
    let gap_s = value(&scrape, "rollproof_write_gap_max_seconds", &[]);
    assert!((3.0..3.1).contains(&gap_s), "{gap_s}");
}

#[test]
fn histograms_hold_every_completed_transaction_once() {
    let scrape = Served::of(&eventful()).scrape();
    for (histogram, counter) in [
        ("rollproof_response_seconds", "rollproof_transactions_total"),
        ("rollproof_phase_response_seconds", "rollproof_phase_transactions_total"),
    ] {
        let (mut buckets, mut done) = (BTreeMap::new(), BTreeMap::new());
        for sample in &scrape.samples {
            let key = |sample: &prometheus_parse::Sample| {
                ["transaction", "phase"].map(|label| sample.labels.get(label).map(str::to_owned))
            };
            match &sample.value {
                Value::Histogram(counts) if sample.metric == histogram => {
                    let pairs = counts.windows(2);
                    assert!(pairs.into_iter().all(|pair| pair[0].count <= pair[1].count));
                    assert_eq!(counts.last().unwrap().less_than, f64::INFINITY);
                    buckets.insert(key(sample), counts.last().unwrap().count);
                }
                Value::Untyped(n) | Value::Counter(n) if sample.metric == counter => {
                    let how: Grade = sample.labels["result"].parse().unwrap();
                    *done.entry(key(sample)).or_insert(0.0) +=
                        if how.is_completed() { *n } else { 0.0 };
                }
                _ => {}
            }
        }
        assert_eq!(buckets, done, "{histogram}");
        assert!(done.values().sum::<f64>() > 3_000.0);
    }
}

/// Prometheus loses all that a series holds when it first sees it: an error burst between two
/// scrapes would never show.
#[test]
fn what_dashboards_take_rates_of_is_there_before_anything_is_counted() {
    let scrape = Served::of(&Feed::new()).scrape();
    let series = |name: &str| {
        let own = scrape.samples.iter().filter(|sample| sample.metric == name);
        own.map(|sample| match &sample.value {
            Value::Counter(n) | Value::Untyped(n) => *n,
            Value::Histogram(counts) => counts.last().unwrap().count,
            other => panic!("{name} is {other:?}"),
        })
        .collect::<Vec<_>>()
    };
    let kinds = TxnKind::TRANSACTIONS.len();
    for (name, length) in [
        ("rollproof_transactions_total", kinds * Grade::ALL.len()),
        ("rollproof_response_seconds", kinds),
        ("rollproof_retries_total", kinds),
        ("rollproof_attempt_errors_total", ErrorClass::ALL.len() * (3 + 1)),
        ("rollproof_probes_total", 3 * ProbeKind::ALL.len() * 2),
    ] {
        assert_eq!(series(name), vec![0.0; length], "{name}");
    }
}

/// What Prometheus' `rate()` makes of one series' samples in a range of seconds up to `at`
/// (`extrapolatedRate` in its `promql/functions.go`), given that no counter is ever reset.
fn rate(samples: &[(f64, f64)], at: f64, range: f64) -> Option<f64> {
    let from = at - range;
    let within: Vec<_> = samples.iter().filter(|(t, _)| from < *t && *t <= at).collect();
    let [first, .., last] = within[..] else { return None };
    let (gained, sampled) = (last.1 - first.1, last.0 - first.0);
    let spacing = sampled / (within.len() - 1) as f64;
    let edge = |distance: f64| if distance >= spacing * 1.1 { spacing / 2.0 } else { distance };
    let mut before = edge(first.0 - from);
    if gained > 0.0 {
        before = before.min(sampled * first.1 / gained);
    }
    Some(gained * (sampled + before + edge(at - last.0)) / sampled / range)
}

/// The name in an expression that sums rates, as Grafana is given them.
fn rated(expression: &str) -> Option<&str> {
    let (_, rest) = expression.split_once("(rate(")?;
    rest.split_once("[$__rate_interval])").map(|(name, _)| name.split('{').next().unwrap())
}

/// The same load all the time, and phases shorter than a scrape: the dashboard must not show an
/// outage that nobody had.
#[test]
fn a_dashboard_s_rates_do_not_depend_on_phases() {
    const STEP_MS: u64 = 200;
    let mut feed = Feed::new();
    let served = Served::of(&feed);
    let mut series: BTreeMap<String, BTreeMap<String, Vec<(f64, f64)>>> = BTreeMap::new();
    for step in 0..60 * 1000 / STEP_MS {
        let at = step * STEP_MS * 1000;
        // One step after another, from the twentieth second to the fortieth.
        if (20_000_000..40_000_000).contains(&at) {
            let name = format!("step-{step}");
            let (zone, edge, detail) = (Some(ZoneId(0)), Edge::Begin, String::new());
            feed.fact_at(at, Source::Runner, ClusterFact::Step { step: name, zone, edge, detail });
        }
        if step % 10 == 0 {
            for sample in served.scrape().samples {
                let n = match &sample.value {
                    Value::Counter(n) | Value::Untyped(n) => *n,
                    Value::Histogram(counts) => counts.last().unwrap().count,
                    _ => continue,
                };
                let own = series.entry(sample.metric.clone()).or_default();
                own.entry(sample.labels.to_string()).or_default().push((at as f64 / 1e6, n));
            }
        }
        for n in 0..12 {
            let due = at + n * STEP_MS * 1000 / 12;
            feed.attempt(due, due + 3_000, Outcome::Committed, true);
        }
    }
    let text = std::fs::read_to_string("workloads/grafana.json").unwrap();
    let names: BTreeSet<&str> = text.split("\"expr\": \"").skip(1).filter_map(rated).collect();
    let of_load = names.iter().filter(|name| {
        name.contains("transactions_total") || name.contains("response_seconds_bucket")
    });
    assert_eq!(of_load.clone().count(), 2, "throughput and latency: {names:?}");
    for name in of_load {
        let all = &series[name.trim_end_matches("_bucket")];
        for at in 10..60 {
            let at = f64::from(at) + 0.5;
            let seen: f64 = all.values().filter_map(|samples| rate(samples, at, 8.0)).sum();
            assert!((55.0..65.0).contains(&seen), "{name}: {seen:.1}/s at {at} s");
        }
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let served = Served::of(&mid_upgrade());
    let (head, body) = served.get("/");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("default-src 'none'"), "{head}");
    for words in ["zone2/stop-server", "probes fail for", "upgrade to 10.11.19", "/metrics"] {
        assert!(body.contains(words), "{words}: {body}");
    }
    for elsewhere in ["://", " src=", "@import", "url("] {
        assert!(!body.contains(elsewhere), "{elsewhere}");
    }
}

/// Colours are never the only sign, and a table's rows have names.
#[test]
fn the_page_can_be_read_without_colours() {
    let body = |feed: &Feed| Served::of(feed).get("/").1;
    let mark = "102h1v6h-1z";
    let (calm, outage) = (body(&mid_upgrade()), body(&outage()));
    assert_eq!(calm.matches(mark).count(), 0, "{calm}");
    // A second in which clients gave up, and two in which nothing was done.
    assert_eq!(outage.matches(mark).count(), 3, "{outage}");
    for name in ["zone2", "deadline", "longest write gap"] {
        assert!(outage.contains(&format!("<th scope=\"row\">{name}</th>")), "{name}: {outage}");
    }
}

#[test]
fn what_a_server_says_is_text_on_the_page() {
    let feed = mid_upgrade();
    feed.board.say("<script>alert(1)</script>");
    let (_, body) = Served::of(&feed).get("/");
    assert!(body.contains("&#60;script&#62;alert") && !body.contains("<script>alert"), "{body}");
}

#[test]
fn what_is_not_there_and_what_cannot_be_done_is_said() {
    let served = Served::of(&mid_upgrade());
    assert!(served.get("/favicon.ico").0.starts_with("HTTP/1.1 404"));
    let (head, _) = served.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 405") && head.contains("GET, HEAD"), "{head}");
    let (head, body) = served.ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && body.is_empty(), "{head}");
    let (head, _) = served.ask("not http at all\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
}

#[test]
fn who_never_asks_keeps_nobody_waiting() {
    let served = Served::of(&mid_upgrade());
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    let began = Instant::now();
    assert!(served.get("/metrics").0.starts_with("HTTP/1.1 200"));
    assert!(began.elapsed() < AT_ONCE);
    // They are let go in time, without an answer.
    let mut first = &silent[0];
    first.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(first.read(&mut [0; 64]).unwrap(), 0);
}

#[test]
fn a_server_that_is_dropped_lets_its_port_go() {
    let served = Served::of(&mid_upgrade());
    let address = served.address;
    drop(served);
    assert!(TcpStream::connect(address).is_err());
    ListenAddress(address).bind(false).unwrap();
}

fn kind(metric: &Metric) -> &'static str {
    match metric.kind {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Histogram => "histogram",
        MetricType::Info => "info",
        MetricType::Unknown => "unknown",
    }
}

#[test]
fn the_table_in_the_guide_is_that_of_the_program() {
    let page = std::fs::read_to_string("docs/live.md").unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `rollproof_"));
    let written: Vec<&str> = rows.collect();
    let expected: Vec<String> = METRICS
        .iter()
        .map(|metric| {
            let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let Metric { name, unit, help, .. } = metric;
            format!("| `{name}` | {} | {unit} | {} | {help} |", kind(metric), labels.join(", "))
        })
        .collect();
    assert_eq!(written, expected);
}

/// The labels that a query groups and selects by, and those its legend names.
fn labels(expression: &str, legend: &str) -> BTreeSet<String> {
    let between = |text: &str, open: &str, close: char| -> Vec<String> {
        let inside = text.split(open).skip(1).filter_map(|rest| rest.split(close).next());
        inside.flat_map(|list| list.split(',')).map(|one| one.trim().to_owned()).collect()
    };
    let selected = between(expression, "{", '}').into_iter();
    let selected = selected.map(|one| one.split(['=', '!']).next().unwrap().to_owned());
    let grouped = between(expression, "by (", ')').into_iter().filter(|label| label != "le");
    selected.chain(grouped).chain(between(legend, "{{", '}')).collect()
}

#[test]
fn a_query_s_labels_are_those_it_groups_selects_and_shows_by() {
    let query = "sum by (zone, le) (rate(rollproof_x_total{result=\"failed\",class!=\"y\"}[1m]))";
    let found: Vec<String> = labels(query, "{{zone}} {{state}}").into_iter().collect();
    assert_eq!(found, ["class", "result", "state", "zone"]);
}

#[test]
fn the_grafana_dashboard_asks_for_metrics_that_there_are() {
    let text = std::fs::read_to_string("workloads/grafana.json").unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut asked = BTreeSet::new();
    for target in dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
    {
        let expression = target["expr"].as_str().unwrap();
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        asked.extend(words.filter(|word| word.starts_with("rollproof_")).map(str::to_owned));
        for label in labels(expression, target["legendFormat"].as_str().unwrap()) {
            let known = METRICS
                .iter()
                .any(|metric| expression.contains(metric.name) && metric.labels.contains(&&*label));
            assert!(known, "{label} in {expression}");
        }
    }
    assert!(asked.len() > 8, "{asked:?}");
    for name in asked {
        let known = METRICS.iter().any(|metric| match metric.kind {
            MetricType::Histogram => ["_bucket", "_sum", "_count"]
                .iter()
                .any(|end| name == format!("{}{end}", metric.name)),
            _ => metric.name == name,
        });
        assert!(known, "{name} is not served");
    }
}
