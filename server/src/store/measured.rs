//! A store whose answers are timed, whatever store it is. It knows no log and no metrics, only how long each
//! question took.

use std::{cell::Cell, sync::Arc, time::Instant};

use everwire_protocol::{From, HistoryRange, Position, Topic};

use super::{Cursors, Ephemeral, Figures, Result, Slot, Store, Wakeup, Watch};
use crate::{
    histogram::Histogram,
    log::{Appended, BatchLimit, NewRecord, Page, Read, Start},
    presence::Presence,
};

/// Of how many reads one is timed: every delivery is a read, and must not pay for looking at the clock.
const READS: u32 = 16;

/// How long a store took to answer.
#[derive(Debug, Default)]
pub struct Times {
    /// Appends.
    pub append: Histogram,
    /// Where readers start.
    pub resolve: Histogram,
    /// One of sixteen reads.
    pub read: Histogram,
    /// Pages of history.
    pub history: Histogram,
}

/// A store and its times.
pub struct Measured<S> {
    store: S,
    times: Arc<Times>,
}

impl<S> Measured<S> {
    /// Times what the store answers from now on.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store, times: Arc::default() }
    }

    /// Its times.
    #[must_use]
    pub fn times(&self) -> &Arc<Times> {
        &self.times
    }
}

async fn timed<T>(times: &Histogram, asked: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let answer = asked.await;
    times.observe(started.elapsed());
    answer
}

/// Whether this read is the one of its thread's sixteen, the first among them.
fn is_sample() -> bool {
    thread_local!(static READ: Cell<u32> = const { Cell::new(0) });
    READ.with(|reads| reads.replace(reads.get().wrapping_add(1)) % READS == 0)
}

impl<S: Store> Store for Measured<S> {
    async fn append(&self, now: u64, topic: &Topic, new: NewRecord) -> Result<Appended> {
        timed(&self.times.append, self.store.append(now, topic, new)).await
    }

    async fn resolve(&self, now: u64, topic: &Topic, from: From) -> Result<Start> {
        timed(&self.times.resolve, self.store.resolve(now, topic, from)).await
    }

    async fn read(&self, topic: &Topic, after: Position, limit: BatchLimit) -> Result<Read> {
        if is_sample() {
            timed(&self.times.read, self.store.read(topic, after, limit)).await
        } else {
            self.store.read(topic, after, limit).await
        }
    }

    async fn history(&self, now: u64, topic: &Topic, range: HistoryRange, limit: u32) -> Result<Page> {
        timed(&self.times.history, self.store.history(now, topic, range, limit)).await
    }

    async fn send_ephemeral(&self, topic: &Topic, message: Ephemeral) -> Result<()> {
        self.store.send_ephemeral(topic, message).await
    }

    fn read_ephemeral(&self, topic: &Topic, after: u64) -> (Vec<Ephemeral>, u64) {
        self.store.read_ephemeral(topic, after)
    }

    fn watch(&self, now: u64, topic: &Topic, wakeup: &Arc<Wakeup>, slot: Slot) -> Result<Watch> {
        self.store.watch(now, topic, wakeup, slot)
    }

    fn wake(&self, topic: &Topic) {
        self.store.wake(topic);
    }

    fn tick(&self, now: u64) {
        self.store.tick(now);
    }

    fn health(&self) -> Result<()> {
        self.store.health()
    }

    fn share_presence(&self, presence: &Presence) {
        self.store.share_presence(presence);
    }

    async fn list_members(&self, topic: &Topic) -> Result<()> {
        self.store.list_members(topic).await
    }

    async fn put_once(&self, name: &str, value: Vec<u8>, life: u64) -> Result<bool> {
        self.store.put_once(name, value, life).await
    }

    async fn take_once(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.store.take_once(name).await
    }

    fn figures(&self) -> Figures {
        self.store.figures()
    }
}

impl<S: Cursors> Cursors for Measured<S> {
    async fn heads(&self) -> Result<Vec<(Topic, Position)>> {
        self.store.heads().await
    }

    async fn cursors(&self, reader: &str) -> Result<Option<Vec<(Topic, Position)>>> {
        self.store.cursors(reader).await
    }

    async fn keep_cursors(&self, reader: &str, moved: &[(Topic, Position)]) -> Result<()> {
        self.store.keep_cursors(reader, moved).await
    }

    async fn lease(&self, reader: &str, holder: &str, millis: u64) -> Result<bool> {
        self.store.lease(reader, holder, millis).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// A method with a body of its own in the trait would not be missed by the compiler, and the store's would never be
    /// called.
    #[test]
    fn every_method_of_a_store_is_handed_on() {
        let names = |source: &str, from: &str| -> BTreeSet<String> {
            let block = source.split(from).nth(1).and_then(|rest| rest.split("\n}").next()).expect("a block");
            let names = block.split("\n    fn ").chain(block.split("\n    async fn ")).skip(1);
            let names = names.filter_map(|rest| rest.split(['(', '<']).next());
            names
                .filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
                .map(str::to_owned)
                .collect()
        };
        let of_trait = names(include_str!("mod.rs"), "pub trait Store:");
        assert!(of_trait.contains("append") && of_trait.contains("health"), "{of_trait:?}");
        assert_eq!(names(include_str!("measured.rs"), "Store for Measured<S> {"), of_trait);
    }
}
