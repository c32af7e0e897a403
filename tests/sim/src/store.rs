//! The store of the simulated server: the real one in memory, and around it what happens to real ones. It can outlive
//! the server's process, lose its tail in a failover, refuse, and fail after it has written. All that it takes in, it
//! tells the truth. It knows no client and no network.

use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use everwire_protocol::{From, HistoryRange, Position, Topic};
use everwire_server::{
    log::{Appended, BatchLimit, NewRecord, Page, Read, RetentionRules, Start},
    store::{Ephemeral, MemoryLimits, MemoryStore, Result, Slot, Store, StoreError, Wakeup, Watch},
};
use fastrand::Rng;
use futures::FutureExt;

use crate::{schedule::Schedule, truth::Truth, world::topics};

/// What a store doesn't do for now.
#[derive(Clone, Debug, Default)]
pub enum Trouble {
    /// It works.
    #[default]
    None,
    /// It answers nothing.
    Down,
    /// It takes nothing in.
    ReadOnly,
    /// Now and then it takes nothing in, or it does and says that it didn't.
    Flaky(Rng),
}

/// A handle on the logs; its clones are the same store.
#[derive(Clone)]
pub struct Logs(Arc<Shared>);

struct Shared {
    limits: MemoryLimits,
    /// It is short of memory.
    short: bool,
    state: Mutex<State>,
    /// Apart from the state: a watch may end while something else is asked.
    watchers: Arc<Mutex<BTreeMap<u64, Watcher>>>,
    next_watch: AtomicU64,
}

struct State {
    life: Arc<MemoryStore>,
    trouble: Trouble,
    /// All that this life took in, so that a replica can be made of a part of it.
    taken: Vec<(u64, Topic, NewRecord)>,
    /// What the truth has not been told.
    journal: Vec<Note>,
}

enum Note {
    Took(Topic, Position, NewRecord),
    /// The oldest record that is kept.
    KeptFrom(Topic, Position),
}

struct Watcher {
    topic: Topic,
    wakeup: Arc<Wakeup>,
    slot: Slot,
    /// The registration with the present life.
    _watch: Option<Watch>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable<T>() -> Result<T> {
    Err(StoreError::Unavailable("it is out of order".to_owned()))
}

/// The store in memory is ready at once; were it not, this would be an error like any other.
fn at_once<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    future.now_or_never().unwrap_or_else(unavailable)
}

impl Logs {
    /// An empty store. The seed makes its epoch.
    #[must_use]
    pub fn new(schedule: &Schedule, seed: u64) -> Self {
        let limits = MemoryLimits {
            retention: RetentionRules { default: schedule.retention, patterns: Vec::new() },
            bytes: schedule.memory,
            ..MemoryLimits::default()
        };
        let life = Arc::new(MemoryStore::new(seed, limits.clone()));
        let state = State { life, trouble: Trouble::None, taken: Vec::new(), journal: Vec::new() };
        Self(Arc::new(Shared {
            limits,
            short: schedule.is_crowded(),
            state: Mutex::new(state),
            watchers: Arc::default(),
            next_watch: AtomicU64::new(0),
        }))
    }

    /// From now on it is in this kind of trouble.
    pub fn trouble(&self, trouble: Trouble) {
        lock(&self.0.state).trouble = trouble;
    }

    /// Whether it answers at all.
    #[must_use]
    pub fn answers(&self) -> bool {
        !matches!(lock(&self.0.state).trouble, Trouble::Down)
    }

    /// How much this life has taken in.
    #[must_use]
    pub fn taken(&self) -> usize {
        lock(&self.0.state).taken.len()
    }

    /// Another life of all logs begins, with the first `keep` records that this one took in: a restart that forgets
    /// all, or a replica that lagged behind. Where something is lost, what is written next would take its place under
    /// the same offsets; so a store that may have lost something goes on in another epoch, which the seed makes.
    pub fn begin_life(&self, now: u64, seed: u64, keep: usize) {
        let mut state = lock(&self.0.state);
        let taken = mem::take(&mut state.taken);
        state.life = Arc::new(MemoryStore::new(seed, self.0.limits.clone()));
        for (at, topic, new) in taken.into_iter().take(keep) {
            if let Ok(appended) = at_once(state.life.append(at, &topic, new.clone())) {
                state.took(at, &topic, new, appended);
            }
        }
        let life = Arc::clone(&state.life);
        drop(state);
        for watcher in lock(&self.0.watchers).values_mut() {
            watcher._watch = life.watch(now, &watcher.topic, &watcher.wakeup, watcher.slot).ok();
        }
    }

    /// Marks every reader: the store has noticed itself that it is in another life.
    pub fn wake_all(&self) {
        lock(&self.0.watchers).values().for_each(|watcher| watcher.wakeup.mark(watcher.slot));
    }

    /// Tells the truth what was written since the last time, and what is still kept.
    ///
    /// # Errors
    /// The log broke a promise of its own.
    pub fn mirror(&self, truth: &mut Truth) -> std::result::Result<(), String> {
        for note in mem::take(&mut lock(&self.0.state).journal) {
            match note {
                Note::Took(topic, position, new) => truth.appended(&topic, position, new)?,
                Note::KeptFrom(topic, oldest) => truth.kept_from(&topic, oldest),
            }
        }
        Ok(())
    }

    fn life(&self) -> Arc<MemoryStore> {
        Arc::clone(&lock(&self.0.state).life)
    }

    fn readable(&self) -> Result<Arc<MemoryStore>> {
        let state = lock(&self.0.state);
        if matches!(state.trouble, Trouble::Down) { unavailable() } else { Ok(Arc::clone(&state.life)) }
    }
}

impl State {
    /// Notes what was written, if it was.
    fn took(&mut self, now: u64, topic: &Topic, new: NewRecord, appended: Appended) {
        if !appended.repeated {
            self.taken.push((now, topic.clone(), new.clone()));
            self.journal.push(Note::Took(topic.clone(), appended.position, new));
        }
        self.look_at(topic);
    }

    /// Notes how far retention has gone.
    fn look_at(&mut self, topic: &Topic) {
        // Resolving at time 0 evicts nothing by age.
        if let Ok(Start { position, .. }) = at_once(self.life.resolve(0, topic, From::Earliest)) {
            let oldest = Position { offset: position.offset + 1, ..position };
            self.journal.push(Note::KeptFrom(topic.clone(), oldest));
        }
    }
}

impl Store for Logs {
    async fn append(&self, now: u64, topic: &Topic, new: NewRecord) -> Result<Appended> {
        let mut state = lock(&self.0.state);
        let mut answers = true;
        match &mut state.trouble {
            Trouble::None => {}
            Trouble::Down | Trouble::ReadOnly => return unavailable(),
            Trouble::Flaky(rng) => match rng.u8(..6) {
                0 | 1 => return unavailable(),
                2 => answers = false,
                _ => {}
            },
        }
        let appended = at_once(state.life.append(now, topic, new.clone()))?;
        state.took(now, topic, new, appended);
        if self.0.short {
            // What was written to one topic may have made room in the others.
            topics().iter().for_each(|topic| state.look_at(topic));
        }
        if answers { Ok(appended) } else { unavailable() }
    }

    async fn resolve(&self, now: u64, topic: &Topic, from: From) -> Result<Start> {
        let start = at_once(self.readable()?.resolve(now, topic, from))?;
        lock(&self.0.state).look_at(topic);
        Ok(start)
    }

    async fn read(&self, topic: &Topic, after: Position, limit: BatchLimit) -> Result<Read> {
        at_once(self.readable()?.read(topic, after, limit))
    }

    async fn history(&self, now: u64, topic: &Topic, range: HistoryRange, limit: u32) -> Result<Page> {
        let page = at_once(self.readable()?.history(now, topic, range, limit))?;
        lock(&self.0.state).look_at(topic);
        Ok(page)
    }

    async fn send_ephemeral(&self, topic: &Topic, message: Ephemeral) -> Result<()> {
        at_once(self.readable()?.send_ephemeral(topic, message))
    }

    fn read_ephemeral(&self, topic: &Topic, after: u64) -> (Vec<Ephemeral>, u64) {
        self.life().read_ephemeral(topic, after)
    }

    fn watch(&self, now: u64, topic: &Topic, wakeup: &Arc<Wakeup>, slot: Slot) -> Result<Watch> {
        let watch = self.readable()?.watch(now, topic, wakeup, slot)?;
        let id = self.0.next_watch.fetch_add(1, Ordering::Relaxed);
        let wakeup = Arc::clone(wakeup);
        let watcher = Watcher { topic: topic.clone(), wakeup, slot, _watch: Some(watch) };
        lock(&self.0.watchers).insert(id, watcher);
        let watchers = Arc::downgrade(&self.0.watchers);
        Ok(Watch::new(move || {
            if let Some(watchers) = watchers.upgrade() {
                let ended = lock(&watchers).remove(&id);
                drop(ended);
            }
        }))
    }

    fn wake(&self, topic: &Topic) {
        self.life().wake(topic);
    }

    fn tick(&self, now: u64) {
        let mut state = lock(&self.0.state);
        state.life.tick(now);
        topics().iter().for_each(|topic| state.look_at(topic));
    }
}
