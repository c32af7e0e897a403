//! What is remembered of transports: across pages, and what passes nothing while another one works.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    Closed, Config, Transport,
    protocol::{From, ServerFrame},
};

fn remembering(transport: Transport, minutes: u64) -> World {
    let remembered = Some((transport, Duration::from_secs(minutes * 60)));
    let mut world = World::new(Config { remembered, ..Config::default() });
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    world
}

fn blocked(world: &World) -> Vec<Transport> {
    world.session.stats().blocked.iter().collect()
}

fn fail(world: &mut World) -> Transport {
    let (id, transport, _) = world.opened.pop_front().unwrap();
    world.act(|session, now| session.handle_closed(now, id, Closed::Network));
    transport
}

#[test]
fn what_worked_on_an_earlier_page_is_tried_first_for_half_an_hour() {
    assert_eq!(remembering(Transport::Sse, 29).next_open().1, Transport::Sse);
    assert_eq!(remembering(Transport::Sse, 30).next_open().1, Transport::WebSocket);
    assert_eq!(remembering(Transport::Poll, 1).next_open().1, Transport::WebSocket, "it is not allowed");
}

#[test]
fn on_a_fresh_page_a_failure_of_what_is_remembered_brings_the_next_at_once() {
    let mut world = remembering(Transport::Sse, 1);
    let start = world.now;
    assert_eq!(fail(&mut world), Transport::Sse);
    assert_eq!(fail(&mut world), Transport::WebSocket);
    assert_eq!(world.opened.front().map(|opened| opened.1), Some(Transport::LongPoll));
    assert_eq!(world.now, start);
}

#[test]
fn what_is_remembered_is_left_for_a_better_one_when_its_half_hour_is_over() {
    let mut world = remembering(Transport::Sse, 20);
    let start = world.now;
    let stream = world.accept();
    world.stream(stream, &[subscribed("room", 0, "a-0", false)]);
    while world.opened.is_empty() {
        world.stream(stream, &[ServerFrame::Heartbeat]);
        world.pass(Duration::from_secs(20));
    }
    assert_eq!(world.opened[0].1, Transport::WebSocket);
    let waited = world.now.since(start).as_secs();
    assert!((600..=620).contains(&waited), "counted from when it first worked: {waited} s");
}

#[test]
fn what_passes_nothing_while_another_one_works_is_blocked_until_it_works() {
    let mut world = World::new(Config::default());
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    assert_eq!(fail(&mut world), Transport::WebSocket);
    assert_eq!(blocked(&world), []);
    // The stream hangs, and the poll is welcomed.
    let (stream, ..) = world.opened.pop_front().unwrap();
    world.open(stream);
    world.pass(Duration::from_secs(2));
    world.accept();
    assert_eq!(blocked(&world), [Transport::WebSocket, Transport::Sse]);
    world.act(|session, now| session.set_transports(now, vec![Transport::WebSocket, Transport::LongPoll]));
    world.accept();
    assert_eq!(blocked(&world), []);
}

#[test]
fn where_all_fail_alike_none_is_blocked() {
    let mut world = World::new(Config::default());
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    for _ in 0..3 {
        fail(&mut world);
    }
    assert_eq!(blocked(&world), []);
    world.accept();
    assert_eq!((world.session.state().transport, blocked(&world)), (Some(Transport::WebSocket), vec![]));
}
