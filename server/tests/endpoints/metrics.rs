//! The metrics: what they count, how they are named, and where they may be read.

use std::collections::{BTreeMap, BTreeSet};

use everwire_protocol::{From, ServerFrame, http::WS_JSON};
use everwire_server::config::Config;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Tested, config, start, start_with, until};

/// One metric of an exposition.
#[derive(Debug, Default)]
struct Family {
    help: String,
    kind: String,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Reads the text format as far as it is used here; panics where it is malformed.
fn parse(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (what, rest) = comment.split_once(' ').expect("a kind of comment");
            let (name, value) = rest.split_once(' ').expect("a name");
            let family = families.entry(name.to_owned()).or_default();
            match what {
                "HELP" => value.clone_into(&mut family.help),
                "TYPE" => value.clone_into(&mut family.kind),
                other => panic!("{other}"),
            }
            name.clone_into(&mut current);
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').expect("the end of the labels");
        let pairs = labels.split(',').filter(|pair| !pair.is_empty());
        let labels = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').expect("a label");
            (name.to_owned(), value.trim_matches('"').to_owned())
        });
        assert!(name.starts_with(&current), "{name} stands under {current}");
        let sample = Sample {
            name: name.to_owned(),
            labels: labels.collect(),
            value: value.parse().expect("a number"),
        };
        families.get_mut(&current).expect("a family").samples.push(sample);
    }
    families
}

async fn read(server: &Tested) -> BTreeMap<String, Family> {
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    parse(&answer.text().await.expect("a body"))
}

/// The value of one series: `name` or `name{label="value"}`.
fn value(families: &BTreeMap<String, Family>, series: &str) -> f64 {
    let (name, label) = series.split_once('{').unwrap_or((series, ""));
    let wanted = label.strip_suffix('}').and_then(|label| label.split_once('='));
    let mut all = families.values().flat_map(|family| &family.samples);
    let found = all.find(|sample| {
        sample.name == name
            && wanted.is_none_or(|(label, value)| {
                sample.labels.get(label).is_some_and(|has| has == value.trim_matches('"'))
            })
    });
    found.unwrap_or_else(|| panic!("{series} is missing")).value
}

#[tokio::test]
async fn names_follow_the_conventions_and_labels_have_few_values() {
    let server = start().await;
    let mut ws = server.ws().await;
    ws.subscribe("a-topic", From::Latest).await;
    server.publish("a-topic", 1).await;
    assert_eq!(ws.offsets(1).await, [1]);
    let families = read(&server).await;
    assert!(families.len() >= 20, "{families:?}");
    let units = ["_seconds", "_bytes", "_info"];
    // What is counted by the piece has no unit.
    let pieces = ["_connections", "_subscriptions", "_topics", "_fds"];
    let known: BTreeSet<_> = ["transport", "code", "reason", "operation", "outcome", "version", "le"].into();
    for (name, family) in &families {
        let snake = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        assert!(snake && !name.contains("__"), "{name}");
        assert!(name.starts_with("everwire_") || name.starts_with("process_"), "{name}");
        assert!(family.help.len() > 10, "{name} has no help");
        assert!(!family.samples.is_empty(), "{name} has no value");
        match family.kind.as_str() {
            "counter" => assert!(name.ends_with("_total"), "{name}"),
            "gauge" => {
                let measure = name.strip_suffix("_total").unwrap_or(name);
                assert!(measure == name, "{name} is no counter");
                assert!(units.iter().chain(&pieces).any(|unit| name.ends_with(unit)), "{name}");
            }
            "histogram" => assert!(name.ends_with("_seconds"), "{name}"),
            other => panic!("{name} is {other}"),
        }
        for sample in &family.samples {
            for (label, value) in &sample.labels {
                assert!(known.contains(label.as_str()), "{name} has a label {label}");
                assert!(!value.contains("a-topic") && !value.contains("ada"), "{name} tells who: {value}");
            }
        }
        assert!(family.samples.len() <= 100, "{name} has too many series");
    }
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = start().await;
    let before = read(&server).await;
    let mut ws = server.ws_as("ada", WS_JSON).await;
    ws.subscribe("a", From::Latest).await;
    let mut sse = server.sse("topic=a").await;
    sse.named("everwire.subscribed").await;
    assert!(matches!(ws.next().await, ServerFrame::Subscribed { .. }));
    let first = server.publish("a", 1).await;
    assert_eq!(ws.offsets(1).await, [1]);
    sse.named("").await;
    server.get("/v1/sse?topic=not+a+topic").await;
    server.sse_with("topic=a", Some(&format!("other-{}", first.offset))).await.named("everwire.gap").await;

    let after = read(&server).await;
    for (series, more) in [
        ("everwire_connections{transport=\"websocket\"}", 1.0),
        ("everwire_connections_opened_total{transport=\"websocket\"}", 1.0),
        ("everwire_connections_opened_total{transport=\"sse\"}", 2.0),
        ("everwire_messages_received_total", 1.0),
        ("everwire_publish_duration_seconds_count", 1.0),
        ("everwire_store_operation_duration_seconds_count{operation=\"append\"}", 1.0),
        ("everwire_store_operation_duration_seconds_count{operation=\"resolve\"}", 3.0),
        ("everwire_refusals_total{code=\"bad_topic\"}", 1.0),
        ("everwire_gaps_total{reason=\"epoch\"}", 1.0),
        ("everwire_topics", 1.0),
        ("everwire_fanout_lag_seconds_count", 2.0),
    ] {
        let grown = value(&after, series) - value(&before, series);
        assert!((grown - more).abs() < f64::EPSILON, "{series}: {grown} more, and not {more}");
    }
    for series in [
        "everwire_messages_sent_total",
        "everwire_received_bytes_total{transport=\"websocket\"}",
        "everwire_received_bytes_total{transport=\"request\"}",
        "everwire_sent_bytes_total{transport=\"websocket\"}",
        "everwire_sent_bytes_total{transport=\"sse\"}",
        "everwire_store_bytes",
        "process_resident_memory_bytes",
    ] {
        assert!(value(&after, series) > 0.0, "{series}");
    }
    drop((ws, sse));
    until(async || value(&read(&server).await, "everwire_subscriptions").abs() < f64::EPSILON).await;
}

#[tokio::test]
async fn evicted_records_are_counted() {
    let mut config = config();
    config.store.retention.default.records = 2;
    let server = start_with(config).await;
    for n in 1..=5 {
        server.publish("a", n).await;
    }
    assert!((value(&read(&server).await, "everwire_records_evicted_total") - 3.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn clients_cannot_read_the_metrics_unless_only_this_machine_is_let_in() {
    let server = start_with(Config { anonymous: true, ..config() }).await;
    assert_eq!(server.get("/metrics").await.status(), 404);
    assert_eq!(server.server.metrics_address(), None);
    let rebound = start().await.http.get(start().await.url("/metrics")).header("host", "evil.example");
    assert_eq!(rebound.send().await.expect("answers").status(), 403);
}

#[tokio::test]
async fn operators_have_an_address_of_their_own_that_stays_through_the_drain() {
    let metrics_listen = Some(([127, 0, 0, 1], 0).into());
    let config = Config { metrics_listen, anonymous: true, ..config() };
    let server = start_with(config).await;
    let operators = format!("http://{}", server.server.metrics_address().expect("an address"));
    let get = async |path: &str| {
        let answer = server.http.get(format!("{operators}{path}")).send().await.expect("answers");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    assert_eq!(server.get("/metrics").await.status(), 404);
    assert!(get("/metrics").await.1.contains("everwire_connections"));
    assert_eq!(get("/health/ready").await, (200, "ok\n".to_owned()));
    assert_eq!(get("/v1/poll?topic=a").await.0, 404);

    // A body that is still on its way holds the end up.
    let mut slow = TcpStream::connect(&server.address).await.expect("connects");
    let body = r#"{"topic":"a","data":1}"#;
    let head = format!(
        "POST /v1/publish HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.expect("writes");
    let mut go_on = [0; 12];
    slow.read_exact(&mut go_on).await.expect("reads");
    assert_eq!(&go_on, b"HTTP/1.1 100");
    let drained = tokio::spawn(server.server.drain());
    until(async || get("/health/ready").await == (503, "draining\n".to_owned())).await;
    slow.write_all(body.as_bytes()).await.expect("writes");
    assert!(drained.await.expect("runs"), "in time");
}

#[tokio::test]
async fn every_query_of_the_dashboard_names_metrics_that_there_are() {
    let dashboard = include_str!("../../../examples/deploy/grafana.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).expect("JSON");
    let families = read(&start().await).await;
    let mut named = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty());
        for query in targets.iter().map(|target| target["expr"].as_str().expect("a query")) {
            let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let metrics: Vec<_> =
                words.filter(|word| word.starts_with("everwire_") || word.starts_with("process_")).collect();
            assert!(!metrics.is_empty(), "{query}");
            named.extend(metrics.into_iter().map(str::to_owned));
        }
    }
    for name in &named {
        let family = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(families.contains_key(family), "there is no metric {name}");
    }
    let shown = |family: &String| named.contains(family) || named.contains(&format!("{family}_bucket"));
    let hidden: Vec<_> = families.keys().filter(|family| !shown(family)).collect();
    assert_eq!(hidden, ["process_virtual_memory_bytes"], "what is measured is shown");
}
