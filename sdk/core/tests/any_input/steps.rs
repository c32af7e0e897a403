//! What may happen, and the strategies that make it up.

use std::time::Duration;

use everwire_core::{
    Closed, Config, FlowConfig, OutboxConfig, Overflow, Transport,
    protocol::{About, Code, From, GapReason, Payload, Position, PublishId, ServerFrame, Topic},
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::common::*;

#[derive(Clone, Debug)]
pub enum Step {
    Pass(u64),
    Subscribe(u8, From, bool),
    Unsubscribe(u8),
    Consumed(u8, usize),
    Publish(u8, bool),
    /// What an earlier page had not sent.
    Restore(Vec<PublishId>),
    /// A publish of another tab.
    Forward(PublishId, bool),
    /// The app pauses the topic, or lets it go on.
    Hold(u8, bool),
    Ask(u8),
    SetTransports(Vec<Transport>),
    Environment(u8),
    Opened(usize),
    /// The newest attempt is opened and welcomed, and its topics are answered.
    Accept,
    /// Every topic is answered: where the app is, or elsewhere.
    Answer(Option<Position>),
    /// Messages near where the app is.
    Serve(u8, i64, u64),
    /// A gap near where the app is.
    Lose(u8, i64, u64, bool),
    Acknowledge,
    Frames(usize, Vec<ServerFrame>),
    Junk(usize, Vec<u8>),
    Closed(usize, Closed),
    Reply(usize, Option<Vec<ServerFrame>>, u16),
    Token(bool),
    Close,
}

pub fn name(n: u8) -> Topic {
    topic(["a", "b", "c"][usize::from(n % 3)])
}

fn position() -> impl Strategy<Value = Position> {
    (select(vec!["x", "y"]), 0..8_u64).prop_map(|(life, offset)| Position { epoch: epoch(life), offset })
}

fn start() -> impl Strategy<Value = From> {
    prop_oneof![
        2 => Just(From::Latest),
        2 => Just(From::Earliest),
        2 => (0..9_u32).prop_map(From::Last),
        1 => position().prop_map(From::Position),
    ]
}

fn publish_id() -> impl Strategy<Value = PublishId> {
    (1..20_u64).prop_map(|n| format!("me.{n}").parse().unwrap())
}

/// An id that another session has given.
fn other_id(of: &'static str) -> impl Strategy<Value = PublishId> {
    (1..9_u64).prop_map(move |n| format!("{of}.{n}").parse().unwrap())
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
        8 => (alias.clone(), 1..9_u64, 0..4_u64)
            .prop_map(|(alias, first, more)| messages(alias, first..=first + more)),
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
        2 => (about(), code(), prop::option::of(0..5_000_u32)).prop_map(|(about, code, after)| {
            let retry_after = after.map(|after| window(after, after + 9));
            ServerFrame::Error { about, code, message: "e".into(), retry_after }
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
        4 => (0..3_000_u64).prop_map(Step::Pass),
        1 => (0..40_000_u64).prop_map(Step::Pass),
        6 => (0..3_u8, start(), any::<bool>())
            .prop_map(|(n, from, presence)| Step::Subscribe(n, from, presence)),
        1 => (0..3_u8).prop_map(Step::Unsubscribe),
        6 => (0..3_u8, 0..5_usize).prop_map(|(n, messages)| Step::Consumed(n, messages)),
        3 => (0..3_u8, any::<bool>()).prop_map(|(n, ephemeral)| Step::Publish(n, ephemeral)),
        1 => vec(other_id("old"), 0..4).prop_map(Step::Restore),
        1 => (other_id("tab"), any::<bool>()).prop_map(|(id, ephemeral)| Step::Forward(id, ephemeral)),
        3 => (0..3_u8, any::<bool>()).prop_map(|(n, held)| Step::Hold(n, held)),
        1 => (0..3_u8).prop_map(Step::Ask),
        1 => vec(select(Transport::ALL.to_vec()), 0..3).prop_map(Step::SetTransports),
        1 => (0..6_u8).prop_map(Step::Environment),
        1 => which.clone().prop_map(Step::Opened),
        12 => Just(Step::Accept),
        6 => prop::option::weighted(0.2, position()).prop_map(Step::Answer),
        30 => (0..3_u8, -2..3_i64, 0..4_u64).prop_map(|(n, shift, more)| Step::Serve(n, shift, more)),
        4 => (0..3_u8, -2..3_i64, 0..4_u64, any::<bool>())
            .prop_map(|(n, shift, more, evicted)| Step::Lose(n, shift, more, evicted)),
        3 => Just(Step::Acknowledge),
        2 => (which.clone(), vec(frame(), 1..5)).prop_map(|(which, frames)| Step::Frames(which, frames)),
        1 => (which.clone(), vec(any::<u8>(), 0..30)).prop_map(|(which, bytes)| Step::Junk(which, bytes)),
        1 => (which.clone(), closed()).prop_map(|(which, closed)| Step::Closed(which, closed)),
        3 => (which, prop::option::of(vec(frame(), 0..3)), select(vec![200, 200, 401, 429, 503]))
            .prop_map(|(which, frames, status)| Step::Reply(which, frames, status)),
        3 => prop::bool::weighted(0.9).prop_map(Step::Token),
    ]
}

/// A configuration, a seed, and what happens.
pub fn script() -> impl Strategy<Value = (Config, u64, Vec<Step>)> {
    (config(), any::<u64>(), vec(step(), 0..120))
}

fn config() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), any::<bool>(), vec(select(Transport::ALL.to_vec()), 0..4)).prop_map(
        |(has_token, drop, persist, transports)| {
            let overflow = if drop { Overflow::DropOldest } else { Overflow::RefuseNew };
            Config {
                transports,
                has_token,
                outbox: OutboxConfig { messages: 4, overflow, persist, ..OutboxConfig::default() },
                flow: FlowConfig { messages: 6, bytes: 1_000 },
                ..Config::default()
            }
        },
    )
}
