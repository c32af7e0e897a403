//! All topics of the durable store, by name, and how they come and go. What holds nothing and has no readers makes room,
//! and what comes after it is another life. It knows no disk.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use everwire_protocol::{Epoch, Topic};

use super::topic::{Row, State};
use crate::store::{MemoryLimits, Result, StoreError, memory::epoch_of};

/// A topic that several have in hand.
pub type Shared = Arc<Mutex<State>>;

/// A panic elsewhere must not take the whole store with it: its state is consistent between calls.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The topics.
pub struct Topics {
    pub limits: MemoryLimits,
    known: RwLock<Known>,
    memory: AtomicUsize,
}

struct Known {
    by_name: HashMap<Topic, Shared>,
    /// The epoch of topics that come into being now. All share one while no topic has been forgotten, so
    /// that the cursor of a stream stays short.
    epoch: Epoch,
}

impl Topics {
    pub fn new(limits: MemoryLimits, epoch: Epoch) -> Self {
        let known = RwLock::new(Known { by_name: HashMap::new(), epoch });
        Self { limits, known, memory: AtomicUsize::new(0) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, name: &Topic, epoch: Epoch) -> State {
        State::new(Row::empty(epoch), self.limits.retention.of(name))
    }

    pub fn count(&self) -> usize {
        self.read().by_name.len()
    }

    /// About how much memory the topics take, in bytes.
    pub fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    pub fn all(&self) -> Vec<(Topic, Shared)> {
        self.read().by_name.iter().map(|(name, state)| (name.clone(), Arc::clone(state))).collect()
    }

    pub fn get(&self, name: &Topic) -> Option<Shared> {
        self.read().by_name.get(name).map(Arc::clone)
    }

    /// Puts a topic in that was on disk.
    pub fn put(&self, name: Topic, row: Row) -> Shared {
        let state = State::new(row, self.limits.retention.of(&name));
        let shared = Arc::new(Mutex::new(state));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.by_name.insert(name, Arc::clone(&shared));
        shared
    }

    /// Looks at a topic; at an empty one where there is no such topic.
    pub fn look<T>(&self, name: &Topic, look: impl FnOnce(&mut State) -> T) -> T {
        let known = self.read();
        match known.by_name.get(name) {
            Some(state) => self.account(&mut lock(state), look),
            None => look(&mut self.fresh(name, known.epoch)),
        }
    }

    /// Changes a topic that is there. The topics stay locked meanwhile, so that it is not forgotten.
    pub fn change<T>(&self, name: &Topic, change: impl FnOnce(&mut State) -> T) -> Option<T> {
        let known = self.read();
        known.by_name.get(name).map(|state| self.account(&mut lock(state), change))
    }

    /// Changes a topic, and makes it first if need be.
    pub fn change_or_make<T>(
        &self,
        name: &Topic,
        change: impl FnOnce(&Shared, &mut State) -> T,
    ) -> Result<T> {
        let known = self.read();
        if let Some(state) = known.by_name.get(name) {
            return Ok(self.account(&mut lock(state), |s| change(state, s)));
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.by_name.contains_key(name) && known.by_name.len() >= self.limits.topics {
            return Err(StoreError::TooManyTopics);
        }
        let fresh = self.fresh(name, known.epoch);
        let state = known.by_name.entry(name.clone()).or_insert_with(|| Arc::new(Mutex::new(fresh)));
        Ok(self.account(&mut lock(state), |s| change(state, s)))
    }

    /// Runs a change of a topic and keeps the sum of memory right.
    pub fn account<T>(&self, state: &mut State, change: impl FnOnce(&mut State) -> T) -> T {
        let before = state.memory();
        let result = change(state);
        let after = state.memory();
        if after >= before {
            self.memory.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.memory.fetch_sub(before - after, Ordering::Relaxed);
        }
        result
    }

    /// Forgets topics that hold nothing and that nobody watches. Where some of them had offsets, these are forgotten too:
    /// answers such topics' numbers on disk, and the epoch of what is made from now on, which is another life (invariant
    /// 1).
    pub fn sweep(&self, now: u64) -> Option<(Vec<i64>, Epoch)> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut forgotten = Vec::new();
        known.by_name.retain(|_, state| {
            let mut state = lock(state);
            let idle = state.is_idle(now, self.limits.keys.age) && state.watchers.is_empty();
            if idle {
                forgotten.extend(state.row.id);
                // Nothing is left of it that counts.
                self.account(&mut state, |state| while state.shed() {});
            }
            !idle
        });
        if forgotten.is_empty() {
            return None;
        }
        known.epoch = epoch_of(fastrand::u64(..));
        Some((forgotten, known.epoch))
    }

    /// Drops the oldest records of all topics from memory until an eighth of it is free again. They stay on disk.
    pub fn relieve(&self) {
        let states: Vec<Shared> = self.read().by_name.values().map(Arc::clone).collect();
        let mut oldest: BinaryHeap<_> = states
            .iter()
            .enumerate()
            .filter_map(|(index, state)| Some(Reverse((lock(state).oldest_time()?, index))))
            .collect();
        while self.memory() > self.limits.bytes / 8 * 7 {
            let Some(Reverse((_, index))) = oldest.pop() else { return };
            let mut state = lock(&states[index]);
            self.account(&mut state, State::shed);
            if let Some(time) = state.oldest_time() {
                oldest.push(Reverse((time, index)));
            }
        }
    }
}
