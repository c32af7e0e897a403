//! Of the messages that wait, keeps only the newest of each key. What it takes out counts as taken by the
//! app, so that a topic that changes faster than its app reads is not paused for that. Knows no session.

use std::sync::Arc;

use everwire_protocol::Record;

use super::{Entry, Queue, Taken};

/// Whether a queue conflates, and what it has taken out.
#[derive(Default)]
pub(super) struct Conflation {
    pub(super) on: bool,
    total: u64,
    /// Since it was last reported.
    unreported: Taken,
}

impl Conflation {
    fn replaced(&mut self, record: &Record) {
        self.total += 1;
        self.unreported.messages += 1;
        self.unreported.bytes += record.payload.data.len();
    }
}

impl Queue {
    /// Of each key only the newest message is to wait.
    pub(crate) fn conflate(&mut self) {
        self.conflation.on = true;
    }

    /// How many messages gave way to newer ones.
    pub(crate) fn conflated(&self) -> u64 {
        self.conflation.total
    }

    /// What gave way since this was last asked, for the session to count as taken.
    pub(crate) fn take_conflated(&mut self) -> Option<Taken> {
        let taken = std::mem::take(&mut self.conflation.unreported);
        (taken.messages > 0).then_some(taken)
    }

    /// Takes out what `records`, the newest, replace: of themselves, and of what waits.
    pub(super) fn make_way_for(&mut self, records: &mut Vec<Record>) {
        let conflation = &mut self.conflation;
        // Sorted. A set of strings would be a tenth of the wasm.
        let mut keys: Vec<Arc<str>> = Vec::new();
        records.reverse();
        records.retain(|record| {
            let Some(key) = &record.key else { return true };
            let place = keys.binary_search(key);
            match place {
                Ok(_) => conflation.replaced(record),
                Err(place) => keys.insert(place, key.clone()),
            }
            place.is_err()
        });
        records.reverse();
        if keys.is_empty() {
            return;
        }
        let is_old = |record: &Record| record.key.as_ref().is_some_and(|key| keys.binary_search(key).is_ok());
        self.entries.retain_mut(|entry| {
            let Entry::Records { records, .. } = entry else { return true };
            if records.as_slice().iter().any(is_old) {
                let mut left = std::mem::take(records).collect::<Vec<_>>();
                left.retain(|record| {
                    let old = is_old(record);
                    if old {
                        conflation.replaced(record);
                    }
                    !old
                });
                *records = left.into_iter();
            }
            // An empty batch would wait for nothing, and there is no end to those.
            records.len() > 0
        });
    }
}
