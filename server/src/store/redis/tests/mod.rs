//! The store over a real Redis: the contract, several instances, and a Redis that goes away, comes back, and
//! comes back with less than it had.

use std::{sync::Arc, time::Duration};

use everwire_protocol::{ClientId, GapReason, Payload, PublishId};
use futures::future::join_all;

use super::{
    super::contract::{Factory, contract},
    *,
};
use crate::{
    log::Gap,
    presence::{News, Visitor},
};

mod away;
mod instances;
#[path = "../../../../tests/parts/redis_server.rs"]
mod redis_server;

use redis_server::{Keeps, RedisServer};

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stores in one Redis.
struct InRedis(RedisServer);

impl InRedis {
    fn new() -> Self {
        Self(RedisServer::start(Keeps::Nothing))
    }

    /// One in which a question about two slots is an error.
    async fn in_a_cluster() -> Self {
        let server = Self(RedisServer::start(Keeps::Cluster));
        server.0.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).expect("takes all slots");
        let ok = || format!("{:?}", server.0.ask(&["CLUSTER", "INFO"])).contains("cluster_state:ok");
        until("the cluster is one", ok).await;
        server
    }
}

impl Factory for InRedis {
    type Store = RedisStore;

    async fn open(&self, limits: MemoryLimits) -> RedisStore {
        open_with(&self.0, &format!("{:x}", fastrand::u64(..)), limits).await
    }
}

contract!(over_redis, InRedis::new());

/// What has another prefix has nothing to do with it.
fn options(server: &RedisServer, prefix: &str) -> RedisOptions {
    RedisOptions { url: server.url().into(), prefix: prefix.to_owned() }
}

async fn open_with(server: &RedisServer, prefix: &str, limits: MemoryLimits) -> RedisStore {
    let store = RedisStore::open(&options(server, prefix), limits).expect("a URL");
    until("Redis is there", || store.health().is_ok()).await;
    store
}

/// An instance. All of a test are instances of one server.
async fn open(server: &RedisServer) -> RedisStore {
    open_with(server, "test", MemoryLimits::default()).await
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let looking = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, looking).await.is_ok(), "waited too long: {what}");
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic name")
}

fn now() -> u64 {
    Clock::default().now()
}

async fn try_append(store: &RedisStore, name: &str, id: &str) -> Result<Appended> {
    let id_of = PublishId::new(id).ok();
    let new = NewRecord { payload: Payload::text(id), key: None, from: None, id: id_of };
    store.append(now(), &topic(name), new).await
}

/// Appends as a client does: again, until it is acknowledged.
async fn append(store: &RedisStore, name: &str, id: &str) -> Position {
    let trying = async {
        loop {
            match try_append(store, name, id).await {
                Ok(appended) => return appended.position,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, trying).await.expect("is acknowledged")
}

/// A reader at one instance, as a peer is one.
struct Reader<'a> {
    store: &'a RedisStore,
    topic: Topic,
    wakeup: Arc<Wakeup>,
    cursor: Position,
    _watch: Watch,
}

impl<'a> Reader<'a> {
    async fn start(store: &'a RedisStore, name: &str, from: From) -> Self {
        let (topic, wakeup) = (topic(name), Wakeup::new());
        let watch = store.watch(now(), &topic, &wakeup, 0).expect("watches");
        let start = store.resolve(now(), &topic, from).await.expect("resolves");
        assert_eq!(start.gap, None);
        Self { store, topic, wakeup, cursor: start.position, _watch: watch }
    }

    async fn next(&mut self) -> Read {
        let reading = async {
            loop {
                let _ = self.wakeup.take();
                let limit = BatchLimit::default();
                match self.store.read(&self.topic, self.cursor, limit).await.expect("keeps what it has") {
                    Read::UpToDate => self.wakeup.marked().await,
                    read => return read,
                }
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await.expect("there is something to read");
        match &read {
            Read::Batch(batch) => self.cursor = batch.last,
            Read::Gap(gap) => self.cursor = gap.position,
            Read::UpToDate => {}
        }
        read
    }

    /// The texts of so many records, without a gap among them.
    async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            let before = self.cursor;
            let Read::Batch(batch) = self.next().await else { panic!("a gap after {texts:?}") };
            for (entry, offset) in batch.entries.iter().zip(before.offset + 1..) {
                assert_eq!(entry.record.offset, offset, "invariant 1");
                texts.push(String::from_utf8(entry.record.payload.data.to_vec()).expect("text"));
            }
        }
        assert_eq!(texts.len(), count);
        texts
    }

    async fn gap(&mut self) -> Gap {
        match self.next().await {
            Read::Gap(gap) => gap,
            other => panic!("{other:?}"),
        }
    }
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// How often Redis ran a script.
fn scripts_run(server: &RedisServer) -> u64 {
    let stats: String =
        redis::from_redis_value(server.ask(&["INFO", "commandstats"]).expect("tells")).expect("text");
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).expect("some");
    line.split(',').next().and_then(|calls| calls.parse().ok()).expect("a number")
}
