//! What the app asks of its subscriptions.

use everwire_protocol::{Position, Topic, limits};

use crate::{Session, SubscribeError, SubscribeOptions, SubscriptionId, Time, subscription::Subscription};

impl Session {
    /// Starts reading a topic, now or once there is a link. Several subscriptions to one topic share what the
    /// server sends of it; each has its own cursor.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing has changed then.
    pub fn subscribe(
        &mut self,
        now: Time,
        topic: Topic,
        options: SubscribeOptions,
    ) -> Result<SubscriptionId, SubscribeError> {
        self.now = now;
        if self.is_closed() {
            return Err(SubscribeError::Closed);
        }
        if self.subscriptions.contains_key(&topic) || self.subscriptions.len() >= limits::TOPICS {
            return Err(SubscribeError::TooMany);
        }
        let id = SubscriptionId(self.next_subscription);
        self.next_subscription = self.next_subscription.wrapping_add(1);
        let generation = self.new_generation();
        let subscription = Subscription::new(id, options, generation, self.config.backoff);
        self.subscriptions.insert(topic, subscription);
        self.unsynced = true;
        Ok(id)
    }

    /// Ends a subscription: no event of it comes any more, except those that wait in the outputs.
    pub fn unsubscribe(&mut self, now: Time, id: SubscriptionId) {
        self.now = now;
        self.subscriptions.retain(|subscription| subscription.id != id);
        self.unsynced = true;
    }

    /// The app has taken messages of a subscription off its queue: so many, with so many bytes of payload
    /// together. One that is never reported on pauses at the limit of [`FlowConfig`](crate::FlowConfig).
    /// Ephemeral messages don't count; while a subscription is paused they are dropped.
    pub fn consumed(&mut self, now: Time, id: SubscriptionId, messages: usize, bytes: usize) {
        let flow = self.config.flow;
        self.change_flow(now, id, |subscription| subscription.consumed(&flow, messages, bytes));
    }

    /// The app takes nothing more of a subscription for now: the server is told to send nothing, and what it
    /// sent already is not delivered. The cursor stays, so nothing is lost but what the log loses meanwhile.
    pub fn pause(&mut self, now: Time, id: SubscriptionId) {
        self.change_flow(now, id, |subscription| {
            subscription.hold(true);
            false
        });
        self.unsynced = true;
    }

    /// Ends a [`pause`](Self::pause): goes on from the cursor.
    pub fn resume(&mut self, now: Time, id: SubscriptionId) {
        self.change_flow(now, id, |subscription| subscription.hold(false));
    }

    /// What the app has been given of a subscription: where a new one would go on. `None` before the first
    /// [`Event::Subscribed`](crate::Event::Subscribed), unless it was started from a position.
    #[must_use]
    pub fn position(&self, id: SubscriptionId) -> Option<Position> {
        self.subscriptions.iter().find(|(_, subscription)| subscription.id == id)?.1.cursor()
    }

    /// The topic of a subscription; `None` once that has ended.
    #[must_use]
    pub fn topic(&self, id: SubscriptionId) -> Option<&Topic> {
        Some(self.subscriptions.iter().find(|(_, subscription)| subscription.id == id)?.0)
    }

    /// Does something to the flow of a subscription that may make it go on, as `change` returns.
    fn change_flow(&mut self, now: Time, id: SubscriptionId, change: impl FnOnce(&mut Subscription) -> bool) {
        self.now = now;
        let next = self.next_generation;
        let mut all = self.subscriptions.values_mut();
        let Some(subscription) = all.find(|subscription| subscription.id == id) else { return };
        if change(subscription) {
            self.unsynced = true;
            if subscription.take_skipped() {
                subscription.generation = next;
                self.next_generation += 1;
            }
        }
    }
}
