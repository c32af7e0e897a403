//! The store that keeps its logs in this process, and loses them with it: each start is a new epoch.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use everwire_protocol::{Epoch, From, HistoryRange, Position, Topic};

use super::{
    CursorShelf, Cursors, Ephemeral, Figures, Result, Ring, Slot, Store, StoreError, Wakeup, Watch, Watchers,
};
use crate::log::{
    Appended, BatchLimit, KeyLimits, NewRecord, Page, Read, Retention, RetentionRules, Start, TopicLog,
};

/// At the topic limit, idle topics are looked for at most this often, in milliseconds.
const SWEEP_INTERVAL: u64 = 1_000;

/// The bounds of a store in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// What each topic keeps.
    pub retention: RetentionRules,
    /// How long idempotency keys are known.
    pub keys: KeyLimits,
    /// Most topics. At the limit, topics with nothing in them and nobody on them make room.
    pub topics: usize,
    /// About the most memory of all logs together, in bytes. At the limit, the oldest records of all
    /// topics are evicted, and their readers are told by a gap.
    pub bytes: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            retention: RetentionRules::default(),
            keys: KeyLimits::default(),
            topics: 10_000,
            bytes: 256 * 1024 * 1024,
        }
    }
}

/// Logs in memory.
pub struct MemoryStore {
    limits: MemoryLimits,
    topics: RwLock<Topics>,
    memory: AtomicUsize,
    evicted: AtomicU64,
    relieving: Mutex<()>,
    next_watch: AtomicU64,
    cursors: CursorShelf,
}

struct Topics {
    by_name: HashMap<Topic, Arc<Mutex<State>>>,
    /// The epoch of topics that come into being now. All share one while no topic has been forgotten, so
    /// that the cursor of a stream stays short.
    epoch: Epoch,
    epochs: fastrand::Rng,
    swept_at: u64,
}

struct State {
    log: TopicLog,
    ring: Ring,
    watchers: Watchers,
}

impl State {
    fn new(epoch: Epoch, retention: Retention, keys: KeyLimits) -> Self {
        Self {
            log: TopicLog::new(epoch, retention, keys),
            ring: Ring::default(),
            watchers: Watchers::default(),
        }
    }
}

/// A short text that no earlier life of the logs is likely to have had: 40 bits of the number.
pub(super) fn epoch_of(number: u64) -> Epoch {
    Epoch::from_number((1 << 40) | (number >> 24))
}

/// A panic elsewhere must not take the whole store with it: its state is consistent between calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryStore {
    /// An empty store. `seed` makes its epochs: a random number, another one at each start.
    #[must_use]
    pub fn new(seed: u64, limits: MemoryLimits) -> Self {
        let mut epochs = fastrand::Rng::with_seed(seed);
        let epoch = epoch_of(epochs.u64(..));
        Self {
            limits,
            topics: RwLock::new(Topics { by_name: HashMap::new(), epoch, epochs, swept_at: 0 }),
            memory: AtomicUsize::new(0),
            evicted: AtomicU64::new(0),
            relieving: Mutex::new(()),
            next_watch: AtomicU64::new(0),
            cursors: CursorShelf::default(),
        }
    }

    /// How many topics there are.
    #[must_use]
    pub fn topic_count(&self) -> usize {
        self.read_topics().by_name.len()
    }

    /// About how much memory the logs take, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    fn read_topics(&self) -> RwLockReadGuard<'_, Topics> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn empty_log(&self, epoch: Epoch, topic: &Topic) -> TopicLog {
        TopicLog::new(epoch, self.limits.retention.of(topic), self.limits.keys)
    }

    /// Looks at a topic's log; at an empty one where there is no such topic.
    fn look<T>(&self, topic: &Topic, look: impl FnOnce(&TopicLog) -> T) -> T {
        let topics = self.read_topics();
        match topics.by_name.get(topic) {
            Some(state) => look(&lock(state).log),
            None => look(&self.empty_log(topics.epoch, topic)),
        }
    }

    /// Changes a topic that is there. The topics stay locked meanwhile, so that it is not forgotten.
    fn change<T>(&self, topic: &Topic, change: impl FnOnce(&mut State) -> T) -> Option<T> {
        let topics = self.read_topics();
        topics.by_name.get(topic).map(|state| self.account(&mut lock(state), change))
    }

    /// Changes a topic, and makes it first if need be.
    fn change_or_make<T>(
        &self,
        now: u64,
        topic: &Topic,
        change: impl FnOnce(&Arc<Mutex<State>>, &mut State) -> T,
    ) -> Result<T> {
        let topics = self.read_topics();
        if let Some(state) = topics.by_name.get(topic) {
            return Ok(self.account(&mut lock(state), |s| change(state, s)));
        }
        drop(topics);
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        if !topics.by_name.contains_key(topic) && topics.by_name.len() >= self.limits.topics {
            self.sweep(now, &mut topics);
            if topics.by_name.len() >= self.limits.topics {
                return Err(StoreError::TooManyTopics);
            }
        }
        let epoch = topics.epoch;
        let state = topics.by_name.entry(topic.clone()).or_insert_with(|| {
            Arc::new(Mutex::new(State::new(epoch, self.limits.retention.of(topic), self.limits.keys)))
        });
        Ok(self.account(&mut lock(state), |s| change(state, s)))
    }

    /// Runs a change of a topic and keeps the sums of memory and of evicted records right.
    fn account<T>(&self, state: &mut State, change: impl FnOnce(&mut State) -> T) -> T {
        let (before, oldest) = (state.log.memory(), state.log.oldest());
        let result = change(state);
        let evicted = state.log.oldest().saturating_sub(oldest);
        if evicted > 0 {
            self.evicted.fetch_add(evicted, Ordering::Relaxed);
        }
        let after = state.log.memory();
        if after >= before {
            self.memory.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.memory.fetch_sub(before - after, Ordering::Relaxed);
        }
        result
    }

    /// Forgets topics that hold nothing and that nobody watches. Their offsets are forgotten with them, so
    /// what is made from now on is another life: it gets another epoch (invariant 1).
    fn sweep(&self, now: u64, topics: &mut Topics) {
        if now < topics.swept_at.saturating_add(SWEEP_INTERVAL) && topics.swept_at != 0 {
            return;
        }
        topics.swept_at = now;
        let before = topics.by_name.len();
        topics.by_name.retain(|_, state| {
            let mut state = lock(state);
            self.account(&mut state, |s| s.log.expire(now));
            !state.log.is_idle() || !state.watchers.is_empty()
        });
        if topics.by_name.len() < before {
            topics.epoch = epoch_of(topics.epochs.u64(..));
        }
    }

    /// Evicts the oldest of all topics until an eighth of the memory is free again, so that it has not to
    /// be done at each append.
    fn relieve(&self) {
        let Ok(_only_one) = self.relieving.try_lock() else { return };
        let topics = self.read_topics();
        let states: Vec<_> = topics.by_name.iter().collect();
        // What is equally old goes by its topic's name, so that the same publishes leave the same logs.
        let mut oldest: BinaryHeap<_> = states
            .iter()
            .enumerate()
            .filter_map(|(index, (name, state))| {
                Some(Reverse((lock(state).log.oldest_time()?, *name, index)))
            })
            .collect();
        while self.memory() > self.limits.bytes / 8 * 7 {
            let Some(Reverse((_, name, index))) = oldest.pop() else { return };
            let mut state = lock(states[index].1);
            self.account(&mut state, |s| s.log.evict_oldest());
            if let Some(time) = state.log.oldest_time() {
                oldest.push(Reverse((time, name, index)));
            }
        }
    }
}

impl Store for MemoryStore {
    async fn append(&self, now: u64, topic: &Topic, new: NewRecord) -> Result<Appended> {
        let appended = self.change_or_make(now, topic, |_, state| {
            let appended = state.log.append(now, new);
            if !appended.repeated {
                state.watchers.mark_records();
            }
            appended
        })?;
        if self.memory() > self.limits.bytes {
            self.relieve();
        }
        Ok(appended)
    }

    async fn resolve(&self, now: u64, topic: &Topic, from: From) -> Result<Start> {
        self.change(topic, |state| state.log.expire(now));
        Ok(self.look(topic, |log| log.resolve(from)))
    }

    async fn read(&self, topic: &Topic, after: Position, limit: BatchLimit) -> Result<Read> {
        Ok(self.look(topic, |log| log.read(after, limit)))
    }

    async fn history(&self, now: u64, topic: &Topic, range: HistoryRange, limit: u32) -> Result<Page> {
        self.change(topic, |state| state.log.expire(now));
        Ok(self.look(topic, |log| log.history(range, limit)))
    }

    async fn send_ephemeral(&self, topic: &Topic, message: Ephemeral) -> Result<()> {
        self.change(topic, |state| {
            if !state.watchers.is_empty() {
                state.ring.push(message);
                state.watchers.mark_all();
            }
        });
        Ok(())
    }

    fn read_ephemeral(&self, topic: &Topic, after: u64) -> (Vec<Ephemeral>, u64) {
        let read = |state: &mut State| (state.ring.after(after).cloned().collect(), state.ring.top());
        self.change(topic, read).unwrap_or_default()
    }

    fn watch(&self, now: u64, topic: &Topic, wakeup: &Arc<Wakeup>, slot: Slot) -> Result<Watch> {
        let id = self.next_watch.fetch_add(1, Ordering::Relaxed);
        self.change_or_make(now, topic, |shared, state| {
            state.watchers.insert(id, wakeup, slot);
            let shared = Arc::downgrade(shared);
            Watch::new(move || {
                if let Some(state) = shared.upgrade() {
                    lock(&state).watchers.remove(id);
                }
            })
        })
    }

    fn wake(&self, topic: &Topic) {
        self.change(topic, |state| state.watchers.mark_all());
    }

    fn tick(&self, now: u64) {
        for state in self.read_topics().by_name.values() {
            let mut state = lock(state);
            self.account(&mut state, |s| s.log.expire(now));
            state.ring.expire(now);
        }
    }

    fn figures(&self) -> Figures {
        Figures {
            topics: Some(self.topic_count() as u64),
            bytes: Some(self.memory() as u64),
            evicted: Some(self.evicted.load(Ordering::Relaxed)),
        }
    }
}

/// One process, one reader of each name.
impl Cursors for MemoryStore {
    async fn heads(&self) -> Result<Vec<(Topic, Position)>> {
        let topics = self.read_topics();
        Ok(topics.by_name.iter().map(|(topic, state)| (topic.clone(), lock(state).log.top())).collect())
    }

    async fn cursors(&self, reader: &str) -> Result<Option<Vec<(Topic, Position)>>> {
        Ok(self.cursors.get(reader))
    }

    async fn keep_cursors(&self, reader: &str, moved: &[(Topic, Position)]) -> Result<()> {
        self.cursors.keep(reader, moved);
        Ok(())
    }

    async fn lease(&self, _reader: &str, _holder: &str, _millis: u64) -> Result<bool> {
        Ok(true)
    }
}
