//! The idempotency keys of one log: a bounded window of the publishes that it has taken in, so that a
//! repeat gets the first answer (invariant 4). It knows keys and offsets, and no records.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use everwire_protocol::PublishId;

/// What a key costs beside its text: two table entries.
const OVERHEAD: usize = 128;

/// How long a log knows its idempotency keys: a repeat that comes later than either bound is appended
/// again. Clients give a publish up after 5 minutes, well inside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// Most keys of one topic; the oldest is forgotten first.
    pub count: usize,
    /// Longest memory of a key, in milliseconds.
    pub age: u64,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self { count: 10_000, age: 10 * 60 * 1000 }
    }
}

/// A key is the publisher's own: two subjects may use the same text.
type Key = (Option<Arc<str>>, PublishId);

/// The window, oldest first.
#[derive(Debug)]
pub(super) struct KeyWindow {
    limits: KeyLimits,
    offsets: HashMap<Key, u64>,
    order: VecDeque<(u64, Key)>,
    bytes: usize,
}

impl KeyWindow {
    pub fn new(limits: KeyLimits) -> Self {
        Self { limits, offsets: HashMap::new(), order: VecDeque::new(), bytes: 0 }
    }

    /// The offset that the key's first publish got.
    pub fn get(&self, from: Option<&Arc<str>>, id: &PublishId) -> Option<u64> {
        if self.offsets.is_empty() {
            return None;
        }
        self.offsets.get(&(from.cloned(), id.clone())).copied()
    }

    pub fn insert(&mut self, now: u64, from: Option<Arc<str>>, id: PublishId, offset: u64) {
        while !self.order.is_empty() && self.order.len() >= self.limits.count {
            self.forget_oldest();
        }
        let key = (from, id);
        self.bytes += cost(&key);
        self.offsets.insert(key.clone(), offset);
        self.order.push_back((now, key));
    }

    pub fn expire(&mut self, now: u64) {
        while self.oldest_time().is_some_and(|time| time.saturating_add(self.limits.age) <= now) {
            self.forget_oldest();
        }
    }

    pub fn oldest_time(&self) -> Option<u64> {
        self.order.front().map(|(time, _)| *time)
    }

    pub fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.bytes -= cost(&key);
            self.offsets.remove(&key);
        }
    }

    /// About how much memory the window takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost((from, id): &Key) -> usize {
    from.as_ref().map_or(0, |from| from.len()) + id.as_str().len() + OVERHEAD
}
