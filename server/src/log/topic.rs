//! The log itself. See the module above for what it must not know.

use std::{collections::VecDeque, sync::Arc};

use everwire_protocol::{Epoch, From, HistoryRange, Position, Record, limits};

use super::{
    Appended, Batch, BatchLimit, Entry, KeyLimits, NewRecord, Page, Read, Retention, Span, Start,
    keys::KeyWindow,
};

/// What a record costs beside its encoded bytes.
const OVERHEAD: usize = 192;

/// One topic's log.
///
/// ```
/// use everwire_protocol::{Epoch, From, Payload};
/// use everwire_server::log::{BatchLimit, KeyLimits, NewRecord, Read, Retention, TopicLog};
///
/// let mut log = TopicLog::new(Epoch::from_number(7), Retention::default(), KeyLimits::default());
/// let start = log.resolve(From::Latest);
/// let new = NewRecord { payload: Payload::json("1"), key: None, from: None, id: None };
/// assert_eq!(log.append(1_000, new).position.offset, 1);
/// let Read::Batch(batch) = log.read(start.position, BatchLimit::default()) else { panic!() };
/// assert_eq!(batch.entries[0].record.offset, 1);
/// assert_eq!(log.read(batch.last, BatchLimit::default()), Read::UpToDate);
/// ```
#[derive(Debug)]
pub struct TopicLog {
    epoch: Epoch,
    retention: Retention,
    entries: VecDeque<Arc<Entry>>,
    /// The offset that the next record gets.
    next: u64,
    bytes: usize,
    last_time: u64,
    keys: KeyWindow,
}

impl TopicLog {
    /// An empty log: the first record gets offset 1.
    #[must_use]
    pub fn new(epoch: Epoch, retention: Retention, keys: KeyLimits) -> Self {
        Self {
            epoch,
            retention,
            entries: VecDeque::new(),
            next: 1,
            bytes: 0,
            last_time: 0,
            keys: KeyWindow::new(keys),
        }
    }

    /// Appends a record, unless its publisher's idempotency key is known: then it answers the first
    /// one's position (invariant 4). `now` is in milliseconds since the Unix epoch; a clock that went
    /// back is held at the last record's time, so that times never fall along the log.
    pub fn append(&mut self, now: u64, new: NewRecord) -> Appended {
        let now = now.max(self.last_time);
        self.expire(now);
        let NewRecord { payload, key, from, id } = new;
        if let Some(first) = id.as_ref().and_then(|id| self.keys.get(from.as_ref(), id)) {
            return Appended { position: self.at(first), repeated: true };
        }
        let offset = self.next;
        self.next += 1;
        self.last_time = now;
        if let Some(id) = id.clone() {
            self.keys.insert(now, from.clone(), id, offset);
        }
        let entry = Entry::new(Record { offset, time: now, payload, key, from, id });
        self.bytes += entry.encoded.len();
        self.entries.push_back(Arc::new(entry));
        while self.entries.len() > 1
            && (self.entries.len() > self.retention.records || self.bytes > self.retention.bytes)
        {
            self.evict_record();
        }
        Appended { position: self.at(offset), repeated: false }
    }

    /// Drops records and keys that are over their age.
    pub fn expire(&mut self, now: u64) {
        let age = self.retention.age;
        while self.entries.front().is_some_and(|e| e.record.time.saturating_add(age) <= now) {
            self.evict_record();
        }
        self.keys.expire(now);
    }

    /// The position of the newest record that was ever appended.
    #[must_use]
    pub fn top(&self) -> Position {
        self.at(self.next - 1)
    }

    /// The offset of the oldest record kept; where the next one will stand when none is.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.next - self.entries.len() as u64
    }

    /// How many records are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no record is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether nothing at all is kept, not even an idempotency key: forgetting such a log breaks no
    /// promise but that of its offsets, which a new epoch covers.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.keys.oldest_time().is_none()
    }

    /// About how much memory the log takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes + self.entries.len() * OVERHEAD + self.keys.bytes()
    }

    /// The time of the oldest thing kept, record or key.
    #[must_use]
    pub fn oldest_time(&self) -> Option<u64> {
        let record = self.entries.front().map(|entry| entry.record.time);
        record.into_iter().chain(self.keys.oldest_time()).min()
    }

    /// Drops the oldest record or key, for a store that is short of memory.
    pub fn evict_oldest(&mut self) {
        let oldest = self.oldest_time();
        if self.keys.oldest_time() == oldest {
            self.keys.forget_oldest();
        } else {
            self.evict_record();
        }
    }

    /// Where a reader that asks for `from` starts.
    #[must_use]
    pub fn resolve(&self, from: From) -> Start {
        self.span().resolve(from)
    }

    /// What is after a cursor. The cursor is checked each time: another epoch, or an offset ahead of the
    /// top, is another life of the log, and one older than retention has lost records (invariant 1).
    #[must_use]
    pub fn read(&self, after: Position, limit: BatchLimit) -> Read {
        if let Some(gap) = self.span().gap_after(after) {
            return Read::Gap(gap);
        }
        let skip = usize::try_from(after.offset + 1 - self.oldest()).unwrap_or(usize::MAX);
        let mut entries = Vec::new();
        let mut bytes = 0;
        for entry in self.entries.iter().skip(skip) {
            let over = bytes + entry.encoded.len() > limit.bytes || entries.len() >= limit.records;
            if over && !entries.is_empty() {
                break;
            }
            bytes += entry.encoded.len();
            entries.push(Arc::clone(entry));
        }
        match entries.last() {
            None => Read::UpToDate,
            Some(last) => {
                let last = self.at(last.record.offset);
                Read::Batch(Batch { entries, bytes, last, more: last.offset + 1 < self.next })
            }
        }
    }

    /// A page of at most `limit` records and [`limits::BATCH_BYTES`]; one record always fits.
    #[must_use]
    pub fn history(&self, range: HistoryRange, limit: u32) -> Page {
        let limit = limit.min(limits::HISTORY) as usize;
        let oldest = self.oldest();
        let index = |offset: u64| usize::try_from(offset.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let (from, to) = match range {
            HistoryRange::Before(offset) => (0, index(offset).min(self.entries.len())),
            HistoryRange::After(offset) => {
                (index(offset.saturating_add(1)).min(self.entries.len()), self.entries.len())
            }
        };
        let mut bytes = 0;
        let mut fits = |entry: &&Arc<Entry>| {
            let first = bytes == 0;
            bytes += entry.encoded.len();
            first || bytes <= limits::BATCH_BYTES
        };
        let side = self.entries.range(from..to);
        let entries: Vec<_> = match range {
            HistoryRange::Before(_) => {
                let mut page: Vec<_> = side.rev().take(limit).take_while(&mut fits).cloned().collect();
                page.reverse();
                page
            }
            HistoryRange::After(_) => side.take(limit).take_while(&mut fits).cloned().collect(),
        };
        Page { epoch: self.epoch, more: entries.len() < to - from, entries }
    }

    fn span(&self) -> Span {
        Span { epoch: self.epoch, oldest: self.oldest(), next: self.next }
    }

    fn evict_record(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.encoded.len();
        }
    }

    fn at(&self, offset: u64) -> Position {
        Position { epoch: self.epoch, offset }
    }
}
