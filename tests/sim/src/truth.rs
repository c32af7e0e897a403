//! What was really written: every record of every life of every topic, as the store took it in. It knows nothing of
//! clients, connections or cursors.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use everwire_protocol::{Epoch, Position, PublishId, Topic};
use everwire_server::log::NewRecord;

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
    newest_of: HashMap<String, u64>,
    /// What was published into it, to find what took effect twice.
    ids: HashSet<PublishId>,
}

/// All that was ever written.
#[derive(Debug, Default)]
pub struct Truth {
    topics: BTreeMap<Topic, Lives>,
    /// Publishes that their clients have given up. They may take effect all the same, and late.
    given_up: HashSet<PublishId>,
}

#[derive(Debug, Default)]
struct Lives {
    /// The present one is the last.
    epochs: Vec<Epoch>,
    lives: Vec<Life>,
}

impl Lives {
    fn life(&self, epoch: Epoch) -> Option<&Life> {
        // Nearly always the last one is meant.
        let index = self.epochs.iter().rposition(|known| *known == epoch)?;
        self.lives.get(index)
    }
}

impl Truth {
    /// Takes in what the server appended, and checks the two promises that the log alone can break:
    /// offsets are contiguous, and a publish takes effect once, in its publisher's order (invariants 3, 4).
    ///
    /// # Errors
    /// Which promise was broken.
    pub fn appended(&mut self, topic: &Topic, position: Position, new: NewRecord) -> Result<(), String> {
        let topics = self.topics.entry(topic.clone()).or_default();
        if topics.epochs.last() != Some(&position.epoch) {
            if topics.epochs.contains(&position.epoch) {
                return Err(format!("{topic}: epoch {} came back", position.epoch));
            }
            topics.epochs.push(position.epoch);
            topics.lives.push(Life::default());
        }
        let Some((life, earlier)) = topics.lives.split_last_mut() else { return Ok(()) };
        let expected = life.entries.len() as u64 + 1;
        if position.offset != expected {
            return Err(format!("invariant 1: {topic} appended {position} where {expected} was due"));
        }
        let id = new.id;
        if let Some(id) = &id
            && let Some((publisher, sequence)) = sequence_of(id)
        {
            if !life.ids.insert(id.clone()) {
                return Err(format!("invariant 4: {topic} got {id:?} twice"));
            }
            let newest = life.newest_of.entry(publisher).or_default();
            // What a client has given up may come late; and so may what it has no need to repeat, because a life of
            // the log that was lost since had it.
            let may_be_late = self.given_up.contains(id) || earlier.iter().any(|life| life.ids.contains(id));
            if sequence <= *newest && !may_be_late {
                return Err(format!("invariant 3: {topic} got {id:?} after the publisher's {newest}"));
            }
            *newest = sequence.max(*newest);
        }
        life.entries.push(Entry { data: new.payload.data, id });
        Ok(())
    }

    /// The client of a publish has given it up.
    pub fn gave_up(&mut self, id: &PublishId) {
        self.given_up.insert(id.clone());
    }

    /// Notes how far retention has gone: the oldest record that is kept.
    pub fn kept_from(&mut self, topic: &Topic, oldest: Position) {
        let Some(topics) = self.topics.get_mut(topic) else { return };
        if let Some(index) = topics.epochs.iter().rposition(|epoch| *epoch == oldest.epoch) {
            let life = &mut topics.lives[index];
            life.oldest = life.oldest.max(oldest.offset);
        }
    }

    /// The oldest offset still kept, as far as was noted.
    #[must_use]
    pub fn oldest(&self, topic: &Topic, epoch: Epoch) -> u64 {
        self.topics.get(topic).and_then(|topics| topics.life(epoch)).map_or(1, |life| life.oldest.max(1))
    }

    /// The newest position of a topic's present life; none while nothing was written in any.
    #[must_use]
    pub fn top(&self, topic: &Topic) -> Option<Position> {
        let topics = self.topics.get(topic)?;
        let offset = topics.lives.last()?.entries.len() as u64;
        Some(Position { epoch: *topics.epochs.last()?, offset })
    }

    /// The newest offset of one life of a topic's log, present or past.
    #[must_use]
    pub fn top_in(&self, topic: &Topic, epoch: Epoch) -> u64 {
        let life = self.topics.get(topic).and_then(|topics| topics.life(epoch));
        life.map_or(0, |life| life.entries.len() as u64)
    }

    /// The record at a position.
    #[must_use]
    pub fn at(&self, topic: &Topic, position: Position) -> Option<&Entry> {
        let life = self.topics.get(topic)?.life(position.epoch)?;
        life.entries.get(usize::try_from(position.offset.checked_sub(1)?).ok()?)
    }
}

/// Reads `NAME.SEQUENCE.PROOF`.
fn sequence_of(id: &PublishId) -> Option<(String, u64)> {
    let (publisher, rest) = id.as_str().split_once('.')?;
    Some((publisher.to_owned(), rest.split('.').next()?.parse().ok()?))
}
