//! What is kept of a topic: its newest messages and gaps, each with a key that stays. Pure.

use std::{collections::VecDeque, sync::Arc};

use everwire::{Gap, Message, Position};

/// One entry of a topic's list.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<T> {
    /// A message.
    Message {
        /// See [`Entry::key`].
        key: u64,
        /// The message.
        message: Message<T>,
    },
    /// Messages that can no longer be had, in their place.
    Gap {
        /// See [`Entry::key`].
        key: u64,
        /// Which.
        gap: Gap,
    },
}

impl<T> Entry<T> {
    /// Its key: unlike that of any other entry of the list, and rising along it. (An offset would not do: each
    /// life of a log counts its own.)
    #[must_use]
    pub fn key(&self) -> u64 {
        match self {
            Self::Message { key, .. } | Self::Gap { key, .. } => *key,
        }
    }

    /// The message, unless it is a gap.
    #[must_use]
    pub fn message(&self) -> Option<&Message<T>> {
        match self {
            Self::Message { message, .. } => Some(message),
            Self::Gap { .. } => None,
        }
    }
}

/// The newest entries, oldest first.
#[derive(Debug)]
pub(crate) struct Entries<T> {
    entries: VecDeque<Arc<Entry<T>>>,
    keep: usize,
    next_key: u64,
    trimmed: u64,
    position: Option<Position>,
}

impl<T> Entries<T> {
    pub(crate) fn new(keep: usize) -> Self {
        Self { entries: VecDeque::new(), keep, next_key: 0, trimmed: 0, position: None }
    }

    pub(crate) fn push_message(&mut self, message: Message<T>) {
        self.position = Some(Position { epoch: message.epoch, offset: message.offset });
        let key = self.new_key();
        self.push(Entry::Message { key, message });
    }

    pub(crate) fn push_gap(&mut self, gap: Gap) {
        self.position = Some(gap.position);
        let key = self.new_key();
        self.push(Entry::Gap { key, gap });
    }

    /// The subscription stands here.
    pub(crate) fn goes_on_at(&mut self, position: Position) {
        self.position.get_or_insert(position);
    }

    /// How far the topic has been read.
    pub(crate) fn position(&self) -> Option<Position> {
        self.position
    }

    /// All that is kept. The entries are shared, not copied.
    pub(crate) fn list(&self) -> Vec<Arc<Entry<T>>> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn last(&self) -> Option<Arc<Entry<T>>> {
        self.entries.back().cloned()
    }

    /// How many older entries were let go to keep to the bound.
    pub(crate) fn trimmed(&self) -> u64 {
        self.trimmed
    }

    /// Forgets all of it: another topic is read. Keys go on rising, so that no view takes an old row for a new one.
    pub(crate) fn clear(&mut self) {
        *self = Self { next_key: self.next_key, ..Self::new(self.keep) };
    }

    fn new_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    fn push(&mut self, entry: Entry<T>) {
        if self.entries.len() == self.keep {
            self.entries.pop_front();
            self.trimmed += 1;
        }
        if self.keep > 0 {
            self.entries.push_back(Arc::new(entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use everwire::{Epoch, GapReason};

    use super::*;

    fn at(epoch: &str, offset: u64) -> Position {
        Position { epoch: Epoch::new(epoch).unwrap(), offset }
    }

    fn message(epoch: &str, offset: u64) -> Message<u64> {
        let Position { epoch, offset } = at(epoch, offset);
        Message { data: Ok(offset), offset, epoch, time: 0, key: None, from: None, id: None }
    }

    fn offsets(entries: &Entries<u64>) -> Vec<Option<u64>> {
        entries.list().iter().map(|entry| entry.message().map(|message| message.offset)).collect()
    }

    #[test]
    fn the_newest_are_kept_in_order_and_the_rest_is_counted() {
        let mut entries = Entries::new(3);
        (1..=5).for_each(|offset| entries.push_message(message("x", offset)));
        assert_eq!(offsets(&entries), [Some(3), Some(4), Some(5)]);
        assert_eq!((entries.trimmed(), entries.position()), (2, Some(at("x", 5))));
    }

    #[test]
    fn keys_rise_over_gaps_epochs_and_topics() {
        let mut entries = Entries::new(10);
        entries.push_message(message("x", 7));
        let gap = Gap { from: 8, to: None, reason: GapReason::Epoch, position: at("y", 0) };
        entries.push_gap(gap);
        assert_eq!(entries.position(), Some(at("y", 0)));
        entries.push_message(message("y", 1));
        let before: Vec<_> = entries.list().iter().map(|entry| entry.key()).collect();
        entries.clear();
        assert_eq!((entries.position(), entries.list().len()), (None, 0));
        entries.push_message(message("z", 1));
        let after = entries.last().unwrap().key();
        assert!(before.is_sorted() && before.len() == 3 && before.iter().all(|key| *key < after));
    }

    #[test]
    fn only_what_was_read_moves_the_position() {
        let mut entries = Entries::<u64>::new(2);
        entries.goes_on_at(at("x", 4));
        entries.goes_on_at(at("x", 9));
        assert_eq!(entries.position(), Some(at("x", 4)));
    }

    #[test]
    fn a_list_that_keeps_nothing_still_knows_where_it_is() {
        let mut entries = Entries::new(0);
        entries.push_message(message("x", 1));
        assert_eq!((entries.list().len(), entries.position()), (0, Some(at("x", 1))));
    }
}
