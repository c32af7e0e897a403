//! What every store must do, as one set of tests that each store runs by [`contract!`]. It knows the trait alone, and
//! looks at a store the way a peer does: watch, resolve, read, wait for a mark, read on. Stores may answer late, and
//! marks may come late, but what was acked is there for who waits.

mod appends;
mod readers;
mod retention;

use std::{future::Future, sync::Arc, time::Duration};

use everwire_protocol::{From, GapReason, HistoryRange, Payload, Position, PublishId, Topic};

use super::{Ephemeral, MemoryLimits, Store, Wakeup, Watch};
use crate::log::{
    Appended, BatchLimit, Entry, Gap, KeyLimits, NewRecord, Page, Read, Retention, RetentionRules,
};

pub(super) use {appends::*, readers::*, retention::*};

/// How long a mark or a record may take to come: it fails a test, and slows none down that passes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the stores of the tests.
pub trait Factory {
    /// What it makes.
    type Store: Store;
    /// A store of its own, empty, with these bounds. It must live as long as the test holds it.
    fn open(&self, limits: MemoryLimits) -> impl Future<Output = Self::Store>;
}

/// One test per promise of the contract, over the stores that a factory makes:
/// `contract!(memory, InMemory);` in a test module.
macro_rules! contract {
    ($name:ident, $factory:expr) => {
        mod $name {
            use super::*;
            $crate::store::contract::tests_over! { $factory;
                offsets_are_contiguous_from_1_in_each_topic
                what_was_published_comes_back_as_it_was
                invariant_4_a_repeated_key_appends_nothing_and_gets_the_first_position
                invariant_4_many_publishers_of_one_key_append_once
                many_publishers_at_once_leave_no_hole_and_lose_nothing
                every_start_resolves
                invariant_1_a_cursor_that_is_of_no_use_gets_a_gap_and_goes_on
                a_topic_that_is_not_there_reads_as_an_empty_log
                batches_keep_to_their_limits_but_one_record_always_fits
                history_pages_lie_on_either_side_of_an_offset
                an_append_marks_who_watches_that_topic_until_the_watch_ends
                who_watches_is_woken_when_asked
                a_reader_at_the_tail_gets_everything_while_others_publish
                ephemeral_messages_reach_who_is_there_and_are_not_logged
                retention_evicts_by_count
                retention_evicts_by_bytes_but_keeps_the_newest
                retention_evicts_by_age_and_offsets_go_on
                retention_by_pattern_count_bytes_and_age_hold_together
                invariant_5_keys_are_forgotten_by_count_and_by_age
                invariant_4_a_key_outlives_its_record
                a_store_that_works_says_so
            }
        }
    };
}

macro_rules! tests_over {
    ($factory:expr; $($test:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $crate::store::contract::$test(&$factory).await;
            }
        )*
    };
}

pub(super) use {contract, tests_over};

// What the tests are written in.

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic name")
}

/// Bounds that no test meets by chance.
fn roomy() -> Retention {
    Retention { records: 10_000, bytes: 16 << 20, age: 3_600_000 }
}

fn keeping(retention: Retention) -> MemoryLimits {
    let retention = RetentionRules { default: retention, patterns: Vec::new() };
    MemoryLimits { retention, ..MemoryLimits::default() }
}

fn record(text: &str) -> NewRecord {
    NewRecord { payload: Payload::text(text), key: None, from: None, id: None }
}

fn with_id(text: &str, from: Option<&str>, id: &str) -> NewRecord {
    NewRecord { from: from.map(Arc::from), id: PublishId::new(id).ok(), ..record(text) }
}

/// Stores may look at the real time too, so that of the tests is about the real one.
fn now() -> u64 {
    crate::clock::Clock::default().now()
}

async fn append<S: Store>(store: &S, now: u64, name: &str, new: NewRecord) -> Appended {
    store.append(now, &topic(name), new).await.expect("appends")
}

async fn append_all<S: Store>(store: &S, now: u64, name: &str, count: usize) -> Position {
    let mut last = None;
    for n in 1..=count {
        last = Some(append(store, now, name, record(&n.to_string())).await.position);
    }
    last.expect("at least one")
}

/// A reader, as a peer is one.
struct Reader<'a, S> {
    store: &'a S,
    topic: Topic,
    wakeup: Arc<Wakeup>,
    cursor: Position,
    _watch: Watch,
}

impl<'a, S: Store> Reader<'a, S> {
    async fn start(store: &'a S, now: u64, name: &str, from: From) -> Self {
        let (topic, wakeup) = (topic(name), Wakeup::new());
        let watch = store.watch(now, &topic, &wakeup, 0).expect("watches");
        let start = store.resolve(now, &topic, from).await.expect("resolves");
        Self { store, topic, wakeup, cursor: start.position, _watch: watch }
    }

    /// The next thing that there is to read, however long it takes.
    async fn next(&mut self) -> Read {
        let reading = async {
            loop {
                let _ = self.wakeup.take();
                let limit = BatchLimit::default();
                match self.store.read(&self.topic, self.cursor, limit).await.expect("reads") {
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

    /// Reads so many records, without a gap among them.
    async fn records(&mut self, count: usize) -> Vec<Arc<Entry>> {
        let mut entries = Vec::new();
        while entries.len() < count {
            match self.next().await {
                Read::Batch(batch) => entries.extend(batch.entries),
                other => panic!("{other:?} after {} records", entries.len()),
            }
        }
        assert_eq!(entries.len(), count, "more than was published");
        entries
    }

    async fn gap(&mut self) -> Gap {
        match self.next().await {
            Read::Gap(gap) => gap,
            other => panic!("{other:?}"),
        }
    }
}

fn offsets(entries: &[Arc<Entry>]) -> Vec<u64> {
    entries.iter().map(|entry| entry.record.offset).collect()
}

/// What a topic keeps, from its oldest record on.
async fn kept<S: Store>(store: &S, now: u64, name: &str) -> Vec<u64> {
    let start = store.resolve(now, &topic(name), From::Earliest).await.expect("resolves");
    let mut cursor = start.position;
    let mut kept = Vec::new();
    loop {
        match store.read(&topic(name), cursor, BatchLimit::default()).await.expect("reads") {
            Read::UpToDate => return kept,
            Read::Batch(batch) => {
                kept.extend(offsets(&batch.entries));
                cursor = batch.last;
            }
            Read::Gap(gap) => panic!("{gap:?}"),
        }
    }
}

async fn page<S: Store>(store: &S, now: u64, name: &str, range: HistoryRange, limit: u32) -> Page {
    store.history(now, &topic(name), range, limit).await.expect("a page")
}
