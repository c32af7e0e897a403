//! Several subscriptions to one topic share what the server sends of it; each has its own cursor.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    AttemptId, Closed, Config, Event, FlowConfig, SubscribeOptions, SubscriptionId, Transport,
    protocol::{About, ClientFrame, Code, From, GapReason, Member, ServerFrame},
};

/// What one subscription was told: offsets, gaps as negative numbers, `i64::MIN` for where it stands.
fn told(world: &World, id: SubscriptionId) -> Vec<i64> {
    let mut all = Vec::new();
    for event in &world.events {
        match event {
            Event::Messages { subscription, records, .. } if *subscription == id => {
                all.extend(records.iter().map(|record| record.offset as i64));
            }
            Event::Gap { subscription, from, .. } if *subscription == id => all.push(-(*from as i64)),
            Event::Subscribed { subscription, .. } if *subscription == id => all.push(i64::MIN),
            _ => {}
        }
    }
    all
}

fn starts(world: &mut World, link: AttemptId) -> Vec<String> {
    let start = |frame| match frame {
        ClientFrame::Subscribe { from, .. } => Some(from.to_string()),
        _ => None,
    };
    world.sent_on(link).into_iter().filter_map(start).collect()
}

/// Two readers of `room`, both at a-10.
fn two() -> (World, AttemptId, SubscriptionId, SubscriptionId) {
    let (mut world, link) = World::connected();
    let first = world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-10", false)]);
    let second = world.subscribe("room", From::Latest);
    world.sent_on(link);
    (world, link, first, second)
}

#[test]
fn who_reads_what_is_new_joins_at_no_cost_and_gets_all_that_follows() {
    let (mut world, link) = World::connected();
    let first = world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-10", false), messages(1, 11..=12)]);
    world.forget();
    let second = world.subscribe("room", From::Latest);
    assert_eq!(world.sent_on(link), []);
    world.frames(link, &[messages(1, 13..=14), messages(1, 15..=15)]);
    assert_eq!(told(&world, first), [13, 14, 15]);
    assert_eq!(told(&world, second), [i64::MIN, 13, 14, 15]);
    assert_eq!(world.events.len(), 3, "messages that come together are told together");
    assert_eq!(world.session.stats().repeats, 0);
    assert_ne!(first, second);
    assert_eq!(world.session.topic(second), Some(&topic("room")));
}

#[test]
fn invariants_1_to_3_a_reader_that_starts_earlier_gets_all_and_the_other_no_repeats() {
    let (mut world, link, first, second) = two();
    world.frames(link, &[messages(1, 11..=12)]);
    world.forget();
    let third = world.subscribe("room", From::Last(5));
    assert_eq!(starts(&mut world, link), ["last:5"]);
    // Of the old number nothing counts any more: it comes again.
    world.frames(link, &[messages(1, 13..=13), subscribed("room", 2, "a-8", false), messages(2, 9..=14)]);
    for reader in [first, second] {
        assert_eq!(told(&world, reader), [13, 14]);
    }
    assert_eq!(told(&world, third), [i64::MIN, 9, 10, 11, 12, 13, 14]);
    assert_eq!(world.session.stats().repeats, 0, "what one of them needs is no repeat");
}

#[test]
fn invariant_1_an_answer_beyond_a_reader_is_asked_again_from_that_one() {
    let (mut world, link) = World::connected();
    let first = world.subscribe("room", From::Position(at("a-5")));
    let second = world.subscribe("room", From::Latest);
    assert_eq!(starts(&mut world, link), ["a-5", "latest"]);
    world.frames(link, &[subscribed("room", 1, "a-5", true), messages(1, 6..=7)]);
    assert_eq!(told(&world, first), [] as [i64; 0], "the answer to what was given up");
    world.frames(link, &[subscribed("room", 2, "a-90", false)]);
    assert_eq!(told(&world, second), [i64::MIN]);
    assert_eq!(starts(&mut world, link), ["a-5"]);
    world.frames(link, &[subscribed("room", 3, "a-5", true), messages(3, 6..=91)]);
    assert_eq!(told(&world, second), [i64::MIN, 91]);
    assert_eq!(told(&world, first).len(), 1 + 86);
}

#[test]
fn invariant_1_each_reader_has_the_gap_from_where_it_is() {
    let (mut world, link) = World::connected();
    let first = world.subscribe("room", From::Position(at("a-5")));
    world.frames(link, &[subscribed("room", 1, "a-5", true)]);
    let second = world.subscribe("room", From::Position(at("a-7")));
    world.frames(link, &[subscribed("room", 2, "a-7", true)]);
    // It has to be asked for from the least one.
    world.frames(link, &[subscribed("room", 3, "a-5", true)]);
    world.forget();
    let evicted = |position: &str, to| ServerFrame::Gap {
        alias: 3,
        from: 6,
        to,
        reason: if to.is_some() { GapReason::Evicted } else { GapReason::Epoch },
        position: at(position),
    };
    world.frames(link, &[evicted("a-9", Some(9)), messages(3, 10..=10), evicted("b-0", None)]);
    world.frames(link, &[messages(3, 1..=1)]);
    assert_eq!(told(&world, first), [-6, 10, -11, 1]);
    assert_eq!(told(&world, second), [-8, 10, -11, 1]);
    assert_eq!(world.session.stats().gaps, 4);
}

#[test]
fn a_paused_reader_among_running_ones_skips_and_is_caught_up_from_its_own_cursor() {
    let (mut world, link, first, second) = two();
    world.act(|session, now| session.pause(now, first));
    assert_eq!(world.sent_on(link), [], "the other goes on");
    world.forget();
    world.frames(link, &[messages(1, 11..=13)]);
    assert_eq!((told(&world, first), told(&world, second)), (vec![], vec![11, 12, 13]));
    world.act(|session, now| session.resume(now, first));
    assert_eq!(starts(&mut world, link), ["a-10"]);
    world.frames(link, &[subscribed("room", 2, "a-10", true), messages(2, 11..=14)]);
    assert_eq!(told(&world, first), [11, 12, 13, 14]);
    assert_eq!(told(&world, second), [11, 12, 13, 14]);
}

#[test]
fn the_server_is_told_to_pause_when_all_are_and_to_go_on_when_one_does() {
    let (mut world, link, first, second) = two();
    let room = || topic("room");
    for reader in [first, second] {
        world.act(|session, now| session.pause(now, reader));
    }
    assert_eq!(world.sent_on(link), [ClientFrame::Pause { topic: room() }]);
    world.act(|session, now| session.resume(now, second));
    assert_eq!(world.sent_on(link), [ClientFrame::Resume { topic: room() }], "nothing was missed");
    world.act(|session, now| session.pause(now, second));
    world.sent_on(link);
    // Whoever joins a topic that rests does not start at its old place.
    world.subscribe("room", From::Latest);
    assert_eq!(starts(&mut world, link), ["latest"]);
}

#[test]
fn the_end_of_one_subscription_leaves_the_other() {
    let (mut world, link, first, second) = two();
    world.act(|session, now| session.unsubscribe(now, first));
    assert_eq!(world.sent_on(link), []);
    world.forget();
    world.frames(link, &[messages(1, 11..=11)]);
    assert_eq!((told(&world, first), told(&world, second)), (vec![], vec![11]));
    assert_eq!((world.session.topic(first), world.session.position(first)), (None, None));
    world.act(|session, now| session.unsubscribe(now, second));
    assert_eq!(world.sent_on(link), [ClientFrame::Unsubscribe { topic: topic("room") }]);
}

#[test]
fn a_full_reader_holds_up_no_other() {
    let flow = FlowConfig { messages: 2, bytes: 1_000 };
    let (mut world, link) = World::connected_with(Config { flow, ..only(Transport::WebSocket) });
    let slow = world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-0", false)]);
    let quick = world.subscribe("room", From::Latest);
    world.forget();
    for offset in 1..=8 {
        world.frames(link, &[messages(1, offset..=offset)]);
        world.act(|session, now| session.consumed(now, quick, 1, 2));
    }
    assert_eq!(told(&world, slow), [1, 2, 3, 4], "twice the limit");
    assert_eq!(told(&world, quick).len(), 8);
    assert_eq!(world.sent_on(link), []);
    world.act(|session, now| session.consumed(now, slow, 4, 8));
    assert_eq!(starts(&mut world, link), ["a-4"]);
}

#[test]
fn invariants_1_to_3_a_new_link_brings_each_reader_on_from_its_own_cursor() {
    let (mut world, link, first, second) = two();
    world.act(|session, now| session.pause(now, first));
    world.frames(link, &[messages(1, 11..=13)]);
    world.act(|session, now| session.resume(now, first));
    world.act(|session, now| session.handle_closed(now, link, Closed::Network));
    let link = world.accept();
    world.forget();
    // The furthest place is shown first: only the server can tell whether its log still has it.
    world.frames(link, &[subscribed("room", 1, "a-13", true)]);
    assert_eq!((told(&world, first), told(&world, second)), (vec![], vec![i64::MIN]));
    assert_eq!(starts(&mut world, link), ["a-10"]);
    world.frames(link, &[subscribed("room", 2, "a-10", true), messages(2, 11..=14)]);
    assert_eq!(told(&world, first), [i64::MIN, 11, 12, 13, 14]);
    assert_eq!(told(&world, second), [i64::MIN, 14]);
    assert_eq!(world.session.stats().resumes, 2);
}

#[test]
fn a_reader_that_joins_a_refused_topic_waits_with_it_and_a_refusal_for_good_ends_both() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    let refusal = |code, retry_after| ServerFrame::Error {
        about: About::Topic(topic("room")),
        code,
        message: "no".into(),
        retry_after,
    };
    world.frames(link, &[refusal(Code::UNAVAILABLE, Some(window(5_000, 5_000)))]);
    world.sent_on(link);
    world.subscribe("room", From::Latest);
    assert_eq!(starts(&mut world, link), Vec::<String>::new());
    world.pass(Duration::from_secs(5));
    assert_eq!(starts(&mut world, link), ["latest"]);
    world.frames(link, &[refusal(Code::FORBIDDEN, None)]);
    let failed = world.events.iter().filter(|event| matches!(event, Event::SubscriptionFailed { .. }));
    assert_eq!(failed.count(), 2);
}

#[test]
fn a_second_reader_who_wants_to_know_who_is_there_is_told_at_once() {
    let (mut world, link) = World::connected();
    let options = SubscribeOptions { presence: true, ..Default::default() };
    let member = |id: &str| Member { id: id.into(), subject: None, info: None };
    let plain = world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-0", false)]);
    world.sent_on(link);
    let first = world.subscribe_with("room", options);
    let sent = world.sent_on(link);
    assert!(matches!(&sent[1], ClientFrame::Subscribe { mode, .. } if mode.presence), "{sent:?}");
    world.frames(
        link,
        &[
            subscribed("room", 2, "a-0", false),
            ServerFrame::Members { alias: 2, members: vec![member("1"), member("2")] },
            ServerFrame::Leave { alias: 2, member: member("1") },
            ServerFrame::Join { alias: 2, member: member("3") },
        ],
    );
    world.forget();
    let second = world.subscribe_with("room", options);
    assert_eq!(world.sent_on(link), []);
    assert_eq!(
        world.events.back(),
        Some(&Event::Members { subscription: second, members: vec![member("2"), member("3")] })
    );
    world.forget();
    world.frames(link, &[ServerFrame::Leave { alias: 2, member: member("3") }]);
    assert_eq!(
        world.events,
        [first, second].map(|subscription| Event::Leave { subscription, member: member("3") }),
        "the plain one is told nothing of it"
    );
    world.act(|session, now| session.unsubscribe(now, first));
    assert_eq!(world.sent_on(link), []);
    world.act(|session, now| session.unsubscribe(now, second));
    let sent = world.sent_on(link);
    assert!(matches!(&sent[1], ClientFrame::Subscribe { mode, .. } if !mode.presence), "{sent:?}");
    assert_eq!(world.session.position(plain), Some(at("a-0")));
}

#[test]
fn a_refusal_with_presence_leaves_those_who_read_without() {
    let (mut world, link) = World::connected();
    let plain = world.subscribe("room", From::Latest);
    world.frames(link, &[subscribed("room", 1, "a-0", false)]);
    let curious = world.subscribe_with("room", SubscribeOptions { presence: true, ..Default::default() });
    world.forget();
    let (about, message) = (About::Topic(topic("room")), "no".into());
    world.frames(link, &[ServerFrame::Error { about, code: Code::FORBIDDEN, message, retry_after: None }]);
    assert!(
        matches!(&world.events[0], Event::SubscriptionFailed { subscription, .. } if *subscription == curious)
    );
    world.frames(link, &[subscribed("room", 2, "a-0", true), messages(2, 1..=1)]);
    assert_eq!(told(&world, plain), [1]);
}

#[test]
fn a_request_names_a_topic_once_and_a_new_start_makes_a_new_one() {
    let mut world = World::new(only(Transport::Sse));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let stream = world.accept();
    world.stream(stream, &[subscribed("room", 0, "a-10", false)]);
    world.subscribe("room", From::Latest);
    assert!(world.opened.is_empty());
    let late = world.subscribe("room", From::Earliest);
    let (stream, _, request) = world.next_open();
    assert_eq!(request.target, "/v1/sse?topic=room&from=earliest");
    world.open(stream);
    world.forget();
    world.stream(stream, &[welcome(), subscribed("room", 0, "a-8", false), messages(0, 9..=11)]);
    assert!(world.opened.is_empty());
    assert_eq!(told(&world, late), [i64::MIN, 9, 10, 11]);
    assert_eq!(world.events.iter().filter(|event| matches!(event, Event::Messages { .. })).count(), 3);
}

#[test]
fn invariant_1_readers_of_two_lives_that_are_no_more_are_each_told_of_their_gap() {
    let mut world = World::new(only(Transport::WebSocket));
    let first = world.subscribe("room", From::Position(at("x-5")));
    let second = world.subscribe("room", From::Position(at("y-9")));
    world.act(|session, now| session.connect(now));
    let link = world.accept();
    let gap = |alias, from| ServerFrame::Gap {
        alias,
        from,
        to: None,
        reason: GapReason::Epoch,
        position: at("z-0"),
    };
    for (alias, start) in [(1, "x-5"), (2, "y-9")] {
        assert_eq!(starts(&mut world, link), [start]);
        let lost = if alias == 1 { 6 } else { 10 };
        // A frame of its own each, as slow links bring them.
        world.frames(link, &[subscribed("room", alias, "z-0", false)]);
        assert!(starts(&mut world, link).is_empty(), "the gap is still to come");
        world.frames(link, &[gap(alias, lost)]);
    }
    world.frames(link, &[messages(2, 1..=2)]);
    assert_eq!(told(&world, first), [i64::MIN, -6, 1, 2]);
    assert_eq!(told(&world, second), [i64::MIN, -10, 1, 2]);
}

#[test]
fn who_reads_what_is_new_does_not_start_amid_what_was_missed_while_all_were_paused() {
    let (mut world, link, first, second) = two();
    world.pass(Duration::from_secs(10));
    for reader in [first, second] {
        world.act(|session, now| session.pause(now, reader));
    }
    for reader in [first, second] {
        world.act(|session, now| session.resume(now, reader));
    }
    world.sent_on(link);
    // The server still brings what was written meanwhile.
    world.subscribe("room", From::Latest);
    assert_eq!(starts(&mut world, link), ["latest"]);
}
