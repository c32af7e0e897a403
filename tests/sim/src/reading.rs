//! One subscription as the app sees it: what may be told next, by the invariants 1 to 3. A part of the reference model.

use std::collections::BTreeMap;

use everwire_protocol::{Epoch, From, GapReason, Position, Record, Topic};

use crate::{members::View, model::Verdict, truth::Truth};

/// What the app knows of one subscription.
#[derive(Debug)]
pub struct Reading {
    /// What is read.
    pub topic: Topic,
    start: From,
    /// The log's top when the app subscribed.
    asked_at: Option<Position>,
    /// Where others of the same client were then: one of them may be the latest that the client knew of.
    known: Vec<Position>,
    /// The last position that the app was told; none until the subscription first stood.
    pub cursor: Option<Position>,
    /// Who is there, where that was asked for.
    pub members: Option<View>,
}

impl Reading {
    /// The app subscribes at this moment.
    #[must_use]
    pub fn new(truth: &Truth, topic: Topic, start: From, known: Vec<Position>, presence: bool) -> Self {
        let asked_at = truth.top(&topic);
        Self { topic, start, asked_at, known, cursor: None, members: presence.then(View::default) }
    }

    /// Others who share the connection have been here.
    pub fn knows(&mut self, position: Position) {
        if self.cursor.is_none() {
            self.known.push(position);
        }
    }

    /// The client said that the subscription stands.
    pub fn subscribed(&mut self, truth: &Truth, position: Position) -> Verdict {
        // A resumed subscription tells where it resumed, or that it didn't; the cursor moves only by a gap or by
        // records.
        if self.cursor.is_none() {
            self.check_start(truth, position)?;
            // A start from a position that is lost is told as a gap from that very position.
            self.cursor = Some(match self.start {
                From::Position(start) => start,
                _ => position,
            });
        }
        Ok(())
    }

    /// Where a subscription may start: it was asked for at a known moment, and answered later.
    fn check_start(&self, truth: &Truth, position: Position) -> Verdict {
        // The answer may come from a life of the log that has ended meanwhile.
        let topic = &self.topic;
        let top = truth.top_in(topic, position.epoch);
        let asked_at = self.asked_at.filter(|top| top.epoch == position.epoch).map_or(0, |top| top.offset);
        let right = match self.start {
            From::Latest => position.offset >= asked_at || self.known.contains(&position),
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

    /// The client delivered records.
    pub fn messages(&mut self, truth: &Truth, epoch: Epoch, records: &[Record]) -> Verdict {
        let topic = &self.topic;
        let cursor = self.cursor.as_mut().ok_or_else(|| format!("{topic}: records before the start"))?;
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
        }
        Ok(())
    }

    /// The client told of a gap.
    pub fn gap(
        &mut self,
        truth: &Truth,
        (from, to): (u64, Option<u64>),
        reason: GapReason,
        position: Position,
    ) -> Verdict {
        let topic = &self.topic;
        let cursor = self.cursor.as_mut().ok_or_else(|| format!("{topic}: a gap before the start"))?;
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
        Ok(())
    }

    /// Whether it has caught up, and knows who is there.
    pub fn settled(&self, truth: &Truth, present: &BTreeMap<Topic, Vec<String>>) -> Verdict {
        let topic = &self.topic;
        match (self.cursor, truth.top(topic)) {
            (Some(cursor), Some(top)) if cursor == top => {}
            // Nothing was ever written in this life of the log.
            (Some(cursor), Some(top)) if cursor.epoch != top.epoch && cursor.offset == 0 => {}
            (Some(cursor), None) if cursor.offset == 0 => {}
            (cursor, top) => {
                return Err(format!("invariant 1: {topic} settled at {cursor:?}, and the log at {top:?}"));
            }
        }
        let Some(view) = &self.members else { return Ok(()) };
        match present.get(topic) {
            Some(there) if view.names() == *there => Ok(()),
            there => Err(format!("presence: {topic} was told {:?}, and there are {there:?}", view.names())),
        }
    }
}
