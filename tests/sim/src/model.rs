//! The reference model: what one client's app may be told, by the invariants of the design. It is fed
//! with everything that the real client delivers, and compares it with the truth.
//!
//! It is as plain as can be: one cursor per subscription, one record per publish.

use std::collections::BTreeMap;

use everwire_core::Outcome;
use everwire_protocol::{Epoch, From, GapReason, Position, PublishId, Record, Topic};

use crate::truth::Truth;

/// What the app knows of one subscription.
#[derive(Debug)]
struct Reading {
    topic: Topic,
    start: From,
    /// The log's top when the app subscribed.
    asked_at: Option<Position>,
    /// The last position that the app was told; none until the subscription first stood.
    cursor: Option<Position>,
}

impl Reading {
    /// Where a subscription may start: it was asked for at a known moment, and answered later.
    fn check_start(&self, truth: &Truth, position: Position) -> Verdict {
        let topic = &self.topic;
        // The answer may come from a life of the log that has ended meanwhile.
        let top = truth.top_in(topic, position.epoch);
        let asked_at = self.asked_at.filter(|top| top.epoch == position.epoch).map_or(0, |top| top.offset);
        let right = match self.start {
            From::Latest => position.offset >= asked_at,
            From::Last(n) => position.offset >= asked_at.saturating_sub(u64::from(n)),
            From::Earliest => position.offset < truth.oldest(topic, position.epoch),
            From::Position(_) => true,
        };
        if right && position.offset <= top {
            Ok(())
        } else {
            Err(format!("{topic}: asked for {} at {asked_at}, starts at {position} of {top}", self.start))
        }
    }
}

/// What the app knows of one publish.
#[derive(Debug)]
struct Sent {
    topic: Topic,
    ephemeral: bool,
    outcome: Option<Outcome>,
}

/// What one client's app was told so far. A subscription is known by the number of its id.
#[derive(Debug, Default)]
pub struct Model {
    readings: BTreeMap<u32, Reading>,
    sent: BTreeMap<PublishId, Sent>,
    closed: bool,
    /// Records delivered.
    pub delivered: u64,
    /// Gaps told.
    pub gaps: u64,
}

/// A broken invariant, in words.
pub type Verdict = Result<(), String>;

impl Model {
    /// The app subscribed.
    pub fn subscribe(&mut self, truth: &Truth, id: u32, topic: Topic, start: From) {
        let asked_at = truth.top(&topic);
        self.readings.insert(id, Reading { topic, start, asked_at, cursor: None });
    }

    /// The app unsubscribed: nothing of the subscription may come any more.
    pub fn unsubscribe(&mut self, id: u32) {
        self.readings.remove(&id);
    }

    /// The app closed the client.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The app published.
    pub fn publish(&mut self, id: PublishId, topic: Topic, ephemeral: bool) -> Verdict {
        match self.sent.insert(id.clone(), Sent { topic, ephemeral, outcome: None }) {
            Some(_) => Err(format!("invariant 4: the id {id} was given twice")),
            None => Ok(()),
        }
    }

    /// The client told the app something: after `close()` it may not (invariant 8).
    pub fn told(&self) -> Verdict {
        if self.closed { Err("invariant 8: something was delivered after close()".into()) } else { Ok(()) }
    }

    /// The client said that a subscription stands.
    pub fn subscribed(&mut self, truth: &Truth, id: u32, position: Position) -> Verdict {
        let reading = self.readings.get_mut(&id).ok_or_else(|| stranger(id))?;
        match reading.cursor {
            // A resumed subscription tells where it resumed, or that it didn't; the cursor moves only by
            // a gap or by records.
            Some(_) => Ok(()),
            None => {
                reading.check_start(truth, position)?;
                // A start from a position that is lost is told as a gap from that very position.
                reading.cursor = Some(match reading.start {
                    From::Position(start) => start,
                    _ => position,
                });
                Ok(())
            }
        }
    }

    /// The client delivered records.
    pub fn messages(&mut self, truth: &Truth, id: u32, epoch: Epoch, records: &[Record]) -> Verdict {
        let reading = self.readings.get_mut(&id).ok_or_else(|| stranger(id))?;
        let topic = &reading.topic;
        let cursor = reading.cursor.as_mut().ok_or_else(|| format!("{topic}: records before the start"))?;
        for record in records {
            let position = Position { epoch, offset: record.offset };
            if epoch != cursor.epoch {
                return Err(format!("invariant 1: {topic} went from {cursor} to {position} without a gap"));
            }
            if record.offset <= cursor.offset {
                return Err(format!("invariants 2 and 3: {topic} got {position} again, after {cursor}"));
            }
            if record.offset != cursor.offset + 1 {
                return Err(format!("invariant 1: {topic} skipped from {cursor} to {position}"));
            }
            let written =
                truth.at(topic, position).ok_or_else(|| format!("{topic}: {position} was never written"))?;
            if written.data != record.payload.data || written.id != record.id {
                return Err(format!("{topic}: {position} is not what was written there"));
            }
            cursor.offset = record.offset;
            self.delivered += 1;
        }
        Ok(())
    }

    /// The client told of a gap.
    pub fn gap(
        &mut self,
        truth: &Truth,
        id: u32,
        (from, to): (u64, Option<u64>),
        reason: GapReason,
        position: Position,
    ) -> Verdict {
        let reading = self.readings.get_mut(&id).ok_or_else(|| stranger(id))?;
        let topic = &reading.topic;
        let cursor = reading.cursor.as_mut().ok_or_else(|| format!("{topic}: a gap before the start"))?;
        if from != cursor.offset + 1 {
            return Err(format!("invariant 1: {topic}: a gap from {from}, where the app has {cursor}"));
        }
        match reason {
            GapReason::Evicted => {
                if position.epoch != cursor.epoch || to != Some(position.offset) || position.offset < from {
                    return Err(format!("{topic}: an evicted gap {from}–{to:?} that goes on at {position}"));
                }
                if position.offset >= truth.oldest(topic, position.epoch) {
                    return Err(format!(
                        "invariant 1: {topic}: a gap up to {position}, which was still kept"
                    ));
                }
            }
            GapReason::Epoch => {
                if position.epoch == cursor.epoch || to.is_some() {
                    return Err(format!("{topic}: an epoch gap {from}–{to:?} from {cursor} to {position}"));
                }
            }
        }
        *cursor = position;
        self.gaps += 1;
        Ok(())
    }

    /// The client told what became of a publish.
    pub fn published(&mut self, truth: &Truth, id: &PublishId, outcome: &Outcome) -> Verdict {
        let sent =
            self.sent.get_mut(id).ok_or_else(|| format!("an outcome of {id}, which was never sent"))?;
        if let Some(before) = &sent.outcome {
            return Err(format!("invariant 4: {id} had the outcome {before:?}, and now {outcome:?}"));
        }
        if let Outcome::Acked { position } = outcome {
            let written =
                position.map(|position| truth.at(&sent.topic, position).map(|entry| entry.id.as_ref()));
            match written {
                None if sent.ephemeral => {}
                Some(Some(Some(there))) if there == id => {}
                _ => return Err(format!("invariant 4: {id} was acked at {position:?}, where it is not")),
            }
        }
        sent.outcome = Some(outcome.clone());
        Ok(())
    }

    /// Once the network has healed and time has passed, every subscription has caught up and every
    /// publish has its outcome.
    pub fn settled(&self, truth: &Truth) -> Verdict {
        if self.closed {
            return Ok(());
        }
        for reading in self.readings.values() {
            let topic = &reading.topic;
            match (reading.cursor, truth.top(topic)) {
                (Some(cursor), Some(top)) if cursor == top => {}
                // Nothing was ever written in this life of the log.
                (Some(cursor), Some(top)) if cursor.epoch != top.epoch && cursor.offset == 0 => {}
                (Some(cursor), None) if cursor.offset == 0 => {}
                (cursor, top) => {
                    return Err(format!(
                        "invariant 1: {topic} settled at {cursor:?}, and the log at {top:?}"
                    ));
                }
            }
        }
        match self.sent.iter().find(|(_, sent)| sent.outcome.is_none()) {
            Some((id, _)) => Err(format!("invariant 6: {id} never got an outcome")),
            None => Ok(()),
        }
    }
}

fn stranger(id: u32) -> String {
    format!("invariant 11: subscription {id} was delivered to, and is no more")
}
