//! The readers of one topic, to be marked when something has happened in it. It knows nothing of what that is.

use std::{collections::BTreeMap, sync::Arc};

use super::{Slot, Wakeup};

/// Who watches a topic, in the order in which they came: it is about the order of their memory, and of their sockets' in
/// the kernel, so that who marks thousands of them, and all that follows, goes through memory from one end to the other.
#[derive(Debug, Default)]
pub struct Watchers(BTreeMap<u64, (Arc<Wakeup>, Slot)>);

impl Watchers {
    /// Adds a reader, under a number by which it goes again.
    pub fn insert(&mut self, id: u64, wakeup: &Arc<Wakeup>, slot: Slot) {
        self.0.insert(id, (Arc::clone(wakeup), slot));
    }

    /// Takes a reader out.
    pub fn remove(&mut self, id: u64) {
        self.0.remove(&id);
    }

    /// Whether nobody reads.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Something has happened that readers care for.
    pub fn mark_all(&self) {
        self.0.values().for_each(|(wakeup, slot)| wakeup.mark(*slot));
    }

    /// There are new records, and nothing else.
    pub fn mark_records(&self) {
        self.0.values().for_each(|(wakeup, slot)| wakeup.mark_records(*slot));
    }
}
