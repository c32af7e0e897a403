//! History, presence, and who comes and goes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    Closed, Config, Event, Failure, HistoryPage, RequestId, State, SubscribeOptions, Transport,
    protocol::{About, ClientFrame, Code, HistoryRange, Member, ServerFrame},
};

fn member(id: &str) -> Member {
    Member { id: id.into(), subject: None, info: Some("Ada".into()) }
}

fn ask_history(world: &mut World) -> RequestId {
    world.act(|session, now| session.history(now, topic("room"), HistoryRange::Before(9), 5_000))
}

fn page(request: u32) -> ServerFrame {
    ServerFrame::History { request, epoch: epoch("a"), records: records(3..=8), more: true }
}

fn answer(world: &mut World) -> (RequestId, Result<HistoryPage, Failure>) {
    match world.events.pop_front() {
        Some(Event::History { request, result }) => (request, result),
        other => panic!("{other:?}"),
    }
}

#[test]
fn over_a_websocket_a_question_is_a_frame_with_a_number() {
    let (mut world, link) = World::connected();
    let id = ask_history(&mut world);
    let sent = world.sent_on(link);
    assert_eq!(
        sent,
        [ClientFrame::History {
            request: id.as_u32(),
            topic: topic("room"),
            range: HistoryRange::Before(9),
            limit: 1_000,
        }]
    );
    world.frames(link, &[page(id.as_u32() + 1), page(id.as_u32()), page(id.as_u32())]);
    let (request, result) = answer(&mut world);
    assert_eq!((request, result.unwrap().records.len()), (id, 6));
    assert!(world.events.is_empty(), "once");

    let id = world.act(|session, now| session.presence(now, topic("room")));
    let members = vec![member("1")];
    world.frames(link, &[ServerFrame::Presence { request: id.as_u32(), members: members.clone() }]);
    assert_eq!(world.events.pop_front(), Some(Event::Presence { request: id, result: Ok(members) }));
}

#[test]
fn an_answer_of_the_other_kind_is_a_failure_of_the_question_and_not_its_end_without_a_word() {
    let (mut world, link) = World::connected();
    let id = ask_history(&mut world);
    world.frames(link, &[ServerFrame::Presence { request: id.as_u32(), members: vec![] }]);
    let (request, result) = answer(&mut world);
    assert_eq!((request, result.unwrap_err().code), (id, Code::INTERNAL));
    let id = world.act(|session, now| session.presence(now, topic("room")));
    world.frames(link, &[page(id.as_u32()), page(id.as_u32())]);
    let told: Vec<_> = world.events.drain(..).collect();
    assert!(
        matches!(&told[..], [Event::Presence { request, result: Err(failure) }]
            if *request == id && failure.code == Code::INTERNAL),
        "{told:?}"
    );
    assert_eq!((world.state(), world.session.stats().malformed), (State::Connected, 2));
}

#[test]
fn a_question_that_a_link_took_with_it_is_asked_again() {
    let (mut world, link) = World::connected();
    let id = ask_history(&mut world);
    world.forget();
    world.act(|session, now| session.handle_closed(now, link, Closed::Network));
    let link = world.accept();
    assert!(world.sent_on(link).iter().any(|frame| matches!(frame, ClientFrame::History { .. })));
    world.forget();
    world.frames(link, &[page(id.as_u32())]);
    assert!(answer(&mut world).1.is_ok());
}

#[test]
fn invariant_6_a_question_without_an_answer_fails_after_ten_seconds() {
    let mut world = World::new(Config::default());
    let id = ask_history(&mut world);
    world.pass(Duration::from_millis(9_999));
    assert!(world.events.is_empty());
    world.pass(Duration::from_millis(1));
    let (request, result) = answer(&mut world);
    let failure = result.unwrap_err();
    assert_eq!((request, failure.code, failure.is_retryable()), (id, Code::TIMEOUT, true));
}

#[test]
fn a_refused_question_says_why() {
    let (mut world, link) = World::connected();
    let id = ask_history(&mut world);
    let about = About::Request(id.as_u32());
    world.frames(
        link,
        &[ServerFrame::Error { about, code: Code::FORBIDDEN, message: "no".into(), retry_after: None }],
    );
    let failure = answer(&mut world).1.unwrap_err();
    assert_eq!((failure.code, failure.is_retryable()), (Code::FORBIDDEN, false));
}

#[test]
fn beside_a_stateless_transport_a_question_is_a_request() {
    let mut world = World::new(only(Transport::Sse));
    world.subscribe("x", Default::default());
    world.act(|session, now| session.connect(now));
    let id = ask_history(&mut world);
    assert!(world.requests.is_empty());
    world.accept();
    world.forget();
    let (request, what) = world.requests.pop_front().unwrap();
    assert_eq!((request, what.target.as_str()), (id, "/v1/topics/room/history?before=9&limit=1000"));
    world.act(|session, now| session.handle_reply(now, request, Some(response(&[page(0)]))));
    assert!(answer(&mut world).1.is_ok());

    for (reply, code) in [
        (None, Code::UNAVAILABLE),
        (Some(status(404)), Code::NOT_FOUND),
        (Some(status(502)), Code::UNAVAILABLE),
        (Some(response(&[ServerFrame::Heartbeat])), Code::INTERNAL),
    ] {
        ask_history(&mut world);
        let (request, _) = world.requests.pop_front().unwrap();
        world.act(|session, now| session.handle_reply(now, request, reply));
        assert_eq!(answer(&mut world).1.unwrap_err().code, code);
    }
}

#[test]
fn invariant_5_too_many_questions_are_refused() {
    let mut world = World::new(Config::default());
    for _ in 0..128 {
        ask_history(&mut world);
    }
    assert!(world.events.is_empty());
    ask_history(&mut world);
    assert_eq!(answer(&mut world).1.unwrap_err().code, Code::RATE_LIMITED);
}

#[test]
fn who_comes_and_goes_is_told_under_the_topic() {
    let (mut world, link) = World::connected();
    let options = SubscribeOptions { presence: true, ..Default::default() };
    let subscription = world.subscribe_with("room", options);
    let sent = world.sent_on(link);
    assert!(matches!(&sent[0], ClientFrame::Subscribe { mode, .. } if mode.presence));
    world.frames(link, &[subscribed("room", 3, "a-0", false)]);
    world.forget();
    world.frames(
        link,
        &[
            ServerFrame::Members { alias: 3, members: vec![member("1")] },
            ServerFrame::Join { alias: 3, member: member("2") },
            ServerFrame::Leave { alias: 3, member: member("1") },
            ServerFrame::Join { alias: 4, member: member("3") },
        ],
    );
    assert_eq!(
        world.events,
        [
            Event::Members { subscription, members: vec![member("1")] },
            Event::Join { subscription, member: member("2") },
            Event::Leave { subscription, member: member("1") },
        ]
    );
}
