//! One topic's log: an append-only run of records with contiguous offsets, read by cursor.
//!
//! Pure: time comes in as milliseconds, the epoch comes in from outside, and nothing here knows a socket,
//! a runtime, or where else a log may be kept.
//!
//! A record is encoded once, when it is appended, so handing it to a thousand readers is a thousand
//! copies of bytes and no encoding.

mod keys;
mod retention;
mod span;
mod topic;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use everwire_protocol::{
    Epoch, GapReason, Payload, Position, PublishId, Record,
    binary::{self, DecodeError},
    limits,
};

pub use keys::KeyLimits;
pub use retention::{BadPattern, Pattern, Retention, RetentionRules};
pub use span::Span;
pub use topic::TopicLog;

/// What a publisher gives; the log adds the offset and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The content.
    pub payload: Payload,
    /// What it is about, for conflation.
    pub key: Option<Arc<str>>,
    /// The publisher's subject; none for an anonymous one.
    pub from: Option<Arc<str>>,
    /// The idempotency key: the same one again, of the same publisher, appends nothing.
    pub id: Option<PublishId>,
}

/// A record as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The record. Its payload is a part of `encoded`, not a copy.
    pub record: Record,
    /// The record in the binary codec, without its offset.
    pub encoded: Bytes,
}

impl Entry {
    /// Encodes a record.
    #[must_use]
    pub fn new(mut record: Record) -> Self {
        let mut out = Vec::with_capacity(record.payload.data.len() + 32);
        binary::encode_record(&record, &mut out);
        let encoded = Bytes::from(out.into_boxed_slice());
        // The codec puts the payload last.
        record.payload.data = encoded.slice(encoded.len() - record.payload.data.len()..);
        Self { record, encoded }
    }

    /// A record as a store gives it back.
    ///
    /// # Errors
    /// When these are not the bytes of a record.
    pub fn decode(offset: u64, encoded: Bytes) -> Result<Self, DecodeError> {
        let record = binary::decode_record(encoded.clone(), offset)?;
        Ok(Self { record, encoded })
    }
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Where the record stands.
    pub position: Position,
    /// The idempotency key was known: nothing was appended, and `position` is the first one's.
    pub repeated: bool,
}

/// A range that a reader can no longer get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first offset lost.
    pub from: u64,
    /// The last offset lost; unknown when the epoch changed.
    pub to: Option<u64>,
    /// Why.
    pub reason: GapReason,
    /// Where reading goes on: before the oldest record kept, so that nothing written since is missed.
    pub position: Position,
}

/// Where a reader starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The next record to read is the one after this.
    pub position: Position,
    /// The reader came from a position and has lost nothing.
    pub recovered: bool,
    /// What it has lost, when it came from a position that can't be gone on from.
    pub gap: Option<Gap>,
}

/// How much a read may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimit {
    /// Most encoded bytes. The first record is returned even when it alone is larger.
    pub bytes: usize,
    /// Most records.
    pub records: usize,
}

impl Default for BatchLimit {
    fn default() -> Self {
        Self { bytes: limits::BATCH_BYTES, records: limits::RECORDS }
    }
}

/// Records of one read: contiguous, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The records.
    pub entries: Vec<Arc<Entry>>,
    /// Their encoded bytes together.
    pub bytes: usize,
    /// The position of the last one: the reader's next cursor.
    pub last: Position,
    /// Whether the log holds more after them.
    pub more: bool,
}

/// What is after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing yet.
    UpToDate,
    /// Records.
    Batch(Batch),
    /// The cursor can't be gone on from; go on from the gap's position.
    Gap(Gap),
}

/// A page of history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The life of the log that the records are from.
    pub epoch: Epoch,
    /// The records in offset order.
    pub entries: Vec<Arc<Entry>>,
    /// Whether the log keeps more on the side that was asked for.
    pub more: bool,
}
