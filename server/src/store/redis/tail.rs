//! The newest records of one topic, as this instance has heard of them: what all its readers share, so that
//! a record costs one message from Redis however many they are. What is not certain here is asked there. It
//! knows no connection and no readers.

use std::{collections::VecDeque, sync::Arc};

use everwire_protocol::{Epoch, Position};

use super::wire::Answer;
use crate::log::{Batch, BatchLimit, Entry, Retention};

/// Most bytes of records of one topic that are kept here.
pub const TAIL_BYTES: usize = 256 * 1024;
/// What a record costs beside its encoded bytes.
const OVERHEAD: usize = 192;

/// The newest records of a log.
#[derive(Debug, Default)]
pub struct Tail {
    /// The log's life; none while nothing is known.
    epoch: Option<Epoch>,
    /// The offset before the first entry.
    base: u64,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The newest offset that was heard of: records up to it are there, if not here.
    known: u64,
}

/// What the tail says to a cursor.
#[derive(Debug, PartialEq, Eq)]
pub enum Local {
    /// Records.
    Batch(Batch),
    /// There is nothing newer.
    UpToDate,
    /// There are newer records: those that [`Tail::end`] is behind.
    Behind,
    /// Only Redis knows.
    Ask,
}

impl Tail {
    /// What is after a cursor.
    pub fn read(&self, after: Position, limit: BatchLimit) -> Local {
        let end = self.last();
        if self.epoch != Some(after.epoch) || after.offset < self.base || after.offset > end {
            return Local::Ask;
        }
        if after.offset == end {
            return if self.known == end { Local::UpToDate } else { Local::Behind };
        }
        let skip = usize::try_from(after.offset - self.base).unwrap_or(usize::MAX);
        let all = self.entries.iter().skip(skip).cloned();
        match batch(after.epoch, all, limit, self.known) {
            Some(batch) => Local::Batch(batch),
            None => Local::Ask,
        }
    }

    /// Where the tail ends, and so where it goes on.
    pub fn end(&self) -> Option<Position> {
        self.epoch.map(|epoch| Position { epoch, offset: self.last() })
    }

    /// How far the log is known to be.
    pub fn known(&self) -> Option<Position> {
        self.epoch.map(|epoch| Position { epoch, offset: self.known })
    }

    /// A record was heard of. True when that was news.
    pub fn record(&mut self, epoch: Epoch, entry: Arc<Entry>, keep: Retention) -> bool {
        let offset = entry.record.offset;
        if self.epoch != Some(epoch) {
            self.begin(Position { epoch, offset: offset.saturating_sub(1) });
        }
        let news = offset > self.known;
        self.known = self.known.max(offset);
        if offset == self.last() + 1 {
            self.bytes += cost(&entry);
            self.entries.push_back(entry);
            let bytes = keep.bytes.min(TAIL_BYTES);
            while self.entries.len() > 1 && (self.entries.len() > keep.records || self.bytes > bytes) {
                self.drop_oldest();
            }
        }
        news
    }

    /// It was heard how far the log is. True when that was news.
    pub fn top(&mut self, epoch: Epoch, top: u64) -> bool {
        if self.epoch != Some(epoch) {
            // What begins empty, and was not known before, is no news to anybody.
            let news = self.epoch.is_some() || top > 0;
            self.begin(Position { epoch, offset: top });
            return news;
        }
        let news = top > self.known;
        self.known = self.known.max(top);
        news
    }

    /// Takes in what Redis answered to a read after a cursor.
    pub fn learn(&mut self, after: Position, answer: &Answer, keep: Retention) {
        self.top(answer.epoch, answer.top);
        if self.end() == Some(after) && after.offset + 1 < answer.oldest {
            // Trimmed away before it was read here.
            self.begin(Position { epoch: answer.epoch, offset: answer.oldest - 1 });
            self.known = answer.top;
        }
        for entry in &answer.entries {
            self.record(answer.epoch, Arc::clone(entry), keep);
        }
    }

    /// Drops records that are over their age.
    pub fn expire(&mut self, now: u64, age: u64) {
        while self.entries.front().is_some_and(|e| e.record.time.saturating_add(age) <= now) {
            self.drop_oldest();
        }
    }

    /// Drops the older half: for an instance that is short of memory.
    pub fn halve(&mut self) {
        for _ in 0..self.entries.len().div_ceil(2) {
            self.drop_oldest();
        }
    }

    /// About how much memory the records take.
    pub fn memory(&self) -> usize {
        self.bytes
    }

    fn last(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    fn begin(&mut self, at: Position) {
        *self = Self { epoch: Some(at.epoch), base: at.offset, known: at.offset, ..Self::default() };
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= cost(&entry);
            self.base += 1;
        }
    }
}

fn cost(entry: &Entry) -> usize {
    entry.encoded.len() + OVERHEAD
}

/// As many entries as a read may return.
pub fn batch(
    epoch: Epoch,
    all: impl Iterator<Item = Arc<Entry>>,
    limit: BatchLimit,
    top: u64,
) -> Option<Batch> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for entry in all {
        let over = bytes + entry.encoded.len() > limit.bytes || entries.len() >= limit.records;
        if over && !entries.is_empty() {
            break;
        }
        bytes += entry.encoded.len();
        entries.push(entry);
    }
    let offset = entries.last()?.record.offset;
    Some(Batch { entries, bytes, last: Position { epoch, offset }, more: offset < top })
}

#[cfg(test)]
mod tests {
    use everwire_protocol::{Payload, Record};

    use super::*;

    const KEEP: Retention = Retention { records: 4, bytes: 1 << 20, age: 1_000 };

    fn epoch(text: &str) -> Epoch {
        Epoch::new(text).expect("an epoch")
    }

    fn at(text: &str, offset: u64) -> Position {
        Position { epoch: epoch(text), offset }
    }

    fn entry(offset: u64) -> Arc<Entry> {
        let payload = Payload::json("1");
        Arc::new(Entry::new(Record { offset, time: offset, payload, key: None, from: None, id: None }))
    }

    fn hear(tail: &mut Tail, offsets: std::ops::RangeInclusive<u64>) {
        offsets.for_each(|offset| assert!(tail.record(epoch("e"), entry(offset), KEEP)));
    }

    fn read(tail: &Tail, after: Position) -> Local {
        tail.read(after, BatchLimit::default())
    }

    fn offsets(local: Local) -> Vec<u64> {
        let Local::Batch(batch) = local else { panic!("records, not {local:?}") };
        batch.entries.iter().map(|entry| entry.record.offset).collect()
    }

    #[test]
    fn what_was_heard_in_order_is_read_from_here_and_the_rest_is_asked_for() {
        let mut tail = Tail::default();
        assert_eq!(read(&tail, at("e", 0)), Local::Ask);
        hear(&mut tail, 5..=10);
        assert_eq!(offsets(read(&tail, at("e", 7))), [8, 9, 10]);
        assert_eq!(offsets(read(&tail, at("e", 6))), [7, 8, 9, 10], "as many as are kept");
        assert_eq!(read(&tail, at("e", 5)), Local::Ask);
        assert_eq!(read(&tail, at("e", 10)), Local::UpToDate);
        // A cursor of another instance may be ahead of what this one has heard.
        assert_eq!(read(&tail, at("e", 11)), Local::Ask);
        assert_eq!(read(&tail, at("other", 10)), Local::Ask);
        assert!(!tail.record(epoch("e"), entry(9), KEEP), "told twice");
        assert_eq!(offsets(read(&tail, at("e", 8))), [9, 10]);
    }

    #[test]
    fn invariant_1_a_hole_in_what_was_heard_is_filled_before_anything_is_read_beyond_it() {
        let mut tail = Tail::default();
        hear(&mut tail, 1..=2);
        assert!(tail.record(epoch("e"), entry(4), KEEP));
        assert_eq!(read(&tail, at("e", 2)), Local::Behind);
        assert_eq!(tail.end(), Some(at("e", 2)));
        let answer = Answer { epoch: epoch("e"), top: 4, oldest: 1, entries: vec![entry(3), entry(4)] };
        tail.learn(at("e", 2), &answer, KEEP);
        assert_eq!(offsets(read(&tail, at("e", 2))), [3, 4]);
        assert_eq!(read(&tail, at("e", 4)), Local::UpToDate);
        // And where what was missed is gone, it begins anew behind the gap.
        assert!(tail.top(epoch("e"), 90));
        let answer = Answer { epoch: epoch("e"), top: 90, oldest: 87, entries: Vec::new() };
        tail.learn(at("e", 4), &answer, KEEP);
        assert_eq!((tail.end(), tail.known()), (Some(at("e", 86)), Some(at("e", 90))));
        assert_eq!(read(&tail, at("e", 4)), Local::Ask);
    }

    #[test]
    fn another_life_of_the_log_is_another_tail() {
        let mut tail = Tail::default();
        hear(&mut tail, 1..=3);
        assert!(tail.top(epoch("f"), 2));
        assert_eq!(read(&tail, at("e", 1)), Local::Ask);
        assert_eq!(read(&tail, at("f", 2)), Local::UpToDate);
        assert_eq!(tail.memory(), 0);
        assert!(tail.record(epoch("g"), entry(1), KEEP));
        assert_eq!(offsets(read(&tail, at("g", 0))), [1]);
    }

    #[test]
    fn what_is_too_old_goes() {
        let mut tail = Tail::default();
        hear(&mut tail, 1..=4);
        tail.expire(1_002, KEEP.age);
        assert_eq!(offsets(read(&tail, at("e", 2))), [3, 4]);
        tail.halve();
        assert_eq!(offsets(read(&tail, at("e", 3))), [4]);
        tail.halve();
        assert_eq!((read(&tail, at("e", 4)), tail.memory()), (Local::UpToDate, 0));
    }
}
