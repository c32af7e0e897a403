//! One topic as the server sends it, shared by all who read it here. It decides from where the server is asked, so
//! that each reader gets what it needs; a reader that is further on drops the repeats.
//!
//! One question can't stand for all. Readers that begin are answered one kind of start after the other; after the
//! link was lost the furthest cursor is shown to the server first, since only the server can tell whether the log still
//! has that place; then the topic is asked for from the least cursor of those that are left behind.

use everwire_protocol::{Epoch, From, Member, Position, limits};

use crate::{BackoffConfig, SubscribeOptions, SubscriptionId, Time, backoff::Backoff, reader::Reader};

/// A topic and its readers; never without any.
#[derive(Debug)]
pub(crate) struct Feed {
    pub readers: Vec<Reader>,
    /// Changes whenever the topic has to be asked for anew, so that answers to an older question are told
    /// apart. Unique in the session.
    pub generation: u64,
    /// The server refused it for now: ask again at this time.
    pub refused_until: Option<Time>,
    /// How often it was refused in a row, and the wait that follows.
    pub backoff: Backoff,
    /// Asked again for a hole, with nothing gained since.
    pub fruitless: u32,
    /// Until then it may bring what was missed, and not what is new.
    pub catches_up_until: Time,
    /// Who is there, where that is known: a reader that comes later is told of it too.
    pub members: Option<Vec<Member>>,
}

impl Feed {
    pub fn new(generation: u64, backoff: BackoffConfig) -> Self {
        Self {
            readers: Vec::new(),
            generation,
            refused_until: None,
            backoff: Backoff::new(backoff),
            fruitless: 0,
            catches_up_until: Time::default(),
            members: None,
        }
    }

    pub fn reader(&mut self, id: SubscriptionId) -> Option<&mut Reader> {
        self.readers.iter_mut().find(|reader| reader.id == id)
    }

    /// Whether one of them wants to be told who is there.
    pub fn presence(&self) -> bool {
        self.readers.iter().any(Reader::presence)
    }

    /// Whether none of them wants anything now.
    pub fn paused(&self) -> bool {
        self.readers.iter().all(Reader::paused)
    }

    /// Whether the server has to be asked anew for a reader that wants something.
    pub fn lacks(&self) -> bool {
        self.readers.iter().any(|reader| !reader.paused() && reader.lacks())
    }

    /// Where to ask the server to start.
    pub fn start(&self) -> From {
        let paused = self.paused();
        let awake = || self.readers.iter().filter(move |reader| paused || !reader.paused());
        let order = |from: &From| match from {
            From::Latest => (0, 0),
            From::Last(n) => (1, *n),
            From::Earliest => (2, 0),
            From::Position(_) => (3, 0),
        };
        let begins = awake().filter(|reader| reader.begins).map(Reader::start);
        if let Some(start) = begins.min_by_key(order) {
            return start;
        }
        let owed = awake().find(|reader| reader.owed);
        let unproven =
            || self.readers.iter().find(|reader| !reader.stands && !reader.lacks()).and_then(Reader::cursor);
        if owed.is_none()
            && let Some(Position { epoch, .. }) = unproven()
        {
            let furthest = self.readers.iter().filter(|reader| !reader.begins).filter_map(Reader::cursor);
            return from_one(
                furthest.filter(|cursor| cursor.epoch == epoch).max_by_key(|cursor| cursor.offset),
            );
        }
        let first = owed.or_else(|| awake().next()).and_then(Reader::cursor);
        let of_one_life = |epoch: Epoch| awake().filter_map(Reader::cursor).filter(move |c| c.epoch == epoch);
        from_one(first.and_then(|first| of_one_life(first.epoch).min_by_key(|cursor| cursor.offset)))
    }

    /// Where a reader of what is new may start without a question: where the others are, if they are there.
    pub fn front(&self, now: Time) -> Option<Position> {
        let there = |reader: &&Reader| reader.stands && !reader.lacks() && !reader.paused();
        let cursors = self.readers.iter().filter(there).filter_map(Reader::cursor);
        cursors.max_by_key(|cursor| cursor.offset).filter(|_| now >= self.catches_up_until)
    }

    /// Takes a reader in. Returns what it is to be told at once, or nothing where the server has to be asked.
    pub fn join(&mut self, now: Time, id: SubscriptionId, options: SubscribeOptions) -> Option<Position> {
        let mut reader = Reader::new(id, options);
        let knows = !options.presence || self.members.is_some();
        let front = self.front(now).filter(|_| knows && options.from == From::Latest);
        if let Some(front) = front {
            reader.join(front);
        }
        self.readers.push(reader);
        front
    }

    /// The link is gone.
    pub fn link_lost(&mut self) {
        self.readers.iter_mut().for_each(Reader::link_lost);
        self.fruitless = 0;
        self.members = None;
    }

    /// Somebody came (or has something new to tell), or went.
    pub fn member_changed(&mut self, member: &Member, came: bool) {
        let Some(members) = &mut self.members else { return };
        members.retain(|other| other.id != member.id);
        if came {
            members.push(member.clone());
        }
        if members.len() > limits::MEMBERS {
            self.members = None;
        }
    }
}

fn from_one(cursor: Option<Position>) -> From {
    cursor.map_or(From::Latest, From::Position)
}

#[cfg(test)]
mod tests;
