//! Subscriptions that the server refuses, and those that the session itself does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    Event, State, SubscribeError,
    protocol::{About, ClientFrame, Code, From, RetryWindow, ServerFrame},
};

fn error(name: &str, code: Code, retry_after: Option<RetryWindow>) -> ServerFrame {
    ServerFrame::Error { about: About::Topic(topic(name)), code, message: "no".into(), retry_after }
}

fn asks(world: &mut World, link: everwire_core::AttemptId) -> usize {
    world.sent_on(link).iter().filter(|frame| matches!(frame, ClientFrame::Subscribe { .. })).count()
}

#[test]
fn a_terminal_code_ends_the_subscription_and_the_topic_may_be_tried_again() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.forget();
    world.frames(link, &[error("room", Code::FORBIDDEN, None)]);
    assert!(matches!(&world.events[0], Event::SubscriptionFailed { code: Code::FORBIDDEN, .. }));
    assert_eq!((world.state(), world.sent_on(link)), (State::Connected, vec![]));
    world.subscribe("room", From::Latest);
    assert_eq!(asks(&mut world, link), 1);
}

#[test]
fn a_refusal_for_now_is_asked_again_in_the_window_or_with_backoff() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    assert_eq!(asks(&mut world, link), 1);
    world.frames(link, &[error("room", Code::UNAVAILABLE, Some(window(5_000, 6_000)))]);
    world.pass(Duration::from_millis(4_999));
    assert_eq!(asks(&mut world, link), 0);
    world.pass(Duration::from_millis(1_001));
    assert_eq!(asks(&mut world, link), 1);
    world.frames(link, &[error("room", Code::UNAVAILABLE, None)]);
    world.pass(Duration::from_secs(1));
    assert_eq!(asks(&mut world, link), 1);
    world.frames(link, &[subscribed("room", 1, "a-0", false), messages(1, 1..=1)]);
    assert_eq!(world.delivered(), [1]);
}

#[test]
fn a_subscription_that_the_server_ends_later_goes_on_from_its_cursor() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-0", false), messages(1, 1..=2)]);
    world.forget();
    world.frames(link, &[error("room", Code::INTERNAL, None), messages(1, 3..=3)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
    world.pass(Duration::from_secs(1));
    let sent = world.sent_on(link);
    assert!(
        matches!(&sent[..], [ClientFrame::Subscribe { from, .. }] if from.to_string() == "a-2"),
        "{sent:?}"
    );
}

#[test]
fn a_refusal_of_what_was_given_up_is_not_that_of_what_is_wanted() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.unsubscribe("room");
    world.subscribe("room", From::Earliest);
    world.forget();
    world.frames(link, &[error("room", Code::FORBIDDEN, None), subscribed("room", 1, "a-0", false)]);
    assert!(matches!(world.events.front(), Some(Event::Subscribed { .. })));
}

#[test]
fn a_pause_that_crosses_the_end_of_its_subscription_is_no_failure() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-0", false)]);
    world.forget();
    world.frames(link, &[error("room", Code::NOT_SUBSCRIBED, None), messages(1, 1..=1)]);
    assert_eq!(world.delivered(), [1]);
}

#[test]
fn when_the_two_sides_disagree_a_new_link_settles_it() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(link, &[error("room", Code::ALREADY_SUBSCRIBED, None)]);
    assert_eq!(world.state(), State::Waiting);
    let link = world.accept();
    assert_eq!(asks(&mut world, link), 1);
}

#[test]
fn topics_are_bounded() {
    let (mut world, _) = World::connected();
    world.subscribe("room", From::Latest);
    let mut again =
        |name: &str| world.act(|session, now| session.subscribe(now, topic(name), Default::default()));
    for n in 1..128 {
        assert!(again(&format!("room:{n}")).is_ok());
    }
    assert_eq!(again("one-more"), Err(SubscribeError::TooMany));
}
