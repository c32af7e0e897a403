//! How a store tells a reader that there is something to read: a mark per topic, and one notification
//! however many marks there are. It carries no data, so a burst costs a reader nothing (no queue per
//! connection).

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use everwire_protocol::limits;
use futures::task::AtomicWaker;

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

fn take(marks: &[AtomicU64; WORDS]) -> Slots {
    // Mostly there is none, and looking is cheaper than writing.
    let take = |word: &AtomicU64| match word.load(Ordering::Acquire) {
        0 => 0,
        _ => word.swap(0, Ordering::AcqRel),
    };
    Slots(std::array::from_fn(|word| take(&marks[word])))
}

/// One reader's marks. It has one reader, whose task alone waits.
#[derive(Debug, Default)]
pub struct Wakeup {
    /// Topics in which something is new.
    dirty: [AtomicU64; WORDS],
    /// Those among them in which it may be something else than records.
    news: [AtomicU64; WORDS],
    reader: AtomicWaker,
}

impl Wakeup {
    /// No marks.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Marks a topic of the reader, whatever is new in it. A mark that stands already costs next to nothing.
    pub fn mark(&self, slot: Slot) {
        self.news[usize::from(slot) / 64 % WORDS].fetch_or(bit(slot), Ordering::AcqRel);
        self.mark_records(slot);
    }

    /// Marks a topic in which nothing is new but records.
    pub fn mark_records(&self, slot: Slot) {
        let before = self.dirty[usize::from(slot) / 64 % WORDS].fetch_or(bit(slot), Ordering::AcqRel);
        if before & bit(slot) == 0 {
            self.reader.wake();
        }
    }

    /// Takes the marks off. Read after taking: what comes in between marks again.
    #[must_use]
    pub fn take(&self) -> Slots {
        take(&self.dirty)
    }

    /// Takes off, after [`take`](Self::take), the marks of topics in which there may be something else than records.
    #[must_use]
    pub fn take_news(&self) -> Slots {
        take(&self.news)
    }

    /// Waits until there is a mark to take. One task waits at a time.
    pub async fn marked(&self) {
        poll_fn(|context| {
            if self.is_marked() {
                return Poll::Ready(());
            }
            self.reader.register(context.waker());
            // It may have been marked before it was known who waits.
            if self.is_marked() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn is_marked(&self) -> bool {
        self.dirty.iter().any(|word| word.load(Ordering::Acquire) != 0)
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
