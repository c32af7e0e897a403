//! The topics of one peer: slots for the wake-up marks, names to find them, and the turn they take.

use std::collections::HashMap;

use everwire_protocol::{Position, Topic};

use crate::{
    counters::Standing,
    store::{Slot, Slots, Watch},
};

/// One topic that a peer reads.
pub(super) struct Subscription {
    pub topic: Topic,
    pub alias: u32,
    /// The last record that was pulled.
    pub cursor: Position,
    /// The last ephemeral message that was pulled.
    pub ephemeral: u64,
    /// The last change of presence that was pulled; none when presence was not asked for.
    pub presence: Option<u64>,
    pub paused: bool,
    /// It has had all that there was: what comes now is new, and how old it is says how fast the server hands it on.
    pub live: bool,
    pub _standing: Standing,
    /// Keeps the store marking this topic.
    pub _watch: Watch,
}

/// All topics of a peer.
#[derive(Default)]
pub(super) struct Subscriptions {
    slots: Vec<Option<Subscription>>,
    by_topic: HashMap<Topic, Slot>,
    /// Those that may have something to read.
    pub ready: Slots,
    /// Those of them where it may be something else than records.
    pub news: Slots,
    /// Whose turn it is.
    turn: usize,
    /// How many were ever asked for: an alias is never used twice on a connection.
    pub asked: u32,
}

impl Subscriptions {
    pub fn len(&self) -> usize {
        self.by_topic.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.slots.iter().flatten()
    }

    pub fn contains(&self, topic: &Topic) -> bool {
        self.by_topic.contains_key(topic)
    }

    /// The slot that the next subscription takes.
    pub fn free_slot(&self) -> Slot {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        Slot::try_from(free).unwrap_or(Slot::MAX)
    }

    pub fn insert(&mut self, slot: Slot, subscription: Subscription) {
        let index = usize::from(slot);
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.by_topic.insert(subscription.topic.clone(), slot);
        self.slots[index] = Some(subscription);
        self.make_ready(slot);
    }

    /// It may have anything to read.
    pub fn make_ready(&mut self, slot: Slot) {
        self.ready.insert(slot);
        self.news.insert(slot);
    }

    pub fn get_mut(&mut self, topic: &Topic) -> Option<(Slot, &mut Subscription)> {
        let slot = *self.by_topic.get(topic)?;
        Some((slot, self.slots.get_mut(usize::from(slot))?.as_mut()?))
    }

    pub fn at_mut(&mut self, slot: Slot) -> Option<&mut Subscription> {
        self.slots.get_mut(usize::from(slot))?.as_mut()
    }

    pub fn remove(&mut self, topic: &Topic) -> Option<Subscription> {
        let slot = self.by_topic.remove(topic)?;
        self.ready.remove(slot);
        self.slots.get_mut(usize::from(slot))?.take()
    }

    pub fn take_all(&mut self) -> impl Iterator<Item = Subscription> + use<> {
        self.by_topic.clear();
        (self.ready, self.news) = <(Slots, Slots)>::default();
        std::mem::take(&mut self.slots).into_iter().flatten()
    }

    /// Any may have something to read.
    pub fn ready_all(&mut self) {
        for slot in self.by_topic.values() {
            self.ready.insert(*slot);
            self.news.insert(*slot);
        }
    }

    /// The next slot that may have something to read, round from the turn.
    pub fn next_ready(&self) -> Option<Slot> {
        let count = self.slots.len();
        (0..count)
            .filter_map(|step| Slot::try_from((self.turn + step) % count).ok())
            .find(|slot| self.ready.contains(*slot))
    }

    /// The slot had its turn; the next one is first now.
    pub fn pass_turn(&mut self, slot: Slot) {
        self.turn = usize::from(slot) + 1;
    }
}
