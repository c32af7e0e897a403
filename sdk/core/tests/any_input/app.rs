//! The app, which knows of the session by its events alone, and holds it to the invariants.

use std::collections::{BTreeMap, BTreeSet};

use everwire_core::{
    Event, RequestId, State,
    protocol::{GapReason, Position, PublishId, Record, Topic},
};

/// What the app knows, by the events alone.
#[derive(Default)]
pub struct App {
    pub cursors: BTreeMap<Topic, Position>,
    pub subscribed: BTreeSet<Topic>,
    pub published: BTreeSet<PublishId>,
    pub questions: BTreeSet<RequestId>,
    pub closed: bool,
}

impl App {
    pub fn told(&mut self, event: &Event) {
        assert!(!self.closed, "invariant 8: {event:?} after the close");
        match event {
            Event::State(change) => self.closed = change.state == State::Closed,
            Event::Subscribed { topic, position, .. } => {
                assert!(self.subscribed.contains(topic));
                self.cursors.entry(topic.clone()).or_insert(*position);
            }
            Event::Messages { topic, epoch, records } => {
                assert!(self.subscribed.contains(topic) && !records.is_empty());
                let cursor = self.cursors.get_mut(topic).unwrap();
                assert_eq!(cursor.epoch, *epoch, "invariant 1: another life without a gap");
                for Record { offset, .. } in records {
                    assert_eq!(*offset, cursor.offset + 1, "invariants 1, 2 and 3");
                    cursor.offset = *offset;
                }
            }
            Event::Gap { topic, from, to, reason, position } => {
                assert!(self.subscribed.contains(topic));
                let cursor = self.cursors.get_mut(topic).unwrap();
                assert_eq!(*from, cursor.offset + 1, "invariant 1: a gap begins where the messages end");
                // A log that has lost its end may go on in the same life, from before the cursor.
                let same_life = *to == Some(position.offset) || *reason == GapReason::Epoch && to.is_none();
                assert!(cursor.epoch != position.epoch || same_life);
                *cursor = *position;
            }
            Event::Published { id, .. } => assert!(self.published.remove(id), "one outcome each"),
            Event::History { request, .. } | Event::Presence { request, .. } => {
                assert!(self.questions.remove(request), "one answer each");
            }
            Event::SubscriptionFailed { topic, .. } => {
                assert!(self.subscribed.remove(topic));
                self.cursors.remove(topic);
            }
            Event::Ephemeral { topic, .. }
            | Event::Members { topic, .. }
            | Event::Join { topic, .. }
            | Event::Leave { topic, .. } => assert!(self.subscribed.contains(topic)),
        }
    }
}
