//! The order of publishes on one connection, or in one request (invariant 3). A publish that was refused for
//! now comes again; what its client sent behind it, before it knew of the refusal, must not get into the log
//! ahead of it. So that is refused too. It knows ids and topics, and neither connections nor the log.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use everwire_protocol::{PublishId, RetryWindow, Topic};

use crate::hub::Refusal;

/// Most refused publishes that are remembered, of all topics: more than a client keeps unanswered.
const MOST: usize = 2_000;
/// How long after the window of its refusal a topic stays closed to other publishes at the most, in
/// milliseconds: what was under way has come by then, and a client that does not repeat what it was told to
/// is not shut out for ever.
const LAPSE: u64 = 60_000;

/// A publish that was refused for now, and has not been taken since.
struct Waiting {
    /// Made of its id: whatever clients call their publishes, they take little room.
    number: u64,
    /// How often it came.
    attempts: u32,
}

/// What waits to be sent again to one topic.
struct Round {
    /// In the order in which they came first.
    waiting: Vec<Waiting>,
    refusal: Refusal,
    ends_at: u64,
}

/// What was refused for now on one connection, or in one request.
#[derive(Default)]
pub struct Order {
    rounds: HashMap<Topic, Round>,
    remembered: usize,
    hasher: RandomState,
}

impl Order {
    /// Whether a publish may be tried now; [`Order::tried`] must follow if it may.
    ///
    /// It may not while an earlier one to the topic waits to be sent again. Clients send again in order, so an
    /// earlier one that has not come as often as this one has been given up.
    ///
    /// # Errors
    /// The refusal of the earlier one.
    pub fn admit(&mut self, now: u64, topic: &Topic, id: Option<&PublishId>) -> Result<(), Refusal> {
        let Some(round) = self.rounds.get_mut(topic) else { return Ok(()) };
        if now >= round.ends_at {
            self.remembered -= round.waiting.len();
            self.rounds.remove(topic);
            return Ok(());
        }
        let number = id.map(|id| self.hasher.hash_one(id));
        let place = round.waiting.iter().position(|waiting| Some(waiting.number) == number);
        if let Some(place) = place {
            round.waiting[place].attempts += 1;
            let attempts = round.waiting[place].attempts;
            let before = round.waiting.len();
            let mut at = 0..;
            round.waiting.retain(|waiting| at.next() >= Some(place) || waiting.attempts >= attempts);
            self.remembered -= before - round.waiting.len();
            if round.waiting.first().map(|first| first.number) == number {
                return Ok(());
            }
        } else if let Some(number) = number.filter(|_| self.remembered < MOST) {
            self.remembered += 1;
            round.waiting.push(Waiting { number, attempts: 1 });
        }
        Err(round.refusal.clone())
    }

    /// What came of a publish that was admitted.
    pub fn tried(&mut self, now: u64, topic: &Topic, id: Option<&PublishId>, refused: Option<&Refusal>) {
        let number = id.map(|id| self.hasher.hash_one(id));
        // What is refused for good is not sent again, and what comes behind it need not wait.
        let Some(refusal) = refused.filter(|refusal| refusal.code.is_retryable()) else {
            return self.settled(topic, number);
        };
        let window = refusal.retry_after.map_or(0, |RetryWindow { max, .. }| u64::from(max));
        let ends_at = now.saturating_add(window).saturating_add(LAPSE);
        let round = self.rounds.entry(topic.clone()).or_insert_with(|| {
            let waiting: Vec<_> = number.map(|number| Waiting { number, attempts: 1 }).into_iter().collect();
            self.remembered += waiting.len();
            Round { waiting, refusal: refusal.clone(), ends_at }
        });
        round.refusal = refusal.clone();
        round.ends_at = ends_at;
    }

    fn settled(&mut self, topic: &Topic, number: Option<u64>) {
        let Some(round) = self.rounds.get_mut(topic) else { return };
        let before = round.waiting.len();
        round.waiting.retain(|waiting| Some(waiting.number) != number);
        self.remembered -= before - round.waiting.len();
        if round.waiting.is_empty() {
            self.rounds.remove(topic);
        }
    }

    /// Whether no more refused publishes can be remembered: the order can be kept then only by ending the
    /// connection, so that its client begins anew.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.remembered >= MOST
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
