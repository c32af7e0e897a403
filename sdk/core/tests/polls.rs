//! Long polls and plain polls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    AttemptId, Closed, HttpResponse, Reason, Request, State, Transport,
    protocol::{About, Code, From, Payload, ServerFrame},
};

fn polling(transport: Transport) -> (World, AttemptId) {
    let mut world = World::new(only(transport));
    world.subscribe("room", From::Last(2));
    world.act(|session, now| session.connect(now));
    let (id, _, request) = world.next_open();
    assert_eq!(request.target, "/v1/poll?topic=room&from=last%3A2&timeout=0", "answered at once");
    assert_eq!(world.state(), State::Connecting);
    world.pass(Duration::from_millis(30));
    answer(&mut world, id, &[welcome(), subscribed("room", 0, "a-8", false), messages(0, 9..=10)]);
    assert_eq!(world.state(), State::Connected);
    assert_eq!(world.session.stats().round_trip, Some(Duration::from_millis(30)));
    assert_eq!(world.delivered(), [9, 10]);
    world.forget();
    (world, id)
}

fn answer(world: &mut World, id: AttemptId, frames: &[ServerFrame]) {
    world.act(|session, now| session.handle_response(now, id, response(frames)));
}

fn next_poll(world: &mut World) -> Request {
    world.polls.pop_front().unwrap().1
}

#[test]
fn each_poll_goes_on_from_what_was_delivered() {
    let (mut world, id) = polling(Transport::LongPoll);
    assert_eq!(next_poll(&mut world).target, "/v1/poll?topic=room&from=a-10&timeout=25");
    world.pass(Duration::from_secs(20));
    answer(&mut world, id, &[welcome(), subscribed("room", 0, "a-10", true), messages(0, 11..=12)]);
    assert_eq!(next_poll(&mut world).target, "/v1/poll?topic=room&from=a-12&timeout=25");
    assert_eq!(world.delivered(), [11, 12]);
    assert!(world.events.is_empty(), "the subscription stands all the time: {:?}", world.events);
}

#[test]
fn an_answer_that_was_not_held_and_brings_nothing_does_not_spin() {
    let (mut world, id) = polling(Transport::LongPoll);
    next_poll(&mut world);
    let nothing = [welcome(), subscribed("room", 0, "a-10", true)];
    answer(&mut world, id, &nothing);
    assert!(world.polls.is_empty());
    world.pass(Duration::from_secs(2));
    next_poll(&mut world);
    world.pass(Duration::from_secs(25));
    answer(&mut world, id, &nothing);
    next_poll(&mut world);
}

#[test]
fn an_answer_that_brings_something_is_followed_by_the_next_poll_at_once() {
    let (mut world, id) = polling(Transport::LongPoll);
    next_poll(&mut world);
    let payload = Payload::text("typing");
    let typing = ServerFrame::Ephemeral { alias: 0, time: 0, payload, from: None };
    answer(&mut world, id, &[welcome(), subscribed("room", 0, "a-10", true), typing]);
    next_poll(&mut world);
}

#[test]
fn a_plain_poll_keeps_its_interval() {
    let (mut world, id) = polling(Transport::Poll);
    for _ in 0..5 {
        world.pass(Duration::from_millis(1_999));
        assert!(world.polls.is_empty());
        world.pass(Duration::from_millis(1));
        assert!(next_poll(&mut world).target.ends_with("&timeout=0"));
        answer(&mut world, id, &[welcome(), subscribed("room", 0, "a-10", true)]);
    }
}

#[test]
fn a_changed_set_of_topics_puts_a_new_poll_in_the_place_of_the_held_one() {
    let (mut world, first) = polling(Transport::LongPoll);
    world.subscribe("b", From::Latest);
    assert_eq!(world.closed, [(first, 4010)]);
    let (second, _, request) = world.next_open();
    assert_eq!(request.target, "/v1/poll?topic=b&from=latest&topic=room&from=a-10&timeout=0");
    answer(&mut world, first, &[welcome(), subscribed("room", 0, "a-10", true), messages(0, 11..=11)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
    let all = [
        welcome(),
        subscribed("b", 0, "b-0", false),
        subscribed("room", 1, "a-10", true),
        messages(1, 11..=11),
    ];
    answer(&mut world, second, &all);
    assert_eq!(world.delivered(), [11]);
    assert_eq!(world.state(), State::Connected);
}

#[test]
fn a_hole_in_an_answer_is_asked_for_again() {
    let (mut world, first) = polling(Transport::LongPoll);
    answer(&mut world, first, &[welcome(), subscribed("room", 0, "a-10", true), messages(0, 12..=13)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
    assert_eq!(world.next_open().2.target, "/v1/poll?topic=room&from=a-10&timeout=0");
}

#[test]
fn a_failed_poll_is_a_failed_link() {
    for fail in [0, 1, 2] {
        let (mut world, id) = polling(Transport::LongPoll);
        world.act(|session, now| match fail {
            0 => session.handle_closed(now, id, Closed::Network),
            1 => session.handle_response(now, id, status(502)),
            _ => session.handle_response(now, id, HttpResponse { body: "<html>".into(), ..status(200) }),
        });
        assert_eq!(world.state(), State::Waiting);
        world.accept();
        assert_eq!(world.state(), State::Connected);
    }
}

#[test]
fn an_answer_without_a_welcome_is_not_from_the_server() {
    let mut world = World::new(only(Transport::LongPoll));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let (id, ..) = world.next_open();
    answer(&mut world, id, &[]);
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Malformed));
}

#[test]
fn the_body_of_a_refusal_says_more_than_its_status() {
    let (mut world, id) = polling(Transport::LongPoll);
    let error = ServerFrame::Error {
        about: About::Connection,
        code: Code::RATE_LIMITED,
        message: "slow down".into(),
        retry_after: Some(window(30_000, 31_000)),
    };
    let refusal =
        HttpResponse { status: 429, retry_after: Some(Duration::from_secs(1)), body: encoded(&[error]) };
    world.act(|session, now| session.handle_response(now, id, refusal));
    assert_eq!(world.session.state().reason, Reason::Closed(4002));
    assert!(world.session.state().retry_in.unwrap() >= Duration::from_secs(30));
}

#[test]
fn a_server_that_drains_is_not_polled_until_the_moment_to_leave_it() {
    let (mut world, id) = polling(Transport::LongPoll);
    next_poll(&mut world);
    let drain = ServerFrame::Drain { window: window(3_000, 4_000) };
    answer(&mut world, id, &[welcome(), subscribed("room", 0, "a-10", true), drain]);
    let start = world.now;
    assert!(world.polls.is_empty());
    assert_eq!(world.next_open().1, Transport::LongPoll);
    assert!((3_000..=4_000).contains(&world.now.since(start).as_millis()));
    assert_eq!(world.session.stats().reconnects.drain, 1);
}
