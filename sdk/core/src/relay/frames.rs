//! What a tab says: each frame of it becomes a call of the upstream session.

use bytes::Bytes;
use everwire_protocol::{About, ClientFrame, Code, Mode, PublishId, RetryWindow, ServerFrame, Topic, binary};

use crate::{
    Publish, PublishError, Session, State, SubscribeError, SubscribeOptions, SubscriptionId, Time,
    relay::{PATIENCE, Relay, TabId, tab::Reader},
};

/// When to publish again what found the upstream outbox full.
const OUTBOX_FULL: RetryWindow = RetryWindow { min: 200, max: 1_000 };

impl Relay {
    pub(super) fn read_frames(&mut self, now: Time, session: &mut Session, tab: TabId, mut data: Bytes) {
        while let Some(link) = self.tabs.get_mut(&tab) {
            match binary::decode_client(&mut data) {
                // It says who it is first, and once. Its token is its own: the connection has the leader's.
                Ok(Some(ClientFrame::Connect { .. })) if !link.connected => {
                    link.connected = true;
                    self.connected(now, session, tab);
                }
                Ok(Some(frame)) if link.connected => self.read_frame(now, session, tab, frame),
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => self.turn_out(now, session, tab),
            }
        }
    }

    fn connected(&mut self, now: Time, session: &mut Session, tab: TabId) {
        if matches!(session.state().state, State::Waiting | State::Offline) {
            // Alone, a tab that is opened or comes back would try at once.
            session.handle_wakeup(now);
        }
        // A relay that came to a session which had been at work before has heard nothing of that.
        self.settled |= session.state().state != State::Connecting;
        if self.settled {
            self.welcome(tab, session.state());
        } else {
            self.settles_at.get_or_insert(now + PATIENCE);
        }
    }

    fn read_frame(&mut self, now: Time, session: &mut Session, tab: TabId, frame: ClientFrame) {
        match frame {
            ClientFrame::Subscribe { topic, from, mode: Mode { presence } } => {
                self.subscribe(now, session, tab, topic, SubscribeOptions { from, presence });
            }
            ClientFrame::Unsubscribe { topic } => {
                self.unsubscribe(now, session, tab, topic);
            }
            ClientFrame::Pause { topic } => self.pause(now, session, tab, &topic, true),
            ClientFrame::Resume { topic } => self.pause(now, session, tab, &topic, false),
            ClientFrame::Publish { topic, id, payload, key, ephemeral } => {
                self.publish(now, session, tab, id, Publish { topic, payload, key, ephemeral });
            }
            ClientFrame::Presence { request, topic } => {
                let id = session.presence(now, topic);
                self.questions.insert(id, (tab, request));
            }
            ClientFrame::History { request, topic, range, limit } => {
                let id = session.history(now, topic, range, limit);
                self.questions.insert(id, (tab, request));
            }
            ClientFrame::Ping { nonce } => self.send(tab, &ServerFrame::Pong { nonce }),
            ClientFrame::Refresh { .. } => {}
            ClientFrame::Connect { .. } => self.turn_out(now, session, tab),
        }
    }

    fn subscribe(
        &mut self,
        now: Time,
        session: &mut Session,
        tab: TabId,
        topic: Topic,
        options: SubscribeOptions,
    ) {
        let subscribed = match self.reader_of(tab, &topic) {
            Some(_) => Err((Code::ALREADY_SUBSCRIBED, "the topic is subscribed to already")),
            None => session.subscribe(now, topic.clone(), options).map_err(|error| match error {
                SubscribeError::TooMany => (Code::TOO_MANY_TOPICS, "the tabs have too many topics together"),
                SubscribeError::Closed => (Code::UNAVAILABLE, "the connection is closed"),
            }),
        };
        match subscribed {
            Ok(id) => {
                let Some(link) = self.tabs.get_mut(&tab) else { return };
                let (alias, full) = (link.new_alias(), link.full);
                let presence = options.presence;
                let reader = Reader { tab, topic, alias, presence, told: false, paused: false };
                self.readers.insert(id, reader);
                if full {
                    session.pause(now, id);
                }
            }
            Err((code, message)) => self.refuse(tab, About::Topic(topic), code, message, None),
        }
    }

    fn unsubscribe(&mut self, now: Time, session: &mut Session, tab: TabId, topic: Topic) {
        let Some(id) = self.reader_of(tab, &topic) else { return };
        let is_answered = self.readers.get(&id).is_some_and(|reader| reader.told);
        self.readers.remove(&id);
        session.unsubscribe(now, id);
        if !is_answered {
            // The tab counts answers: by the number it knows which one is to its next subscribe.
            self.refuse(tab, About::Topic(topic), Code::UNAVAILABLE, "it was given up", None);
        }
    }

    fn pause(&mut self, now: Time, session: &mut Session, tab: TabId, topic: &Topic, pause: bool) {
        let Some(id) = self.reader_of(tab, topic) else { return };
        let full = self.tabs.get(&tab).is_some_and(|link| link.full);
        let Some(reader) = self.readers.get_mut(&id) else { return };
        reader.paused = pause;
        if pause {
            session.pause(now, id);
        } else if !full {
            session.resume(now, id);
        }
    }

    fn publish(&mut self, now: Time, session: &mut Session, tab: TabId, id: PublishId, publish: Publish) {
        if let Some(waits) = self.publishes.get_mut(&id) {
            // It is under way, since before this tab's link was lost.
            *waits = Some(tab);
            return;
        }
        if let Some(outcome) = self.unheard.take(&id) {
            self.tell_outcome(tab, id, outcome);
            return;
        }
        let Some(link) = self.tabs.get_mut(&tab) else { return };
        let forwarded = if link.order.admits(&id) {
            session.forward(now, id.clone(), publish)
        } else {
            Err(PublishError::OutboxFull)
        };
        let (code, message, window) = match forwarded {
            Ok(()) => {
                link.order.settled(&id);
                self.publishes.insert(id, Some(tab));
                return;
            }
            Err(PublishError::OutboxFull) => {
                (Code::RATE_LIMITED, "the tabs' outbox is full", Some(OUTBOX_FULL))
            }
            Err(PublishError::Closed) => (Code::UNAVAILABLE, "the connection is closed", Some(OUTBOX_FULL)),
            Err(PublishError::TooLarge) => (Code::TOO_LARGE, "the payload or the key is too large", None),
            Err(PublishError::NotUtf8) => (Code::BAD_REQUEST, "the payload is not UTF-8", None),
        };
        if window.is_some() {
            link.order.refused(&id);
        } else {
            link.order.settled(&id);
        }
        let is_full = link.order.is_full();
        self.refuse(tab, About::Publish(id), code, message, window);
        if is_full {
            self.turn_out(now, session, tab);
        }
    }

    fn refuse(
        &mut self,
        tab: TabId,
        about: About,
        code: Code,
        message: &str,
        retry_after: Option<RetryWindow>,
    ) {
        self.send(tab, &ServerFrame::Error { about, code, message: message.into(), retry_after });
    }

    /// A tab took in so many bytes.
    pub(super) fn taken(&mut self, now: Time, session: &mut Session, tab: TabId, bytes: u32) {
        let goes_on = self.tabs.get_mut(&tab).is_some_and(|link| link.took(bytes as usize));
        if goes_on {
            for id in self.readers_of(tab) {
                if self.readers.get(&id).is_some_and(|reader| !reader.paused) {
                    session.resume(now, id);
                }
            }
        }
    }

    fn reader_of(&self, tab: TabId, topic: &Topic) -> Option<SubscriptionId> {
        let mut readers = self.readers.iter();
        readers.find(|(_, reader)| reader.tab == tab && reader.topic == *topic).map(|(id, _)| *id)
    }
}
