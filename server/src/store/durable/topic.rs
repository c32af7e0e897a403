//! What the durable store has in memory of one topic: which offsets it keeps, the newest records, and facts about the
//! oldest ones that retention goes by. All of it can be had from the disk again. It knows no disk: where it would have
//! to look there, it says so.

use std::{collections::VecDeque, sync::Arc};

use everwire_protocol::{Epoch, HistoryRange, Position, limits};

use super::super::{Ring, Watchers};
use crate::log::{Batch, BatchLimit, Entry, Gap, Page, Retention, Span};

/// Most encoded bytes of the newest records of one topic that stay in memory.
const TAIL_BYTES: usize = 1024 * 1024;
/// What a record in memory costs beside its bytes.
const OVERHEAD: usize = 192;
/// What the facts about one record cost.
const FACT: usize = size_of::<Fact>();
/// How many records' facts are looked up at a time.
pub const FACTS: usize = 512;

/// What retention goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    pub time: u64,
    pub bytes: u32,
}

impl Fact {
    pub fn of(entry: &Entry) -> Self {
        Self { time: entry.record.time, bytes: u32::try_from(entry.encoded.len()).unwrap_or(u32::MAX) }
    }
}

/// A topic as the disk has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number on disk; none as long as nothing was written to it.
    pub id: Option<i64>,
    pub epoch: Epoch,
    /// The offset that the next record gets.
    pub next: u64,
    /// The oldest record on disk.
    pub oldest: u64,
    /// Encoded bytes of all records on disk.
    pub bytes: u64,
    /// The time of the newest record.
    pub time: u64,
    /// How many idempotency keys are on disk.
    pub keys: u64,
}

impl Row {
    pub fn empty(epoch: Epoch) -> Self {
        Self { id: None, epoch, next: 1, oldest: 1, bytes: 0, time: 0, keys: 0 }
    }
}

/// A question that only the disk can answer: the facts of records from this offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedFacts {
    pub topic: i64,
    pub from: u64,
}

/// A part of the log that is on disk alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnDisk {
    pub topic: i64,
    pub from: u64,
    /// The first offset that is not meant.
    pub to: u64,
    pub limit: BatchLimit,
    pub newest_first: bool,
}

/// Something to read.
#[derive(Debug)]
pub enum Found<T> {
    Here(T),
    OnDisk(OnDisk),
}

/// One topic.
pub struct State {
    pub row: Row,
    pub retention: Retention,
    /// The oldest record that is still shown; those before it on disk are over their age, and go with the next write.
    pub floor: u64,
    /// The newest records, without a hole up to the top.
    tail: VecDeque<Arc<Entry>>,
    tail_bytes: usize,
    /// Facts of the oldest records on disk, from `row.oldest` on.
    facts: VecDeque<Fact>,
    pub ring: Ring,
    pub watchers: Watchers,
}

impl State {
    pub fn new(row: Row, retention: Retention) -> Self {
        Self {
            row,
            retention,
            floor: row.oldest,
            tail: VecDeque::new(),
            tail_bytes: 0,
            facts: VecDeque::new(),
            ring: Ring::default(),
            watchers: Watchers::default(),
        }
    }

    pub fn span(&self) -> Span {
        Span { epoch: self.row.epoch, oldest: self.floor, next: self.row.next }
    }

    /// About how much memory it takes.
    pub fn memory(&self) -> usize {
        self.tail_bytes + self.tail.len() * OVERHEAD + self.facts.len() * FACT
    }

    /// When the oldest record in memory was written.
    pub fn oldest_time(&self) -> Option<u64> {
        self.tail.front().map(|entry| entry.record.time)
    }

    /// Whether nothing is kept that a promise hangs on, but for its offsets.
    pub fn is_idle(&self, now: u64, key_age: u64) -> bool {
        self.floor == self.row.next && (self.row.keys == 0 || self.row.time.saturating_add(key_age) <= now)
    }

    /// Shows no more what is over its age.
    pub fn expire(&mut self, now: u64) -> Result<(), NeedFacts> {
        while self.floor < self.row.next {
            match self.fact(self.floor) {
                Some(fact) if fact.time.saturating_add(self.retention.age) <= now => self.floor += 1,
                Some(_) => return Ok(()),
                None => return self.need(),
            }
        }
        Ok(())
    }

    /// What is known of a record.
    pub fn fact(&self, offset: u64) -> Option<Fact> {
        let at = |from: u64| usize::try_from(offset.checked_sub(from)?).ok();
        match at(self.tail_from()) {
            Some(index) => self.tail.get(index).map(|entry| Fact::of(entry)),
            None => self.facts.get(at(self.row.oldest)?).copied(),
        }
    }

    /// The facts that are next in line to be asked for.
    pub fn need(&self) -> Result<(), NeedFacts> {
        let from = self.row.oldest + self.facts.len() as u64;
        // What is not on disk has no records.
        self.row.id.map_or(Ok(()), |topic| Err(NeedFacts { topic, from }))
    }

    /// Takes facts in that were asked for, if they still fit to what is known.
    pub fn learn(&mut self, from: u64, facts: impl IntoIterator<Item = Fact>) {
        let end = self.row.oldest + self.facts.len() as u64;
        let skip = usize::try_from(end.saturating_sub(from)).unwrap_or(usize::MAX);
        if from <= end {
            self.facts.extend(facts.into_iter().skip(skip));
        }
    }

    /// Where the records in memory begin.
    fn tail_from(&self) -> u64 {
        self.row.next - self.tail.len() as u64
    }

    /// What was written to disk, in memory too.
    pub fn install(&mut self, row: Row, entries: Vec<Arc<Entry>>) {
        let gone = row.oldest - self.row.oldest;
        self.facts.drain(..usize::try_from(gone).unwrap_or(usize::MAX).min(self.facts.len()));
        self.row = row;
        self.floor = self.floor.max(row.oldest);
        for entry in entries {
            self.tail_bytes += entry.encoded.len();
            self.tail.push_back(entry);
        }
        while self.tail_bytes > TAIL_BYTES || self.tail_from() < self.row.oldest {
            if !self.shed() {
                return;
            }
        }
    }

    /// Records that were there before this store was opened: the newest of the topic.
    pub fn warm(&mut self, entries: Vec<Arc<Entry>>) {
        self.tail_bytes = entries.iter().map(|entry| entry.encoded.len()).sum();
        self.tail = entries.into();
    }

    /// Drops the oldest record from memory. Its facts stay, while they are few and next in line.
    pub fn shed(&mut self) -> bool {
        let offset = self.tail_from();
        let Some(entry) = self.tail.pop_front() else { return false };
        self.tail_bytes -= entry.encoded.len();
        let next_in_line = offset == self.row.oldest + self.facts.len() as u64;
        if offset >= self.row.oldest && next_in_line && self.facts.len() < FACTS {
            self.facts.push_back(Fact::of(&entry));
        }
        true
    }

    /// What is after a cursor: a gap, nothing, or records, here or on disk.
    pub fn read(&self, after: Position, limit: BatchLimit) -> Result<Option<Found<Batch>>, Gap> {
        let span = self.span();
        if let Some(gap) = span.gap_after(after) {
            return Err(gap);
        }
        let from = after.offset + 1;
        if from == span.next {
            return Ok(None);
        }
        let tail = self.tail_from();
        if let (true, Some(topic)) = (from < tail, self.row.id) {
            return Ok(Some(Found::OnDisk(OnDisk { topic, from, to: tail, limit, newest_first: false })));
        }
        let skip = usize::try_from(from.saturating_sub(tail)).unwrap_or(usize::MAX);
        Ok(batch(self.tail.iter().skip(skip), limit, span).map(Found::Here))
    }

    /// A page of history.
    pub fn history(&self, range: HistoryRange, limit: u32) -> Found<Page> {
        let span = self.span();
        let records = limit.min(limits::HISTORY);
        let (from, to, newest_first) = match range {
            HistoryRange::Before(offset) => (span.oldest, offset.clamp(span.oldest, span.next), true),
            HistoryRange::After(offset) => {
                (offset.saturating_add(1).clamp(span.oldest, span.next), span.next, false)
            }
        };
        let limit = BatchLimit { bytes: limits::BATCH_BYTES, records: records as usize };
        let first = if newest_first { to.saturating_sub(u64::from(records)).max(from) } else { from };
        let tail = self.tail_from();
        if let (true, Some(topic)) = (first < tail && first < to && records > 0, self.row.id) {
            return Found::OnDisk(OnDisk { topic, from, to, limit, newest_first });
        }
        let index = |offset: u64| usize::try_from(offset.saturating_sub(tail)).unwrap_or(usize::MAX);
        let side = self.tail.range(index(first).min(self.tail.len())..index(to).min(self.tail.len()));
        let entries = if newest_first { fitting(side.rev(), limit) } else { fitting(side, limit) };
        Found::Here(page(span.epoch, from, to, entries, newest_first))
    }
}

/// As many of the entries as fit, and one at least where a record is asked for.
pub fn fitting<'a>(entries: impl Iterator<Item = &'a Arc<Entry>>, limit: BatchLimit) -> Vec<Arc<Entry>> {
    let mut bytes = 0;
    let mut fits = |entry: &&Arc<Entry>| {
        let first = bytes == 0;
        bytes += entry.encoded.len();
        first || bytes <= limit.bytes
    };
    entries.take(limit.records).take_while(&mut fits).cloned().collect()
}

/// A batch of the first entries that fit.
pub fn batch<'a>(
    entries: impl Iterator<Item = &'a Arc<Entry>>,
    limit: BatchLimit,
    span: Span,
) -> Option<Batch> {
    let entries = fitting(entries, BatchLimit { records: limit.records.max(1), ..limit });
    let last = span.at(entries.last()?.record.offset);
    let bytes = entries.iter().map(|entry| entry.encoded.len()).sum();
    Some(Batch { entries, bytes, last, more: last.offset + 1 < span.next })
}

/// A page of entries, which came in the order that they were asked for.
pub fn page(epoch: Epoch, from: u64, to: u64, mut entries: Vec<Arc<Entry>>, newest_first: bool) -> Page {
    if newest_first {
        entries.reverse();
    }
    Page { epoch, more: (entries.len() as u64) < to - from, entries }
}
