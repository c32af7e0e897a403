//! What the app asks of its subscriptions.

use everwire_protocol::{Position, Topic, limits};

use crate::{
    Event, Session, SubscribeError, SubscribeOptions, SubscriptionId, Time, feed::Feed, reader::Reader,
};

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
        let is_new = !self.feeds.contains_key(&topic);
        if is_new && self.feeds.len() >= limits::TOPICS {
            return Err(SubscribeError::TooMany);
        }
        let subscription = SubscriptionId(self.next_subscription);
        self.next_subscription = self.next_subscription.wrapping_add(1);
        if is_new {
            let generation = self.new_generation();
            self.feeds.insert(topic.clone(), Feed::new(generation));
        }
        let Some(feed) = self.feeds.get_mut(&topic) else { return Err(SubscribeError::Closed) };
        let joined = feed.join(now, subscription, options);
        let members = feed.members.clone().filter(|_| options.presence);
        if let Some(position) = joined {
            self.event(Event::Subscribed { subscription, position, recovered: false });
            if let Some(members) = members {
                self.event(Event::Members { subscription, members });
            }
        } else if is_new {
            self.unsynced = true;
        } else {
            self.ask_anew(&topic);
        }
        Ok(subscription)
    }

    /// Ends a subscription: no event of it comes any more, except those that wait in the outputs.
    pub fn unsubscribe(&mut self, now: Time, id: SubscriptionId) {
        self.now = now;
        let Some(topic) = self.topic(id).cloned() else { return };
        let Some(feed) = self.feeds.get_mut(&topic) else { return };
        let presence = feed.presence();
        feed.readers.retain(|reader| reader.id != id);
        self.unsynced = true;
        if feed.readers.is_empty() {
            self.feeds.remove(&topic);
        } else if presence && !feed.presence() {
            // Who reads on does not want to be listed.
            self.ask_anew(&topic);
        }
    }

    /// The app has taken messages of a subscription off its queue: so many, with so many bytes of payload
    /// together. One that is never reported on pauses at the limit of [`FlowConfig`](crate::FlowConfig).
    /// Ephemeral messages don't count; while a subscription is paused they are dropped.
    pub fn consumed(&mut self, now: Time, id: SubscriptionId, messages: usize, bytes: usize) {
        let flow = self.config.flow;
        self.change_flow(now, id, &|reader| reader.consumed(&flow, messages, bytes));
    }

    /// The app takes nothing more of a subscription for now. What comes all the same is not delivered, and once
    /// no reader of the topic takes anything, the server is told to send nothing. The cursor stays, so nothing is
    /// lost but what the log itself loses meanwhile.
    pub fn pause(&mut self, now: Time, id: SubscriptionId) {
        self.change_flow(now, id, &|reader| reader.hold(true));
    }

    /// Ends a [`pause`](Self::pause): goes on from the cursor.
    pub fn resume(&mut self, now: Time, id: SubscriptionId) {
        self.change_flow(now, id, &|reader| reader.hold(false));
    }

    /// What the app has been given of a subscription: where a new one would go on. `None` before the first
    /// [`Event::Subscribed`](crate::Event::Subscribed), unless it was started from a position.
    #[must_use]
    pub fn position(&self, id: SubscriptionId) -> Option<Position> {
        self.find(id)?.1.cursor()
    }

    /// The topic of a subscription; `None` once that has ended.
    #[must_use]
    pub fn topic(&self, id: SubscriptionId) -> Option<&Topic> {
        Some(self.find(id)?.0)
    }

    fn find(&self, id: SubscriptionId) -> Option<(&Topic, &Reader)> {
        let of = |feed: &'_ Feed| feed.readers.iter().position(|reader| reader.id == id);
        self.feeds.iter().find_map(|(topic, feed)| Some((topic, &feed.readers[of(feed)?])))
    }

    /// Does something to the flow of a subscription, and sees what follows for its topic.
    fn change_flow(&mut self, now: Time, id: SubscriptionId, change: &dyn Fn(&mut Reader)) {
        self.now = now;
        let Some(topic) = self.topic(id).cloned() else { return };
        let Some(feed) = self.feeds.get_mut(&topic) else { return };
        let all_paused = feed.paused();
        let Some(reader) = feed.reader(id) else { return };
        let paused = reader.paused();
        change(reader);
        let changed = reader.paused() != paused;
        let lacks = reader.lacks();
        if all_paused && changed {
            // The server goes on where it stopped.
            feed.catches_up_until = now + self.config.healthy_after;
        }
        self.unsynced |= changed;
        if changed && paused && lacks {
            self.ask_anew(&topic);
        }
    }
}
