//! What waits for one subscription's app. Bounded: messages by the session's flow control, which learns
//! here what has been taken; the rest by the rules below. Knows neither the session nor the app's types.

use std::{collections::VecDeque, task::Waker, vec};

use everwire_protocol::{Epoch, Member, Payload, Record};

use crate::event::{Ephemeral, Event, Message, raw};

/// Most ephemeral messages that wait; a newer one then takes the oldest one's place. They are about now,
/// and an app that is this far behind has no use for them.
const EPHEMERALS: usize = 256;
/// From this many waiting entries on, who came and went in the meantime is no longer told of.
const PRESENCE_DETAIL: usize = 64;

/// An event, or a batch of messages that came in one frame.
enum Entry {
    Records { epoch: Epoch, records: vec::IntoIter<Record> },
    Event(Event<Payload>),
}

/// The entries in order, and who waits for them.
#[derive(Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    ephemerals: usize,
    taken: Taken,
    waker: Option<Waker>,
    ended: bool,
}

/// What the app took since it was last reported.
#[derive(Clone, Copy, Default)]
pub(crate) struct Taken {
    pub messages: usize,
    pub bytes: usize,
}

impl Queue {
    /// Puts a batch of messages at the end. Returns who is to be woken.
    pub(crate) fn push_records(&mut self, epoch: Epoch, records: Vec<Record>) -> Option<Waker> {
        self.entries.push_back(Entry::Records { epoch, records: records.into_iter() });
        self.waker.take()
    }

    /// Puts an event at the end. Returns who is to be woken.
    pub(crate) fn push(&mut self, event: Event<Payload>) -> Option<Waker> {
        match &event {
            Event::Ephemeral(_) => {
                if self.ephemerals == EPHEMERALS {
                    self.remove_first(|event| matches!(event, Event::Ephemeral(_)));
                    self.ephemerals -= 1;
                }
                self.ephemerals += 1;
            }
            // Somebody whose coming still waits to be told has simply not been there, and the other way
            // round; so what waits is bounded by how many can be there.
            Event::Join(member) if self.entries.len() >= PRESENCE_DETAIL => {
                self.remove_first(|event| matches!(event, Event::Leave(other) if other.id == member.id));
            }
            Event::Leave(member) if self.entries.len() >= PRESENCE_DETAIL => {
                let came = |event: &Event<Payload>| is_join_of(event, member);
                if self.remove_first(came) {
                    return None;
                }
            }
            Event::Members(_) => {
                self.entries.retain(|entry| {
                    !matches!(entry, Entry::Event(Event::Members(_) | Event::Join(_) | Event::Leave(_)))
                });
            }
            // A link that comes and goes while the app takes nothing.
            Event::Subscribed { .. } => {
                if let Some(Entry::Event(Event::Subscribed { .. })) = self.entries.back() {
                    self.entries.pop_back();
                }
            }
            Event::Failed(_) => self.ended = true,
            _ => {}
        }
        self.entries.push_back(Entry::Event(event));
        self.waker.take()
    }

    /// Lets nothing more in; what waits can still be taken. Returns who is to be woken.
    pub(crate) fn end(&mut self) -> Option<Waker> {
        self.ended = true;
        self.waker.take()
    }

    /// Takes the next event.
    pub(crate) fn pop(&mut self) -> Option<Event<Payload>> {
        loop {
            match self.entries.front_mut()? {
                Entry::Records { epoch, records } => {
                    if let Some(record) = records.next() {
                        self.taken.messages += 1;
                        self.taken.bytes += record.payload.data.len();
                        return Some(Event::Message(Message::new(record, *epoch, raw)));
                    }
                    self.entries.pop_front();
                }
                Entry::Event(_) => {
                    let Some(Entry::Event(event)) = self.entries.pop_front() else { return None };
                    if let Event::Ephemeral(Ephemeral { .. }) = event {
                        self.ephemerals -= 1;
                    }
                    return Some(event);
                }
            }
        }
    }

    /// What is to be reported to the session now: nothing while a batch is half taken, so that a busy
    /// stream costs one report for each batch and not one for each message.
    pub(crate) fn taken(&mut self) -> Option<Taken> {
        let half = matches!(self.entries.front(), Some(Entry::Records { records, .. }) if records.len() > 0);
        if self.taken.messages == 0 || half { None } else { Some(std::mem::take(&mut self.taken)) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether nothing will ever be put in again.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whom to wake at the next change. Returns the waker that it replaces, to be dropped where nothing
    /// is borrowed.
    pub(crate) fn wait(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(old) if old.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }

    fn remove_first(&mut self, which: impl Fn(&Event<Payload>) -> bool) -> bool {
        let place =
            self.entries.iter().position(|entry| matches!(entry, Entry::Event(event) if which(event)));
        place.is_some_and(|place| self.entries.remove(place).is_some())
    }
}

fn is_join_of(event: &Event<Payload>, member: &Member) -> bool {
    matches!(event, Event::Join(other) if other.id == member.id)
}

#[cfg(test)]
mod tests;
