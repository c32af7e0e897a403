//! How a store tells a reader that there is something to read: a mark per topic, and one notification
//! however many marks there are. It carries no data, so a burst costs a reader nothing (no queue per
//! connection).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use everwire_protocol::limits;
use tokio::sync::Notify;

const WORDS: usize = limits::TOPICS.div_ceil(64);

/// A reader's place among its own topics: below [`limits::TOPICS`].
pub type Slot = u8;

/// A set of slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots([u64; WORDS]);

impl Slots {
    /// Adds a slot.
    pub fn insert(&mut self, slot: Slot) {
        self.0[usize::from(slot) / 64 % WORDS] |= bit(slot);
    }

    /// Takes a slot out.
    pub fn remove(&mut self, slot: Slot) {
        self.0[usize::from(slot) / 64 % WORDS] &= !bit(slot);
    }

    /// Whether the slot is in the set.
    #[must_use]
    pub fn contains(&self, slot: Slot) -> bool {
        self.0[usize::from(slot) / 64 % WORDS] & bit(slot) != 0
    }

    /// Whether no slot is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }
}

fn bit(slot: Slot) -> u64 {
    1 << (slot % 64)
}

/// One reader's marks.
#[derive(Debug, Default)]
pub struct Wakeup {
    dirty: [AtomicU64; WORDS],
    notify: Notify,
}

impl Wakeup {
    /// No marks.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Marks a topic of the reader. A mark that stands already costs nothing.
    pub fn mark(&self, slot: Slot) {
        let before = self.dirty[usize::from(slot) / 64 % WORDS].fetch_or(bit(slot), Ordering::AcqRel);
        if before & bit(slot) == 0 {
            self.notify.notify_one();
        }
    }

    /// Takes the marks off. Read after taking: what comes in between marks again.
    #[must_use]
    pub fn take(&self) -> Slots {
        Slots(std::array::from_fn(|word| self.dirty[word].swap(0, Ordering::AcqRel)))
    }

    /// Waits for a mark. May return when there is none left to take.
    pub async fn marked(&self) {
        self.notify.notified().await;
    }
}

/// A reader's registration with a store. Dropped, it is over.
pub struct Watch(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Watch {
    /// `end` runs when the watch is dropped.
    pub fn new(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}
