//! What a room's list shows: messages and gaps in log order, grouped by author and time, kept in chunks so
//! that a change touches fifty rows and never ten thousand. Pure: knows no signal and no browser.

use std::{collections::VecDeque, sync::Arc};

use everwire::{GapReason, Position};

use crate::format::Zone;

/// Messages of one author that lie closer together than this are one group, in milliseconds.
pub const GROUP_WITHIN: u64 = 5 * 60_000;
/// Rows of one chunk.
pub const CHUNK: usize = 50;
/// Rows kept; past this the oldest chunk goes, and scrolling up fetches it again.
pub const KEPT: usize = 20_000;

/// A message as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands in the log.
    pub position: Position,
    /// When the server took it in.
    pub time: u64,
    /// Who says that they wrote it.
    pub user: Arc<str>,
    /// What it says.
    pub text: Arc<str>,
    /// This browser wrote it.
    pub own: bool,
}

/// One thing in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Line(Line),
    /// Messages that can no longer be had: how many, where that is known.
    Gap {
        /// Why.
        reason: GapReason,
        /// How many.
        lost: Option<u64>,
    },
}

/// An item in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Unlike any other row's.
    pub key: u64,
    /// What it is.
    pub item: Arc<Item>,
    /// It begins a group: author and time are shown.
    pub head: bool,
    /// It is the first of this day.
    pub day: Option<i64>,
}

/// A stretch of rows that is drawn, and drawn anew, as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Rising from top to bottom.
    pub id: i64,
    /// At most [`CHUNK`] of them after an append; a page of history is a chunk of its own.
    pub rows: Vec<Row>,
}

/// The list.
#[derive(Debug, Default)]
pub struct Log {
    zone: Zone,
    chunks: VecDeque<Chunk>,
    next_key: u64,
    rows: usize,
}

impl Log {
    /// An empty list, whose days are those of a zone.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self { zone, ..Self::default() }
    }

    /// The chunks, top to bottom.
    pub fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The position of the oldest message shown: history is asked for before it.
    #[must_use]
    pub fn oldest(&self) -> Option<Position> {
        let mut rows = self.chunks.iter().flat_map(|chunk| &chunk.rows);
        rows.find_map(|row| position(&row.item))
    }

    /// Whether a message written now would go on the group that the list ends with.
    #[must_use]
    pub fn ends_with_group_of(&self, user: &str, own: bool, time: u64) -> bool {
        let last = self.chunks.back().and_then(|chunk| chunk.rows.last());
        last.is_some_and(|row| match &*row.item {
            Item::Line(line) => *line.user == *user && line.own == own && near(line.time, time),
            Item::Gap { .. } => false,
        })
    }

    /// Adds below. Gives the chunks that changed or are new.
    pub fn append(&mut self, items: impl IntoIterator<Item = Item>) -> Vec<i64> {
        let mut touched = Vec::new();
        let mut before = self.chunks.back().and_then(|c| c.rows.last()).map(|row| row.item.clone());
        for item in items {
            if self.chunks.back().is_none_or(|chunk| chunk.rows.len() >= CHUNK) {
                let id = self.chunks.back().map_or(0, |chunk| chunk.id + 1);
                self.chunks.push_back(Chunk { id, rows: Vec::with_capacity(CHUNK) });
            }
            let row = self.row(Arc::new(item), before.as_deref());
            before = Some(row.item.clone());
            if let Some(chunk) = self.chunks.back_mut() {
                chunk.rows.push(row);
                self.rows += 1;
                if touched.last() != Some(&chunk.id) {
                    touched.push(chunk.id);
                }
            }
        }
        touched
    }

    /// Adds a page of history above. Gives the chunks that changed or are new.
    pub fn prepend(&mut self, items: impl IntoIterator<Item = Item>) -> Vec<i64> {
        let id = self.chunks.front().map_or(0, |chunk| chunk.id - 1);
        let mut rows: Vec<Row> = Vec::with_capacity(CHUNK);
        for item in items {
            let row = self.row(Arc::new(item), rows.last().map(|row| &*row.item));
            rows.push(row);
        }
        if rows.is_empty() {
            return Vec::new();
        }
        let mut touched = vec![id];
        let last = rows.last().map(|row| row.item.clone());
        let zone = self.zone;
        if let Some(chunk) = self.chunks.front_mut()
            && let Some(first) = chunk.rows.first_mut()
        {
            // What was the top of the list may now go on a group, or a day.
            (first.head, first.day) = place(zone, &first.item, last.as_deref());
            touched.push(chunk.id);
        }
        self.rows += rows.len();
        self.chunks.push_front(Chunk { id, rows });
        touched
    }

    /// Drops the oldest chunks while there are more than [`KEPT`] rows. Gives what was dropped.
    pub fn trim(&mut self) -> Vec<i64> {
        let mut dropped = Vec::new();
        while self.rows > KEPT && self.chunks.len() > 1 {
            if let Some(chunk) = self.chunks.pop_front() {
                self.rows -= chunk.rows.len();
                dropped.push(chunk.id);
            }
        }
        dropped
    }

    /// The rows of a chunk.
    #[must_use]
    pub fn rows(&self, id: i64) -> Vec<Row> {
        self.chunks.iter().find(|chunk| chunk.id == id).map(|chunk| chunk.rows.clone()).unwrap_or_default()
    }

    fn row(&mut self, item: Arc<Item>, before: Option<&Item>) -> Row {
        let (head, day) = place(self.zone, &item, before);
        self.next_key += 1;
        Row { key: self.next_key, item, head, day }
    }
}

/// Whether an item begins a group, and whether it begins a day, after the one before it.
fn place(zone: Zone, item: &Item, before: Option<&Item>) -> (bool, Option<i64>) {
    let Item::Line(line) = item else { return (true, None) };
    let day = zone.day(line.time);
    match before {
        Some(Item::Line(last)) => {
            let new_day = zone.day(last.time) != day;
            let same_author = last.user == line.user && last.own == line.own;
            let goes_on = same_author && near(last.time, line.time) && !new_day;
            (!goes_on, new_day.then_some(day))
        }
        // After a gap the day may be another, and nobody knows: it is not said again.
        Some(Item::Gap { .. }) => (true, None),
        None => (true, Some(day)),
    }
}

fn near(before: u64, time: u64) -> bool {
    time.saturating_sub(before) < GROUP_WITHIN
}

fn position(item: &Item) -> Option<Position> {
    match item {
        Item::Line(line) => Some(line.position),
        Item::Gap { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use everwire::Epoch;

    use super::*;

    const MINUTE: u64 = 60_000;
    const DAY: u64 = 24 * 60 * MINUTE;

    fn line(offset: u64, user: &str, time: u64) -> Item {
        let position = Position { epoch: Epoch::new("x").unwrap(), offset };
        Item::Line(Line { position, time, user: user.into(), text: "hello".into(), own: false })
    }

    fn heads(log: &Log) -> Vec<(bool, Option<i64>)> {
        log.chunks().flat_map(|c| &c.rows).map(|row| (row.head, row.day)).collect()
    }

    #[test]
    fn messages_are_grouped_by_author_and_time_and_cut_by_days() {
        let mut log = Log::default();
        log.append([
            line(1, "Ada", 0),
            line(2, "Ada", MINUTE),
            line(3, "Ben", 2 * MINUTE),
            line(4, "Ben", 2 * MINUTE + GROUP_WITHIN),
            line(5, "Ben", DAY + 1),
        ]);
        let expected = [(true, Some(0)), (false, None), (true, None), (true, None), (true, Some(1))];
        assert_eq!(heads(&log), expected);
        assert!(log.ends_with_group_of("Ben", false, DAY + MINUTE));
        assert!(!log.ends_with_group_of("Ada", false, DAY + MINUTE));
        assert!(!log.ends_with_group_of("Ben", true, DAY + MINUTE));
        assert!(!log.ends_with_group_of("Ben", false, DAY + 1 + GROUP_WITHIN));
    }

    #[test]
    fn a_group_is_the_same_however_its_messages_came_in() {
        let items: Vec<_> =
            (1..=120).map(|n| line(n, if n % 7 < 4 { "Ada" } else { "Ben" }, n * MINUTE)).collect();
        let mut whole = Log::default();
        whole.append(items.clone());
        let mut pieces = Log::default();
        pieces.append(items[100..].iter().take(3).cloned());
        pieces.prepend(items[40..100].iter().cloned());
        pieces.append(items[103..].iter().cloned());
        pieces.prepend(items[..40].iter().cloned());
        assert_eq!(heads(&pieces), heads(&whole));
        assert_eq!(pieces.oldest(), whole.oldest());
        assert_eq!(pieces.len(), 120);
    }

    #[test]
    fn an_append_touches_the_last_chunk_and_new_ones_only() {
        let mut log = Log::default();
        assert_eq!(log.append((1..=60).map(|n| line(n, "Ada", n))), [0, 1]);
        assert_eq!(log.append([line(61, "Ada", 61)]), [1]);
        assert_eq!(log.prepend([line(0, "Ada", 0)]), [-1, 0]);
        assert_eq!(log.prepend([]), [] as [i64; 0]);
        assert_eq!(log.rows(1).len(), 11);
        let keys: std::collections::HashSet<_> =
            log.chunks().flat_map(|c| &c.rows).map(|row| row.key).collect();
        assert_eq!(keys.len(), 62);
    }

    #[test]
    fn a_gap_stands_in_its_place_and_ends_the_group() {
        let mut log = Log::default();
        let gap = Item::Gap { reason: GapReason::Evicted, lost: Some(3) };
        log.append([line(1, "Ada", 0), gap, line(5, "Ada", 1)]);
        assert_eq!(heads(&log), [(true, Some(0)), (true, None), (true, None)]);
        let mut gap_first = Log::default();
        gap_first.append([Item::Gap { reason: GapReason::Epoch, lost: None }, line(2, "Ada", 0)]);
        assert_eq!(gap_first.oldest().map(|p| p.offset), Some(2));
    }

    #[test]
    fn the_list_is_bounded_and_keeps_its_newest() {
        let mut log = Log::default();
        log.append((0..KEPT as u64 + 70).map(|n| line(n, "Ada", n)));
        assert_eq!(log.trim(), [0, 1]);
        assert_eq!(log.len(), KEPT - 30);
        assert_eq!(log.oldest().map(|p| p.offset), Some(100));
    }
}
