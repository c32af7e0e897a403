//! One client: the real session, and what an app does with it. It carries the session's outputs to the
//! world, and everything that the session tells its app to the model.

use std::collections::BTreeMap;

use everwire_core::{AttemptId, Event, Output, Publish, RequestId, Session, SubscribeOptions, Time, sse};
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
    pub undrained: BTreeMap<Topic, (usize, usize)>,
    /// The most that may wait of one topic, and the most publishes that may wait for their acks (invariant 5).
    bounds: (usize, usize),
    /// `close()` was called.
    pub closed: bool,
    /// What was subscribed to.
    pub subscribed: Vec<Topic>,
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
            subscribed: Vec::new(),
            published: 0,
            index,
        })
    }

    /// The app subscribes, unless it has already.
    ///
    /// # Errors
    /// The session refuses.
    pub fn subscribe(&mut self, now: Time, topic: &Topic, from: From, truth: &Truth) -> Result<(), String> {
        if self.closed || self.subscribed.contains(topic) {
            return Ok(());
        }
        let options = SubscribeOptions { from, presence: self.index.is_multiple_of(2) };
        self.session.subscribe(now, topic.clone(), options).map_err(|e| e.to_string())?;
        self.model.subscribe(truth, topic.clone(), from);
        self.subscribed.push(topic.clone());
        Ok(())
    }

    /// The app unsubscribes.
    pub fn unsubscribe(&mut self, now: Time, topic: &Topic) {
        self.session.unsubscribe(now, topic);
        self.model.unsubscribe(topic);
        self.subscribed.retain(|t| t != topic);
        self.undrained.remove(topic);
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
        for (topic, (messages, bytes)) in std::mem::take(&mut self.undrained) {
            self.session.consumed(now, &topic, messages, bytes);
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
            Event::Subscribed { topic, position, .. } => self.model.subscribed(truth, &topic, position),
            Event::Messages { topic, epoch, records } => {
                let waiting = self.undrained.entry(topic.clone()).or_default();
                waiting.0 += records.len();
                waiting.1 += records.iter().map(|record| record.payload.data.len()).sum::<usize>();
                if waiting.0 > self.bounds.0 {
                    return Err(format!("invariant 5: {} messages of {topic} wait for the app", waiting.0));
                }
                self.model.messages(truth, &topic, epoch, &records)
            }
            Event::Gap { topic, from, to, reason, position } => {
                self.model.gap(truth, &topic, (from, to), reason, position)
            }
            Event::Published { id, outcome } => self.model.published(truth, &id, &outcome),
            Event::SubscriptionFailed { topic, code, message } => {
                Err(format!("{topic} failed with {code}: {message}"))
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
