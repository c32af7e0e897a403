//! A session, and a server of a few lines that answers it by hand: two endpoints in virtual time. The test
//! says what the server does; nothing here decides anything.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use everwire_core::{
    AttemptId, Config, Event, HttpResponse, Output, Publish, Request, RequestId, Session, State,
    StoredPublish, SubscribeOptions, SubscriptionId, Time, TimerName, Transport,
    protocol::{
        ClientFrame, Cursor, Epoch, From, Kind, Limits, Payload, Position, PublishId, Record, RetryWindow,
        ServerFrame, Topic, binary, event,
    },
};

/// The session, and all that it asked for and nobody has looked at yet.
pub struct World {
    pub session: Session,
    pub now: Time,
    pub opened: VecDeque<(AttemptId, Transport, Request)>,
    pub polls: VecDeque<(AttemptId, Request)>,
    pub sent: VecDeque<(AttemptId, ClientFrame)>,
    pub closed: Vec<(AttemptId, u16)>,
    pub requests: VecDeque<(RequestId, Request)>,
    pub events: VecDeque<Event>,
    /// The last subscription to each topic.
    pub subscriptions: BTreeMap<Topic, SubscriptionId>,
    /// What is kept over a reload.
    pub stored: Vec<StoredPublish>,
    pub tokens_asked: usize,
    /// All that were ever opened and not closed by the session.
    pub links: Vec<AttemptId>,
}

pub const HEARTBEAT: Duration = Duration::from_secs(25);

pub fn topic(name: &str) -> Topic {
    name.parse().unwrap()
}

pub fn at(text: &str) -> Position {
    text.parse().unwrap()
}

pub fn epoch(text: &str) -> Epoch {
    text.parse().unwrap()
}

pub fn record(offset: u64) -> Record {
    Record { offset, time: 0, payload: Payload::text(format!("m{offset}")), key: None, from: None, id: None }
}

pub fn records(offsets: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    offsets.map(record).collect()
}

pub fn messages(alias: u32, offsets: std::ops::RangeInclusive<u64>) -> ServerFrame {
    ServerFrame::Messages { alias, records: records(offsets) }
}

pub fn welcome() -> ServerFrame {
    ServerFrame::Welcome {
        session: "s".into(),
        heartbeat: HEARTBEAT.as_millis() as u32,
        limits: Limits::default(),
        server: "test".into(),
    }
}

pub fn subscribed(name: &str, alias: u32, position: &str, recovered: bool) -> ServerFrame {
    ServerFrame::Subscribed { topic: topic(name), alias, position: at(position), recovered }
}

pub fn window(min: u32, max: u32) -> RetryWindow {
    RetryWindow { min, max }
}

pub fn encoded(frames: &[ServerFrame]) -> Bytes {
    let mut out = Vec::new();
    frames.iter().for_each(|frame| binary::encode_server(frame, &mut out));
    out.into()
}

pub fn response(frames: &[ServerFrame]) -> HttpResponse {
    HttpResponse { status: 200, retry_after: None, body: encoded(frames) }
}

pub fn status(status: u16) -> HttpResponse {
    HttpResponse { status, retry_after: None, body: Bytes::new() }
}

pub fn said(topic_name: &str, text: &str) -> Publish {
    Publish { topic: topic(topic_name), payload: Payload::text(text), key: None, ephemeral: false }
}

pub fn only(transport: Transport) -> Config {
    Config { transports: vec![transport], ..Config::default() }
}

impl World {
    pub fn new(config: Config) -> Self {
        Self::seeded(config, 7)
    }

    pub fn seeded(config: Config, seed: u64) -> Self {
        Self {
            session: Session::new(config, "me".parse().unwrap(), seed),
            now: Time::from_millis(1_000),
            opened: VecDeque::new(),
            polls: VecDeque::new(),
            sent: VecDeque::new(),
            closed: Vec::new(),
            requests: VecDeque::new(),
            events: VecDeque::new(),
            subscriptions: BTreeMap::new(),
            stored: Vec::new(),
            tokens_asked: 0,
            links: Vec::new(),
        }
    }

    /// A session that is connected over a WebSocket, with nothing left to look at.
    pub fn connected() -> (Self, AttemptId) {
        Self::connected_with(only(Transport::WebSocket))
    }

    pub fn connected_with(config: Config) -> (Self, AttemptId) {
        let mut world = Self::new(config);
        world.act(|session, now| session.connect(now));
        let id = world.accept();
        world.forget();
        (world, id)
    }

    /// Does something to the session, then drains it.
    pub fn act<T>(&mut self, act: impl FnOnce(&mut Session, Time) -> T) -> T {
        let result = act(&mut self.session, self.now);
        self.drain();
        result
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Open { attempt, transport, request } => {
                    self.links.push(attempt);
                    self.opened.push_back((attempt, transport, request));
                }
                Output::Send { attempt, mut data } => {
                    while let Some(frame) = binary::decode_client(&mut data).unwrap() {
                        self.sent.push_back((attempt, frame));
                    }
                }
                Output::Poll { attempt, request } => self.polls.push_back((attempt, request)),
                Output::Close { attempt, code } => {
                    self.links.retain(|id| *id != attempt);
                    self.opened.retain(|(id, ..)| *id != attempt);
                    self.polls.retain(|(id, ..)| *id != attempt);
                    self.closed.push((attempt, code));
                }
                Output::Request { id, request } => self.requests.push_back((id, request)),
                Output::FetchToken => self.tokens_asked += 1,
                Output::Save(publish) => self.stored.push(publish),
                Output::Forget(id) => self.stored.retain(|publish| publish.id != id),
                Output::Event(event) => self.events.push_back(event),
            }
        }
    }

    pub fn forget(&mut self) {
        self.sent.clear();
        self.closed.clear();
        self.events.clear();
    }

    /// Lets time pass, acting on every deadline at its time.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some((at, _)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.act(|session, now| session.handle_timeout(now));
        }
        self.now = end;
    }

    /// Lets time pass without the session noticing, then wakes it: what a sleeping laptop does.
    pub fn sleep(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.act(|session, now| session.handle_timeout(now));
    }

    /// Goes to the next deadline and acts on it.
    pub fn next_deadline(&mut self) -> Option<TimerName> {
        let (at, name) = self.session.poll_timeout()?;
        self.now = self.now.max(at);
        self.act(|session, now| session.handle_timeout(now));
        Some(name)
    }

    /// Lets time pass until something is opened, and gives it.
    pub fn next_open(&mut self) -> (AttemptId, Transport, Request) {
        for _ in 0..100 {
            if let Some(opened) = self.opened.pop_front() {
                return opened;
            }
            self.next_deadline().expect("a deadline, since nothing is opened");
        }
        panic!("nothing is opened");
    }

    /// Opens the next attempt and welcomes it.
    pub fn accept(&mut self) -> AttemptId {
        let (id, transport, _) = self.next_open();
        match transport {
            Transport::LongPoll | Transport::Poll => {
                self.act(|session, now| session.handle_response(now, id, response(&[welcome()])));
            }
            _ => {
                self.open(id);
                self.say(id, transport, &[welcome()]);
            }
        }
        id
    }

    pub fn open(&mut self, id: AttemptId) {
        self.act(|session, now| session.handle_opened(now, id));
    }

    /// The server says something on a WebSocket.
    pub fn frames(&mut self, id: AttemptId, frames: &[ServerFrame]) {
        let data = encoded(frames);
        self.act(|session, now| session.handle_message(now, id, data));
    }

    /// The server says something on a stream.
    pub fn stream(&mut self, id: AttemptId, frames: &[ServerFrame]) {
        let text = streamed(frames);
        self.act(|session, now| session.handle_chunk(now, id, text.into()));
    }

    fn say(&mut self, id: AttemptId, transport: Transport, frames: &[ServerFrame]) {
        match transport {
            Transport::WebSocket => self.frames(id, frames),
            _ => self.stream(id, frames),
        }
    }

    pub fn subscribe(&mut self, name: &str, from: From) -> SubscriptionId {
        self.subscribe_with(name, SubscribeOptions { from, presence: false })
    }

    pub fn subscribe_with(&mut self, name: &str, options: SubscribeOptions) -> SubscriptionId {
        let id = self.act(|session, now| session.subscribe(now, topic(name), options)).unwrap();
        self.subscriptions.insert(topic(name), id);
        id
    }

    /// The last subscription to a topic.
    pub fn id(&self, name: &str) -> SubscriptionId {
        self.subscriptions[&topic(name)]
    }

    /// Where the last subscription to a topic is.
    pub fn position(&self, name: &str) -> Option<Position> {
        self.session.position(self.id(name))
    }

    pub fn unsubscribe(&mut self, name: &str) {
        let id = self.id(name);
        self.act(|session, now| session.unsubscribe(now, id));
    }

    /// The app takes messages of the last subscription to a topic.
    pub fn consume(&mut self, name: &str, messages: usize, bytes: usize) {
        let id = self.id(name);
        self.act(|session, now| session.consumed(now, id, messages, bytes));
    }

    pub fn publish(&mut self, text: &str) -> PublishId {
        self.act(|session, now| session.publish(now, said("room", text))).unwrap()
    }

    pub fn state(&self) -> State {
        self.session.state().state
    }

    /// The offsets of all messages delivered since this was last asked; gaps as negative numbers of their
    /// first offset.
    pub fn delivered(&mut self) -> Vec<i64> {
        let mut offsets = Vec::new();
        self.events.retain(|event| match event {
            Event::Messages { records, .. } => {
                offsets.extend(records.iter().map(|record| record.offset as i64));
                false
            }
            Event::Gap { from, .. } => {
                offsets.push(-(*from as i64));
                false
            }
            _ => true,
        });
        offsets
    }

    /// The frames sent on a link since this was last asked, without pings.
    pub fn sent_on(&mut self, id: AttemptId) -> Vec<ClientFrame> {
        let (mine, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.sent).into_iter().partition(|(on, _)| *on == id);
        self.sent = others.into();
        mine.into_iter()
            .map(|sent| sent.1)
            .filter(|frame| !matches!(frame, ClientFrame::Ping { .. }))
            .collect()
    }

    /// The ids of publishes sent on a link since this was last asked.
    pub fn published_on(&mut self, id: AttemptId) -> Vec<String> {
        let id_of = |frame| match frame {
            ClientFrame::Publish { id, .. } => Some(id.to_string()),
            _ => None,
        };
        self.sent_on(id).into_iter().filter_map(id_of).collect()
    }
}

/// Frames as a stream carries them.
pub fn streamed(frames: &[ServerFrame]) -> String {
    let mut cursor = Cursor(vec![at("a-0"); 8]);
    let mut text = String::new();
    frames.iter().for_each(|frame| event::encode(frame, &mut cursor, &mut text));
    text
}

/// Whether a payload is text: what the tests publish.
pub fn is_text(payload: &Payload) -> bool {
    payload.kind == Kind::Text
}
