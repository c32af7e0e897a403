//! One client: the real session, and what an app does with it. It carries the session's outputs to the
//! world, and everything that the session tells its app to the model.

use std::{collections::BTreeMap, time::Duration};

use everwire_core::{
    AttemptId, Event, Output, Publish, RequestId, Session, State, StoredPublish, SubscribeOptions,
    SubscriptionId, Time, Transport, sse,
};
use everwire_protocol::{ClientId, Payload, Topic};

use crate::{
    books::Books,
    life::{client_id, name_of, session},
    model::Model,
    network::ConnectionId,
    reading::Reading,
    schedule::Schedule,
    tabs::Leading,
    truth::Truth,
};

/// Most subscriptions of one app.
const SUBSCRIPTIONS: usize = 6;

/// Within this much, something is due of whoever is connected: longer than any heartbeat with its grace, and any poll.
const SILENCE: Duration = Duration::from_secs(60);

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

/// One subscription, as its app holds it.
#[derive(Debug)]
pub struct Held {
    /// Which.
    pub id: SubscriptionId,
    /// Of what.
    pub topic: Topic,
    /// With presence.
    pub presence: bool,
    /// The app has paused it.
    pub paused: bool,
    /// What the app has not taken off its queue: how many, and their bytes.
    undrained: (usize, usize),
}

/// One client.
pub struct Client {
    /// The real thing.
    pub session: Session,
    /// By which the server knows it.
    pub id: ClientId,
    /// It is no app's, but the connection that tabs share, while this page leads them.
    pub leading: Option<Leading>,
    /// What its app may be told.
    pub model: Model,
    /// Its connections, those it has given up included while something may still come from them.
    pub connections: BTreeMap<ConnectionId, Purpose>,
    /// The browser's own parsers of its event streams.
    pub browsers: BTreeMap<ConnectionId, sse::Parser>,
    /// What its app reads.
    pub held: Vec<Held>,
    /// What the app of a dead tab had kept of its positions.
    pub positions: Vec<(Topic, SubscribeOptions)>,
    /// The publishes that outlive the tab, and since when they are kept.
    pub kept: Vec<(u64, StoredPublish)>,
    /// The most that may wait of one subscription, and the most publishes that may wait for their acks (invariant 5).
    pub(crate) bounds: (usize, usize),
    /// `close()` was called.
    pub closed: bool,
    /// Which life of the tab this is.
    pub life: u32,
    /// It was killed, and is not back.
    pub dead: bool,
    /// How often its app was told that somebody left.
    pub leaves: u64,
    published: u64,
    pub(crate) index: usize,
}

impl Client {
    /// A client that has not begun to connect.
    ///
    /// # Errors
    /// Its name is refused.
    pub fn new(index: usize, schedule: &Schedule, seed: u64) -> Result<Self, String> {
        // A paused topic takes nothing more at twice its limit; a message holds no more than the log keeps.
        let waiting = 2 * schedule.config.flow.messages + schedule.retention.records;
        Ok(Self {
            bounds: (waiting, schedule.config.outbox.messages),
            session: session(index, 0, schedule, seed)?,
            id: client_id(index, 0)?,
            leading: None,
            model: Model::default(),
            connections: BTreeMap::new(),
            browsers: BTreeMap::new(),
            held: Vec::new(),
            positions: Vec::new(),
            kept: Vec::new(),
            closed: false,
            life: 0,
            dead: false,
            leaves: 0,
            published: 0,
            index,
        })
    }

    /// What the client tells others of itself: no two lives of any two tabs say the same.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.id)
    }

    /// Whether an app is there that may still do something.
    #[must_use]
    pub fn lives(&self) -> bool {
        !self.closed && !self.dead
    }

    /// Whether it is present on a topic.
    #[must_use]
    pub fn holds(&self, topic: &Topic) -> bool {
        self.held.iter().any(|held| held.presence && held.topic == *topic)
    }

    /// Whether it has its connection from another tab.
    #[must_use]
    pub fn shares(&self) -> bool {
        self.session.state().transport == Some(Transport::Tab)
    }

    /// The app subscribes, unless it has enough.
    ///
    /// # Errors
    /// The session refuses.
    pub fn subscribe(
        &mut self,
        now: Time,
        topic: &Topic,
        options: SubscribeOptions,
        truth: &Truth,
    ) -> Result<(), String> {
        if !self.lives() || self.held.len() >= SUBSCRIPTIONS {
            return Ok(());
        }
        let SubscribeOptions { from, presence } = options;
        let known = self.model.cursors(topic);
        let id = self.session.subscribe(now, topic.clone(), options).map_err(|e| e.to_string())?;
        self.model.subscribe(id.as_u32(), Reading::new(truth, topic.clone(), from, known, presence));
        self.held.push(Held { id, topic: topic.clone(), presence, paused: false, undrained: (0, 0) });
        Ok(())
    }

    /// The app ends one of its subscriptions.
    pub fn unsubscribe(&mut self, now: Time, index: usize) {
        if index < self.held.len() {
            let held = self.held.swap_remove(index);
            self.session.unsubscribe(now, held.id);
            self.model.unsubscribe(held.id.as_u32());
        }
    }

    /// The app pauses one of its subscriptions, or lets it go on.
    pub fn pause(&mut self, now: Time, index: usize, paused: bool) {
        if let Some(held) = self.held.get_mut(index) {
            held.paused = paused;
            match paused {
                true => self.session.pause(now, held.id),
                false => self.session.resume(now, held.id),
            }
        }
    }

    /// The app publishes; a full outbox is a right answer.
    ///
    /// # Errors
    /// The same id twice.
    pub fn publish(&mut self, now: Time, topic: Topic, ephemeral: bool) -> Result<(), String> {
        if !self.lives() {
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
        for held in &mut self.held {
            let (messages, bytes) = std::mem::take(&mut held.undrained);
            if messages > 0 {
                self.session.consumed(now, held.id, messages, bytes);
            }
        }
    }

    /// Whether something waits for the app.
    #[must_use]
    pub fn has_undrained(&self) -> bool {
        self.held.iter().any(|held| held.undrained.0 > 0)
    }

    /// Who is connected, and waits for messages, would notice if nothing came any more.
    ///
    /// # Errors
    /// Nothing is due that would bring it to that.
    pub fn is_watchful(&self, now: Time) -> Result<(), String> {
        // Where nobody takes anything, a stream is not even open.
        let waits = self.held.iter().any(|held| !held.paused && held.undrained.0 == 0);
        let due = self.session.poll_timeout();
        let soon = due.is_some_and(|(at, _)| at <= now + SILENCE);
        if waits && self.session.state().state == State::Connected && !soon {
            return Err(format!(
                "invariant 6: it is connected, and trusts that for ever: {due:?} is what is due"
            ));
        }
        Ok(())
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
    pub fn outputs(&mut self, now: u64, books: &mut Books) -> Result<Vec<Output>, String> {
        let mut outputs = Vec::new();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Event(event) => self.tell(event, now, books)?,
                Output::Close { .. } => outputs.push(output),
                Output::Save(stored) => {
                    self.kept.retain(|(_, kept)| kept.id != stored.id);
                    self.kept.push((now, stored));
                }
                Output::Forget(id) => self.kept.retain(|(_, stored)| stored.id != id),
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

    fn tell(&mut self, event: Event, now: u64, books: &mut Books) -> Result<(), String> {
        if let Some(leading) = &mut self.leading {
            leading.hear(event, &self.session, &mut books.stood);
            return Ok(());
        }
        self.model.told()?;
        let model = &mut self.model;
        match event {
            Event::Subscribed { subscription, position, .. } => {
                if self.session.topic(subscription).is_some_and(|topic| books.stood.was_at(topic, position)) {
                    model.knows(subscription.as_u32(), position)?;
                }
                model.subscribed(&books.truth, subscription.as_u32(), position)
            }
            Event::Messages { subscription, epoch, records } => {
                model.messages(&books.truth, subscription.as_u32(), epoch, &records)?;
                self.queue(subscription, &records)
            }
            Event::Gap { subscription, from, to, reason, position } => {
                model.gap(&books.truth, subscription.as_u32(), (from, to), reason, position)
            }
            Event::Published { id, outcome } => {
                if outcome == everwire_core::Outcome::Expired {
                    books.truth.gave_up(&id);
                }
                model.published(&books.truth, &id, &outcome)
            }
            Event::SubscriptionFailed { subscription, code, message } => {
                Err(format!("{subscription:?} failed with {code}: {message}"))
            }
            Event::Ephemeral { subscription, .. } => model.ephemeral(subscription.as_u32()),
            Event::Members { subscription, members } => {
                model.view(subscription.as_u32()).map(|(_, view)| view.replace(members))
            }
            Event::Join { subscription, member } => model.view(subscription.as_u32())?.1.join(&member),
            Event::Leave { subscription, member } => {
                let (topic, view) = model.view(subscription.as_u32())?;
                let (name, times) = view.leave(&member)?;
                self.leaves += 1;
                match books.ledger.has_left(now, topic, &name, times) {
                    true => Ok(()),
                    false => Err(format!("presence: {name} left {topic} within its grace, {times}")),
                }
            }
            Event::State(_) | Event::History { .. } | Event::Presence { .. } => Ok(()),
        }
    }

    /// Messages wait for the app.
    fn queue(&mut self, id: SubscriptionId, records: &[everwire_protocol::Record]) -> Result<(), String> {
        let Some(held) = self.held.iter_mut().find(|held| held.id == id) else { return Ok(()) };
        held.undrained.0 += records.len();
        held.undrained.1 += records.iter().map(|record| record.payload.data.len()).sum::<usize>();
        if held.undrained.0 > self.bounds.0 {
            return Err(format!("invariant 5: {} messages of {id:?} wait for the app", held.undrained.0));
        }
        Ok(())
    }

    /// Nothing is kept any more of publishes that have their outcome.
    ///
    /// # Errors
    /// Something is.
    pub fn keeps_nothing(&self) -> Result<(), String> {
        match self.kept.first() {
            Some((_, stored)) if !self.closed => Err(format!("invariant 4: {} is kept on", stored.id)),
            _ => Ok(()),
        }
    }
}
