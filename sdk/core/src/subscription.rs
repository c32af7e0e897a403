//! One topic as the app reads it: the cursor, and what may move it. It knows no link: whether a frame belongs
//! to this subscription is decided before it comes here.

use everwire_protocol::{Epoch, From, GapReason, Position, Record, limits};

use crate::{BackoffConfig, FlowConfig, SubscribeOptions, SubscriptionId, Time, backoff::Backoff};

/// A subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub id: SubscriptionId,
    options: SubscribeOptions,
    /// What the app has been given. Only delivery, the first answer and a gap move it.
    cursor: Option<Position>,
    /// Changes whenever the topic has to be asked for anew, so that answers to an older question are told
    /// apart. Unique in the session.
    pub generation: u64,
    /// The app has been told that it stands, on this link.
    pub confirmed: bool,
    /// The server refused it for now: ask again at this time.
    pub refused_until: Option<Time>,
    /// How often it was refused in a row, and the wait that follows.
    pub backoff: Backoff,
    /// Asked again for a hole, with nothing gained since.
    pub fruitless: u32,
    flow: Flow,
}

/// What waits for the app.
#[derive(Debug, Default)]
struct Flow {
    messages: usize,
    bytes: usize,
    paused: bool,
    /// Paused by the app.
    held: bool,
    skipped: bool,
}

/// What became of records that came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// To be delivered.
    pub records: Vec<Record>,
    /// How many the app had already.
    pub repeats: u64,
    /// Whether the next ones were missing: ask again.
    pub hole: bool,
}

/// What became of a gap that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GapVerdict {
    /// The app has to be told of these offsets.
    Tell { from: u64, to: Option<u64> },
    /// The app is beyond it.
    Repeat,
    /// It does not begin where the app is: ask again.
    Hole,
}

impl Subscription {
    pub fn new(
        id: SubscriptionId,
        options: SubscribeOptions,
        generation: u64,
        backoff: BackoffConfig,
    ) -> Self {
        let from = match options.from {
            From::Last(n) => From::Last(n.min(limits::HISTORY)),
            from => from,
        };
        Self {
            id,
            options: SubscribeOptions { from, ..options },
            // A position that the app hands in is what it has been given, by an earlier session.
            cursor: match from {
                From::Position(position) => Some(position),
                _ => None,
            },
            generation,
            confirmed: false,
            refused_until: None,
            backoff: Backoff::new(backoff),
            fruitless: 0,
            flow: Flow::default(),
        }
    }

    pub fn presence(&self) -> bool {
        self.options.presence
    }

    pub fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// Where to ask the server to start.
    pub fn start(&self) -> From {
        self.cursor.map_or(self.options.from, From::Position)
    }

    /// Whether a place that the server goes on from is one that the cursor has not come to.
    pub fn is_behind(&self, position: Position) -> bool {
        let reached = |cursor: Position| cursor.epoch == position.epoch && cursor.offset >= position.offset;
        self.cursor.is_some_and(|cursor| !reached(cursor))
    }

    /// The server's answer. Returns whether the app has to be told.
    pub fn subscribed(&mut self, position: Position) -> bool {
        // With a cursor, only records or a gap may move it, whatever the server says of its own place.
        self.cursor.get_or_insert(position);
        self.backoff.reset();
        self.refused_until = None;
        !std::mem::replace(&mut self.confirmed, true)
    }

    /// The link is gone.
    pub fn link_lost(&mut self) {
        self.confirmed = false;
        self.fruitless = 0;
    }

    /// Takes records of the epoch that the stream is in.
    pub fn accept(&mut self, epoch: Epoch, mut records: Vec<Record>) -> Accepted {
        let Some(cursor) = self.cursor.as_mut().filter(|cursor| cursor.epoch == epoch) else {
            // Records of another life of the log before the gap that explains them.
            return Accepted { records: Vec::new(), repeats: 0, hole: true };
        };
        let before = records.len();
        if records.first().is_some_and(|record| record.offset <= cursor.offset) {
            records.retain(|record| record.offset > cursor.offset);
        }
        let repeats = (before - records.len()) as u64;
        let fresh = records
            .iter()
            .zip(cursor.offset.saturating_add(1)..=u64::MAX)
            .take_while(|(record, next)| record.offset == *next)
            .count();
        let hole = fresh < records.len();
        records.truncate(fresh);
        if let Some(last) = records.last() {
            cursor.offset = last.offset;
            self.fruitless = 0;
        }
        Accepted { records, repeats, hole }
    }

    /// Takes the server's word that records are lost, and that it goes on at `position`. The topic was asked for
    /// from the cursor `asked_from` on the link that says so.
    pub fn gap(
        &mut self,
        asked_from: Option<Position>,
        from: u64,
        to: Option<u64>,
        reason: GapReason,
        position: Position,
    ) -> GapVerdict {
        let Some(cursor) = self.cursor else { return GapVerdict::Hole };
        let next = cursor.offset.saturating_add(1);
        let to = if reason == GapReason::Epoch && asked_from == Some(cursor) {
            // The answer to this very cursor: the log has no such place, even where its epoch is the same. (Another
            // link's answer to an earlier cursor may look alike; it is a repeat.)
            None
        } else if cursor.epoch == position.epoch {
            if position.offset <= cursor.offset {
                return GapVerdict::Repeat;
            }
            if from > next {
                return GapVerdict::Hole;
            }
            Some(position.offset)
        } else {
            match reason {
                GapReason::Epoch => None,
                GapReason::Evicted => to.filter(|to| *to >= next),
            }
        };
        self.cursor = Some(position);
        self.fruitless = 0;
        GapVerdict::Tell { from: next, to }
    }

    pub fn paused(&self) -> bool {
        self.flow.paused || self.flow.held
    }

    /// The app pauses it, or lets it go on. Returns whether it goes on by that.
    pub fn hold(&mut self, held: bool) -> bool {
        std::mem::replace(&mut self.flow.held, held) && !held && !self.flow.paused
    }

    /// Whether so much waits that even what was on its way when the topic was paused has no room. Such
    /// records are not taken: they come again from the cursor.
    pub fn must_skip(&mut self, config: &FlowConfig) -> bool {
        let over = |waiting: usize, limit: usize| waiting >= limit.saturating_mul(2);
        let full = over(self.flow.messages, config.messages) || over(self.flow.bytes, config.bytes);
        let skip = self.flow.held || self.flow.paused && full;
        self.flow.skipped |= skip;
        skip
    }

    /// Counts what was delivered. Returns whether the topic is to be paused by it.
    pub fn delivered(&mut self, config: &FlowConfig, records: &[Record]) -> bool {
        self.flow.messages += records.len();
        self.flow.bytes += records.iter().map(|record| record.payload.data.len()).sum::<usize>();
        let full = self.flow.messages >= config.messages || self.flow.bytes >= config.bytes;
        full && !std::mem::replace(&mut self.flow.paused, true)
    }

    /// Counts what the app took. Returns whether the topic goes on by it.
    pub fn consumed(&mut self, config: &FlowConfig, messages: usize, bytes: usize) -> bool {
        self.flow.messages = self.flow.messages.saturating_sub(messages);
        self.flow.bytes = self.flow.bytes.saturating_sub(bytes);
        let low = self.flow.messages <= config.messages / 2 && self.flow.bytes <= config.bytes / 2;
        low && std::mem::take(&mut self.flow.paused) && !self.flow.held
    }

    /// Whether records were skipped since this was last asked, so that going on means asking again.
    pub fn take_skipped(&mut self) -> bool {
        std::mem::take(&mut self.flow.skipped)
    }
}

#[cfg(test)]
#[path = "subscription/tests.rs"]
mod tests;
