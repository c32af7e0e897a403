//! The store over a real Redis: the contract, several instances, and a Redis that goes away, comes back, and
//! comes back with less than it had.

use std::{sync::Arc, time::Duration};

use everwire_protocol::{ClientId, GapReason, Payload, PublishId};
use futures::future::join_all;

use super::{
    super::contract::{self, Factory, contract},
    *,
};
use crate::{
    log::Gap,
    presence::{News, Visitor},
};

#[path = "../../../tests/parts/redis_server.rs"]
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_in_a_cluster_where_no_script_may_leave_its_slot() {
    let factory = InRedis::in_a_cluster().await;
    contract::what_was_published_comes_back_as_it_was(&factory).await;
    contract::invariant_4_a_repeated_key_appends_nothing_and_gets_the_first_position(&factory).await;
    contract::invariant_5_keys_are_forgotten_by_count_and_by_age(&factory).await;
    contract::invariant_1_a_cursor_that_is_of_no_use_gets_a_gap_and_goes_on(&factory).await;
    contract::history_pages_lie_on_either_side_of_an_offset(&factory).await;
    contract::a_reader_at_the_tail_gets_everything_while_others_publish(&factory).await;
    contract::ephemeral_messages_reach_who_is_there_and_are_not_logged(&factory).await;
    contract::retention_by_pattern_count_bytes_and_age_hold_together(&factory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_takes_in_readers_of_another_get_for_one_message_whatever_their_number() {
    const READERS: usize = 50;
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(Reader::start(&there, "a", From::Latest).await);
    }
    let before = scripts_run(&server);
    for n in 0..200 {
        append(&here, "a", &n.to_string()).await;
    }
    let all = join_all(readers.iter_mut().map(|reader| reader.texts(200))).await;
    assert!(all.into_iter().all(|texts| texts == numbers(0..200)));
    let run = scripts_run(&server) - before;
    // 200 appends, and comparisons now and then; one read for each reader would be 10,000.
    assert!((200..300).contains(&run), "{run} scripts");
    // Who comes later and further back reads a range.
    let mut late = Reader::start(&there, "a", From::Earliest).await;
    assert_eq!(late.texts(200).await, numbers(0..200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_moves_between_instances_at_every_record_misses_and_repeats_nothing() {
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    let _others =
        [Reader::start(&here, "a", From::Latest).await, Reader::start(&there, "a", From::Latest).await];
    let publishing = async {
        for n in 0..300 {
            // A publisher moves too; its order is that of its acknowledgements.
            append(if n % 3 == 0 { &here } else { &there }, "a", &n.to_string()).await;
        }
    };
    let moving = async {
        let mut cursor = Reader::start(&here, "a", From::Earliest).await.cursor;
        let mut got = Vec::new();
        while got.len() < 300 {
            let store = if got.len() % 2 == 0 { &here } else { &there };
            let mut reader = Reader::start(store, "a", From::Position(cursor)).await;
            let Read::Batch(batch) = reader.next().await else { panic!("a gap after {}", got.len()) };
            for entry in batch.entries {
                got.push(String::from_utf8(entry.record.payload.data.to_vec()).expect("text"));
            }
            cursor = reader.cursor;
        }
        got
    };
    let (got, ()) = futures::future::join(moving, publishing).await;
    assert_eq!(got, numbers(0..300));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_away_readers_keep_what_they_have_and_publishers_are_told_to_come_again() {
    let mut server = RedisServer::start(Keeps::Everything);
    let (here, there) = (open(&server).await, open(&server).await);
    let mut reader = Reader::start(&there, "a", From::Latest).await;
    append(&here, "a", "0").await;
    assert_eq!(reader.texts(1).await, ["0"]);

    server.kill();
    until("it is noticed", || here.health().is_err() && there.health().is_err()).await;
    let refused = try_append(&here, "a", "1").await.expect_err("is refused");
    assert_eq!(refused.code(), everwire_protocol::Code::UNAVAILABLE);
    assert!(refused.code().is_retryable());
    let read = there.read(&reader.topic, reader.cursor, BatchLimit::default()).await;
    assert_eq!(read, Ok(Read::UpToDate));
    let behind = Position { offset: 0, ..reader.cursor };
    assert!(matches!(there.read(&reader.topic, behind, BatchLimit::default()).await, Ok(Read::Batch(_))));

    server.restart();
    // Sent again until it is taken, and then once more: it is there once.
    append(&here, "a", "1").await;
    append(&there, "a", "1").await;
    append(&there, "a", "2").await;
    assert_eq!(reader.texts(2).await, ["1", "2"]);
    until("all are back", || here.health().is_ok() && there.health().is_ok()).await;
    let mut later = Reader::start(&here, "a", From::Earliest).await;
    assert_eq!(later.texts(3).await, ["0", "1", "2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_6_a_redis_that_hangs_costs_a_refusal_and_no_wait_without_end() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let store = open(&server).await;
    let mut reader = Reader::start(&store, "a", From::Latest).await;
    server.signal("STOP");
    assert!(try_append(&store, "a", "0").await.is_err());
    until("it is noticed", || store.health().is_err()).await;
    server.signal("CONT");
    // It was in Redis' hands already, or was not: either way it is there once.
    append(&store, "a", "0").await;
    append(&store, "a", "1").await;
    assert_eq!(reader.texts(2).await, ["0", "1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_1_a_redis_that_lost_everything_is_another_epoch() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let store = open(&server).await;
    let mut reader = Reader::start(&store, "a", From::Latest).await;
    append(&store, "a", "0").await;
    append(&store, "a", "1").await;
    assert_eq!(reader.texts(2).await, ["0", "1"]);
    server.kill();
    server.restart();
    let old = reader.cursor;
    let gap = reader.gap().await;
    assert_eq!((gap.from, gap.to, gap.reason, gap.position.offset), (3, None, GapReason::Epoch, 0));
    assert_ne!(gap.position.epoch, old.epoch);
    append(&store, "a", "2").await;
    assert_eq!(reader.texts(1).await, ["2"]);
    server.ask(&["FLUSHALL"]).expect("forgets all");
    append(&store, "a", "3").await;
    assert_eq!(reader.gap().await.reason, GapReason::Epoch);
    assert_eq!(reader.texts(1).await, ["3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_1_a_redis_that_lost_its_tail_is_another_epoch_whoever_writes_to_it_first() {
    let mut server = RedisServer::start(Keeps::Snapshots);
    let seen = open(&server).await;
    let mut reader = Reader::start(&seen, "a", From::Latest).await;
    for n in 0..5 {
        append(&seen, "a", &n.to_string()).await;
    }
    server.ask(&["SAVE"]).expect("saves");
    for n in 5..10 {
        append(&seen, "a", &n.to_string()).await;
    }
    assert_eq!(reader.texts(10).await, numbers(0..10));
    let (topic, cursor) = (reader.topic.clone(), Position { offset: 7, ..reader.cursor });
    drop(reader);
    drop(seen);
    server.kill();
    server.restart();
    // An instance that knows nothing of it gives the lost offsets out again, and further than they were.
    let fresh = open(&server).await;
    for n in 10..20 {
        append(&fresh, "a", &n.to_string()).await;
    }
    let start = fresh.resolve(now(), &topic, From::Position(cursor)).await.expect("resolves");
    let gap = start.gap.expect("a gap, for offset 8 is another record now");
    assert_eq!((gap.from, gap.to, gap.reason, gap.position.offset), (8, None, GapReason::Epoch, 0));
    let mut reader = Reader::start(&fresh, "a", From::Position(gap.position)).await;
    let kept = [numbers(0..5), numbers(10..20)].concat();
    assert_eq!(reader.texts(15).await, kept, "what was kept is there, in another life");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_1_a_log_that_was_rolled_back_under_a_living_link_is_found_out_by_comparison() {
    let server = RedisServer::start(Keeps::Nothing);
    let store = open(&server).await;
    let mut reader = Reader::start(&store, "a", From::Latest).await;
    for n in 0..10 {
        append(&store, "a", &n.to_string()).await;
    }
    assert_eq!(reader.texts(10).await, numbers(0..10));
    // As a failover behind a proxy does it: the same log, without its newest records.
    let [state, log, ..] = Names::new("test").log(&reader.topic);
    server.ask(&["HSET", &state, "top", "6"]).expect("sets");
    for offset in 7..=10 {
        server.ask(&["XDEL", &log, &format!("{offset}-0")]).expect("drops");
    }
    let gap = reader.gap().await;
    assert_eq!((gap.from, gap.reason), (11, GapReason::Epoch));
    assert_eq!(reader.texts(6).await, numbers(0..6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_1_what_was_trimmed_while_an_instance_was_cut_off_is_a_gap() {
    let retention = crate::log::Retention { records: 5, ..Default::default() };
    let retention = crate::log::RetentionRules { default: retention, patterns: Vec::new() };
    let limits = MemoryLimits { retention, ..MemoryLimits::default() };
    let server = RedisServer::start(Keeps::Nothing);
    let here = open_with(&server, "test", limits.clone()).await;
    let there = open_with(&server, "test", limits).await;
    let mut reader = Reader::start(&there, "a", From::Latest).await;
    append(&here, "a", "0").await;
    assert_eq!(reader.texts(1).await, ["0"]);
    // All that is told about the topic is lost on its way to that instance.
    let followed = there.shared.topics.get("a").expect("is followed");
    let link = there.shared.link().expect("is there");
    let unheard = link.connection().unsubscribe(there.shared.names.channel(&reader.topic)).await;
    unheard.expect("hears no more");
    for n in 1..20 {
        append(&here, "a", &n.to_string()).await;
    }
    followed.followed_on.store(0, Ordering::Release);
    let gap = reader.gap().await;
    assert_eq!((gap.from, gap.to, gap.reason), (2, Some(15), GapReason::Evicted));
    assert_eq!(reader.texts(5).await, numbers(15..20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_publishes_of_many_are_under_way_at_once_and_each_keeps_its_order() {
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    let publisher = |name: usize| {
        let (here, there) = (&here, &there);
        async move {
            for n in 0..50 {
                let store = if (name + n).is_multiple_of(2) { here } else { there };
                append(store, "a", &format!("{name}.{n}")).await;
            }
        }
    };
    let mut reader = Reader::start(&here, "a", From::Latest).await;
    let (texts, _) = futures::future::join(reader.texts(1_000), join_all((0..20).map(publisher))).await;
    for name in 0..20 {
        let of_one: Vec<_> = texts.iter().filter(|text| text.starts_with(&format!("{name}."))).collect();
        let expected: Vec<_> = (0..50).map(|n| format!("{name}.{n}")).collect();
        assert!(of_one.into_iter().eq(expected.iter()), "invariant 3");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ephemeral_messages_reach_readers_of_all_instances_once() {
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    let a = topic("a");
    let readers =
        [Reader::start(&here, "a", From::Latest).await, Reader::start(&there, "a", From::Latest).await];
    for n in 0..20 {
        let message = Ephemeral { time: now(), payload: Payload::text(n.to_string()), from: None };
        here.send_ephemeral(&a, message).await.expect("sends");
    }
    for reader in readers {
        let mut got = Vec::new();
        let mut number = 0;
        until("all came", || {
            let (messages, next) = reader.store.read_ephemeral(&a, number);
            number = next;
            got.extend(messages.into_iter().map(|m| m.payload));
            got.len() >= 20
        })
        .await;
        assert_eq!(got, (0..20).map(|n| Payload::text(n.to_string())).collect::<Vec<_>>());
    }
}

fn visitor(name: &str) -> Visitor {
    let client_id = ClientId::new(name).expect("a client id");
    Visitor { client_id, subject: None, info: Some(name.into()) }
}

async fn open_present(server: &RedisServer) -> (RedisStore, Presence) {
    let (store, presence) = (open(server).await, Presence::new(0, fastrand::u64(..)));
    store.share_presence(&presence);
    (store, presence)
}

fn names(presence: &Presence) -> Vec<String> {
    let (members, _) = presence.members(&topic("a"), 10_000);
    let mut names: Vec<_> =
        members.iter().map(|m| m.info.as_deref().unwrap_or_default().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_known_to_all_instances_and_those_of_a_dead_one_go_after_its_time() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let (here, at_here) = open_present(&server).await;
    let (there, at_there) = open_present(&server).await;
    let a = topic("a");
    assert_eq!(at_here.join(&a, &visitor("ada")), Ok(true));
    // Who asks is told, whether it reads the topic or not.
    let asked = async || {
        there.list_members(&a).await.expect("lists");
        names(&at_there)
    };
    let mut ada = Vec::new();
    while ada.is_empty() {
        ada = asked().await;
        tokio::task::yield_now().await;
    }
    assert_eq!(ada, ["ada"]);
    let reader = Reader::start(&there, "a", From::Latest).await;
    let (_, cursor) = at_there.members(&a, 10_000);
    assert_eq!(at_here.join(&a, &visitor("bob")), Ok(true));
    until("bob is known there", || names(&at_there) == ["ada", "bob"]).await;
    assert!(reader.wakeup.take().contains(0), "its readers are told");
    assert!(at_here.leave(now(), &a, &visitor("bob"), true));
    until("bob is gone there", || names(&at_there) == ["ada"]).await;
    let Some((News::Changes(changes), _)) = at_there.news(&a, cursor) else { panic!("changes") };
    assert_eq!(changes.len(), 2);

    // A Redis that forgot it all is told again.
    server.kill();
    server.restart();
    until("all are back", || here.health().is_ok() && there.health().is_ok()).await;
    assert_eq!(at_there.join(&a, &visitor("eve")), Ok(true));
    here.list_members(&a).await.expect("lists");
    until("both know both", || names(&at_here) == ["ada", "eve"] && names(&at_there) == ["ada", "eve"]).await;

    // As a crash does: nobody says goodbye.
    drop(here);
    drop(at_here);
    until("ada's instance is taken for dead", || names(&at_there) == ["eve"]).await;
    let left = server.ask(&["HLEN", &Names::new("test").members(&a)]).expect("counts");
    assert_eq!(left, Value::Int(1), "and its members are dropped from Redis too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_down_at_one_instance_is_taken_once_at_any() {
    let server = RedisServer::start(Keeps::Nothing);
    let (here, there) = (open(&server).await, open(&server).await);
    assert_eq!(here.put_once("x", b"value".to_vec(), 60_000).await, Ok(true));
    assert_eq!(there.take_once("x").await, Ok(Some(b"value".to_vec())));
    assert_eq!(here.take_once("x").await, Ok(None));
    assert_eq!(here.put_once("y", b"value".to_vec(), 1).await, Ok(true));
    until("it is too old", || server.ask(&["EXISTS", &Names::new("test").once("y")]) == Ok(Value::Int(0)))
        .await;
    assert_eq!(there.take_once("y").await, Ok(None));
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_and_not_repeated() {
    for url in ["", "http://x", "redis://:secret@host:port"] {
        let options = RedisOptions { url: url.to_owned().into(), prefix: "x".into() };
        let error = options.check().expect_err("is refused");
        assert!(!error.to_string().contains("secret") && !format!("{options:?}").contains("secret"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_redis_it_starts_is_not_ready_and_comes_to_life_with_it() {
    let mut server = RedisServer::start(Keeps::Nothing);
    server.kill();
    let store = RedisStore::open(&options(&server, "x"), MemoryLimits::default()).expect("opens");
    assert!(store.health().is_err());
    assert!(store.resolve(now(), &topic("a"), From::Latest).await.is_err());
    server.restart();
    until("it is there", || store.health().is_ok()).await;
    assert_eq!(append(&store, "a", "0").await.offset, 1);
}
