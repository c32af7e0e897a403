//! One client: the real session, and what an app does with it. It carries the session's outputs to the
//! world, and everything that the session tells its app to the model.

use std::collections::BTreeMap;

use everwire_core::{
    AttemptId, Event, Output, Publish, RequestId, Session, SubscribeOptions, SubscriptionId, Time, sse,
};
use everwire_protocol::{ClientId, From, Payload, Topic};

use crate::{model::Model, network::ConnectionId, schedule::Schedule, truth::Truth};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A WebSocket.
    Socket(AttemptId),
    /// A stream by fetch, of bytes.
    Stream(AttemptId),
    /// A stream by the browser's `EventSource`, of events.
    Events(AttemptId),
    /// One exchange of a poll.
    Poll(AttemptId),
    /// A one-off request.
    OneOff(RequestId),
}

impl Purpose {
    /// The attempt that it is part of.
    #[must_use]
    pub fn attempt(self) -> Option<AttemptId> {
        match self {
            Self::Socket(attempt) | Self::Stream(attempt) | Self::Events(attempt) | Self::Poll(attempt) => {
                Some(attempt)
            }
            Self::OneOff(_) => None,
        }
    }
}

/// One client.
pub struct Client {
    /// The real thing.
    pub session: Session,
    /// What its app may be told.
    pub model: Model,
    /// Its connections, those it has given up included while something may still come from them.
    pub connections: BTreeMap<ConnectionId, Purpose>,
    /// The browser's own parsers of its event streams.
    pub browsers: BTreeMap<ConnectionId, sse::Parser>,
    /// Messages that the app has not taken off its queue, by topic: how many, and their bytes.
    pub undrained: BTreeMap<SubscriptionId, (usize, usize)>,
    /// The most that may wait of one topic, and the most publishes that may wait for their acks (invariant 5).
    bounds: (usize, usize),
    /// `close()` was called.
    pub closed: bool,
    /// What was subscribed to.
    pub subscribed: BTreeMap<Topic, SubscriptionId>,
    published: u64,
    index: usize,
}

impl Client {
    /// A client that has not begun to connect.
    ///
    /// # Errors
    /// Its name is refused.
    pub fn new(index: usize, schedule: &Schedule, seed: u64) -> Result<Self, String> {
        let config = schedule.config.clone();
        // A paused topic takes nothing more at twice its limit; a message holds no more than the log keeps.
        let waiting = 2 * config.flow.messages + schedule.retention.records;
        let id = ClientId::new(&format!("client{index}")).map_err(|e| e.to_string())?;
        Ok(Self {
            bounds: (waiting, config.outbox.messages),
            session: Session::new(config, id, seed),
            model: Model::default(),
            connections: BTreeMap::new(),
            browsers: BTreeMap::new(),
            undrained: BTreeMap::new(),
            closed: false,
            subscribed: BTreeMap::new(),
            published: 0,
            index,
        })
    }

    /// The app subscribes, unless it has already.
    ///
    /// # Errors
    /// The session refuses.
    pub fn subscribe(&mut self, now: Time, topic: &Topic, from: From, truth: &Truth) -> Result<(), String> {
        if self.closed || self.subscribed.contains_key(topic) {
            return Ok(());
        }
        let options = SubscribeOptions { from, presence: self.index.is_multiple_of(2) };
        let id = self.session.subscribe(now, topic.clone(), options).map_err(|e| e.to_string())?;
        self.model.subscribe(truth, id.as_u32(), topic.clone(), from);
        self.subscribed.insert(topic.clone(), id);
        Ok(())
    }

    /// The app unsubscribes.
    pub fn unsubscribe(&mut self, now: Time, topic: &Topic) {
        let Some(id) = self.subscribed.remove(topic) else { return };
        self.session.unsubscribe(now, id);
        self.model.unsubscribe(id.as_u32());
        self.undrained.remove(&id);
    }

    /// The app publishes; a full outbox is a right answer.
    ///
    /// # Errors
    /// The same id twice.
    pub fn publish(&mut self, now: Time, topic: Topic, ephemeral: bool) -> Result<(), String> {
        if self.closed {
            return Ok(());
        }
        self.published += 1;
        let payload = Payload::json(format!("[{},{}]", self.index, self.published));
        let publish = Publish { topic: topic.clone(), payload, key: None, ephemeral };
        match self.session.publish(now, publish) {
            Ok(id) => self.model.publish(id, topic, ephemeral),
            Err(everwire_core::PublishError::OutboxFull) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The app takes all that waits off its queues.
    pub fn drain(&mut self, now: Time) {
        for (id, (messages, bytes)) in std::mem::take(&mut self.undrained) {
            self.session.consumed(now, id, messages, bytes);
        }
    }

    /// The app closes the client.
    pub fn close(&mut self, now: Time) {
        self.session.close(now);
        self.closed = true;
    }

    /// All that the session wants done, after everything it says to the app went through the model.
    ///
    /// # Errors
    /// A broken invariant.
    pub fn outputs(&mut self, truth: &Truth) -> Result<Vec<Output>, String> {
        let mut outputs = Vec::new();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Event(event) => self.tell(event, truth)?,
                Output::Close { .. } => outputs.push(output),
                _ if self.closed => return Err(format!("invariant 8: {output:?} after close()")),
                _ => outputs.push(output),
            }
        }
        let outbox = self.session.stats().outbox_messages;
        if outbox > self.bounds.1 {
            return Err(format!("invariant 5: {outbox} publishes wait for their acks"));
        }
        if self.closed {
            self.model.close();
            if let Some((at, name)) = self.session.poll_timeout() {
                return Err(format!("invariant 8: the timer {name:?} runs until {at:?} after close()"));
            }
        }
        Ok(outputs)
    }

    fn tell(&mut self, event: Event, truth: &Truth) -> Result<(), String> {
        self.model.told()?;
        match event {
            Event::Subscribed { subscription, position, .. } => {
                self.model.subscribed(truth, subscription.as_u32(), position)
            }
            Event::Messages { subscription, epoch, records } => {
                let waiting = self.undrained.entry(subscription).or_default();
                waiting.0 += records.len();
                waiting.1 += records.iter().map(|record| record.payload.data.len()).sum::<usize>();
                if waiting.0 > self.bounds.0 {
                    let (id, waiting) = (subscription.as_u32(), waiting.0);
                    return Err(format!(
                        "invariant 5: {waiting} messages of subscription {id} wait for the app"
                    ));
                }
                self.model.messages(truth, subscription.as_u32(), epoch, &records)
            }
            Event::Gap { subscription, from, to, reason, position } => {
                self.model.gap(truth, subscription.as_u32(), (from, to), reason, position)
            }
            Event::Published { id, outcome } => self.model.published(truth, &id, &outcome),
            Event::SubscriptionFailed { subscription, code, message } => {
                Err(format!("subscription {} failed with {code}: {message}", subscription.as_u32()))
            }
            Event::State(_)
            | Event::Ephemeral { .. }
            | Event::Members { .. }
            | Event::Join { .. }
            | Event::Leave { .. }
            | Event::History { .. }
            | Event::Presence { .. } => Ok(()),
        }
    }
}
