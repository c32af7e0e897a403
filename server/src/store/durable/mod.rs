//! The store that keeps its logs in a directory: what was acked is there after `kill -9`, with its offsets, its
//! idempotency keys and its epoch. The newest records are in memory too, so who reads at the tail reads from there; who
//! is far behind reads ranges from disk. Presence and ephemeral messages are this process's own.

mod cursors;
mod database;
mod home;
mod keys;
mod open;
mod readers;
mod topic;
mod topics;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use everwire_protocol::{From, HistoryRange, Position, Topic};
use tokio::sync::{mpsc, oneshot};

use super::{Ephemeral, Figures, Result, Slot, Store, StoreError, Wakeup, Watch};
use crate::log::{Appended, BatchLimit, NewRecord, Page, Read, Start};
use readers::Readers;
use topic::{Found, NeedFacts, OnDisk};
use topics::{Topics, lock};
use writer::{Health, Job};

pub use home::OpenError;

/// When what was acked is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Before it is acked: it survives a power cut.
    #[default]
    Always,
    /// Within 200 ms after it was acked. It survives `kill -9` at once, but of a power cut only from then on; a start
    /// after one begins new epochs, so that no reader takes another record for one that was lost.
    Interval,
}

/// Where a durable store is, and how it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataOptions {
    /// Its directory, which it has for itself.
    pub directory: PathBuf,
    /// When what was acked is on disk.
    pub fsync: Fsync,
}

/// Logs in a directory.
pub struct DurableStore {
    topics: Arc<Topics>,
    readers: Readers,
    health: Arc<Health>,
    /// None once it is being closed.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    closed_well: Arc<AtomicBool>,
    next_watch: AtomicU64,
    /// Locked until all of the above is gone.
    _home: home::Home,
}

fn closing() -> StoreError {
    StoreError::Unavailable("it is being closed".to_owned())
}

fn missing() -> StoreError {
    tracing::error!("records are missing on disk");
    StoreError::Unavailable("it can't read from its disk".to_owned())
}

impl DurableStore {
    /// How many topics there are.
    #[must_use]
    pub fn topic_count(&self) -> usize {
        self.topics.count()
    }

    /// About how much memory the records in it take, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.topics.memory()
    }

    /// Hands a job over, unless there are too many: it will be thought of again.
    fn hint(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.try_send(job);
        }
    }

    /// Shows no more of a topic what is over its age.
    async fn expire(&self, now: u64, topic: &Topic) -> Result<()> {
        while let Some(Err(need)) = self.topics.change(topic, |state| state.expire(now)) {
            self.learn(topic, need).await?;
        }
        Ok(())
    }

    async fn learn(&self, topic: &Topic, need: NeedFacts) -> Result<()> {
        let facts = self.readers.ask(move |connection| database::facts(connection, need)).await?;
        let none = facts.is_empty();
        let stuck = self.topics.change(topic, |state| {
            state.learn(need.from, facts);
            none && state.need() == Err(need)
        });
        if stuck == Some(true) { Err(missing()) } else { Ok(()) }
    }

    async fn fetch(&self, what: OnDisk) -> Result<Vec<Arc<crate::log::Entry>>> {
        self.readers.ask(move |connection| database::read(connection, &what)).await
    }
}

impl Store for DurableStore {
    async fn append(&self, now: u64, topic: &Topic, new: NewRecord) -> Result<Appended> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Append { now, topic: topic.clone(), new, answer };
        let jobs = self.jobs.as_ref().ok_or_else(closing)?;
        jobs.send(job).await.map_err(|_| closing())?;
        answered.await.map_err(|_| closing())?
    }

    async fn resolve(&self, now: u64, topic: &Topic, from: From) -> Result<Start> {
        self.expire(now, topic).await?;
        Ok(self.topics.look(topic, |state| state.span().resolve(from)))
    }

    async fn read(&self, topic: &Topic, after: Position, limit: BatchLimit) -> Result<Read> {
        let mut asked = None;
        loop {
            let (found, span) = self.topics.look(topic, |state| (state.read(after, limit), state.span()));
            let what = match found {
                Err(gap) => return Ok(Read::Gap(gap)),
                Ok(None) => return Ok(Read::UpToDate),
                Ok(Some(Found::Here(batch))) => return Ok(Read::Batch(batch)),
                Ok(Some(Found::OnDisk(what))) => what,
            };
            if asked == Some((what, span)) {
                return Err(missing());
            }
            asked = Some((what, span));
            let entries = self.fetch(what).await?;
            let follows = (what.from..).zip(&entries).all(|(offset, entry)| entry.record.offset == offset);
            if follows && let Some(batch) = topic::batch(entries.iter(), limit, span) {
                return Ok(Read::Batch(batch));
            }
            // Retention went past it meanwhile: look again.
        }
    }

    async fn history(&self, now: u64, topic: &Topic, range: HistoryRange, limit: u32) -> Result<Page> {
        self.expire(now, topic).await?;
        let mut asked = None;
        loop {
            let (found, span) = self.topics.look(topic, |state| (state.history(range, limit), state.span()));
            let what = match found {
                Found::Here(page) => return Ok(page),
                Found::OnDisk(what) => what,
            };
            if asked == Some((what, span)) {
                return Err(missing());
            }
            asked = Some((what, span));
            let entries = self.fetch(what).await?;
            let first = if what.newest_first { what.to - 1 } else { what.from };
            if entries.first().is_some_and(|entry| entry.record.offset == first) {
                return Ok(topic::page(span.epoch, what.from, what.to, entries, what.newest_first));
            }
        }
    }

    async fn send_ephemeral(&self, topic: &Topic, message: Ephemeral) -> Result<()> {
        self.topics.change(topic, |state| {
            if !state.watchers.is_empty() {
                state.ring.push(message);
                state.watchers.mark_all();
            }
        });
        Ok(())
    }

    fn read_ephemeral(&self, topic: &Topic, after: u64) -> (Vec<Ephemeral>, u64) {
        let read = |state: &mut topic::State| (state.ring.after(after).cloned().collect(), state.ring.top());
        self.topics.change(topic, read).unwrap_or_default()
    }

    fn watch(&self, now: u64, topic: &Topic, wakeup: &Arc<Wakeup>, slot: Slot) -> Result<Watch> {
        let id = self.next_watch.fetch_add(1, Ordering::Relaxed);
        let watch = self.topics.change_or_make(topic, |shared, state| {
            state.watchers.insert(id, wakeup, slot);
            let shared = Arc::downgrade(shared);
            Watch::new(move || {
                if let Some(state) = shared.upgrade() {
                    lock(&state).watchers.remove(id);
                }
            })
        });
        if watch.is_err() {
            self.hint(Job::Sweep { now });
        }
        watch
    }

    fn wake(&self, topic: &Topic) {
        self.topics.change(topic, |state| state.watchers.mark_all());
    }

    fn tick(&self, now: u64) {
        for (topic, shared) in self.topics.all() {
            let mut state = lock(&shared);
            state.ring.expire(now);
            let expired = self.topics.account(&mut state, |state| state.expire(now));
            let key_age = self.topics.limits.keys.age;
            let keys_over = state.row.keys > 0 && state.row.time.saturating_add(key_age) <= now;
            if expired.is_err() || state.floor > state.row.oldest || keys_over {
                self.hint(Job::Trim { now, topic });
            }
        }
        // Before there is no room for the next one.
        if self.topics.count() >= self.topics.limits.topics / 4 * 3 {
            self.hint(Job::Sweep { now });
        }
        if self.health.check().is_err() {
            self.hint(Job::Probe);
        }
    }

    fn health(&self) -> Result<()> {
        self.health.check()
    }

    fn figures(&self) -> Figures {
        let (topics, bytes) = (self.topic_count() as u64, self.memory() as u64);
        Figures { topics: Some(topics), bytes: Some(bytes), evicted: None }
    }
}

impl Drop for DurableStore {
    fn drop(&mut self) {
        // The writer ends when it has written all that waits.
        drop(self.jobs.take());
        let ended = self.writer.take().map(JoinHandle::join);
        if !matches!(ended, Some(Ok(()))) || !self.closed_well.load(Ordering::Acquire) {
            tracing::error!("the data directory was not closed in order; nothing that was acked is lost");
        }
    }
}
