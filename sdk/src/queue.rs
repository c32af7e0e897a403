//! What waits for one subscription's app. Bounded: messages by the session's flow control, which learns
//! here what has been taken; the rest by the rules below. Knows neither the session nor the app's types.

mod conflation;

use std::{collections::VecDeque, sync::Arc, task::Waker, vec};

use everwire_protocol::{Epoch, Payload, Record};

use crate::event::{Event, Message, raw};

use conflation::Conflation;

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
    /// Who is there as far as the app knows: by what it took, not by what waits.
    seen: Vec<Arc<str>>,
    taken: Taken,
    conflation: Conflation,
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
    pub(crate) fn push_records(&mut self, epoch: Epoch, mut records: Vec<Record>) -> Option<Waker> {
        if self.conflation.on {
            self.make_way_for(&mut records);
        }
        self.entries.push_back(Entry::Records { epoch, records: records.into_iter() });
        self.waker.take()
    }

    /// Puts an event at the end. Returns who is to be woken.
    pub(crate) fn push(&mut self, event: Event<Payload>) -> Option<Waker> {
        match &event {
            Event::Ephemeral(_) => {
                if self.ephemerals == EPHEMERALS {
                    self.remove_oldest_ephemeral();
                    self.ephemerals -= 1;
                }
                self.ephemerals += 1;
            }
            // Of each member only the last is told, and nothing of who came and went unseen; so what waits is
            // bounded by how many can be there.
            Event::Join(member) | Event::Leave(member) if self.entries.len() >= PRESENCE_DETAIL => {
                let mut listed = None;
                self.entries.retain(|entry| match entry {
                    Entry::Event(Event::Members(members)) => {
                        listed = Some(members.iter().any(|other| other.id == member.id));
                        true
                    }
                    Entry::Event(Event::Join(other) | Event::Leave(other)) => other.id != member.id,
                    _ => true,
                });
                let known = listed.unwrap_or_else(|| self.seen.contains(&member.id));
                if !known && matches!(event, Event::Leave(_)) {
                    return None;
                }
            }
            Event::Members(_) => {
                self.entries.retain(|entry| {
                    !matches!(entry, Entry::Event(Event::Members(_) | Event::Join(_) | Event::Leave(_)))
                });
            }
            // A link that comes and goes while the app takes nothing: what was said of it since the last that
            // was lost or received is of no use any more. Its members go when their successors come.
            Event::Subscribed { .. } => {
                let last = self.entries.iter().rposition(|entry| {
                    matches!(
                        entry,
                        Entry::Records { .. } | Entry::Event(Event::Gap(_) | Event::Subscribed { .. })
                    )
                });
                if let Some(place) = last
                    && let Some(Entry::Event(Event::Subscribed { .. })) = self.entries.get(place)
                {
                    self.entries.remove(place);
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
                    match &event {
                        Event::Ephemeral(_) => self.ephemerals -= 1,
                        Event::Members(members) => {
                            self.seen = members.iter().map(|member| member.id.clone()).collect();
                        }
                        // Told also of who is there already, with something new about them.
                        Event::Join(member) if !self.seen.contains(&member.id) => {
                            self.seen.push(member.id.clone());
                        }
                        Event::Leave(member) => self.seen.retain(|id| *id != member.id),
                        _ => {}
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

    /// Takes out the messages that wait: nobody has a use for them any more.
    pub(crate) fn drop_messages(&mut self) {
        self.entries.retain(|entry| !matches!(entry, Entry::Records { .. }));
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

    fn remove_oldest_ephemeral(&mut self) {
        let is_ephemeral = |entry: &Entry| matches!(entry, Entry::Event(Event::Ephemeral(_)));
        if let Some(place) = self.entries.iter().position(is_ephemeral) {
            self.entries.remove(place);
        }
    }
}

#[cfg(test)]
mod tests;
