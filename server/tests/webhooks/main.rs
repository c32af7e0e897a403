//! Webhooks against a real endpoint: what arrives, in which order, what is tried again, and what becomes of the rest.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod endpoint;

use std::{sync::Arc, time::Duration};

use endpoint::{Endpoint, Got, SECRET};
use everwire_protocol::{From, Payload, Position, Topic};
use everwire_server::{
    auth::{Open, Secret},
    clock::Clock,
    hub::{Hub, PeerRules},
    log::{BatchLimit, NewRecord, Read, Retention, RetentionRules},
    presence::Presence,
    store::{Cursors, MemoryLimits, MemoryStore, Store},
    webhook::{self, StartAt, Webhook},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

type Shared = Arc<Hub<MemoryStore>>;

fn hub() -> Shared {
    hub_that_keeps(Retention::default())
}

fn hub_that_keeps(retention: Retention) -> Shared {
    let retention = RetentionRules { default: retention, patterns: Vec::new() };
    let store = MemoryStore::new(1, MemoryLimits { retention, ..MemoryLimits::default() });
    let presence = Presence::new(0, 1);
    Arc::new(Hub::new(store, presence, Arc::new(Open::default()), PeerRules::default()))
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic")
}

async fn publish(hub: &Shared, name: &str, number: u64) -> Position {
    let new = NewRecord { payload: Payload::json(number.to_string()), key: None, from: None, id: None };
    hub.store.append(Clock::default().now(), &topic(name), new).await.expect("appends").position
}

fn hook(url: &str) -> Webhook {
    Webhook {
        name: "orders".to_owned(),
        pattern: "order:*".parse().expect("a pattern"),
        url: url.to_owned(),
        secret: Secret::from(SECRET.to_owned()),
        start: StartAt::Earliest,
        allow_private: true,
        timeout: Duration::from_secs(15),
        give_up_after: Duration::from_secs(3_600),
        concurrency: 4,
        dead_letters: topic("$dead:orders"),
    }
}

/// A webhook at work.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn run(hub: &Shared, hook: Webhook) -> Running {
    let stop = CancellationToken::new();
    let work = webhook::run(Arc::clone(hub), hook, stop.clone()).expect("a usable endpoint");
    Running { stop, task: tokio::spawn(work) }
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        self.task.await.expect("ends");
    }
}

/// What was taken of a topic, by the numbers that were published.
fn taken(got: &[Got], name: &str) -> Vec<u64> {
    let of_topic = got.iter().filter(|got| got.body["data"]["topic"] == name && got.status == 200);
    of_topic.filter_map(|got| got.body["data"]["data"].as_u64()).collect()
}

async fn dead_letters(hub: &Shared) -> Vec<serde_json::Value> {
    let topic = topic("$dead:orders");
    let start = hub.store.resolve(0, &topic, From::Earliest).await.expect("resolves").position;
    match hub.store.read(&topic, start, BatchLimit::default()).await.expect("reads") {
        Read::Batch(batch) => {
            let data = batch.entries.iter().map(|entry| &entry.record.payload.data);
            data.map(|data| serde_json::from_slice(data).expect("JSON")).collect()
        }
        _ => Vec::new(),
    }
}

/// Waits until what is kept of the webhook's cursors is so.
async fn kept(hub: &Shared, so: impl Fn(Option<Vec<(Topic, Position)>>) -> bool) {
    let looked = async {
        while !so(hub.store.cursors("orders").await.expect("answers")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.expect("in time");
}

/// Waits until it goes on from there: what was delivered but not yet kept is delivered again after a stop.
async fn kept_at(hub: &Shared, name: &str, position: Position) {
    kept(hub, |cursors| cursors.is_some_and(|kept| kept.contains(&(topic(name), position)))).await;
}

#[tokio::test]
async fn messages_of_matching_topics_arrive_signed_and_in_order() {
    let (hub, endpoint) = (hub(), Endpoint::start().await);
    publish(&hub, "order:a", 1).await;
    let running = run(&hub, hook(&endpoint.url));
    for number in 2..=20 {
        publish(&hub, "order:a", number).await;
        publish(&hub, "other", number).await;
        publish(&hub, "order:b", 100 + number).await;
    }
    let got = endpoint.got(39).await;
    running.end().await;
    assert_eq!(taken(&got, "order:a"), (1..=20).collect::<Vec<_>>());
    assert_eq!(taken(&got, "order:b"), (102..=120).collect::<Vec<_>>());
    assert_eq!(got.len(), 39, "nothing of other topics");
    assert_eq!(got[0].body["type"], "everwire.message");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_under_the_same_id_and_nothing_overtakes_it() {
    let (hub, endpoint) = (hub(), Endpoint::start().await);
    endpoint.answer(&[500, 429, 302]);
    publish(&hub, "order:a", 1).await;
    publish(&hub, "order:a", 2).await;
    let running = run(&hub, hook(&endpoint.url));
    let got = endpoint.got(5).await;
    running.end().await;
    assert_eq!(taken(&got, "order:a"), [1, 2]);
    assert!(got[..4].iter().all(|one| one.id == got[0].id) && got[4].id != got[0].id);
    assert!(dead_letters(&hub).await.is_empty());
}

#[tokio::test]
async fn a_refused_message_is_recorded_and_the_next_one_goes_out() {
    let (hub, endpoint) = (hub(), Endpoint::start().await);
    endpoint.answer(&[422]);
    let at = publish(&hub, "order:a", 1).await;
    publish(&hub, "order:a", 2).await;
    let running = run(&hub, hook(&endpoint.url));
    let got = endpoint.got(2).await;
    running.end().await;
    assert_eq!(taken(&got, "order:a"), [2]);
    let [letter] = &dead_letters(&hub).await[..] else { panic!("one letter") };
    assert_eq!(letter["position"], at.to_string());
    assert_eq!(letter["attempts"], 1);
    assert_eq!(letter["message"], got[0].body);
    assert!(letter["reason"].as_str().is_some_and(|reason| reason.contains("422")), "{letter}");
}

#[tokio::test]
async fn a_message_that_nobody_takes_is_given_up_in_the_end() {
    let (hub, endpoint) = (hub(), Endpoint::start().await);
    endpoint.answer(&[503]);
    publish(&hub, "order:a", 1).await;
    let running = run(&hub, Webhook { give_up_after: Duration::ZERO, ..hook(&endpoint.url) });
    publish(&hub, "order:a", 2).await;
    let got = endpoint.got(2).await;
    running.end().await;
    assert_eq!(taken(&got, "order:a"), [2]);
    assert_eq!(dead_letters(&hub).await.len(), 1);
}

#[tokio::test]
async fn after_a_pause_it_goes_on_where_it_was_and_misses_nothing() {
    let (hub, endpoint) = (hub(), Endpoint::start().await);
    let running = run(&hub, hook(&endpoint.url));
    let first = publish(&hub, "order:a", 1).await;
    kept_at(&hub, "order:a", first).await;
    running.end().await;
    publish(&hub, "order:a", 2).await;
    publish(&hub, "order:new", 3).await;
    // Where it starts counts only for one that was never there.
    let running = run(&hub, Webhook { start: StartAt::Latest, ..hook(&endpoint.url) });
    let got = endpoint.got(3).await;
    running.end().await;
    assert_eq!(taken(&got, "order:a"), [1, 2]);
    assert_eq!(taken(&got, "order:new"), [3]);
}

#[tokio::test]
async fn a_new_one_starts_with_what_is_written_from_now_on() {
    let (hub, endpoint) = (hub(), Endpoint::start().await);
    publish(&hub, "order:a", 1).await;
    let first = Webhook {
        start: StartAt::Latest,
        pattern: "order:a".parse().expect("a pattern"),
        ..hook(&endpoint.url)
    };
    let running = run(&hub, first);
    kept(&hub, |cursors| cursors.is_some()).await;
    publish(&hub, "order:a", 2).await;
    let got = endpoint.got(1).await;
    running.end().await;
    assert_eq!(taken(&got, "order:a"), [2]);
}

#[tokio::test]
async fn what_is_gone_from_the_log_is_told_by_a_gap_in_its_place() {
    let (hub, endpoint) =
        (hub_that_keeps(Retention { records: 2, ..Retention::default() }), Endpoint::start().await);
    let running = run(&hub, hook(&endpoint.url));
    let first = publish(&hub, "order:a", 1).await;
    kept_at(&hub, "order:a", first).await;
    running.end().await;
    for number in 2..=6 {
        publish(&hub, "order:a", number).await;
    }
    let running = run(&hub, hook(&endpoint.url));
    let got = endpoint.got(4).await;
    running.end().await;
    let gap = &got[1].body;
    assert_eq!(
        (&gap["type"], &gap["data"]["from"], &gap["data"]["to"]),
        (&"everwire.gap".into(), &2.into(), &4.into())
    );
    assert_eq!(taken(&got, "order:a"), [1, 5, 6]);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called() {
    let (hub, endpoint) = (hub(), Endpoint::start().await);
    publish(&hub, "order:a", 1).await;
    let port = endpoint.url.trim_start_matches("http://127.0.0.1:").to_owned();
    let inside = Webhook {
        url: format!("https://localhost:{port}"),
        allow_private: false,
        give_up_after: Duration::ZERO,
        ..hook(&endpoint.url)
    };
    let running = run(&hub, inside);
    let letters = async {
        loop {
            if let [letter] = &dead_letters(&hub).await[..] {
                return letter.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let letter = tokio::time::timeout(PATIENCE, letters).await.expect("it is given up");
    running.end().await;
    assert!(letter["reason"].as_str().is_some_and(|why| why.contains("no public address")), "{letter}");
}

#[test]
fn urls_and_secrets_that_are_of_no_use_are_refused_at_the_start() {
    let strict = Webhook { allow_private: false, ..hook("https://example.com/hook") };
    assert_eq!(strict.check(), Ok(()));
    for url in [
        "http://example.com",
        "https://127.0.0.1",
        "https://0x7f.1/",
        "https://[::1]:8080",
        "https://10.0.0.1",
        "https://169.254.169.254/latest/meta-data",
        "ftp://example.com",
        "no URL",
        "https://[::ffff:10.0.0.1]/",
    ] {
        assert!(Webhook { url: url.to_owned(), ..strict.clone() }.check().is_err(), "{url}");
    }
    for secret in ["", "whsec_", "whsec_c2hvcnQ=", "not base64!"] {
        let error = Webhook { secret: Secret::from(secret.to_owned()), ..strict.clone() }.check();
        assert!(error.is_err_and(|error| error.to_string().contains("24 to 64 bytes")), "{secret}");
    }
    assert!(!format!("{strict:?}").contains("hook\""), "no URL in a log: {strict:?}");
}
