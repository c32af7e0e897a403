//! The stores beside one another, in one run: appends by one publisher and by many, readers at the tail and from far
//! behind. Ratios are what counts; the figures are this machine's.
//!
//! `cargo bench -p everwire-server --bench stores -- --data DIR` writes below DIR, where the disk is that is meant.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "it tells what it measured, and ends when something fails"
)]

use std::{path::PathBuf, sync::Arc, time::Instant};

use everwire_protocol::{From, Payload, Position, PublishId, Topic};
use everwire_server::{
    log::{BatchLimit, NewRecord, Read, Retention, RetentionRules},
    store::{DataOptions, DurableStore, Fsync, MemoryLimits, MemoryStore, Store},
};

const PAYLOAD: usize = 120;
const TOPICS: usize = 10;
/// Each round of appends is ended at the latest after so many.
const ALONE: usize = 300;
const MANY: usize = 20_000;
const PUBLISHERS: usize = 200;
const T0: u64 = 1_700_000_000_000;

fn limits(memory: usize) -> MemoryLimits {
    let default = Retention { records: 1_000_000, bytes: 1 << 30, age: 86_400_000 };
    let retention = RetentionRules { default, patterns: Vec::new() };
    MemoryLimits { retention, bytes: memory, ..MemoryLimits::default() }
}

fn topic(number: usize) -> Topic {
    Topic::new(&format!("bench:{}", number % TOPICS)).expect("a topic name")
}

fn record(id: &str) -> NewRecord {
    let payload = Payload::text("x".repeat(PAYLOAD));
    NewRecord { payload, key: None, from: None, id: PublishId::new(id).ok() }
}

/// Records a second.
struct Figures {
    name: &'static str,
    alone: f64,
    many: f64,
    read: f64,
}

async fn publish<S: Store>(store: &S, publisher: usize, count: usize) {
    for n in 0..count {
        let new = record(&format!("p{publisher}.{n}"));
        store.append(T0, &topic(publisher), new).await.expect("appends");
    }
}

async fn read_all<S: Store>(store: &S) -> usize {
    let mut read = 0;
    for number in 0..TOPICS {
        let topic = topic(number);
        let start = store.resolve(T0, &topic, From::Earliest).await.expect("resolves");
        let mut cursor: Position = start.position;
        while let Read::Batch(batch) = store.read(&topic, cursor, BatchLimit::default()).await.expect("reads")
        {
            read += batch.entries.len();
            cursor = batch.last;
        }
    }
    read
}

async fn measure<S: Store>(name: &'static str, store: S) -> Figures {
    let store = Arc::new(store);
    let began = Instant::now();
    publish(&*store, PUBLISHERS, ALONE).await;
    let alone = ALONE as f64 / began.elapsed().as_secs_f64();

    let began = Instant::now();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { publish(&*store, publisher, MANY / PUBLISHERS).await })
        })
        .collect();
    for publisher in publishers {
        publisher.await.expect("publishes");
    }
    let many = MANY as f64 / began.elapsed().as_secs_f64();

    let (began, mut read) = (Instant::now(), 0);
    for _ in 0..5 {
        read += read_all(&*store).await;
    }
    assert_eq!(read, 5 * (MANY + ALONE), "all of it is there");
    let read = read as f64 / began.elapsed().as_secs_f64();
    Figures { name, alone, many, read }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let named = arguments.iter().position(|argument| argument == "--data");
    let below = named.and_then(|at| arguments.get(at + 1)).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(below).expect("a directory");
    let open = |name: &str, fsync, memory| {
        let options = DataOptions { directory: directory.path().join(name), fsync };
        DurableStore::open(&options, limits(memory)).expect("opens")
    };
    let all = [
        measure("memory", MemoryStore::new(1, limits(1 << 30))).await,
        measure("durable, always", open("always", Fsync::Always, 1 << 30)).await,
        measure("durable, interval", open("interval", Fsync::Interval, 1 << 30)).await,
        measure("durable, interval, none of it in memory", open("disk", Fsync::Interval, 1)).await,
    ];
    println!(
        "records/s (beside memory)                    one publisher    {PUBLISHERS} publishers     read from the start"
    );
    for figures in &all {
        let beside = |mine: f64, base: f64| format!("{mine:>10.0} ({:.4})", mine / base);
        println!(
            "{:<40} {} {} {}",
            figures.name,
            beside(figures.alone, all[0].alone),
            beside(figures.many, all[0].many),
            beside(figures.read, all[0].read),
        );
    }
}
