//! One topic as the server sends it, shared by all who read it here. It decides from where the server is asked, so
//! that each reader gets what it needs; a reader that is further on drops the repeats.
//!
//! One question can't stand for all. Readers that begin are answered one kind of start after the other; after the
//! link was lost the furthest cursor is shown to the server first, since only the server can tell whether the log still
//! has that place; then the topic is asked for from the least cursor of those that are left behind.

use everwire_protocol::{Epoch, From, Member, Position, limits};

use crate::{SubscribeOptions, SubscriptionId, Time, backoff::Backoff, reader::Reader};

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
    pub fn new(generation: u64) -> Self {
        Self {
            readers: Vec::new(),
            generation,
            refused_until: None,
            backoff: Backoff::default(),
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
        let awake = |reader: &Reader| paused || !reader.paused();
        let order = |from: From| match from {
            From::Latest => (0, 0),
            From::Last(n) => (1, n),
            From::Earliest => (2, 0),
            From::Position(_) => (3, 0),
        };
        let (mut begins, mut owed, mut first, mut unproven) = (None, None, None, None);
        for reader in &self.readers {
            if !reader.stands && !reader.lacks() && unproven.is_none() {
                unproven = Some(reader.cursor());
            }
            if !awake(reader) {
                continue;
            }
            let start = reader.start();
            if reader.begins && begins.is_none_or(|begins| order(start) < order(begins)) {
                begins = Some(start);
            }
            if reader.owed && owed.is_none() {
                owed = Some(reader.cursor());
            }
            first = first.or(Some(reader.cursor()));
        }
        if let Some(start) = begins {
            return start;
        }
        if owed.is_none()
            && let Some(Some(Position { epoch, .. })) = unproven
        {
            return self.outermost(epoch, true, &|reader| !reader.begins);
        }
        match owed.or(first).flatten() {
            Some(first) => self.outermost(first.epoch, false, &awake),
            None => From::Latest,
        }
    }

    /// Of the cursors in one life of the log the furthest, or the least.
    fn outermost(&self, epoch: Epoch, furthest: bool, counts: &dyn Fn(&Reader) -> bool) -> From {
        let mut found: Option<Position> = None;
        for reader in self.readers.iter().filter(|reader| counts(reader)) {
            if let Some(cursor) = reader.cursor().filter(|cursor| cursor.epoch == epoch)
                && found.is_none_or(|found| (cursor.offset > found.offset) == furthest)
            {
                found = Some(cursor);
            }
        }
        found.map_or(From::Latest, From::Position)
    }

    /// Where a reader of what is new may start without a question: where the others are, if they are there.
    pub fn front(&self, now: Time) -> Option<Position> {
        let mut front: Option<Position> = None;
        for reader in
            self.readers.iter().filter(|reader| reader.stands && !reader.lacks() && !reader.paused())
        {
            if let Some(cursor) = reader.cursor()
                && front.is_none_or(|front| cursor.offset >= front.offset)
            {
                front = Some(cursor);
            }
        }
        front.filter(|_| now >= self.catches_up_until)
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

#[cfg(test)]
mod tests;
