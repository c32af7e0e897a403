//! What was really written: every record of every life of every topic, mirrored from the server's store
//! the moment it was appended. It knows nothing of clients, connections or cursors.

use std::collections::BTreeMap;

use bytes::Bytes;
use everwire_protocol::{Epoch, Position, PublishId, Record, Topic};

/// One record as it was appended.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its content.
    pub data: Bytes,
    /// The key it was published with.
    pub id: Option<PublishId>,
}

/// One life of one topic's log, whole: nothing is ever evicted from it.
#[derive(Debug, Default)]
struct Life {
    entries: Vec<Entry>,
    /// The oldest offset that the server still kept when it was last looked at.
    oldest: u64,
    /// The highest sequence number of each publisher, to check their order.
    newest_of: BTreeMap<String, u64>,
}

/// All that was ever written.
#[derive(Debug, Default)]
pub struct Truth {
    lives: BTreeMap<(Topic, Epoch), Life>,
    /// The present life of each topic, and those before it.
    epochs: BTreeMap<Topic, Vec<Epoch>>,
}

impl Truth {
    /// Takes in what the server appended, and checks the two promises that the log alone can break:
    /// offsets are contiguous, and a publish takes effect once, in its publisher's order (invariants 3, 4).
    ///
    /// # Errors
    /// Which promise was broken.
    pub fn appended(&mut self, topic: &Topic, epoch: Epoch, record: &Record) -> Result<(), String> {
        let epochs = self.epochs.entry(topic.clone()).or_default();
        if epochs.last() != Some(&epoch) {
            if epochs.contains(&epoch) {
                return Err(format!("{topic}: epoch {epoch} came back"));
            }
            epochs.push(epoch);
        }
        let life = self.lives.entry((topic.clone(), epoch)).or_default();
        let expected = life.entries.len() as u64 + 1;
        if record.offset != expected {
            return Err(format!("{topic}: appended offset {} where {expected} was due", record.offset));
        }
        if let Some((publisher, sequence)) = record.id.as_ref().and_then(sequence_of) {
            let newest = life.newest_of.entry(publisher).or_default();
            if sequence <= *newest {
                return Err(format!(
                    "invariants 3 and 4: {topic} got {:?} after the publisher's {newest}",
                    record.id
                ));
            }
            *newest = sequence;
        }
        life.entries.push(Entry { data: record.payload.data.clone(), id: record.id.clone() });
        Ok(())
    }

    /// Notes how far retention has gone.
    pub fn kept_from(&mut self, topic: &Topic, epoch: Epoch, oldest: u64) {
        if let Some(life) = self.lives.get_mut(&(topic.clone(), epoch)) {
            life.oldest = life.oldest.max(oldest);
        }
    }

    /// The oldest offset still kept, as far as was noted.
    #[must_use]
    pub fn oldest(&self, topic: &Topic, epoch: Epoch) -> u64 {
        self.lives.get(&(topic.clone(), epoch)).map_or(1, |life| life.oldest.max(1))
    }

    /// The newest position of a topic's present life; none while nothing was written in any.
    #[must_use]
    pub fn top(&self, topic: &Topic) -> Option<Position> {
        let epoch = *self.epochs.get(topic)?.last()?;
        Some(Position { epoch, offset: self.top_in(topic, epoch) })
    }

    /// The newest offset of one life of a topic's log, present or past.
    #[must_use]
    pub fn top_in(&self, topic: &Topic, epoch: Epoch) -> u64 {
        self.lives.get(&(topic.clone(), epoch)).map_or(0, |life| life.entries.len() as u64)
    }

    /// The record at a position.
    #[must_use]
    pub fn at(&self, topic: &Topic, position: Position) -> Option<&Entry> {
        let life = self.lives.get(&(topic.clone(), position.epoch))?;
        life.entries.get(usize::try_from(position.offset.checked_sub(1)?).ok()?)
    }
}

/// Reads `NAME.SEQUENCE.PROOF`.
fn sequence_of(id: &PublishId) -> Option<(String, u64)> {
    let (publisher, rest) = id.as_str().split_once('.')?;
    Some((publisher.to_owned(), rest.split('.').next()?.parse().ok()?))
}
