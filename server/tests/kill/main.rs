//! `kill -9` of the durable server under publish load, over and over: every acked record is there, at its position, once;
//! offsets are contiguous; readers that go on from their cursors see no gap, and nothing that is not in the log.
//!
//! `EVERWIRE_KILLS=100 cargo test -p everwire-server --test kill -- --nocapture` kills it 100 times; 10 without.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells what it saw"
)]

#[path = "../parts/binary.rs"]
mod binary;
mod books;
mod clients;
mod process;

use std::{sync::Arc, time::Duration};

use books::Books;
use clients::{by_http, by_websocket, read_on};
use process::Server;

const TOPICS: [&str; 3] = ["kill:a", "kill:b", "kill:c"];
const HTTP: usize = 8;
const WEBSOCKETS: usize = 4;
/// Fails the test when nothing is acked for so long; a busy machine is slow to start a server.
const PATIENCE: Duration = Duration::from_secs(120);

fn rounds() -> usize {
    std::env::var("EVERWIRE_KILLS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariants_1_to_4_hold_over_kill_9_under_load() {
    let directory = tempfile::tempdir().expect("a directory");
    let books = Arc::new(Books::default());
    let mut server = Server::start(directory.path()).await;
    books.moved(Some(server.address()));

    let mut publishers = Vec::new();
    for name in 0..HTTP {
        publishers.push(tokio::spawn(by_http(format!("h{name}"), Arc::clone(&books))));
    }
    for name in 0..WEBSOCKETS {
        publishers.push(tokio::spawn(by_websocket(format!("w{name}"), Arc::clone(&books))));
    }
    let readers = TOPICS.map(|topic| tokio::spawn(read_on(topic, Arc::clone(&books))));

    let mut startups = 0;
    for round in 0..rounds() {
        // At any moment: so many acks after the start, and no two rounds alike.
        let more = 20 + fastrand::usize(..100);
        books.until_acked(books.acked() + more, PATIENCE).await;
        server.kill();
        books.moved(None);
        if round % 3 == 2 {
            // While it recovers, too.
            Server::start_and_kill(directory.path(), fastrand::u64(..60)).await;
            startups += 1;
        }
        server = Server::start(directory.path()).await;
        books.moved(Some(server.address()));
    }
    books.until_acked(books.acked() + 50, PATIENCE).await;
    books.finish();
    let mut retried = 0;
    for publisher in publishers {
        retried += tokio::time::timeout(PATIENCE, publisher).await.expect("ends").expect("does not fail");
    }
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(tokio::time::timeout(PATIENCE, reader).await.expect("ends").expect("sees no gap"));
    }

    // And once more, so that what is looked at is what the disk has.
    server.kill();
    let server = Server::start(directory.path()).await;
    let mut records = 0;
    for (topic, seen) in TOPICS.iter().zip(seen) {
        let log = clients::whole_log(server.address(), topic).await;
        books.check(topic, &log);
        assert_eq!(seen[..], log[..seen.len()], "{topic}: a reader saw what is not in the log");
        assert_eq!(seen.len(), log.len(), "{topic}: a reader has not seen all");
        records += log.len();
    }
    println!(
        "{} kills and {startups} more while it started: {} acked, {records} in the logs, {retried} sent again, \
         0 lost, 0 twice, 0 gaps",
        rounds(),
        books.acked(),
    );
    assert!(retried > 0, "no kill came between a publish and its ack");
}
