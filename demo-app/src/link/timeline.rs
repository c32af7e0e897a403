//! The last things that happened to the connection, for the panel. Pure and bounded.

use std::{collections::VecDeque, sync::Arc};

/// Entries kept.
pub const KEPT: usize = 100;

/// How an entry is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It works.
    Good,
    /// It is under way.
    Plain,
    /// It failed, and is tried again.
    Bad,
}

impl Tone {
    /// Its name in the style sheets.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Bad => "bad",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unlike any other entry's.
    pub key: u64,
    /// When, in milliseconds since the Unix epoch.
    pub time: u64,
    /// How it is marked.
    pub tone: Tone,
    /// What.
    pub what: Arc<str>,
    /// Why, or more of it; may be empty.
    pub why: Arc<str>,
}

/// The entries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    entries: VecDeque<Entry>,
    next_key: u64,
}

impl Timeline {
    /// Adds an entry; the oldest goes when there are too many.
    pub fn add(&mut self, time: u64, tone: Tone, what: &str, why: &str) {
        let same = self.entries.front().is_some_and(|last| *last.what == *what && *last.why == *why);
        if same {
            return;
        }
        self.next_key += 1;
        self.entries.push_front(Entry { key: self.next_key, time, tone, what: what.into(), why: why.into() });
        self.entries.truncate(KEPT);
    }

    /// The entries, newest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first_and_the_oldest_goes() {
        let mut timeline = Timeline::default();
        for n in 0..KEPT as u64 + 5 {
            timeline.add(n, Tone::Plain, &n.to_string(), "");
        }
        let entries = timeline.entries();
        assert_eq!(entries.len(), KEPT);
        assert_eq!(&*entries[0].what, "104");
        assert_eq!(&*entries[KEPT - 1].what, "5");
    }

    #[test]
    fn the_same_thing_twice_in_a_row_is_told_once() {
        let mut timeline = Timeline::default();
        timeline.add(0, Tone::Plain, "Connecting", "");
        timeline.add(1, Tone::Plain, "Connecting", "");
        timeline.add(2, Tone::Good, "Connected", "");
        timeline.add(3, Tone::Plain, "Connecting", "");
        assert_eq!(timeline.entries().len(), 3);
    }
}
