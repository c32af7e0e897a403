//! The one thread that writes: it takes all that waits, writes it in one transaction, and answers only when that is
//! committed. So many publishers share one sync of the disk, and readers see nothing that could still be lost.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use everwire_protocol::{Epoch, Position, Record, Topic};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{
    Fsync, cursors, database, keys,
    topic::{Fact, Row},
    topics::{Shared, Topics, lock},
};
use crate::{
    log::{Appended, Entry, NewRecord},
    store::{Result, StoreError},
};

/// Most jobs that wait; whoever comes then waits before it.
pub const WAITING: usize = 1024;
/// Most payload bytes of one transaction, give or take one record.
const TRANSACTION_BYTES: usize = 4 * 1024 * 1024;
/// With `--fsync interval`, what was acked longer ago is on disk.
pub const INTERVAL: Duration = Duration::from_millis(200);

/// Something to write.
pub enum Job {
    /// A record.
    Append { now: u64, topic: Topic, new: NewRecord, answer: oneshot::Sender<Result<Appended>> },
    /// Cursors of a reader that outlives the process.
    KeepCursors { reader: String, moved: Vec<(Topic, Position)>, answer: oneshot::Sender<Result<()>> },
    /// What is over its age in a topic goes.
    Trim { now: u64, topic: Topic },
    /// Topics that hold nothing go.
    Sweep { now: u64 },
    /// Tries whether writing works again.
    Probe,
    /// The file may have so many pages and no more, as if the disk were full.
    #[cfg(test)]
    Pages(u32),
}

/// What is wrong with the disk, if anything.
#[derive(Debug, Default)]
pub struct Health(Mutex<Option<String>>);

impl Health {
    pub fn check(&self) -> Result<()> {
        lock(&self.0).clone().map_or(Ok(()), |why| Err(StoreError::Unavailable(why)))
    }

    fn set(&self, trouble: Option<String>) {
        *lock(&self.0) = trouble;
    }
}

/// The thread's own.
pub struct Writer {
    pub connection: Connection,
    pub topics: Arc<Topics>,
    pub health: Arc<Health>,
    pub fsync: Fsync,
    pub closed_well: Arc<AtomicBool>,
    /// Topics that are forgotten in memory and not yet on disk: they go before anything else is written.
    pub forgotten: Vec<i64>,
    pub epoch: Option<Epoch>,
    pub unsynced: bool,
    pub synced: Instant,
}

/// What a transaction makes of one topic.
struct Draft {
    shared: Shared,
    id: i64,
    row: Row,
    floor: u64,
    keys_expired: bool,
    /// The offset of the first new entry.
    first: u64,
    entries: Vec<Arc<Entry>>,
}

type Answers = Vec<(oneshot::Sender<Result<Appended>>, Result<Appended>)>;

impl Writer {
    /// Writes until the store is dropped.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        // Only for its timer: the syncs between are this thread's own.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
        let mut batch = Vec::with_capacity(WAITING);
        loop {
            let wait = INTERVAL.saturating_sub(self.synced.elapsed());
            let taken = runtime.block_on(async {
                let take = jobs.recv_many(&mut batch, WAITING);
                if self.unsynced { tokio::time::timeout(wait, take).await.ok() } else { Some(take.await) }
            });
            match taken {
                Some(0) => break,
                Some(_) => self.write_all(&mut batch),
                None => self.write(vec![Job::Probe]),
            }
        }
        self.close();
    }

    /// In transactions of a bounded size.
    fn write_all(&mut self, batch: &mut Vec<Job>) {
        let (mut part, mut bytes) = (Vec::new(), 0);
        for job in batch.drain(..) {
            if let Job::Append { new, .. } = &job {
                bytes += new.payload.data.len();
            }
            part.push(job);
            if bytes >= TRANSACTION_BYTES {
                self.write(std::mem::take(&mut part));
                bytes = 0;
            }
        }
        if !part.is_empty() {
            self.write(part);
        }
    }

    /// One transaction: all of it is on disk and visible, or none of it.
    fn write(&mut self, jobs: Vec<Job>) {
        #[cfg(test)]
        for job in &jobs {
            if let Job::Pages(pages) = job {
                let _ = self.connection.pragma_update(None, "max_page_count", pages);
            }
        }
        for job in &jobs {
            if let Job::Sweep { now } = job
                && let Some((ids, epoch)) = self.topics.sweep(*now)
            {
                self.forgotten.extend(ids);
                self.epoch = Some(epoch);
            }
        }
        let sync = self.fsync == Fsync::Always || self.synced.elapsed() >= INTERVAL;
        let (mut answers, mut kept) = (Answers::new(), Vec::new());
        let committed = self.commit(jobs, sync, &mut answers, &mut kept);
        for answer in kept {
            let _ = answer.send(committed.as_ref().map(drop).map_err(|_| unavailable()));
        }
        match committed {
            Ok(drafts) => {
                self.health.set(None);
                self.forgotten.clear();
                self.epoch = None;
                self.unsynced = !sync;
                if sync {
                    self.synced = Instant::now();
                }
                for draft in drafts.into_values() {
                    let mut state = lock(&draft.shared);
                    let fresh = !draft.entries.is_empty();
                    self.topics.account(&mut state, |state| state.install(draft.row, draft.entries));
                    if fresh {
                        state.watchers.mark_records();
                    }
                }
                if self.topics.memory() > self.topics.limits.bytes {
                    self.topics.relieve();
                }
                for (answer, appended) in answers {
                    // Who asked may have gone away meanwhile.
                    let _ = answer.send(appended);
                }
            }
            Err(error) => {
                tracing::error!(%error, "writing to disk failed");
                self.health.set(Some(format!("writing to disk failed: {error}")));
                for (answer, _) in answers {
                    let _ = answer.send(Err(unavailable()));
                }
            }
        }
    }

    fn commit(
        &mut self,
        jobs: Vec<Job>,
        sync: bool,
        answers: &mut Answers,
        kept: &mut Vec<oneshot::Sender<Result<()>>>,
    ) -> database::Result<HashMap<Topic, Draft>> {
        // Whatever happens from here on, nobody is left without an answer.
        let mut appends = Vec::new();
        let (mut trims, mut cursors) = (Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Append { now, topic, new, answer } => {
                    answers.push((answer, Err(unavailable())));
                    appends.push((now, topic, new));
                }
                Job::Trim { now, topic } => trims.push((now, topic)),
                Job::KeepCursors { reader, moved, answer } => {
                    kept.push(answer);
                    cursors.push((reader, moved));
                }
                _ => {}
            }
        }
        database::sync_commits(&self.connection, sync)?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for id in &self.forgotten {
            database::forget(&transaction, *id)?;
        }
        if let Some(epoch) = self.epoch {
            database::set_meta(&transaction, "epoch", epoch.as_str())?;
        }
        if sync {
            // Something has to be written, for a commit to sync what was committed before.
            database::set_meta(&transaction, "synced", &self.topics.count().to_string())?;
        }
        let mut drafts = HashMap::new();
        for ((now, topic, new), (_, answer)) in appends.into_iter().zip(answers.iter_mut()) {
            *answer = match draft(&self.topics, &transaction, &mut drafts, &topic)? {
                Ok(draft) => Ok(draft.append(&self.topics, &transaction, now, new)?),
                Err(error) => Err(error),
            };
        }
        for (reader, moved) in cursors {
            cursors::keep(&transaction, &reader, &moved)?;
        }
        for (now, topic) in trims {
            if self.topics.get(&topic).is_some_and(|shared| lock(&shared).row.id.is_some())
                && let Ok(draft) = draft(&self.topics, &transaction, &mut drafts, &topic)?
            {
                draft.expire(&self.topics, &transaction, now)?;
            }
        }
        for draft in drafts.values_mut() {
            draft.settle(&self.topics, &transaction)?;
        }
        transaction.commit()?;
        Ok(drafts)
    }

    /// All that was acked is on disk, and the next start knows it.
    fn close(self) {
        let closed = database::sync_commits(&self.connection, true)
            .and_then(|()| database::set_meta(&self.connection, "closed", "1"));
        match closed.and_then(|()| self.connection.close().map_err(|(_, error)| error)) {
            Ok(()) => self.closed_well.store(true, Ordering::Release),
            Err(error) => tracing::error!(%error, "closing the data file failed"),
        }
    }
}

/// What it is exactly is the operator's to know: it names files.
fn unavailable() -> StoreError {
    StoreError::Unavailable("it can't write to its disk".to_owned())
}

/// The topic's draft in this transaction, begun if need be; or why there can be no such topic.
fn draft<'a>(
    topics: &Topics,
    connection: &Connection,
    drafts: &'a mut HashMap<Topic, Draft>,
    topic: &Topic,
) -> database::Result<Result<&'a mut Draft>> {
    // No `entry` here: its key would have to be made for each record.
    if !drafts.contains_key(topic) {
        let begun =
            topics.change_or_make(topic, |shared, state| (Arc::clone(shared), state.row, state.floor));
        let (shared, mut row, floor) = match begun {
            Ok(begun) => begun,
            Err(error) => return Ok(Err(error)),
        };
        let id = database::enter(connection, topic, &row)?;
        row.id = Some(id);
        let first = row.next;
        let draft = Draft { shared, id, first, row, floor, keys_expired: false, entries: Vec::new() };
        drafts.insert(topic.clone(), draft);
    }
    Ok(drafts.get_mut(topic).ok_or(StoreError::TooManyTopics))
}

impl Draft {
    fn append(
        &mut self,
        topics: &Topics,
        connection: &Connection,
        now: u64,
        new: NewRecord,
    ) -> database::Result<Appended> {
        let now = now.max(self.row.time);
        self.expire(topics, connection, now)?;
        let NewRecord { payload, key, from, id } = new;
        let limits = topics.limits.keys;
        let at = |row: &Row, offset| everwire_protocol::Position { epoch: row.epoch, offset };
        let offset = self.row.next;
        if let Some(id) = &id {
            if let Some(first) = keys::find(connection, self.id, from.as_deref(), id, now, limits)? {
                if !first.over {
                    return Ok(Appended { position: at(&self.row, first.offset), repeated: true });
                }
                keys::remove(connection, self.id, from.as_deref(), id, &mut self.row)?;
            }
            let place = (offset, now);
            keys::insert(connection, self.id, from.as_deref(), id, &mut self.row, place, limits)?;
        }
        let entry = Entry::new(Record { offset, time: now, payload, key, from, id });
        database::insert(connection, self.id, &entry)?;
        self.row.next += 1;
        self.row.time = now;
        self.row.bytes += entry.encoded.len() as u64;
        self.entries.push(Arc::new(entry));
        Ok(Appended { position: at(&self.row, offset), repeated: false })
    }

    /// Finds what is over its age. Who reads sees it no more from here on, written or not: time has passed.
    fn expire(&mut self, topics: &Topics, connection: &Connection, now: u64) -> database::Result<()> {
        while let Err(need) = { topics.account(&mut lock(&self.shared), |state| state.expire(now)) } {
            let facts = database::facts(connection, need)?;
            if facts.is_empty() {
                return Err(missing());
            }
            topics.account(&mut lock(&self.shared), |state| state.learn(need.from, facts));
        }
        self.floor = lock(&self.shared).floor;
        if std::mem::replace(&mut self.keys_expired, true) {
            // Once a transaction is enough: who looks for a key looks at its age too.
            return Ok(());
        }
        keys::expire(connection, self.id, &mut self.row, now, topics.limits.keys)
    }

    /// Evicts what retention lets go, and writes down what has become of the topic.
    fn settle(&mut self, topics: &Topics, connection: &Connection) -> database::Result<()> {
        let before = self.row.oldest;
        let retention = lock(&self.shared).retention;
        loop {
            let kept = self.row.next - self.row.oldest;
            let over = kept > retention.records as u64 || self.row.bytes > retention.bytes as u64;
            if self.row.oldest >= self.floor && !(over && kept > 1) {
                break;
            }
            let fact = self.fact(topics, connection, self.row.oldest)?;
            self.row.bytes = self.row.bytes.saturating_sub(u64::from(fact.bytes));
            self.row.oldest += 1;
        }
        database::settle(connection, self.id, &self.row, self.row.oldest > before)
    }

    fn fact(&self, topics: &Topics, connection: &Connection, offset: u64) -> database::Result<Fact> {
        if let Some(index) = offset.checked_sub(self.first) {
            let entry = usize::try_from(index).ok().and_then(|index| self.entries.get(index));
            return entry.map(|entry| Fact::of(entry)).ok_or_else(missing);
        }
        loop {
            let (fact, need) = {
                let state = lock(&self.shared);
                (state.fact(offset), state.need())
            };
            let (None, Err(need)) = (fact, need) else { return fact.ok_or_else(missing) };
            let facts = database::facts(connection, need)?;
            if facts.is_empty() {
                return Err(missing());
            }
            topics.account(&mut lock(&self.shared), |state| state.learn(need.from, facts));
        }
    }
}

/// Records that a topic says it has are not there.
fn missing() -> rusqlite::Error {
    database::damaged("records are missing")
}
