//! The app, which knows of the session by its events alone, and holds it to the invariants.

use std::collections::{BTreeMap, BTreeSet};

use everwire_core::{
    Event, RequestId, State, SubscriptionId,
    protocol::{GapReason, Position, PublishId, Record, Topic},
};

/// What the app knows, by the events alone.
#[derive(Default)]
pub struct App {
    pub cursors: BTreeMap<SubscriptionId, Position>,
    pub subscribed: BTreeMap<SubscriptionId, Topic>,
    pub published: BTreeSet<PublishId>,
    /// What the app's store keeps for a later page.
    pub kept: BTreeSet<PublishId>,
    pub questions: BTreeSet<RequestId>,
    pub closed: bool,
}

impl App {
    pub fn told(&mut self, event: &Event) {
        assert!(!self.closed, "invariant 8: {event:?} after the close");
        match event {
            Event::State(change) => self.closed = change.state == State::Closed,
            Event::Subscribed { subscription, position, .. } => {
                assert!(self.subscribed.contains_key(subscription));
                self.cursors.entry(*subscription).or_insert(*position);
            }
            Event::Messages { subscription, epoch, records } => {
                assert!(self.subscribed.contains_key(subscription) && !records.is_empty());
                let cursor = self.cursors.get_mut(subscription).unwrap();
                assert_eq!(cursor.epoch, *epoch, "invariant 1: another life without a gap");
                for Record { offset, .. } in records {
                    assert_eq!(*offset, cursor.offset + 1, "invariants 1, 2 and 3");
                    cursor.offset = *offset;
                }
            }
            Event::Gap { subscription, from, to, reason, position } => {
                assert!(self.subscribed.contains_key(subscription));
                let cursor = self.cursors.get_mut(subscription).unwrap();
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
            Event::SubscriptionFailed { subscription, .. } => {
                assert!(self.subscribed.remove(subscription).is_some());
                self.cursors.remove(subscription);
            }
            Event::Ephemeral { subscription, .. }
            | Event::Members { subscription, .. }
            | Event::Join { subscription, .. }
            | Event::Leave { subscription, .. } => assert!(self.subscribed.contains_key(subscription)),
        }
    }

    /// A publish is to be kept.
    pub fn save(&mut self, id: PublishId) {
        assert!(self.kept.insert(id), "kept twice");
    }

    /// A publish is not to be kept any more.
    pub fn forget(&mut self, id: &PublishId) {
        assert!(self.kept.remove(id), "{id} was not kept");
    }

    /// The last subscription to a topic.
    pub fn reader(&self, topic: &Topic) -> Option<SubscriptionId> {
        self.subscribed.iter().rfind(|(_, of)| *of == topic).map(|(id, _)| *id)
    }

    /// Where the first subscription to a topic is that is anywhere.
    pub fn cursor(&self, topic: &Topic) -> Option<Position> {
        let mut all = self.subscribed.iter().filter(|(_, of)| *of == topic);
        all.find_map(|(id, _)| self.cursors.get(id)).copied()
    }
}
