//! The store in memory: who is woken, what is bounded, and what comes back after it was forgotten.

use everwire_protocol::{Epoch, GapReason, Payload};
use futures::FutureExt;

use super::{
    contract::{Factory, contract},
    *,
};
use crate::log::{KeyLimits, Retention, RetentionRules};

/// Stores in memory.
struct InMemory;

impl Factory for InMemory {
    type Store = MemoryStore;

    async fn open(&self, limits: MemoryLimits) -> MemoryStore {
        MemoryStore::new(fastrand::u64(..), limits)
    }
}

contract!(memory, InMemory);

fn store(topics: usize, bytes: usize) -> MemoryStore {
    let retention = Retention { age: 10_000, ..Retention::default() };
    let retention = RetentionRules { default: retention, patterns: Vec::new() };
    let keys = KeyLimits::default();
    MemoryStore::new(1, MemoryLimits { retention, keys, topics, bytes })
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic name")
}

fn append(store: &MemoryStore, now: u64, name: &str, size: usize) -> Result<Position> {
    let payload = Payload::bytes(vec![b'x'; size]);
    let new = NewRecord { payload, key: None, from: None, id: None };
    let appended = store.append(now, &topic(name), new).now_or_never().expect("answers at once");
    appended.map(|appended| appended.position)
}

fn read(store: &MemoryStore, name: &str, after: Position) -> Read {
    let topic = topic(name);
    let read = store.read(&topic, after, BatchLimit::default());
    read.now_or_never().expect("answers at once").expect("reads")
}

#[test]
fn an_append_marks_the_watchers_of_its_topic_and_no_others() {
    let store = store(10, 1 << 20);
    let wakeup = Wakeup::new();
    let _a = store.watch(0, &topic("a"), &wakeup, 0).expect("watches");
    let b = store.watch(0, &topic("b"), &wakeup, 127).expect("watches");
    append(&store, 0, "a", 1).expect("appends");
    append(&store, 0, "c", 1).expect("appends");
    let marks = wakeup.take();
    assert!(marks.contains(0) && !marks.contains(127));
    drop(b);
    append(&store, 0, "b", 1).expect("appends");
    assert!(wakeup.take().is_empty(), "a dropped watch marks no more");
}

#[test]
fn many_marks_are_one_notification() {
    let wakeup = Wakeup::new();
    (0..1000).for_each(|_| wakeup.mark(3));
    assert!(wakeup.marked().now_or_never().is_some());
    assert!(wakeup.take().contains(3) && wakeup.take_news().contains(3));
    assert!(wakeup.marked().now_or_never().is_none());
    wakeup.mark_records(3);
    assert!(wakeup.marked().now_or_never().is_some());
    assert!(wakeup.take().contains(3) && wakeup.take_news().is_empty());
}

#[test]
fn invariant_5_topics_are_bounded_and_idle_ones_make_room() {
    let store = store(2, 1 << 20);
    append(&store, 1, "a", 1).expect("appends");
    append(&store, 1, "b", 1).expect("appends");
    assert_eq!(append(&store, 2_000, "c", 1), Err(StoreError::TooManyTopics));
    let watched = store.watch(3_000, &topic("a"), &Wakeup::new(), 0).expect("watches");
    // Records live 10 s here: then `b` is idle, and `a` would be but for its watcher.
    append(&store, 20_000, "c", 1).expect("appends");
    assert_eq!(store.topic_count(), 2);
    assert_eq!(append(&store, 22_000, "d", 1), Err(StoreError::TooManyTopics));
    drop(watched);
    append(&store, 24_000, "d", 1).expect("appends");
}

#[test]
fn invariant_1_a_forgotten_topic_comes_back_in_another_epoch() {
    let store = store(1, 1 << 20);
    let before = append(&store, 1, "a", 1).expect("appends");
    append(&store, 20_000, "b", 1).expect("appends, and `a` is forgotten");
    append(&store, 40_000, "a", 1).expect("appends, and `b` is forgotten");
    let Read::Gap(gap) = read(&store, "a", before) else { panic!("offset 1 is not the old offset 1") };
    assert_eq!((gap.from, gap.to, gap.reason), (2, None, GapReason::Epoch));
    assert!(matches!(read(&store, "a", gap.position), Read::Batch(_)));
}

#[test]
fn a_topic_that_is_not_there_reads_as_an_empty_log() {
    let store = store(1, 1 << 20);
    let start =
        store.resolve(0, &topic("a"), From::Earliest).now_or_never().expect("at once").expect("resolves");
    assert_eq!(read(&store, "a", start.position), Read::UpToDate);
    assert_eq!(store.topic_count(), 0);
    append(&store, 0, "a", 1).expect("appends");
    assert!(matches!(read(&store, "a", start.position), Read::Batch(_)), "and goes on as that log");
}

#[test]
fn invariant_5_memory_is_bounded_over_all_topics_and_the_oldest_go_first() {
    let store = store(1000, 1 << 20);
    for n in 0..3_000_u64 {
        append(&store, n, &format!("t{}", n % 100), 2_000).expect("appends");
        assert!(store.memory() <= (1 << 20) + 4_000);
    }
    let page = store.history(3_000, &topic("t99"), HistoryRange::After(0), 1000).now_or_never();
    let page = page.expect("at once").expect("a page");
    assert_eq!(page.entries.last().map(|entry| entry.record.time), Some(2_999));
    let oldest = page.entries.first().map(|entry| entry.record.time).expect("some are kept");
    assert!(oldest > 2_000, "{oldest}");
}

#[test]
fn each_seed_is_another_epoch() {
    let epoch = |seed| {
        let store = MemoryStore::new(seed, MemoryLimits::default());
        append(&store, 0, "a", 1).expect("appends").epoch
    };
    assert_ne!(epoch(1), epoch(2));
    assert_eq!(epoch(1), epoch(1));
    assert!(epoch(3).as_str().len() <= 8, "cursors are short");
    assert_ne!(epoch(0), Epoch::from_number(0), "which is the epoch of no log");
}

#[test]
fn invariant_5_the_ring_of_ephemeral_messages_drops_the_oldest() {
    let mut ring = Ring::default();
    let message = |n: u64| Ephemeral { time: n, payload: Payload::text(n.to_string()), from: None };
    (1..=100).for_each(|n| ring.push(message(n)));
    let after = |number| ring.after(number).map(|m| m.time).collect::<Vec<_>>();
    assert_eq!(after(98), [99, 100]);
    assert_eq!(after(0).len(), RING_MESSAGES);
    assert_eq!(after(100), [0; 0]);
    assert_eq!(after(u64::MAX), [0; 0]);
    ring.push(Ephemeral { payload: Payload::bytes(vec![0; RING_BYTES]), ..message(101) });
    assert_eq!(ring.after(0).count(), 1);
    ring.expire(101 + RING_AGE);
    assert_eq!((ring.after(0).count(), ring.top()), (0, 101));
}

#[test]
fn ephemeral_messages_reach_who_is_there_and_nobody_later() {
    let store = store(10, 1 << 20);
    let send = |text: &str| {
        let message = Ephemeral { time: 1, payload: Payload::text(text), from: None };
        store.send_ephemeral(&topic("a"), message).now_or_never().expect("at once").expect("sends");
    };
    send("to nobody");
    let wakeup = Wakeup::new();
    let _watch = store.watch(0, &topic("a"), &wakeup, 5).expect("watches");
    let (_, number) = store.read_ephemeral(&topic("a"), u64::MAX);
    send("to one");
    assert!(wakeup.take().contains(5));
    let (messages, number) = store.read_ephemeral(&topic("a"), number);
    assert_eq!(messages.len(), 1);
    assert_eq!(store.read_ephemeral(&topic("a"), number).0, []);
}
