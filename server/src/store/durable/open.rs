//! Opening a durable store: the directory is taken, the file checked, and what can't be trusted to be whole goes on in
//! another epoch, so that no reader takes another record for one that was lost (invariant 1).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Instant,
};

use everwire_protocol::Epoch;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{
    DataOptions, DurableStore, Fsync, database,
    home::{Home, OpenError},
    readers::Readers,
    topic::{OnDisk, Row},
    topics::{Topics, lock},
    writer::{Health, WAITING, Writer},
};
use crate::{
    log::BatchLimit,
    store::{MemoryLimits, memory::epoch_of},
};

/// Of each topic, so much is read into memory at the start, as long as half of the memory is free.
const WARM: BatchLimit = BatchLimit { bytes: 1024 * 1024, records: 1_000 };

impl DurableStore {
    /// Opens the store of a directory; makes it where there is none. Blocks while it reads.
    ///
    /// # Errors
    /// [`OpenError`] when the directory holds something else, another process has it, the file is damaged or of another
    /// format, or can't be read or written.
    pub fn open(options: &DataOptions, limits: MemoryLimits) -> Result<Self, OpenError> {
        let mut home = Home::take(&options.directory)?;
        let path = home.database();
        let fail = |error: rusqlite::Error| OpenError(format!("data file {}: {error}", path.display()));
        let connection = database::open(&path)?;
        let epoch = begin_run(&connection, &mut home, options.fsync).map_err(fail)??;
        let topics = Arc::new(Topics::new(limits, epoch));
        load(&connection, &topics).map_err(fail)?;

        let (jobs, waiting) = mpsc::channel(WAITING);
        let (health, closed_well) = (Arc::<Health>::default(), Arc::<AtomicBool>::default());
        let writer = Writer {
            connection,
            topics: Arc::clone(&topics),
            health: Arc::clone(&health),
            fsync: options.fsync,
            closed_well: Arc::clone(&closed_well),
            forgotten: Vec::new(),
            epoch: None,
            unsynced: false,
            synced: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("everwire-writer".to_owned());
        let writer = thread.spawn(move || writer.run(waiting));
        let writer = writer.map_err(|error| OpenError(format!("no thread to write on: {error}")))?;
        Ok(Self {
            topics,
            readers: Readers::new(path),
            health,
            jobs: Some(jobs),
            writer: Some(writer),
            closed_well,
            next_watch: AtomicU64::new(0),
            _home: home,
        })
    }
}

/// Notes that a run has begun, and in which epoch new topics begin. Where the end of the logs may be missing, all of
/// them begin another one.
fn begin_run(
    connection: &Connection,
    home: &mut Home,
    fsync: Fsync,
) -> database::Result<Result<Epoch, OpenError>> {
    let transaction = connection.unchecked_transaction()?;
    let text = |name: &str| database::meta(&transaction, name).map(Option::unwrap_or_default);
    let run: u64 = text("run")?.parse().unwrap_or(0);
    let (identity, boot) = (home.identity(), Home::boot());
    let known = Epoch::new(&text("epoch")?).ok();

    let lost_power =
        text("fsync")? == "interval" && text("closed")? != "1" && (boot.is_empty() || text("boot")? != boot);
    let why = if home.is_restored() {
        Some("somebody says that it was restored")
    } else if text("identity")? != identity {
        Some("its file is a copy")
    } else if home.last_run() > run {
        Some("it is older than it was")
    } else if lost_power {
        Some("the machine went down, and what was acked last may not have been on disk")
    } else {
        None
    };
    let epoch = match (known, why) {
        (Some(epoch), None) => epoch,
        (known, why) => {
            let epoch = epoch_of(fastrand::u64(..));
            if let (Some(_), Some(why)) = (known, why) {
                tracing::warn!("the data directory: {why}. All topics go on in another epoch");
            }
            database::set_meta(&transaction, "epoch", epoch.as_str())?;
            transaction.execute("UPDATE topics SET epoch = ?", [epoch.as_str()])?;
            epoch
        }
    };
    let run = run.max(home.last_run()) + 1;
    let fsync = if fsync == Fsync::Always { "always" } else { "interval" };
    let run_text = run.to_string();
    for (name, value) in
        [("run", &*run_text), ("identity", &identity), ("boot", &boot), ("fsync", fsync), ("closed", "0")]
    {
        database::set_meta(&transaction, name, value)?;
    }
    transaction.commit()?;
    Ok(home.begin_run(run).map(|()| epoch).map_err(|error| OpenError(format!("data directory: {error}"))))
}

/// Reads which topics there are, and the newest records of those written to last.
fn load(connection: &Connection, topics: &Topics) -> database::Result<()> {
    for (name, row) in database::topics(connection)? {
        let shared = topics.put(name, row);
        let Row { id: Some(topic), next, oldest, .. } = row else { continue };
        if topics.memory() > topics.limits.bytes / 2 || oldest == next {
            continue;
        }
        let newest = OnDisk { topic, from: oldest, to: next, limit: WARM, newest_first: true };
        let mut entries = database::read(connection, &newest)?;
        entries.reverse();
        // Without a hole up to the top, or not at all.
        let first = next - entries.len() as u64;
        if (first..).zip(&entries).any(|(offset, entry)| entry.record.offset != offset) {
            return Err(database::damaged("records are missing"));
        }
        topics.account(&mut lock(&shared), |state| state.warm(entries));
    }
    Ok(())
}
