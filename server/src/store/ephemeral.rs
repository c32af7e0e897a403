//! Ephemeral messages of one topic: a short ring that readers follow by cursor, so that they too cost no
//! queue per connection. A reader that is too slow for the ring loses the oldest ones: they are not
//! promised to anybody.

use std::{collections::VecDeque, sync::Arc};

use everwire_protocol::{Payload, limits};

/// Most messages of one ring.
pub const RING_MESSAGES: usize = 64;
/// Most payload bytes of one ring; one message always fits.
pub const RING_BYTES: usize = limits::BATCH_BYTES;
/// How long a message is of any use, in milliseconds.
pub const RING_AGE: u64 = 5_000;

/// A message that is not logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ephemeral {
    /// When the server took it in, in milliseconds since the Unix epoch.
    pub time: u64,
    /// Its content.
    pub payload: Payload,
    /// The publisher's subject.
    pub from: Option<Arc<str>>,
}

/// The newest ephemeral messages of a topic, numbered 1, 2, 3 …
#[derive(Debug, Default)]
pub struct Ring {
    messages: VecDeque<Ephemeral>,
    bytes: usize,
    count: u64,
}

impl Ring {
    /// Adds a message and drops what is over a bound.
    pub fn push(&mut self, message: Ephemeral) {
        self.expire(message.time);
        self.bytes += message.payload.data.len();
        self.messages.push_back(message);
        self.count += 1;
        while self.messages.len() > RING_MESSAGES || (self.bytes > RING_BYTES && self.messages.len() > 1) {
            self.drop_oldest();
        }
    }

    /// Drops what is of no use any more.
    pub fn expire(&mut self, now: u64) {
        while self.messages.front().is_some_and(|m| m.time.saturating_add(RING_AGE) <= now) {
            self.drop_oldest();
        }
    }

    /// The number of the newest message ever pushed: where a new reader starts.
    #[must_use]
    pub fn top(&self) -> u64 {
        self.count
    }

    /// What is kept after a number.
    pub fn after(&self, number: u64) -> impl Iterator<Item = &Ephemeral> {
        let behind = usize::try_from(self.count.saturating_sub(number)).unwrap_or(usize::MAX);
        self.messages.iter().skip(self.messages.len().saturating_sub(behind))
    }

    fn drop_oldest(&mut self) {
        if let Some(message) = self.messages.pop_front() {
            self.bytes -= message.payload.data.len();
        }
    }
}
