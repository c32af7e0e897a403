//! Dead links are found by their silence, and living ones are not called dead.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    AttemptId, Reason, State, TimerName, Transport,
    protocol::{ClientFrame, From, ServerFrame},
};

const ALLOWED: Duration = Duration::from_secs(35);

fn pings(world: &mut World) -> Vec<u32> {
    let nonce = |(_, frame): (_, ClientFrame)| match frame {
        ClientFrame::Ping { nonce } => Some(nonce),
        _ => None,
    };
    std::mem::take(&mut world.sent).into_iter().filter_map(nonce).collect()
}

/// A WebSocket whose pings are all to be seen.
fn pinging() -> (World, AttemptId) {
    let mut world = World::new(only(Transport::WebSocket));
    world.act(|session, now| session.connect(now));
    let link = world.accept();
    (world, link)
}

#[test]
fn invariant_6_silence_beyond_the_interval_and_its_grace_is_a_dead_link() {
    let (mut world, link) = World::connected();
    world.pass(ALLOWED - Duration::from_millis(1));
    assert_eq!(world.state(), State::Connected);
    assert_eq!(world.session.poll_timeout().unwrap().1, TimerName::Heartbeat);
    world.pass(Duration::from_millis(1));
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Silent));
    assert_eq!(world.closed, [(link, 4004)]);
    let stats = world.session.stats();
    assert_eq!((stats.time_to_detect, stats.reconnects.dead), (Some(ALLOWED), 1));
}

#[test]
fn any_byte_puts_the_deadline_off() {
    let (mut world, link) = pinging();
    for _ in 0..5 {
        world.pass(Duration::from_secs(34));
        let pongs = pings(&mut world).into_iter().map(|nonce| ServerFrame::Pong { nonce });
        world.frames(link, &pongs.chain([ServerFrame::Heartbeat]).collect::<Vec<_>>());
    }
    assert_eq!(world.state(), State::Connected);

    let mut world = World::new(only(Transport::Sse));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let stream = world.accept();
    world.stream(stream, &[subscribed("room", 0, "a-3", false)]);
    for _ in 0..5 {
        world.pass(Duration::from_secs(34));
        // Half a comment: no event, but bytes.
        world.act(|session, now| session.handle_chunk(now, stream, ":".into()));
    }
    assert_eq!(world.state(), State::Connected);
    world.pass(ALLOWED);
    assert_eq!(world.session.stats().reconnects.dead, 1);
}

#[test]
fn the_round_trip_is_measured_by_pings() {
    let (mut world, link) = pinging();
    let nonce = pings(&mut world)[0];
    world.pass(Duration::from_millis(80));
    world.frames(link, &[ServerFrame::Pong { nonce: nonce + 1 }]);
    assert_eq!(world.session.stats().round_trip, None, "of another ping");
    world.frames(link, &[ServerFrame::Pong { nonce }]);
    assert_eq!(world.session.stats().round_trip, Some(Duration::from_millis(80)));
    world.pass(Duration::from_secs(25));
    assert_eq!(pings(&mut world).len(), 1);
}

#[test]
fn invariant_6_a_link_that_brings_heartbeats_and_answers_nothing_is_dead() {
    let (mut world, link) = pinging();
    let nonce = pings(&mut world)[0];
    world.frames(link, &[ServerFrame::Pong { nonce }]);
    world.publish("into the void");
    // The next ping goes out after one interval, and has two for its answer.
    for _ in 0..74 {
        world.pass(Duration::from_secs(1));
        world.frames(link, &[ServerFrame::Heartbeat]);
    }
    assert_eq!((world.state(), pings(&mut world).len()), (State::Connected, 1));
    world.pass(Duration::from_secs(1));
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Unanswered));
    let second = world.accept();
    assert_eq!(world.published_on(second).len(), 1);
}

#[test]
fn invariant_6_a_subscribe_that_is_never_answered_costs_the_link_whatever_else_it_brings() {
    let (mut world, link) = pinging();
    world.subscribe("answered", From::Latest);
    world.frames(link, &[subscribed("answered", 1, "a-0", false)]);
    world.subscribe("forgotten", From::Latest);
    let mut offset = 0;
    let mut seconds = 0;
    while world.state() == State::Connected {
        offset += 1;
        seconds += 1;
        assert!(seconds < 100, "it waits for ever");
        for nonce in pings(&mut world) {
            world.frames(link, &[ServerFrame::Pong { nonce }]);
        }
        world.frames(link, &[messages(1, offset..=offset)]);
        world.pass(Duration::from_secs(1));
    }
    assert!((60..=64).contains(&seconds), "given up after {seconds} s");
    assert_eq!(world.session.state().reason, Reason::Unanswered);
}

#[test]
fn on_waking_up_the_link_is_probed_and_has_three_seconds() {
    for wake in [everwire_core::Session::handle_wakeup, everwire_core::Session::handle_online] {
        let (mut world, link) = World::connected();
        world.act(wake);
        let nonces = pings(&mut world);
        world.pass(Duration::from_secs(2));
        world.frames(link, &[ServerFrame::Pong { nonce: nonces[0] }]);
        world.pass(Duration::from_secs(10));
        assert_eq!(world.state(), State::Connected);

        world.act(wake);
        world.pass(Duration::from_millis(2_999));
        assert_eq!(world.state(), State::Connected);
        world.pass(Duration::from_millis(1));
        assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Unanswered));
    }
}

#[test]
fn while_messages_come_the_answer_to_a_probe_may_be_behind_them() {
    let (mut world, link) = World::connected();
    world.act(|session, now| session.handle_wakeup(now));
    let nonce = pings(&mut world)[0];
    for _ in 0..5 {
        world.pass(Duration::from_secs(2));
        world.frames(link, &[ServerFrame::Heartbeat]);
    }
    assert_eq!(world.state(), State::Connected);
    world.frames(link, &[ServerFrame::Pong { nonce }]);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.state(), State::Connected);
}

#[test]
fn a_timer_that_fired_late_gives_the_link_one_chance() {
    let (mut world, link) = World::connected();
    world.forget();
    world.sleep(Duration::from_secs(3_600));
    assert_eq!(world.state(), State::Connected);
    let nonce = pings(&mut world)[0];
    world.frames(link, &[ServerFrame::Pong { nonce }]);
    world.pass(Duration::from_secs(30));
    assert_eq!(world.state(), State::Connected);

    world.sleep(Duration::from_secs(3_600));
    world.pass(Duration::from_secs(3));
    assert_eq!(world.state(), State::Waiting, "and only one");

    let (mut world, _) = World::connected();
    world.sleep(Duration::from_secs(3_600));
    world.sleep(Duration::from_secs(3_600));
    assert_eq!(world.state(), State::Waiting, "even where the timers are late again");
}

#[test]
fn a_timer_that_is_a_little_late_gives_none() {
    let (mut world, _) = World::connected();
    world.pass(Duration::from_secs(25));
    world.sleep(Duration::from_secs(12));
    assert_eq!(world.state(), State::Waiting);
}

#[test]
fn a_stream_is_probed_by_a_new_request_in_its_place() {
    let mut world = World::new(only(Transport::Sse));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let stream = world.accept();
    world.stream(stream, &[subscribed("room", 0, "a-3", false)]);
    world.forget();
    world.act(|session, now| session.handle_wakeup(now));
    assert_eq!(world.closed, [(stream, 4010)]);
    assert_eq!(world.opened[0].2.target, "/v1/sse?topic=room&from=a-3");
    let stream = world.accept();
    world.stream(stream, &[subscribed("room", 0, "a-3", true)]);
    assert!(world.events.is_empty(), "the app is not bothered: {:?}", world.events);

    world.act(|session, now| session.handle_wakeup(now));
    world.pass(Duration::from_millis(2_999));
    assert_eq!(world.state(), State::Connected);
    world.pass(Duration::from_millis(1));
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Unanswered));
}

#[test]
fn a_held_poll_has_its_time_and_its_grace() {
    let mut world = World::new(only(Transport::LongPoll));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    world.accept();
    assert_eq!(world.polls.len(), 1);
    world.pass(ALLOWED - Duration::from_millis(1));
    assert_eq!(world.state(), State::Connected);
    world.pass(Duration::from_millis(1));
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Silent));
}

#[cfg(feature = "relay")]
#[test]
fn a_leader_that_answers_pings_may_take_its_time_for_a_topic_and_a_mute_one_may_not() {
    let mut world = World::new(only(Transport::Tab));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let (link, ..) = world.next_open();
    world.open(link);
    world.frames(link, &[welcome()]);
    // The server refuses the topic for now, say: that is between the leader and the server.
    for _ in 0..100 {
        for nonce in pings(&mut world) {
            world.frames(link, &[ServerFrame::Pong { nonce }]);
        }
        world.pass(Duration::from_secs(1));
    }
    assert_eq!((world.state(), world.closed.len()), (State::Connected, 0));
    world.pass(Duration::from_secs(7));
    assert_eq!((world.closed.len(), world.session.state().reason), (1, Reason::Unanswered));
}
