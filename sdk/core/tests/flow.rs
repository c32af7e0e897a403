//! Invariant 5: what an app does not drain is paused at the server, and goes on from its cursor.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use everwire_core::{
    AttemptId, Closed, Config, FlowConfig, Transport,
    protocol::{ClientFrame, From, Payload, ServerFrame},
};

const FLOW: FlowConfig = FlowConfig { messages: 10, bytes: 1_000_000 };

fn flowing(transport: Transport) -> (World, AttemptId) {
    let mut world = World::new(Config { flow: FLOW, ..only(transport) });
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let id = world.accept();
    match transport {
        Transport::WebSocket => world.frames(id, &[subscribed("room", 1, "a-0", false)]),
        _ => world.stream(id, &[subscribed("room", 1, "a-0", false)]),
    }
    world.forget();
    (world, id)
}

fn consume(world: &mut World, messages: usize) {
    world.consume("room", messages, 0);
}

#[test]
fn invariant_5_a_websocket_pauses_at_the_limit_and_resumes_at_half() {
    let (mut world, link) = flowing(Transport::WebSocket);
    world.frames(link, &[messages(1, 1..=9)]);
    assert_eq!(world.sent_on(link), []);
    world.frames(link, &[messages(1, 10..=10)]);
    assert_eq!(world.sent_on(link), [ClientFrame::Pause { topic: topic("room") }]);
    // What was on its way is delivered all the same.
    world.frames(link, &[messages(1, 11..=12)]);
    assert_eq!(world.delivered(), (1..=12).collect::<Vec<_>>());
    consume(&mut world, 6);
    assert_eq!(world.sent_on(link), []);
    consume(&mut world, 1);
    assert_eq!(world.sent_on(link), [ClientFrame::Resume { topic: topic("room") }]);
    world.frames(link, &[messages(1, 13..=14)]);
    assert_eq!(world.delivered(), [13, 14]);
    assert_eq!(world.session.stats().pauses, 1);
}

#[test]
fn invariant_5_what_comes_all_the_same_is_not_kept_but_asked_for_again_later() {
    let (mut world, link) = flowing(Transport::WebSocket);
    (0..10).for_each(|n| world.frames(link, &[messages(1, n * 5 + 1..=n * 5 + 5)]));
    assert_eq!(world.delivered(), (1..=20).collect::<Vec<_>>(), "twice the limit, and no more");
    world.forget();
    consume(&mut world, 15);
    let sent = world.sent_on(link);
    assert!(
        matches!(&sent[..], [ClientFrame::Unsubscribe { .. }, ClientFrame::Subscribe { from, .. }]
        if from.to_string() == "a-20"),
        "{sent:?}"
    );
    world.frames(link, &[messages(1, 51..=52), subscribed("room", 2, "a-20", true), messages(2, 21..=25)]);
    assert_eq!(world.delivered(), [21, 22, 23, 24, 25]);
    assert_eq!(world.session.stats().repeats, 0);
}

#[test]
fn bytes_count_too() {
    let flow = FlowConfig { messages: 1_000, bytes: 100 };
    let (mut world, link) = World::connected_with(Config { flow, ..only(Transport::WebSocket) });
    world.subscribe("room", From::Latest);
    let mut large = record(1);
    large.payload = Payload::text("x".repeat(100));
    world.frames(
        link,
        &[subscribed("room", 1, "a-0", false), ServerFrame::Messages { alias: 1, records: vec![large] }],
    );
    assert!(world.sent_on(link).contains(&ClientFrame::Pause { topic: topic("room") }));
    world.consume("room", 1, 100);
    assert_eq!(world.sent_on(link), [ClientFrame::Resume { topic: topic("room") }]);
}

#[test]
fn a_paused_topic_is_paused_on_the_next_link_too() {
    let (mut world, link) = flowing(Transport::WebSocket);
    world.frames(link, &[messages(1, 1..=10)]);
    world.act(|session, now| session.handle_closed(now, link, Closed::Network));
    let link = world.accept();
    let sent = world.sent_on(link);
    assert!(matches!(sent[1..], [ClientFrame::Subscribe { .. }, ClientFrame::Pause { .. }]), "{sent:?}");
}

#[test]
fn a_stateless_request_leaves_a_paused_topic_out() {
    let (mut world, link) = flowing(Transport::Sse);
    world.subscribe("other", From::Latest);
    let (link, ..) = (world.next_open().0, link);
    world.open(link);
    world
        .stream(link, &[welcome(), subscribed("other", 0, "b-0", false), subscribed("room", 1, "a-0", true)]);
    world.stream(link, &[messages(1, 1..=10)]);
    assert_eq!(world.next_open().2.target, "/v1/sse?topic=other&from=b-0");
    consume(&mut world, 5);
    assert_eq!(world.next_open().2.target, "/v1/sse?topic=other&from=b-0&topic=room&from=a-10");
}

#[test]
fn ephemeral_messages_do_not_pile_up_behind_a_paused_topic() {
    let (mut world, link) = flowing(Transport::WebSocket);
    let typing = ServerFrame::Ephemeral { alias: 1, time: 0, payload: Payload::text("x"), from: None };
    world.frames(link, std::slice::from_ref(&typing));
    assert_eq!(world.events.len(), 1);
    world.frames(link, &[messages(1, 1..=10)]);
    world.forget();
    world.frames(link, &[typing]);
    assert!(world.events.is_empty());
}
