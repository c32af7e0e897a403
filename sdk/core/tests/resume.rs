//! The cursor: what is delivered once, in order, across links.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use everwire_core::{
    Closed, Event, State, Transport,
    protocol::{ClientFrame, From, GapReason, ServerFrame},
};

fn gap(alias: u32, from: u64, to: Option<u64>, reason: GapReason, position: &str) -> ServerFrame {
    ServerFrame::Gap { alias, from, to, reason, position: at(position) }
}

/// What was subscribed to on a link: topic and start.
fn subscribes(frames: &[ClientFrame]) -> Vec<(String, String)> {
    let subscribe = |frame: &ClientFrame| match frame {
        ClientFrame::Subscribe { topic, from, .. } => Some((topic.to_string(), from.to_string())),
        _ => None,
    };
    frames.iter().filter_map(subscribe).collect()
}

#[test]
fn invariants_1_to_3_a_new_link_goes_on_from_what_was_delivered() {
    let (mut world, first) = World::connected();
    world.subscribe("room", From::Last(5));
    assert_eq!(subscribes(&world.sent_on(first)), [("room".into(), "last:5".into())]);
    world.frames(first, &[subscribed("room", 1, "a-10", false), messages(1, 11..=13)]);
    assert_eq!(world.delivered(), [11, 12, 13]);

    world.act(|session, now| session.handle_closed(now, first, Closed::Network));
    assert_eq!(world.state(), State::Waiting);
    let second = world.accept();
    let sent = world.sent_on(second);
    assert!(matches!(&sent[0], ClientFrame::Connect { client_id, .. } if client_id.as_str() == "me"));
    assert_eq!(subscribes(&sent), [("room".into(), "a-13".into())]);
    // The server sends some of it again.
    world.frames(second, &[subscribed("room", 4, "a-11", true), messages(4, 12..=15)]);
    assert_eq!(world.delivered(), [14, 15]);
    let stats = world.session.stats();
    assert_eq!((stats.repeats, stats.resumes, stats.messages_received), (2, 1, 5));
    assert_eq!(world.position("room"), Some(at("a-15")));
}

#[test]
fn nothing_received_so_far_is_a_position_too() {
    let (mut world, first) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(first, &[subscribed("room", 1, "a-10", false)]);
    world.act(|session, now| session.handle_closed(now, first, Closed::Network));
    let second = world.accept();
    assert_eq!(subscribes(&world.sent_on(second)), [("room".into(), "a-10".into())]);
}

#[test]
fn a_start_that_was_not_answered_is_asked_for_again() {
    let (mut world, first) = World::connected();
    world.subscribe("room", From::Earliest);
    world.act(|session, now| session.handle_closed(now, first, Closed::Network));
    let second = world.accept();
    assert_eq!(subscribes(&world.sent_on(second)), [("room".into(), "earliest".into())]);
}

#[test]
fn invariant_1_a_hole_is_not_delivered_but_asked_for_again() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-10", false), messages(1, 11..=11)]);
    world.forget();
    world.frames(link, &[messages(1, 13..=14), messages(1, 15..=15)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
    let sent = world.sent_on(link);
    assert!(matches!(sent[0], ClientFrame::Unsubscribe { .. }));
    assert_eq!(subscribes(&sent), [("room".into(), "a-11".into())]);
    // What was on its way under the old number means nothing any more.
    world.frames(link, &[messages(1, 12..=16)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
    world.frames(link, &[subscribed("room", 2, "a-11", true), messages(2, 12..=16)]);
    assert_eq!(world.delivered(), [12, 13, 14, 15, 16]);
    assert_eq!(world.session.stats().asked_again, 1);
    // It is one subscription to the app, all the time.
    assert!(!world.events.iter().any(|event| matches!(event, Event::Subscribed { .. })));
}

#[test]
fn a_server_that_has_the_same_hole_again_and_again_is_left_with_backoff() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-10", false)]);
    for alias in 1..=3 {
        world.frames(link, &[messages(alias, 12..=12)]);
        world.frames(link, &[subscribed("room", alias + 1, "a-10", true)]);
    }
    assert_eq!(world.state(), State::Waiting);
    assert_eq!(world.closed, [(link, 4500)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
}

#[test]
fn invariant_1_a_gap_stands_in_its_place_and_moves_the_cursor() {
    let (mut world, first) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(first, &[subscribed("room", 1, "a-10", false), messages(1, 11..=11)]);
    world.act(|session, now| session.handle_closed(now, first, Closed::Network));
    let second = world.accept();
    world.frames(
        second,
        &[
            subscribed("room", 1, "a-20", false),
            gap(1, 12, Some(20), GapReason::Evicted, "a-20"),
            messages(1, 21..=22),
            gap(1, 23, None, GapReason::Epoch, "b-3"),
            messages(1, 4..=5),
        ],
    );
    assert_eq!(world.delivered(), [11, -12, 21, 22, -23, 4, 5]);
    assert_eq!(world.position("room"), Some(at("b-5")));
    assert_eq!(world.session.stats().gaps, 2);
    // The same gap again is none.
    world.frames(second, &[gap(1, 1, Some(3), GapReason::Evicted, "b-3")]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
}

#[test]
fn invariant_1_another_epoch_without_its_gap_delivers_nothing() {
    let (mut world, first) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(first, &[subscribed("room", 1, "a-10", false), messages(1, 11..=11)]);
    world.delivered();
    world.act(|session, now| session.handle_closed(now, first, Closed::Network));
    let second = world.accept();
    // Offsets that would fit, of a log that is another one.
    world.frames(second, &[subscribed("room", 1, "b-11", true), messages(1, 12..=12)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
    assert_eq!(world.position("room"), Some(at("a-11")));
    assert_eq!(subscribes(&world.sent_on(second)).last(), Some(&("room".into(), "a-11".into())));
}

#[test]
fn frames_of_an_ended_subscription_are_not_those_of_the_next() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.unsubscribe("room");
    world.subscribe("room", From::Earliest);
    world.forget();
    // The answer to the first, with messages behind it, then that to the second.
    world.frames(link, &[subscribed("room", 1, "a-10", false), messages(1, 11..=12)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
    world.frames(link, &[subscribed("room", 2, "a-0", false), messages(1, 13..=13), messages(2, 1..=2)]);
    assert_eq!(world.delivered(), [1, 2]);
}

#[test]
fn after_unsubscribe_no_event_of_the_topic_comes() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-10", false)]);
    world.forget();
    world.unsubscribe("room");
    assert!(matches!(world.sent_on(link)[..], [ClientFrame::Unsubscribe { .. }]));
    world.frames(link, &[messages(1, 11..=12), gap(1, 13, Some(14), GapReason::Evicted, "a-14")]);
    assert!(world.events.is_empty());
    assert_eq!(world.session.stats().stale, 2);
}

#[test]
fn a_subscription_that_is_made_and_ended_at_once_is_never_asked_for() {
    let (mut world, link) = World::connected();
    world.act(|session, now| {
        let id = session.subscribe(now, topic("room"), Default::default()).unwrap();
        session.unsubscribe(now, id);
        session.subscribe(now, topic("other"), Default::default()).unwrap();
    });
    assert_eq!(subscribes(&world.sent_on(link)), [("other".into(), "latest".into())]);
}

#[test]
fn messages_that_come_together_are_told_together() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-10", false)]);
    world.forget();
    world.frames(link, &[messages(1, 11..=12), messages(1, 13..=13)]);
    assert_eq!(world.events.len(), 1);
}

#[test]
fn a_subscribe_without_an_answer_is_a_dead_link() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    world.pass(std::time::Duration::from_millis(9_999));
    assert_eq!(world.state(), State::Connected);
    world.pass(std::time::Duration::from_millis(1));
    assert_eq!(world.closed, [(link, 4004)]);
}

#[test]
fn a_resume_tells_the_place_that_the_app_is_at() {
    let (mut world, first) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(first, &[subscribed("room", 1, "a-10", false), messages(1, 11..=13)]);
    world.act(|session, now| session.handle_closed(now, first, Closed::Network));
    let second = world.accept();
    world.forget();
    // The server was asked before the last of it came: it goes on from there, and the client drops the rest.
    world.frames(second, &[subscribed("room", 4, "a-11", true), messages(4, 12..=14)]);
    let told = world.events.iter().find_map(|event| match event {
        Event::Subscribed { position, recovered, .. } => Some((*position, *recovered)),
        _ => None,
    });
    assert_eq!(told, Some((at("a-13"), true)));
    assert_eq!(world.delivered(), [14]);
}

#[test]
fn invariant_1_a_first_question_answered_twice_goes_on_from_the_first_answer() {
    for (second, asked_again) in [("a-7", true), ("b-5", true), ("a-5", false), ("a-4", false)] {
        let mut world = World::new(only(Transport::Sse));
        world.subscribe("room", From::Latest);
        world.act(|session, now| session.connect(now));
        let stream = world.accept();
        world.act(|session, now| session.set_transports(now, vec![Transport::WebSocket]));
        let (socket, ..) = world.next_open();
        world.open(socket);
        world.stream(stream, &[subscribed("room", 0, "a-5", false)]);
        world.forget();
        world.frames(socket, &[welcome(), subscribed("room", 1, second, false)]);
        let again = if asked_again { vec![("room".into(), "a-5".into())] } else { vec![] };
        assert_eq!(subscribes(&world.sent_on(socket)), again, "{second}");
        // Nothing new has to come for what lies between to be brought.
        let alias = if asked_again { 2 } else { 1 };
        if asked_again {
            world.frames(socket, &[subscribed("room", alias, "a-5", true)]);
        }
        world.frames(socket, &[messages(alias, 6..=7)]);
        assert_eq!(world.delivered(), [6, 7], "{second}");
        let told = world.events.iter().filter_map(|event| match event {
            Event::Subscribed { position, .. } => Some(*position),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [at("a-5")], "{second}: once on each link");
    }
}
