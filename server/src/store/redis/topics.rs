//! The topics that this instance follows: their tails, who reads them here, and how far Redis has been asked
//! about them. It knows no connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use everwire_protocol::Topic;

use super::tail::Tail;
use crate::{
    log::Retention,
    store::{Ring, Slot, StoreError, Wakeup, Watchers},
};

/// How long a topic is followed after its last reader here has gone: the next one may be about to come.
const LINGER: Duration = Duration::from_secs(30);

/// A panic elsewhere must not take the whole store with it: its state is consistent between calls.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What Redis was asked about a topic beside its records.
#[derive(Debug, Default)]
pub struct Asked {
    /// The link on which its members were listed last; 0 for never.
    pub listed_on: u64,
}

/// A topic that is followed.
pub struct Followed {
    pub name: Topic,
    pub keep: Retention,
    pub state: Mutex<State>,
    /// Held while Redis is asked, so that what all want to know is asked once.
    pub asked: tokio::sync::Mutex<Asked>,
    /// The link on which its channel is subscribed to, and its tail was compared; 0 for none.
    pub followed_on: AtomicU64,
}

/// What is known of a topic, and who cares.
pub struct State {
    pub tail: Tail,
    pub ring: Ring,
    pub watchers: Watchers,
    /// Some got no answer, and have to be marked when there is one.
    pub owed: bool,
    /// Since when nobody does.
    idle_since: Instant,
}

impl State {
    fn is_idle(&self, now: Instant) -> bool {
        self.watchers.is_empty() && now.saturating_duration_since(self.idle_since) >= LINGER
    }
}

/// All that are followed.
pub struct Topics {
    most: usize,
    most_bytes: usize,
    by_name: Mutex<HashMap<Topic, Arc<Followed>>>,
    memory: AtomicUsize,
    next_watch: AtomicU64,
}

impl Topics {
    /// None; at most so many later, with so many bytes of records.
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            most,
            most_bytes,
            by_name: Mutex::default(),
            memory: AtomicUsize::new(0),
            next_watch: AtomicU64::new(0),
        }
    }

    pub fn get(&self, topic: &str) -> Option<Arc<Followed>> {
        lock(&self.by_name).get(topic).cloned()
    }

    pub fn all(&self) -> Vec<Arc<Followed>> {
        lock(&self.by_name).values().cloned().collect()
    }

    /// Follows a topic from now on, if it is not followed yet.
    pub fn follow(&self, topic: &Topic, keep: Retention) -> Result<Arc<Followed>, StoreError> {
        Self::follow_in(&mut lock(&self.by_name), self.most, topic, keep)
    }

    fn follow_in(
        by_name: &mut HashMap<Topic, Arc<Followed>>,
        most: usize,
        topic: &Topic,
        keep: Retention,
    ) -> Result<Arc<Followed>, StoreError> {
        if let Some(followed) = by_name.get(topic) {
            return Ok(Arc::clone(followed));
        }
        if by_name.len() >= most {
            return Err(StoreError::TooManyTopics);
        }
        let state = State {
            tail: Tail::default(),
            ring: Ring::default(),
            watchers: Watchers::default(),
            owed: false,
            idle_since: Instant::now(),
        };
        let followed = Arc::new(Followed {
            name: topic.clone(),
            keep,
            state: Mutex::new(state),
            asked: tokio::sync::Mutex::default(),
            followed_on: AtomicU64::new(0),
        });
        by_name.insert(topic.clone(), Arc::clone(&followed));
        Ok(followed)
    }

    /// Adds a reader to a topic; answers the topic, and the reader's number there.
    pub fn watch(
        &self,
        topic: &Topic,
        keep: Retention,
        wakeup: &Arc<Wakeup>,
        slot: Slot,
    ) -> Result<(Arc<Followed>, u64), StoreError> {
        let id = self.next_watch.fetch_add(1, Ordering::Relaxed);
        // The topics stay locked meanwhile, so that it is not forgotten.
        let mut by_name = lock(&self.by_name);
        let followed = Self::follow_in(&mut by_name, self.most, topic, keep)?;
        lock(&followed.state).watchers.insert(id, wakeup, slot);
        Ok((followed, id))
    }

    /// Topics that nobody has read here for a while.
    pub fn idle(&self) -> Vec<Arc<Followed>> {
        let now = Instant::now();
        self.all().into_iter().filter(|followed| lock(&followed.state).is_idle(now)).collect()
    }

    /// Forgets a topic, unless somebody reads it again.
    pub fn forget_idle(&self, followed: &Followed) -> bool {
        let mut by_name = lock(&self.by_name);
        let mut state = lock(&followed.state);
        if !state.is_idle(Instant::now()) {
            return false;
        }
        self.account(&mut state, |state| state.tail = Tail::default());
        by_name.remove(&followed.name);
        true
    }

    /// Changes what is known of a topic, and keeps the sum of memory right and bounded.
    pub fn change<T>(&self, followed: &Followed, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&followed.state);
        let result = self.account(&mut state, change);
        // The tails that grow are those that give way: what falls out of them is asked for.
        if self.memory.load(Ordering::Relaxed) > self.most_bytes {
            self.account(&mut state, |state| state.tail.halve());
        }
        result
    }

    fn account<T>(&self, state: &mut State, change: impl FnOnce(&mut State) -> T) -> T {
        let before = state.tail.memory();
        let result = change(state);
        let after = state.tail.memory();
        if after >= before {
            self.memory.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.memory.fetch_sub(before - after, Ordering::Relaxed);
        }
        result
    }
}

impl Followed {
    /// A reader has gone.
    pub fn unwatch(&self, id: u64) {
        let mut state = lock(&self.state);
        state.watchers.remove(id);
        state.idle_since = Instant::now();
    }
}
