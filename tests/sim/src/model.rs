//! The reference model: what one client's app may be told, by the invariants of the design. It is fed
//! with everything that the real client delivers, and compares it with the truth.
//!
//! It is as plain as can be: one cursor per subscription, one record per publish.

use std::collections::BTreeMap;

use everwire_core::Outcome;
use everwire_protocol::{Epoch, GapReason, Position, PublishId, Record, Topic};

use crate::{members::View, reading::Reading, truth::Truth};

/// What the app knows of one publish.
#[derive(Debug)]
struct Sent {
    topic: Topic,
    ephemeral: bool,
    outcome: Option<Outcome>,
}

/// What one client's app was told so far.
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
    pub fn subscribe(&mut self, id: u32, reading: Reading) {
        self.readings.insert(id, reading);
    }

    /// Where the readings of a topic are: a new one that asks for the latest may start with one of them.
    #[must_use]
    pub fn cursors(&self, topic: &Topic) -> Vec<Position> {
        let readings = self.readings.values().filter(|reading| reading.topic == *topic);
        readings.filter_map(|reading| reading.cursor).collect()
    }

    /// What the app has of a subscription.
    #[must_use]
    pub fn position(&self, id: u32) -> Option<Position> {
        self.readings.get(&id)?.cursor
    }

    /// The app unsubscribed: nothing of the subscription may come any more.
    pub fn unsubscribe(&mut self, id: u32) {
        self.readings.remove(&id);
    }

    /// The app closed the client.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The tab died. What it had published gets an outcome only where it was kept for the next one.
    pub fn die(&mut self, kept: impl Fn(&PublishId) -> bool) {
        self.readings.clear();
        self.sent.retain(|id, sent| sent.outcome.is_some() || kept(id));
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

    /// Others of the same origin have been at a position: a reading of the latest may begin there.
    pub fn knows(&mut self, id: u32, position: Position) -> Verdict {
        self.reading(id)?.knows(position);
        Ok(())
    }

    /// The client said that a subscription stands.
    pub fn subscribed(&mut self, truth: &Truth, id: u32, position: Position) -> Verdict {
        self.reading(id)?.subscribed(truth, position)
    }

    /// The client delivered records.
    pub fn messages(&mut self, truth: &Truth, id: u32, epoch: Epoch, records: &[Record]) -> Verdict {
        self.delivered += records.len() as u64;
        self.reading(id)?.messages(truth, epoch, records)
    }

    /// The client told of a gap.
    pub fn gap(
        &mut self,
        truth: &Truth,
        id: u32,
        range: (u64, Option<u64>),
        reason: GapReason,
        position: Position,
    ) -> Verdict {
        self.gaps += 1;
        self.reading(id)?.gap(truth, range, reason, position)
    }

    /// The client delivered something that is not logged.
    pub fn ephemeral(&mut self, id: u32) -> Verdict {
        self.reading(id).map(drop)
    }

    /// The client told who is there.
    pub fn view(&mut self, id: u32) -> Result<(&Topic, &mut View), String> {
        let reading = self.reading(id)?;
        let view = reading.members.as_mut().ok_or("presence was not asked for")?;
        Ok((&reading.topic, view))
    }

    /// The client told what became of a publish.
    pub fn published(&mut self, truth: &Truth, id: &PublishId, outcome: &Outcome) -> Verdict {
        let sent =
            self.sent.get_mut(id).ok_or_else(|| format!("an outcome of {id}, which was never sent"))?;
        if let Some(before) = &sent.outcome {
            return Err(format!("invariant 4: {id} had the outcome {before:?}, and now {outcome:?}"));
        }
        match outcome {
            Outcome::Acked { position } => {
                let written =
                    position.map(|position| truth.at(&sent.topic, position).map(|entry| entry.id.as_ref()));
                match written {
                    None if sent.ephemeral => {}
                    Some(Some(Some(there))) if there == id => {}
                    _ => return Err(format!("invariant 4: {id} was acked at {position:?}, where it is not")),
                }
            }
            // Ephemeral ones are not held back for a server that has no time for them.
            Outcome::Rejected { code, .. } if !sent.ephemeral => {
                return Err(format!("{id} was rejected with {code}: nothing here is refused for good"));
            }
            Outcome::Rejected { .. } | Outcome::Expired => {}
        }
        sent.outcome = Some(outcome.clone());
        Ok(())
    }

    /// Once the network has healed and time has passed, every subscription has caught up, knows who is there, and every
    /// publish has its outcome.
    pub fn settled(&self, truth: &Truth, present: &BTreeMap<Topic, Vec<String>>) -> Verdict {
        if self.closed {
            return Ok(());
        }
        for reading in self.readings.values() {
            reading.settled(truth, present)?;
        }
        match self.sent.iter().find(|(_, sent)| sent.outcome.is_none()) {
            Some((id, _)) => Err(format!("invariant 6: {id} never got an outcome")),
            None => Ok(()),
        }
    }

    fn reading(&mut self, id: u32) -> Result<&mut Reading, String> {
        let stranger = || format!("invariant 11: subscription {id} was told something, and does not stand");
        self.readings.get_mut(&id).ok_or_else(stranger)
    }
}
