//! The durable store beside the contract: what is there after it was opened again, what a directory may be, and what
//! happens when the disk does not do its part.

use std::{fs, path::Path, sync::Mutex};

use everwire_protocol::{GapReason, Payload, PublishId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{
    log::{Retention, RetentionRules},
    store::{
        MemoryLimits,
        contract::{Factory, contract},
    },
};

/// Each store in a directory of its own, which is gone with the factory.
#[derive(Default)]
struct InDirectories(Mutex<Vec<TempDir>>);

impl Factory for InDirectories {
    type Store = DurableStore;

    async fn open(&self, limits: MemoryLimits) -> DurableStore {
        let directory = tempfile::tempdir().expect("a directory");
        let store = DurableStore::open(&options(directory.path(), Fsync::Always), limits).expect("opens");
        lock(&self.0).push(directory);
        store
    }
}

contract!(durable, InDirectories::default());

/// The same store, when all that it has in memory is what was written last.
#[derive(Default)]
struct ShortOfMemory(InDirectories);

impl Factory for ShortOfMemory {
    type Store = DurableStore;

    async fn open(&self, limits: MemoryLimits) -> DurableStore {
        self.0.open(MemoryLimits { bytes: 1, ..limits }).await
    }
}

contract!(durable_short_of_memory, ShortOfMemory::default());

const T0: u64 = 1_700_000_000_000;

fn options(directory: &Path, fsync: Fsync) -> DataOptions {
    DataOptions { directory: directory.to_owned(), fsync }
}

fn limits(retention: Retention) -> MemoryLimits {
    let retention = RetentionRules { default: retention, patterns: Vec::new() };
    MemoryLimits { retention, ..MemoryLimits::default() }
}

fn roomy() -> MemoryLimits {
    limits(Retention { records: 100_000, bytes: 64 << 20, age: 3_600_000 })
}

fn open(directory: &Path, limits: MemoryLimits) -> DurableStore {
    DurableStore::open(&options(directory, Fsync::Always), limits).expect("opens")
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic name")
}

fn record(text: &str, id: Option<&str>) -> NewRecord {
    let id = id.and_then(|id| PublishId::new(id).ok());
    NewRecord { payload: Payload::text(text), key: None, from: None, id }
}

async fn append(store: &DurableStore, now: u64, name: &str, text: &str) -> Position {
    let appended = store.append(now, &topic(name), record(text, Some(text))).await.expect("appends");
    assert!(!appended.repeated);
    appended.position
}

/// All that a reader gets from a start on.
async fn read_all(store: &DurableStore, now: u64, name: &str, from: From) -> Vec<(u64, String)> {
    let mut cursor = store.resolve(now, &topic(name), from).await.expect("resolves").position;
    let mut all = Vec::new();
    loop {
        match store.read(&topic(name), cursor, BatchLimit::default()).await.expect("reads") {
            Read::UpToDate => return all,
            Read::Batch(batch) => {
                let text = |entry: &crate::log::Entry| {
                    String::from_utf8_lossy(&entry.record.payload.data).into_owned()
                };
                all.extend(batch.entries.iter().map(|entry| (entry.record.offset, text(entry))));
                cursor = batch.last;
            }
            Read::Gap(gap) => panic!("{gap:?}"),
        }
    }
}

fn numbered(numbers: std::ops::RangeInclusive<u64>) -> Vec<(u64, String)> {
    numbers.map(|n| (n, n.to_string())).collect()
}

#[tokio::test]
async fn what_was_acked_is_there_when_it_is_opened_again_and_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path(), roomy());
    let mut last = append(&store, T0, "a", "1").await;
    for n in 2..=20 {
        last = append(&store, T0 + n, "a", &n.to_string()).await;
    }
    drop(store);
    let store = open(directory.path(), roomy());
    assert_eq!(read_all(&store, T0, "a", From::Earliest).await, numbered(1..=20));
    let start = store.resolve(T0, &topic("a"), From::Position(last)).await.expect("resolves");
    assert!(start.recovered, "the epoch is the same");
    for n in [1, 20] {
        let again = store.append(T0 + 30, &topic("a"), record("again", Some(&n.to_string()))).await;
        let again = again.expect("answers");
        assert_eq!((again.position.offset, again.repeated), (n, true), "keys are known (invariant 4)");
    }
    let next = append(&store, T0, "a", "21").await;
    assert_eq!(next, Position { offset: 21, ..last });
    let page = store.history(T0, &topic("a"), HistoryRange::Before(u64::MAX), 2).await.expect("a page");
    assert_eq!(page.entries[1].record.time, T0 + 20, "and times don't fall");
}

#[tokio::test]
async fn retention_and_the_window_of_keys_hold_over_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let keep = limits(Retention { records: 5, bytes: 1 << 20, age: 60_000 });
    let store = open(directory.path(), keep.clone());
    for n in 1..=10 {
        append(&store, T0 + n * 1_000, "a", &n.to_string()).await;
    }
    drop(store);
    let store = open(directory.path(), keep.clone());
    assert_eq!(read_all(&store, T0 + 10_000, "a", From::Earliest).await, numbered(6..=10));
    assert_eq!(read_all(&store, T0 + 68_000, "a", From::Earliest).await, numbered(9..=10), "by age");
    drop(store);
    // Nothing was written since: what is over its age goes all the same.
    let fewer = limits(Retention { records: 1, bytes: 1 << 20, age: 60_000 });
    let store = open(directory.path(), fewer);
    assert_eq!(read_all(&store, T0 + 69_000, "a", From::Earliest).await, numbered(10..=10));
    append(&store, T0 + 69_500, "a", "11").await;
    assert_eq!(read_all(&store, T0 + 69_500, "a", From::Earliest).await, numbered(11..=11), "by count");
    let (key_age, id) = (keep.keys.age, record("x", Some("10")));
    let known = store.append(T0 + 10_000 + key_age - 1, &topic("a"), id.clone()).await.expect("answers");
    assert!(known.repeated);
    let over = store.append(T0 + 10_000 + key_age, &topic("a"), id).await.expect("answers");
    assert!(!over.repeated);
}

#[tokio::test]
async fn what_is_evicted_leaves_the_disk_and_idle_topics_do_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let keep = MemoryLimits { topics: 4, ..limits(Retention { records: 5, bytes: 1 << 20, age: 60_000 }) };
    let store = open(directory.path(), keep.clone());
    let before = append(&store, T0, "a", "1").await;
    for n in 2..=9 {
        append(&store, T0, "a", &n.to_string()).await;
    }
    append(&store, T0, "b", "1").await;
    append(&store, T0, "c", "1").await;
    let later = T0 + keep.keys.age + 60_000;
    store.tick(later);
    // Jobs are done in turn: when this one is, so are those.
    append(&store, later, "d", "1").await;
    store.tick(later);
    append(&store, later, "d", "2").await;
    assert_eq!(store.topic_count(), 1);
    drop(store);
    let file = Connection::open(directory.path().join("everwire.db")).expect("opens");
    let count = |table: &str| {
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
            .expect("counts")
    };
    assert_eq!((count("topics"), count("records"), count("keys")), (1, 2, 2));
    drop(file);
    let store = open(directory.path(), keep);
    let now = append(&store, later, "a", "1").await;
    assert_ne!(now.epoch, before.epoch, "invariant 1: a forgotten topic comes back in another epoch");
}

#[tokio::test]
async fn logs_far_larger_than_the_memory_are_read_from_disk_in_ranges() {
    let directory = tempfile::tempdir().expect("a directory");
    let keep = MemoryLimits { bytes: 64 * 1024, ..roomy() };
    let store = open(directory.path(), keep.clone());
    let long = "x".repeat(500);
    let a = topic("a");
    for hundred in 0..20_u64 {
        let numbers = hundred * 100 + 1..=hundred * 100 + 100;
        let appends = numbers.map(|n| store.append(T0 + hundred, &a, record(&format!("{n}:{long}"), None)));
        futures::future::try_join_all(appends).await.expect("appends");
        assert!(store.memory() <= 80 * 1024, "{}", store.memory());
    }
    let all = read_all(&store, T0, "a", From::Earliest).await;
    assert!(all.iter().zip(1..).all(|((offset, _), n)| *offset == n));
    let number = |(_, text): &(u64, String)| text.split(':').next().and_then(|n| n.parse::<u64>().ok());
    let mut numbers: Vec<_> = all.iter().filter_map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=2_000).collect::<Vec<_>>());
    let page = store.history(T0, &topic("a"), HistoryRange::Before(1_001), 3).await.expect("a page");
    let offsets: Vec<_> = page.entries.iter().map(|entry| entry.record.offset).collect();
    assert_eq!((offsets, page.more), (vec![998, 999, 1_000], true));
    // By age, through more records than are looked up at a time.
    let aged = T0 + 3_600_000 + 14;
    assert_eq!(read_all(&store, aged, "a", From::Earliest).await.len(), 500);
    store.tick(aged);
    append(&store, aged, "a", "2001").await;
    assert_eq!(read_all(&store, aged, "a", From::Earliest).await.first().map(|first| first.0), Some(1_501));
}

#[tokio::test]
async fn a_directory_is_for_one_process_and_for_nothing_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let refused = |directory: &Path| {
        DurableStore::open(&options(directory, Fsync::Always), roomy()).err().expect("is refused").0
    };
    let store = open(directory.path(), roomy());
    assert!(refused(directory.path()).contains("another process has it"));
    drop(store);

    let foreign = tempfile::tempdir().expect("a directory");
    fs::write(foreign.path().join("letters.txt"), "dear").expect("writes");
    assert!(refused(foreign.path()).contains("letters.txt"));
    assert_eq!(fs::read_dir(foreign.path()).expect("is read").count(), 1, "nothing was put there");

    let database = directory.path().join("everwire.db");
    let change = |pragma: &str, value: i32| {
        let connection = Connection::open(&database).expect("opens");
        connection.pragma_update(None, pragma, value).expect("changes");
    };
    change("user_version", 2);
    assert!(refused(directory.path()).contains("format 2"));
    change("application_id", 7);
    assert!(refused(directory.path()).contains("is not Everwire's"));

    let file = foreign.path().join("letters.txt");
    assert!(refused(&file).contains("letters.txt"), "a file is no directory");
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_no_panic() {
    let refused = |directory: &Path| {
        DurableStore::open(&options(directory, Fsync::Always), roomy()).err().expect("is refused").0
    };
    let directory = tempfile::tempdir().expect("a directory");
    let database = directory.path().join("everwire.db");
    let store = open(directory.path(), roomy());
    let a = topic("a");
    let appends = (1..=500).map(|n| store.append(T0, &a, record(&n.to_string(), None)));
    futures::future::try_join_all(appends).await.expect("appends");
    drop(store);
    let whole = fs::read(&database).expect("is read");

    fs::write(&database, b"not a database at all, whatever its name").expect("writes");
    assert!(refused(directory.path()).contains("not a database"));
    fs::write(&database, &whole[..whole.len() / 2]).expect("writes");
    assert!(refused(directory.path()).contains("everwire.db"));
    let mut garbled = whole.clone();
    garbled[4_096..].fill(0x5a);
    fs::write(&database, garbled).expect("writes");
    assert!(refused(directory.path()).contains("everwire.db"));

    fs::write(&database, &whole).expect("writes");
    let connection = Connection::open(&database).expect("opens");
    connection.execute("DELETE FROM records WHERE offset > 400", []).expect("deletes");
    drop(connection);
    let why = refused(directory.path());
    assert!(why.contains("says 1 to before 501"), "{why}");
}

#[tokio::test]
async fn a_full_disk_refuses_publishes_keeps_readers_and_mends_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path(), roomy());
    append(&store, T0, "a", "1").await;
    let reader = store.resolve(T0, &topic("a"), From::Earliest).await.expect("resolves");
    let jobs = store.jobs.clone().expect("is open");
    jobs.send(Job::Pages(1)).await.expect("is taken");
    let mut acked = 1;
    let refused = loop {
        let new = NewRecord { payload: Payload::bytes(vec![1; 20_000]), ..record("", Some("big")) };
        match store.append(T0, &topic("b"), new).await {
            Ok(_) if acked < 50 => acked += 1,
            other => break other,
        }
    };
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(store.health().is_err(), "and readiness says so");
    assert!(matches!(
        store.read(&topic("a"), reader.position, BatchLimit::default()).await,
        Ok(Read::Batch(_))
    ));
    store.tick(T0);
    assert!(store.health().is_err());

    jobs.send(Job::Pages(1_000_000)).await.expect("is taken");
    drop(jobs);
    // Nobody publishes; the tick finds out.
    let well = async {
        while store.health().is_err() {
            store.tick(T0);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), well).await.expect("it works again");
    assert_eq!(append(&store, T0, "b", "big").await.offset, 1, "what was refused took no place and no key");
}

/// The directory as a backup has it, put back elsewhere.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("is read") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copies");
    }
}

async fn goes_on_in_another_epoch(directory: &Path, acked: Position) -> bool {
    let store = open(directory, roomy());
    let start = store.resolve(T0, &topic("a"), From::Position(acked)).await.expect("resolves");
    if let Some(gap) = start.gap {
        assert_eq!((gap.to, gap.reason), (None, GapReason::Epoch));
        assert_eq!(read_all(&store, T0, "a", From::Earliest).await, numbered(1..=3), "what is there stays");
    }
    let next = append(&store, T0, "a", "new").await;
    assert_eq!(next.epoch == acked.epoch, start.gap.is_none());
    start.gap.is_some()
}

#[tokio::test]
async fn invariant_1_what_was_restored_from_a_backup_goes_on_in_another_epoch() {
    let [directory, backup, restored] = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let store = open(directory.path(), roomy());
    for n in 1..=3 {
        append(&store, T0, "a", &n.to_string()).await;
    }
    drop(store);
    copy(directory.path(), backup.path());
    let store = open(directory.path(), roomy());
    let lost = append(&store, T0, "a", "4").await;
    drop(store);

    copy(backup.path(), restored.path());
    assert!(goes_on_in_another_epoch(restored.path(), lost).await, "a copy is known as one");
    // Over the file that is there, which stays the same file.
    fs::copy(backup.path().join("everwire.db"), directory.path().join("everwire.db")).expect("copies");
    assert!(goes_on_in_another_epoch(directory.path(), lost).await, "an older one is known as such");
}

#[tokio::test]
async fn a_snapshot_that_was_put_back_can_be_said_to_be_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path(), roomy());
    let mut acked = append(&store, T0, "a", "1").await;
    for n in 2..=3 {
        acked = append(&store, T0, "a", &n.to_string()).await;
    }
    drop(store);
    fs::write(directory.path().join("RESTORED"), "").expect("writes");
    assert!(goes_on_in_another_epoch(directory.path(), acked).await);
    assert!(!directory.path().join("RESTORED").exists(), "it is said once");
}

#[tokio::test]
async fn with_syncs_between_a_start_after_a_power_cut_begins_another_epoch() {
    let directory = tempfile::tempdir().expect("a directory");
    let interval = options(directory.path(), Fsync::Interval);
    let restart = async |closed: &str, boot: &str| {
        let store = DurableStore::open(&interval, roomy()).expect("opens");
        let position = store.append(T0, &topic("a"), record("x", None)).await.expect("appends").position;
        drop(store);
        let connection = Connection::open(directory.path().join("everwire.db")).expect("opens");
        let set = "UPDATE meta SET value = ?1 WHERE name = ?2";
        connection.execute(set, [closed, "closed"]).expect("sets");
        if boot != "same" {
            connection.execute(set, [boot, "boot"]).expect("sets");
        }
        drop(connection);
        let store = DurableStore::open(&interval, roomy()).expect("opens");
        let start = store.resolve(T0, &topic("a"), From::Position(position)).await.expect("resolves");
        start.gap.is_some()
    };
    assert!(!restart("1", "same").await, "closed in order");
    assert!(!restart("1", "another").await, "and then the machine was started again");
    if !home::Home::boot().is_empty() {
        assert!(!restart("0", "same").await, "killed: the system had it all");
    }
    assert!(restart("0", "another").await, "the machine went down with it");
}
