//! Where logs are kept, behind one trait: in memory, in a directory, or in a Redis. What stands above it (peers,
//! endpoints) knows topics and cursors; what stands below knows no connection, only wake-ups to mark.

mod cursors;
mod durable;
mod ephemeral;
mod measured;
mod memory;
mod redis;
mod wakeup;
mod watchers;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod tests;

use std::{fmt, future::Future, sync::Arc};

use everwire_protocol::{Code, From, HistoryRange, Position, Topic};

use crate::{
    log::{Appended, BatchLimit, NewRecord, Page, Read, Start},
    presence::Presence,
};

pub use self::redis::{BadUrl, RedisOptions, RedisStore};
pub use cursors::{CursorShelf, Cursors};
pub use durable::{DataOptions, DurableStore, Fsync, OpenError};
pub use ephemeral::{Ephemeral, RING_AGE, RING_BYTES, RING_MESSAGES, Ring};
pub use measured::{Measured, Times};
pub use memory::{MemoryLimits, MemoryStore};
pub use wakeup::{Slot, Slots, Wakeup, Watch};
pub use watchers::Watchers;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The store holds as many topics as it may, and none of them is idle. Ask again later.
    TooManyTopics,
    /// The store doesn't answer now. Ask again later.
    Unavailable(String),
}

impl StoreError {
    /// The code that tells a client of it.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::UNAVAILABLE
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyTopics => f.write_str("the server holds as many topics as it may"),
            Self::Unavailable(why) => write!(f, "the store does not answer: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// A result of a store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Logs by topic. Topics come into being when something is written to them or watches them; one that
/// isn't there reads as an empty log.
///
/// Times are milliseconds since the Unix epoch. A store in memory answers at once, without waiting for
/// anything, which is what lets a simulation drive it without a runtime.
pub trait Store: Send + Sync + 'static {
    /// Appends a record, or answers what the same idempotency key got before; marks the topic's readers.
    fn append(
        &self,
        now: u64,
        topic: &Topic,
        new: NewRecord,
    ) -> impl Future<Output = Result<Appended>> + Send;

    /// Where a reader that asks for `from` starts.
    fn resolve(&self, now: u64, topic: &Topic, from: From) -> impl Future<Output = Result<Start>> + Send;

    /// What is after a cursor. Verifies the cursor each time: see [`TopicLog::read`](crate::log::TopicLog::read).
    fn read(
        &self,
        topic: &Topic,
        after: Position,
        limit: BatchLimit,
    ) -> impl Future<Output = Result<Read>> + Send;

    /// A page of history.
    fn history(
        &self,
        now: u64,
        topic: &Topic,
        range: HistoryRange,
        limit: u32,
    ) -> impl Future<Output = Result<Page>> + Send;

    /// Hands a message that is not logged to the topic's readers of this moment; to none, if there are none.
    fn send_ephemeral(&self, topic: &Topic, message: Ephemeral) -> impl Future<Output = Result<()>> + Send;

    /// The ephemeral messages after a number that this answered before, and the number to ask with next.
    /// `u64::MAX` asks for the number alone. Local and immediate.
    fn read_ephemeral(&self, topic: &Topic, after: u64) -> (Vec<Ephemeral>, u64);

    /// From now on marks `slot` of `wakeup` whenever there may be something new in the topic, until the
    /// watch is dropped. Watch first, then resolve and read: so nothing is missed.
    ///
    /// # Errors
    /// [`StoreError::TooManyTopics`] when the topic would be a new one too many.
    fn watch(&self, now: u64, topic: &Topic, wakeup: &Arc<Wakeup>, slot: Slot) -> Result<Watch>;

    /// Marks the topic's readers: what they also care for, such as presence, has changed.
    fn wake(&self, topic: &Topic);

    /// Housekeeping; call it every second or so.
    fn tick(&self, now: u64);

    /// Whether it takes publishes in, as far as it knows now. Local and immediate.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with what is wrong, for an operator.
    fn health(&self) -> Result<()> {
        Ok(())
    }

    /// What it holds, as far as it knows without asking anybody; for an operator.
    fn figures(&self) -> Figures {
        Figures::default()
    }

    /// From now on who is where is shared with the other instances of this store, where there may be some.
    fn share_presence(&self, presence: &Presence) {
        let _ = presence;
    }

    /// Makes sure that the presence that is shared knows who is on a topic by other instances.
    fn list_members(&self, topic: &Topic) -> impl Future<Output = Result<()>> + Send {
        let _ = topic;
        std::future::ready(Ok(()))
    }

    /// Puts something down for so many milliseconds, to be taken once, by whichever instance is asked for
    /// it. False where there is no other one: who asks then keeps it.
    fn put_once(&self, name: &str, value: Vec<u8>, life: u64) -> impl Future<Output = Result<bool>> + Send {
        let _ = (name, value, life);
        std::future::ready(Ok(false))
    }

    /// Takes what was put down; none when it was taken already, or is too old.
    fn take_once(&self, name: &str) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send {
        let _ = name;
        std::future::ready(Ok(None))
    }
}

/// What a store holds. What it doesn't know is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Topics.
    pub topics: Option<u64>,
    /// About how many bytes the logs take.
    pub bytes: Option<u64>,
    /// Records that retention removed since the start.
    pub evicted: Option<u64>,
}
