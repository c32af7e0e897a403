//! Which transport is used: the head start, fallback, moving, and what is remembered.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    Closed, Config, Event, State, Transport,
    protocol::{ClientFrame, From, ServerFrame},
};

fn started() -> World {
    let mut world = World::new(Config::default());
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    world
}

fn transports(world: &World) -> Vec<Transport> {
    world.opened.iter().map(|(_, transport, _)| *transport).collect()
}

#[test]
fn the_next_transport_is_started_beside_one_that_hangs_after_two_seconds() {
    let mut world = started();
    world.pass(Duration::from_millis(1_999));
    assert_eq!(transports(&world), [Transport::WebSocket]);
    world.pass(Duration::from_millis(1));
    assert_eq!(transports(&world), [Transport::WebSocket, Transport::Sse]);
    world.pass(Duration::from_secs(2));
    assert_eq!(transports(&world), Config::TRANSPORTS);
    assert!(world.closed.is_empty(), "the slow ones may still win");
}

#[test]
fn the_first_welcome_wins_and_the_others_are_closed() {
    let mut world = started();
    world.pass(Duration::from_secs(4));
    let [socket, stream, poll] = [0, 1, 2].map(|index| world.opened[index].0);
    world.open(socket);
    world.open(stream);
    assert_eq!(world.state(), State::Connecting, "open is not welcome");
    world.frames(socket, &[welcome(), subscribed("room", 0, "a-3", false)]);
    assert_eq!(world.session.state().transport, Some(Transport::WebSocket));
    assert_eq!(world.closed.iter().map(|closed| closed.0).collect::<Vec<_>>(), [stream, poll]);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.state(), State::Connected);
}

#[test]
fn a_transport_that_opens_and_swallows_everything_is_found_out() {
    let mut world = started();
    let (socket, ..) = world.opened.pop_front().unwrap();
    world.open(socket);
    let stream = world.accept();
    assert_eq!(world.session.state().transport, Some(Transport::Sse));
    assert!(world.closed.iter().any(|(id, _)| *id == socket));
    assert!(world.links.contains(&stream));
}

#[test]
fn a_failure_brings_on_the_next_transport_at_once() {
    let mut world = started();
    for transport in Config::TRANSPORTS {
        assert_eq!(world.state(), State::Connecting);
        let (id, of, _) = world.opened.pop_front().unwrap();
        assert_eq!(of, transport);
        world.act(|session, now| session.handle_closed(now, id, Closed::Network));
    }
    assert_eq!((world.state(), world.session.state().attempt), (State::Waiting, 1));
}

#[test]
fn each_attempt_has_ten_seconds() {
    let mut world = started();
    world.pass(Duration::from_millis(10_001));
    assert_eq!(world.closed, [(world_id(&world, 0), 4004)]);
    world.pass(Duration::from_secs(4));
    assert_eq!(world.closed.len(), 3);
    assert!(matches!(world.state(), State::Waiting | State::Connecting));
    assert!(world.session.stats().failed_attempts >= 3);
}

fn world_id(world: &World, index: usize) -> everwire_core::AttemptId {
    world.closed[index].0
}

#[test]
fn when_the_server_says_no_in_a_race_the_others_are_not_tried() {
    let mut world = started();
    let (socket, ..) = world.opened.pop_front().unwrap();
    world.open(socket);
    world.act(|session, now| session.handle_closed(now, socket, Closed::Code(4507)));
    assert_eq!(world.state(), State::Closed);
    assert!(world.opened.is_empty());
}

#[test]
fn a_restarting_server_does_not_push_its_clients_to_a_lesser_transport() {
    let (mut world, link) = World::connected_with(Config::default());
    world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 0, "a-3", false)]);
    world.pass(Duration::from_secs(30));
    world.act(|session, now| session.handle_closed(now, link, Closed::Network));
    for _ in 0..2 {
        let (id, transport, _) = world.next_open();
        assert_eq!(transport, Transport::WebSocket);
        world.act(|session, now| session.handle_closed(now, id, Closed::Network));
        assert!(world.opened.is_empty());
    }
    // By the third failure it may be the transport.
    let (id, transport, _) = world.next_open();
    assert_eq!(transport, Transport::WebSocket);
    world.act(|session, now| session.handle_closed(now, id, Closed::Network));
    assert_eq!(transports(&world), [Transport::Sse]);
}

/// Connected over SSE, since the WebSocket fails.
fn fallen_back() -> (World, everwire_core::AttemptId) {
    let mut world = started();
    let (id, ..) = world.opened.pop_front().unwrap();
    world.act(|session, now| session.handle_closed(now, id, Closed::Network));
    let stream = world.accept();
    world.stream(stream, &[subscribed("room", 0, "a-10", false), messages(0, 11..=12)]);
    assert_eq!(world.delivered(), [11, 12]);
    world.forget();
    (world, stream)
}

#[test]
fn the_better_transport_is_tried_in_the_background_and_taken_over_make_before_break() {
    let (mut world, stream) = fallen_back();
    let mut socket = None;
    while socket.is_none() {
        world.stream(stream, &[ServerFrame::Heartbeat]);
        world.pass(Duration::from_secs(25));
        socket = world.opened.pop_front();
    }
    let (socket, transport, _) = socket.unwrap();
    assert_eq!((transport, world.state()), (Transport::WebSocket, State::Connected));
    world.open(socket);
    // The old link delivers on, while the new one is asked to go on from where it was.
    world.stream(stream, &[messages(0, 13..=14)]);
    assert!(world.closed.is_empty());
    world.frames(socket, &[welcome(), subscribed("room", 7, "a-12", true), messages(7, 13..=15)]);
    assert_eq!(world.closed, [(stream, 4010)]);
    assert_eq!(world.delivered(), [13, 14, 15]);
    let states = world.events.iter().filter(|event| matches!(event, Event::State(_)));
    assert_eq!(states.count(), 1, "it is connected all the time");
    assert_eq!(world.session.state().transport, Some(Transport::WebSocket));
}

#[test]
fn a_better_transport_that_still_fails_changes_nothing() {
    let (mut world, stream) = fallen_back();
    for _ in 0..200 {
        world.stream(stream, &[ServerFrame::Heartbeat]);
        world.pass(Duration::from_secs(25));
        if let Some((socket, ..)) = world.opened.pop_front() {
            world.act(|session, now| session.handle_closed(now, socket, Closed::Network));
        }
    }
    assert_eq!((world.state(), world.session.state().transport), (State::Connected, Some(Transport::Sse)));
    assert!(world.events.is_empty() && world.closed.is_empty());
    assert!(world.session.stats().failed_attempts >= 3);
}

#[test]
fn a_forced_transport_takes_over_from_the_cursors() {
    let (mut world, stream) = fallen_back();
    world.act(|session, now| session.set_transports(now, vec![Transport::LongPoll]));
    assert!(world.closed.is_empty());
    let (poll, transport, request) = world.opened.pop_front().unwrap();
    assert_eq!(
        (transport, request.target.as_str()),
        (Transport::LongPoll, "/v1/poll?topic=room&from=a-12&timeout=0")
    );
    world.stream(stream, &[messages(0, 13..=13)]);
    let answer = response(&[welcome(), subscribed("room", 0, "a-12", true), messages(0, 13..=14)]);
    world.act(|session, now| session.handle_response(now, poll, answer));
    assert_eq!(world.closed, [(stream, 4010)]);
    assert_eq!(world.delivered(), [13, 14]);
    assert_eq!(world.polls.pop_front().unwrap().1.target, "/v1/poll?topic=room&from=a-14&timeout=25");

    world.act(|session, now| session.set_transports(now, vec![Transport::WebSocket, Transport::LongPoll]));
    let (socket, ..) = world.opened.pop_front().unwrap();
    world.open(socket);
    let from = world.sent_on(socket).into_iter().find_map(|frame| match frame {
        ClientFrame::Subscribe { from, .. } => Some(from.to_string()),
        _ => None,
    });
    assert_eq!(from.as_deref(), Some("a-14"));
}

#[test]
fn a_forced_transport_that_fails_leaves_no_link_that_was_not_wanted() {
    let (mut world, stream) = fallen_back();
    world.act(|session, now| session.set_transports(now, vec![Transport::LongPoll]));
    let (poll, ..) = world.opened.pop_front().unwrap();
    world.act(|session, now| session.handle_closed(now, poll, Closed::Network));
    assert_eq!(world.closed, [(stream, 4010)]);
    assert_eq!(world.state(), State::Waiting);
    assert_eq!(world.next_open().1, Transport::LongPoll);
}

#[test]
fn a_link_that_keeps_dying_young_is_demoted() {
    // A browser says 1006 of a WebSocket that the network took, and 1015 of one that had no TLS.
    for closed in [Closed::Network, Closed::Code(1006), Closed::Code(1015)] {
        let mut world = started();
        for _ in 0..3 {
            let link = world.accept();
            assert_eq!(world.session.state().transport, Some(Transport::WebSocket));
            world.pass(Duration::from_secs(1));
            world.act(|session, now| session.handle_closed(now, link, closed));
        }
        assert_eq!(world.next_open().1, Transport::Sse, "{closed:?}");
        assert_eq!(world.session.stats().reconnects.network, 3);
    }
}

#[test]
fn without_a_topic_a_stateless_transport_has_nothing_to_ask_for_and_waits() {
    let mut world = World::new(only(Transport::Sse));
    world.act(|session, now| session.connect(now));
    world.pass(Duration::from_secs(60));
    assert!(world.opened.is_empty());
    world.subscribe("room", From::Latest);
    let stream = world.accept();
    assert_eq!(world.state(), State::Connected);
    // The last topic goes: the session stays connected, with nothing to hear.
    world.unsubscribe("room");
    assert_eq!(world.closed, [(stream, 4010)]);
    world.pass(Duration::from_secs(600));
    assert_eq!(world.state(), State::Connected);
    world.publish("x");
    assert_eq!(world.requests.len(), 1);
    world.subscribe("other", From::Latest);
    assert_eq!(world.next_open().2.target, "/v1/sse?topic=other&from=latest");
}

#[test]
fn without_a_topic_the_websocket_is_tried_again_rather_than_a_stateless_one() {
    let mut world = World::new(Config::default());
    world.act(|session, now| session.connect(now));
    for _ in 0..5 {
        let (id, transport, _) = world.next_open();
        assert_eq!(transport, Transport::WebSocket);
        world.act(|session, now| session.handle_closed(now, id, Closed::Network));
        assert_eq!(world.state(), State::Waiting);
    }
}

#[test]
fn a_drain_told_beside_the_link_leaves_the_link_alone() {
    let (mut world, _) = fallen_back();
    world.act(|session, now| session.set_transports(now, vec![Transport::WebSocket, Transport::LongPoll]));
    let (socket, ..) = world.opened.pop_front().unwrap();
    world.open(socket);
    world.frames(socket, &[ServerFrame::Drain { window: window(1_000, 2_000) }]);
    world.pass(Duration::from_secs(3));
    assert!(world.closed.is_empty(), "{:?}", world.closed);
    assert_eq!((world.state(), world.session.stats().reconnects.drain), (State::Connected, 0));
}

#[test]
fn what_was_demoted_is_tried_again_in_the_background_once_that_is_long_ago() {
    let mut world = started();
    for _ in 0..3 {
        let socket = world.accept();
        world.act(|session, now| session.handle_closed(now, socket, Closed::Code(1006)));
    }
    let stream = world.accept();
    assert_eq!(world.session.state().transport, Some(Transport::Sse));
    world.stream(stream, &[subscribed("room", 0, "a-10", false)]);
    let start = world.now;
    while world.opened.is_empty() {
        world.stream(stream, &[ServerFrame::Heartbeat]);
        world.pass(Duration::from_secs(25));
        assert!(world.now.since(start) < Duration::from_secs(2_000), "it is never tried");
    }
    assert!(world.now.since(start) >= Config::default().remember);
    let socket = world.accept();
    assert_eq!(world.session.state().transport, Some(Transport::WebSocket));
    assert_eq!(world.closed.last(), Some(&(stream, 4010)));
    assert!(world.links.contains(&socket));
}

#[cfg(feature = "relay")]
#[test]
fn who_waits_for_a_leader_that_is_no_more_goes_to_the_next_and_waits_no_longer_for_that() {
    let transports = vec![Transport::Tab, Transport::WebSocket];
    let mut world = World::new(Config { transports, ..Config::default() });
    world.act(|session, now| session.connect(now));
    let (old, ..) = world.next_open();
    world.open(old);
    world.pass(Duration::from_millis(1_500));
    world.act(|session, now| session.handle_leader(now));
    assert_eq!(world.closed, [(old, 4010)]);
    let (new, transport, _) = world.opened.pop_front().expect("a link to the new leader");
    assert_eq!(transport, Transport::Tab);
    world.pass(Duration::from_millis(500));
    assert_eq!(self::transports(&world), [Transport::WebSocket], "the head start is the old one's");
    world.open(new);
    world.frames(new, &[welcome()]);
    assert_eq!(world.session.state().transport, Some(Transport::Tab));
}
