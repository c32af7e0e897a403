//! Whatever the app, the driver and a lying server do, in any order: nothing panics, and what the app is told keeps
//! the invariants.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use common::*;
use everwire_core::{
    AttemptId, Closed, Config, Event, FlowConfig, HttpResponse, OutboxConfig, Output, Overflow, Publish,
    Reason, RequestId, Session, State, SubscribeOptions, Time, Transport,
    protocol::{
        About, Code, From, GapReason, HistoryRange, Payload, Position, PublishId, Record, ServerFrame, Topic,
        binary,
    },
};
use proptest::{collection::vec, prelude::*, sample::select};

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Subscribe(u8, From, bool),
    Unsubscribe(u8),
    Consumed(u8, usize),
    Publish(u8, bool),
    Ask(u8),
    SetTransports(Vec<Transport>),
    Environment(u8),
    Opened(usize),
    Frames(usize, Vec<ServerFrame>),
    Junk(usize, Vec<u8>),
    Closed(usize, Closed),
    Reply(usize, Option<Vec<ServerFrame>>, u16),
    Token(bool),
    Close,
}

fn name(n: u8) -> Topic {
    topic(["a", "b", "c"][usize::from(n % 3)])
}

fn position() -> impl Strategy<Value = Position> {
    (select(vec!["x", "y"]), 0..8_u64).prop_map(|(life, offset)| Position { epoch: epoch(life), offset })
}

fn start() -> impl Strategy<Value = From> {
    prop_oneof![Just(From::Latest), Just(From::Earliest), (0..9_u32).prop_map(From::Last)]
}

fn publish_id() -> impl Strategy<Value = PublishId> {
    (1..20_u64).prop_map(|n| format!("me.{n}").parse().unwrap())
}

fn code() -> impl Strategy<Value = Code> {
    select(vec![4000, 4002, 4101, 4200, 4505, 4506, 4507]).prop_map(Code)
}

fn about() -> impl Strategy<Value = About> {
    prop_oneof![
        Just(About::Connection),
        (0..3_u8).prop_map(|n| About::Topic(name(n))),
        publish_id().prop_map(About::Publish),
        (1..9_u32).prop_map(About::Request),
    ]
}

fn frame() -> impl Strategy<Value = ServerFrame> {
    let alias = 0..4_u32;
    prop_oneof![
        6 => Just(welcome()),
        6 => (0..3_u8, alias.clone(), position(), any::<bool>()).prop_map(|(n, alias, position, recovered)| {
            ServerFrame::Subscribed { topic: name(n), alias, position, recovered }
        }),
        8 => (alias.clone(), 1..9_u64, 0..4_u64).prop_map(|(alias, first, more)| messages(alias, first..=first + more)),
        4 => (alias.clone(), 1..9_u64, any::<bool>(), position()).prop_map(|(alias, from, evicted, position)| {
            let reason = if evicted { GapReason::Evicted } else { GapReason::Epoch };
            let to = evicted.then(|| position.offset.max(from));
            ServerFrame::Gap { alias, from, to, reason, position }
        }),
        1 => alias.clone().prop_map(|alias| ServerFrame::Ephemeral {
            alias, time: 1, payload: Payload::text("t"), from: None,
        }),
        1 => alias.prop_map(|alias| ServerFrame::Members { alias, members: vec![] }),
        3 => publish_id().prop_map(|id| ServerFrame::Ack { id, position: None }),
        2 => (about(), code(), prop::option::of(0..5_000_u32)).prop_map(|(about, code, after)| ServerFrame::Error {
            about, code, message: "e".into(), retry_after: after.map(|after| window(after, after + 9)),
        }),
        1 => (0..9_u32).prop_map(|nonce| ServerFrame::Pong { nonce }),
        1 => Just(ServerFrame::Heartbeat),
        1 => Just(ServerFrame::Drain { window: window(0, 3_000) }),
        1 => code().prop_map(|code| ServerFrame::Closed { code, reason: "c".into() }),
        1 => (1..9_u32).prop_map(|request| ServerFrame::Presence { request, members: vec![] }),
    ]
}

fn closed() -> impl Strategy<Value = Closed> {
    prop_oneof![
        3 => Just(Closed::Network),
        2 => select(vec![1000, 1006, 4000, 4101, 4200]).prop_map(Closed::Code),
        2 => (select(vec![200, 401, 429, 500]), prop::option::of(0..9_u64)).prop_map(|(status, after)| {
            Closed::Status { status, retry_after: after.map(Duration::from_secs) }
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..4_usize;
    prop_oneof![
        8 => (0..12_000_u64).prop_map(Step::Pass),
        3 => (0..3_u8, start(), any::<bool>()).prop_map(|(n, from, presence)| Step::Subscribe(n, from, presence)),
        1 => (0..3_u8).prop_map(Step::Unsubscribe),
        2 => (0..3_u8, 0..5_usize).prop_map(|(n, messages)| Step::Consumed(n, messages)),
        3 => (0..3_u8, any::<bool>()).prop_map(|(n, ephemeral)| Step::Publish(n, ephemeral)),
        1 => (0..3_u8).prop_map(Step::Ask),
        1 => vec(select(Transport::ALL.to_vec()), 0..3).prop_map(Step::SetTransports),
        2 => (0..6_u8).prop_map(Step::Environment),
        6 => which.clone().prop_map(Step::Opened),
        16 => (which.clone(), vec(frame(), 1..5)).prop_map(|(which, frames)| Step::Frames(which, frames)),
        1 => (which.clone(), vec(any::<u8>(), 0..30)).prop_map(|(which, bytes)| Step::Junk(which, bytes)),
        3 => (which.clone(), closed()).prop_map(|(which, closed)| Step::Closed(which, closed)),
        3 => (which, prop::option::of(vec(frame(), 0..3)), select(vec![200, 200, 401, 429, 503]))
            .prop_map(|(which, frames, status)| Step::Reply(which, frames, status)),
        3 => any::<bool>().prop_map(Step::Token),
    ]
}

/// What the app knows, by the events alone.
#[derive(Default)]
struct App {
    cursors: BTreeMap<Topic, Position>,
    subscribed: BTreeSet<Topic>,
    published: BTreeSet<PublishId>,
    questions: BTreeSet<RequestId>,
    closed: bool,
}

impl App {
    fn told(&mut self, event: &Event) {
        assert!(!self.closed, "invariant 8: {event:?} after the close");
        match event {
            Event::State(change) => self.closed = change.state == State::Closed,
            Event::Subscribed { topic, position, .. } => {
                assert!(self.subscribed.contains(topic));
                self.cursors.entry(topic.clone()).or_insert(*position);
            }
            Event::Messages { topic, epoch, records } => {
                assert!(self.subscribed.contains(topic) && !records.is_empty());
                let cursor = self.cursors.get_mut(topic).unwrap();
                assert_eq!(cursor.epoch, *epoch, "invariant 1: another life without a gap");
                for Record { offset, .. } in records {
                    assert_eq!(*offset, cursor.offset + 1, "invariants 1, 2 and 3");
                    cursor.offset = *offset;
                }
            }
            Event::Gap { topic, from, to, position, .. } => {
                assert!(self.subscribed.contains(topic));
                let cursor = self.cursors.get_mut(topic).unwrap();
                assert_eq!(*from, cursor.offset + 1, "invariant 1: a gap begins where the messages end");
                assert!(cursor.epoch != position.epoch || *to == Some(position.offset));
                *cursor = *position;
            }
            Event::Published { id, .. } => assert!(self.published.remove(id), "one outcome each"),
            Event::History { request, .. } | Event::Presence { request, .. } => {
                assert!(self.questions.remove(request), "one answer each");
            }
            Event::SubscriptionFailed { topic, .. } => {
                assert!(self.subscribed.remove(topic));
                self.cursors.remove(topic);
            }
            Event::Ephemeral { topic, .. }
            | Event::Members { topic, .. }
            | Event::Join { topic, .. }
            | Event::Leave { topic, .. } => assert!(self.subscribed.contains(topic)),
        }
    }
}

struct Run {
    session: Session,
    now: Time,
    app: App,
    attempts: Vec<(AttemptId, Transport)>,
    requests: Vec<RequestId>,
}

impl Run {
    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.session.poll_output() {
            outputs += 1;
            assert!(outputs < 10_000, "invariant 5: the outputs have an end");
            match output {
                Output::Open { attempt, transport, .. } => {
                    assert!(!self.app.closed);
                    self.attempts.push((attempt, transport));
                    assert!(self.attempts.len() < 100_000);
                }
                Output::Event(event) => self.app.told(&event),
                Output::Request { id, .. } => self.requests.push(id),
                _ => {}
            }
        }
        for topic in &self.app.subscribed {
            // `App::cursors` is made of events alone, so this is what a resume would go on from.
            assert_eq!(self.session.position(topic), self.app.cursors.get(topic).copied());
        }
    }

    /// One of the newest attempts: old ones are reported on too.
    fn attempt(&self, which: usize) -> Option<(AttemptId, Transport)> {
        self.attempts.iter().rev().nth(which / 2).copied()
    }

    fn frames(&mut self, which: usize, frames: &[ServerFrame]) {
        let Some((id, transport)) = self.attempt(which) else { return };
        let now = self.now;
        match transport {
            Transport::WebSocket => self.session.handle_message(now, id, encoded(frames)),
            Transport::Sse => self.session.handle_chunk(now, id, streamed(frames).as_bytes()),
            Transport::EventSource => {
                let mut parser = everwire_core::sse::Parser::new();
                let text = streamed(frames);
                let mut rest = text.as_bytes();
                while let Some(event) = parser.next_event(&mut rest).unwrap() {
                    self.session.handle_event(now, id, event.name, event.data);
                }
            }
            _ => self.session.handle_response(now, id, response(frames)),
        }
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        let mut fired = 0;
        while let Some((at, name)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            fired += 1;
            assert!(fired < 10_000, "a timer spins: {name:?}");
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn step(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Pass(millis) => self.pass(millis),
            Step::Subscribe(n, from, presence) => {
                if self.session.subscribe(now, name(n), SubscribeOptions { from, presence }).is_ok() {
                    self.app.subscribed.insert(name(n));
                }
            }
            Step::Unsubscribe(n) => {
                self.session.unsubscribe(now, &name(n));
                self.app.subscribed.remove(&name(n));
                self.app.cursors.remove(&name(n));
            }
            Step::Consumed(n, messages) => self.session.consumed(now, &name(n), messages, messages * 2),
            Step::Publish(n, ephemeral) => {
                let publish = Publish { topic: name(n), ephemeral, ..said("a", "text") };
                if let Ok(id) = self.session.publish(now, publish) {
                    assert!(self.app.published.insert(id));
                }
            }
            Step::Ask(n) if n == 0 => {
                let id = self.session.presence(now, name(n));
                self.app.questions.insert(id);
            }
            Step::Ask(n) => {
                let id = self.session.history(now, name(n), HistoryRange::Before(9), 3);
                self.app.questions.insert(id);
            }
            Step::SetTransports(transports) => self.session.set_transports(now, transports),
            Step::Environment(n) => match n {
                0 => self.session.handle_online(now),
                1 => self.session.handle_offline(now),
                2 => self.session.handle_wakeup(now),
                3 => self.session.handle_suspend(now),
                4 => self.session.reconnect(now, Reason::Asked),
                _ => self.now = self.now + Duration::from_secs(100),
            },
            Step::Opened(which) => {
                if let Some((id, _)) = self.attempt(which) {
                    self.session.handle_opened(now, id);
                }
            }
            Step::Frames(which, frames) => self.frames(which, &frames),
            Step::Junk(which, bytes) => {
                let Some((id, _)) = self.attempt(which) else { return };
                let body = Bytes::from(bytes);
                self.session.handle_message(now, id, body.clone());
                self.session.handle_chunk(now, id, &body);
                self.session.handle_event(now, id, "everwire.gap", &String::from_utf8_lossy(&body));
                self.session.handle_response(now, id, HttpResponse { status: 200, retry_after: None, body });
            }
            Step::Closed(which, closed) => {
                if let Some((id, _)) = self.attempt(which) {
                    self.session.handle_closed(now, id, closed);
                }
            }
            Step::Reply(which, frames, status) => {
                let Some(id) = self.requests.iter().rev().nth(which).copied() else { return };
                let body = |frames: Vec<ServerFrame>| encoded(&frames);
                let response =
                    frames.map(|frames| HttpResponse { status, retry_after: None, body: body(frames) });
                self.session.handle_reply(now, id, response);
            }
            Step::Token(given) => {
                let token = if given { Ok(Some("t".into())) } else { Err(()) };
                self.session.handle_token(now, token);
            }
            Step::Close => self.session.close(now),
        }
        self.drain();
    }
}

fn config() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), vec(select(Transport::ALL.to_vec()), 0..4)).prop_map(
        |(has_token, drop, transports)| {
            let overflow = if drop { Overflow::DropOldest } else { Overflow::RefuseNew };
            Config {
                transports,
                has_token,
                outbox: OutboxConfig { messages: 4, overflow, ..OutboxConfig::default() },
                flow: FlowConfig { messages: 6, bytes: 1_000 },
                ..Config::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn invariants_1_to_5_and_8_hold_for_any_input(config in config(), seed: u64, steps in vec(step(), 0..120)) {
        let session = Session::new(config, "me".parse().unwrap(), seed);
        let now = Time::from_millis(5);
        let mut run = Run { session, now, app: App::default(), attempts: Vec::new(), requests: Vec::new() };
        run.session.connect(now);
        run.drain();
        steps.into_iter().for_each(|step| run.step(step));
        run.step(Step::Close);
        prop_assert!(run.app.closed && run.app.published.is_empty());
        prop_assert_eq!(run.session.poll_timeout(), None);
        run.step(Step::Environment(0));
        run.step(Step::Environment(2));
        run.step(Step::Pass(1_000_000));
    }
}

#[test]
fn a_frame_decodes_as_it_was_encoded_so_that_the_above_means_something() {
    let mut bytes = encoded(&[welcome(), messages(1, 2..=3)]);
    assert_eq!(binary::decode_server(&mut bytes), Ok(Some(welcome())));
    assert_eq!(binary::decode_server(&mut bytes), Ok(Some(messages(1, 2..=3))));
}
