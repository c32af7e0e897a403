//! One subscription of the app: its cursor, what may move that, and what waits for the app. It knows no link and no
//! other reader of the topic: what comes from the server is brought to it.

use std::ops::Range;

use everwire_protocol::{Epoch, From, GapReason, Position, Record, limits};

use crate::{FlowConfig, SubscribeOptions, SubscriptionId};

/// A reader of a topic.
#[derive(Debug)]
pub(crate) struct Reader {
    pub id: SubscriptionId,
    options: SubscribeOptions,
    /// What the app has been given. Only delivery, the first answer and a gap move it.
    cursor: Option<Position>,
    /// No answer has said yet where it starts.
    pub begins: bool,
    /// The app has been told that it stands, on this link.
    pub stands: bool,
    /// What comes does not go on from the cursor, so that it has to be asked for again. Until then nothing
    /// is taken.
    pub owed: bool,
    flow: Flow,
}

/// What waits for the app.
#[derive(Debug, Default)]
struct Flow {
    messages: usize,
    bytes: usize,
    /// So much waits that no more is wanted.
    full: bool,
    /// The app wants no more.
    held: bool,
}

/// What a reader makes of records that came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Those to be delivered.
    pub fresh: Range<usize>,
    /// How many the app had already.
    pub repeats: usize,
    /// Whether the next ones were missing.
    pub hole: bool,
}

/// What became of a gap that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GapVerdict {
    /// The app has to be told of these offsets.
    Tell { from: u64, to: Option<u64> },
    /// The app is beyond it.
    Repeat,
    /// It does not begin where the app is.
    Hole,
}

impl Reader {
    pub fn new(id: SubscriptionId, options: SubscribeOptions) -> Self {
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
            begins: true,
            stands: false,
            owed: false,
            flow: Flow::default(),
        }
    }

    pub fn presence(&self) -> bool {
        self.options.presence
    }

    pub fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// Where the server would have to start for it.
    pub fn start(&self) -> From {
        self.cursor.map_or(self.options.from, From::Position)
    }

    /// Whether the server has to be asked before anything comes that it can take.
    pub fn lacks(&self) -> bool {
        self.begins || self.owed
    }

    /// Starts where the others are.
    pub fn join(&mut self, position: Position) {
        self.cursor = Some(position);
        self.begins = false;
        self.stands = true;
    }

    /// The server answered a question that was asked from `asked`: it goes on at `position`. Returns what the app
    /// has to be told: where it goes on, and whether nothing was lost.
    pub fn subscribed(
        &mut self,
        asked: &From,
        position: Position,
        recovered: bool,
    ) -> Option<(Position, bool)> {
        let first = self.begins;
        if first && self.start() != *asked {
            return None;
        }
        self.begins = false;
        // With a cursor, only records or a gap may move it, whatever the server says of its own place.
        let cursor = *self.cursor.get_or_insert(position);
        let reached = cursor.epoch == position.epoch && cursor.offset >= position.offset;
        // What was asked from an earlier place of the same life brings either all from there, or a gap.
        let covered = matches!(asked, From::Position(from) if is_at_or_before(*from, cursor));
        self.owed = !reached && !covered;
        if self.owed || std::mem::replace(&mut self.stands, true) {
            return None;
        }
        // A link that is being left may have brought more since the new one was asked.
        Some((if reached { cursor } else { position }, recovered || reached && !first))
    }

    /// The link is gone.
    pub fn link_lost(&mut self) {
        self.stands = false;
        self.owed = false;
    }

    /// Takes records of the epoch that the stream is in.
    pub fn accept(&mut self, epoch: Epoch, records: &[Record]) -> Accepted {
        let Some(cursor) = self.cursor.as_mut().filter(|cursor| cursor.epoch == epoch) else {
            // Records of another life of the log before the gap that explains them.
            self.owed = true;
            return Accepted { fresh: 0..0, repeats: 0, hole: true };
        };
        let repeats = records.iter().take_while(|record| record.offset <= cursor.offset).count();
        let rest = &records[repeats..];
        let fresh = rest
            .iter()
            .zip(cursor.offset.saturating_add(1)..=u64::MAX)
            .take_while(|(record, next)| record.offset == *next)
            .count();
        cursor.offset += fresh as u64;
        let hole = fresh < rest.len();
        self.owed |= hole;
        Accepted { fresh: repeats..repeats + fresh, repeats, hole }
    }

    /// Takes the server's word that records are lost, and that it goes on at `position`. The topic was asked for
    /// from `asked` on the link that says so.
    pub fn gap(
        &mut self,
        asked: &From,
        (from, to, reason): (u64, Option<u64>, GapReason),
        position: Position,
    ) -> GapVerdict {
        let verdict = self.judge(asked, (from, to, reason), position);
        match verdict {
            GapVerdict::Tell { .. } => self.cursor = Some(position),
            GapVerdict::Hole => self.owed = true,
            GapVerdict::Repeat => {}
        }
        verdict
    }

    fn judge(
        &self,
        asked: &From,
        (from, to, reason): (u64, Option<u64>, GapReason),
        position: Position,
    ) -> GapVerdict {
        let Some(cursor) = self.cursor else { return GapVerdict::Hole };
        let next = cursor.offset.saturating_add(1);
        let lost = reason == GapReason::Epoch;
        if lost && matches!(asked, From::Position(from) if is_at_or_before(*from, cursor)) {
            // The log has no such place as was asked for, so it has none beyond it either, even where its epoch is
            // the same. (Another link's answer to a cursor of another epoch may look alike; it is a repeat.)
            return GapVerdict::Tell { from: next, to: None };
        }
        if cursor.epoch != position.epoch {
            return GapVerdict::Tell { from: next, to: to.filter(|to| !lost && *to >= next) };
        }
        if position.offset <= cursor.offset {
            GapVerdict::Repeat
        } else if from > next || lost {
            // The offsets of another life say nothing of what is lost of this one.
            GapVerdict::Hole
        } else {
            GapVerdict::Tell { from: next, to: Some(position.offset) }
        }
    }

    /// Whether the app wants nothing now, or has too much.
    pub fn paused(&self) -> bool {
        self.flow.full || self.flow.held
    }

    /// The app wants nothing, or goes on.
    pub fn hold(&mut self, held: bool) {
        self.flow.held = held;
    }

    /// Whether so much waits that even what was on its way when the topic was paused has no room. Such
    /// records are not taken: they are owed, and come again from the cursor.
    pub fn must_skip(&mut self, config: &FlowConfig) -> bool {
        let over = |waiting: usize, limit: usize| waiting >= limit.saturating_mul(2);
        let full = over(self.flow.messages, config.messages) || over(self.flow.bytes, config.bytes);
        let skip = self.flow.held || self.flow.full && full;
        self.owed |= skip;
        skip
    }

    /// Counts what was delivered. Returns whether it is full by that.
    pub fn delivered(&mut self, config: &FlowConfig, records: &[Record]) -> bool {
        self.flow.messages += records.len();
        self.flow.bytes += records.iter().map(|record| record.payload.data.len()).sum::<usize>();
        let full = self.flow.messages >= config.messages || self.flow.bytes >= config.bytes;
        full && !std::mem::replace(&mut self.flow.full, true)
    }

    /// Counts what the app took.
    pub fn consumed(&mut self, config: &FlowConfig, messages: usize, bytes: usize) {
        self.flow.messages = self.flow.messages.saturating_sub(messages);
        self.flow.bytes = self.flow.bytes.saturating_sub(bytes);
        let low = self.flow.messages <= config.messages / 2 && self.flow.bytes <= config.bytes / 2;
        self.flow.full &= !low;
    }
}

fn is_at_or_before(earlier: Position, later: Position) -> bool {
    earlier.epoch == later.epoch && earlier.offset <= later.offset
}

#[cfg(test)]
mod tests;
