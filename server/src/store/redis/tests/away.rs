//! A Redis that goes away, comes back, and comes back with less than it had.

use super::*;

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
