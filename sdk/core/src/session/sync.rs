//! Brings the links in step with what the app wants: opens what was decided on, tells a WebSocket what
//! changed, makes a new request where the subscriptions travel in one, and sends what waits.

use std::time::Duration;

use bytes::Bytes;
use everwire_protocol::{ClientFrame, Mode, Topic, limits};

use crate::{
    AttemptId, Output, Request, Session, TimerName, Transport,
    feed::Feed,
    link::{Link, Phase},
    map::Map,
    request::{self, Asked, Asker},
    session::end::MOVED,
};

impl Session {
    pub(super) fn sync(&mut self) {
        if self.is_closed() {
            return;
        }
        let changed = std::mem::take(&mut self.unsynced);
        for index in 0..self.links.len() {
            if self.links[index].phase == Phase::Planned {
                self.open_or_park(index);
            } else if self.links[index].takes_frames() {
                if changed {
                    self.sync_frames(index);
                }
            } else if self.links[index].transport.is_stateless() {
                if changed && self.asks_for_other_topics(index) {
                    let timeout = self.config.connect_timeout;
                    self.renew(index, timeout);
                    self.open_or_park(index);
                } else {
                    self.poll_again(index);
                }
            }
        }
        self.ask_questions();
        self.send_publishes();
        for link in &mut self.links {
            if !link.outgoing.is_empty() && link.takes_frames() {
                let data = Bytes::from(std::mem::take(&mut link.outgoing));
                self.stats.bytes_sent += data.len() as u64;
                self.outputs.push_back(Output::Send { attempt: link.id, data });
            }
        }
    }

    /// Opens what was decided on; a stateless transport only once there is a topic to ask for.
    fn open_or_park(&mut self, index: usize) {
        let (now, timeout, nothing) = (self.now, self.config.connect_timeout, self.asks_for_nothing());
        let link = &mut self.links[index];
        let park = nothing && link.transport.is_stateless();
        if park {
            link.parked = true;
        } else if std::mem::take(&mut link.parked) {
            link.asked = now;
            link.deadline = now + timeout;
            if self.selection.has_more() {
                self.timers.set(TimerName::HeadStart, now + self.config.head_start);
            }
        }
        self.set_connect_due();
        if !park {
            self.open(index);
        }
    }

    /// Whether a stateless request would ask for no topic.
    pub(super) fn asks_for_nothing(&self) -> bool {
        wanted(&self.feeds).next().is_none()
    }

    fn open(&mut self, index: usize) {
        let token = self.token.current.clone();
        let asker = Asker { client_id: &self.client_id, info: self.config.info.as_deref(), token };
        let link = &mut self.links[index];
        link.phase = Phase::Opening;
        link.token.clone_from(&asker.token);
        let request = match link.transport {
            Transport::WebSocket | Transport::Tab => request::web_socket(),
            // A poll that is answered at once brings the welcome at once.
            _ => ask_for_all(link, &self.feeds, &asker, Duration::ZERO),
        };
        self.stats.bytes_sent += request.body.as_ref().map_or(0, Bytes::len) as u64;
        let (attempt, transport) = (link.id, link.transport);
        self.outputs.push_back(Output::Open { attempt, transport, request });
    }

    /// Puts a new request in the place of one that has ended by itself.
    pub(super) fn renew_ended(&mut self, index: usize) {
        // There is nothing to close.
        self.links[index].phase = Phase::Planned;
        let timeout = self.config.connect_timeout;
        self.renew(index, timeout);
    }

    /// Puts a new request in the place of a stateless link: the same link, as the app sees it, under a new
    /// id.
    pub(super) fn renew(&mut self, index: usize, timeout: Duration) {
        let (now, id) = (self.now, self.new_attempt());
        let link = &mut self.links[index];
        let old = link.id;
        let was_told = link.phase > Phase::Planned;
        link.renew(id, now, timeout);
        if was_told {
            self.outputs.push_back(Output::Close { attempt: old, code: MOVED });
        }
        if self.live == Some(old) {
            self.live = Some(id);
            for name in [TimerName::Heartbeat, TimerName::Poll, TimerName::Subscribe] {
                self.timers.stop(name);
            }
        }
        self.set_connect_due();
    }

    fn asks_for_other_topics(&self, index: usize) -> bool {
        let mut wanted = wanted(&self.feeds);
        let mut asked = self.links[index].topics.iter();
        loop {
            let asked = asked.find_map(|(topic, on_link)| Some((topic, on_link.asked?.generation)));
            match (asked, wanted.next()) {
                (None, None) => return false,
                (Some((topic, generation)), Some((wanted, feed)))
                    if generation == feed.generation && topic == wanted => {}
                _ => return true,
            }
        }
    }

    /// Makes the next exchange of a poll link, when its time has come.
    fn poll_again(&mut self, index: usize) {
        let link = &mut self.links[index];
        let idle = link.transport.is_poll() && link.phase == Phase::Welcomed && !link.exchanging;
        let waits = |name| self.timers.get(name).is_some();
        // A server that drains is left alone until the moment to leave it.
        if !idle || waits(TimerName::Poll) || waits(TimerName::Drain) {
            return;
        }
        let wait = if link.transport == Transport::LongPoll { self.config.poll_wait } else { Duration::ZERO };
        let wait = Duration::from_secs(wait.as_secs());
        let token = self.token.current.clone();
        let asker = Asker { client_id: &self.client_id, info: self.config.info.as_deref(), token };
        let request = ask_for_all(link, &self.feeds, &asker, wait);
        link.token.clone_from(&asker.token);
        link.asked = self.now;
        link.held = !wait.is_zero();
        self.timers.set(TimerName::Heartbeat, self.now + wait + self.config.heartbeat_grace);
        self.stats.bytes_sent += request.body.as_ref().map_or(0, Bytes::len) as u64;
        self.outputs.push_back(Output::Poll { attempt: link.id, request });
    }

    /// Tells a WebSocket what it doesn't know yet.
    fn sync_frames(&mut self, index: usize) {
        let link = &mut self.links[index];
        let mut gone = Vec::new();
        for (topic, on_link) in link.topics.iter() {
            let current = self.feeds.get(topic).map(|feed| feed.generation);
            if on_link.asked.is_some_and(|asked| Some(asked.generation) != current) {
                gone.push(topic.clone());
            }
        }
        for topic in gone {
            link.drop_topic(&topic);
            link.send(ClientFrame::Unsubscribe { topic });
        }
        for (topic, feed) in self.feeds.iter() {
            if feed.refused_until.is_some() {
                continue;
            }
            let (paused, topic) = (feed.paused(), topic.clone());
            if link.asked(&topic).is_none() {
                let from = feed.start();
                link.ask(&topic, feed.generation, from);
                let mode = Mode { presence: feed.presence() };
                link.send(ClientFrame::Subscribe { topic: topic.clone(), from, mode });
            }
            let on_link = link.topics.get_mut(&topic).and_then(|on_link| on_link.asked.as_mut());
            if let Some(asked) = on_link.filter(|asked| asked.paused != paused) {
                asked.paused = paused;
                link.send(if paused { ClientFrame::Pause { topic } } else { ClientFrame::Resume { topic } });
            }
        }
        self.watch_subscribes(index);
    }

    /// Starts the deadline of answers that are awaited on the link.
    pub(super) fn watch_subscribes(&mut self, index: usize) {
        let link = &mut self.links[index];
        if link.awaits_any() && link.subscribe_due.is_none() {
            link.awaits_since = self.now;
            link.subscribe_due = Some(self.now + self.config.request_timeout);
        }
        if self.live == Some(link.id) {
            self.timers.put(TimerName::Subscribe, link.subscribe_due);
        }
    }

    fn ask_questions(&mut self) {
        let alone = self.does_without_link();
        let link = carrier(&mut self.links, self.live);
        if link.is_none() && !alone {
            return;
        }
        let mut socket = link.filter(|link| link.takes_frames());
        while let Some((id, ask)) = self.questions.next_to_send(socket.is_some()) {
            if let Some(link) = &mut socket {
                link.send(ask.frame(id));
            } else {
                let request = ask.request(self.token.current.clone());
                self.outputs.push_back(Output::Request { id, request });
            }
        }
    }

    fn send_publishes(&mut self) {
        let alone = self.does_without_link();
        let link = carrier(&mut self.links, self.live);
        if link.is_none() && !alone {
            return;
        }
        if let Some(link) = link.filter(|link| link.takes_frames()) {
            while let Some(frame) = self.outbox.next_to_send() {
                link.send(frame);
                // One message may not be over the limit, so it is sent before another frame could make it so.
                if link.outgoing.len() >= limits::BATCH_BYTES {
                    let data = Bytes::from(std::mem::take(&mut link.outgoing));
                    self.stats.bytes_sent += data.len() as u64;
                    self.outputs.push_back(Output::Send { attempt: link.id, data });
                }
            }
        } else {
            self.post_publishes();
        }
    }
}

/// The link that goes with what is asked beside it: the live one, or else one that has nothing to ask for
/// itself, and so would never come to be live in a session that only publishes.
fn carrier(links: &mut [Link], live: Option<AttemptId>) -> Option<&mut Link> {
    let is_live = |link: &Link| Some(link.id) == live;
    let place = links.iter().position(is_live).or_else(|| links.iter().position(|link| link.parked))?;
    links.get_mut(place).filter(|link| link.carries())
}

/// The subscriptions that a stateless request asks for.
fn wanted(feeds: &Map<Topic, Feed>) -> impl Iterator<Item = (&Topic, &Feed)> {
    feeds.iter().filter(|(_, wanted)| !wanted.paused() && wanted.refused_until.is_none())
}

/// The request for all wanted topics, each from its cursor, noted on the link.
fn ask_for_all(link: &mut Link, feeds: &Map<Topic, Feed>, asker: &Asker<'_>, wait: Duration) -> Request {
    link.begin_exchange();
    let mut topics = Vec::new();
    for (topic, feed) in wanted(feeds) {
        link.ask(topic, feed.generation, feed.start());
        topics.push(Asked { topic, from: feed.start(), presence: feed.presence() });
    }
    request::stateless(link.transport, &topics, asker, wait.as_secs())
}
