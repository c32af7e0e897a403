//! Server-Sent Events, read by this crate's parser or by the platform's `EventSource`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use everwire_core::{
    AttemptId, Closed, Event, HttpResponse, Reason, State, SubscribeOptions, Transport,
    protocol::{About, Code, From, GapReason, ServerFrame},
};

fn streaming() -> (World, AttemptId) {
    let mut world = World::new(only(Transport::Sse));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let id = world.accept();
    world.stream(id, &[subscribed("room", 0, "a-10", false)]);
    world.forget();
    (world, id)
}

#[test]
fn a_stream_delivers_the_same_at_every_cut() {
    let text = streamed(&[
        messages(0, 11..=13),
        ServerFrame::Gap {
            alias: 0,
            from: 14,
            to: Some(16),
            reason: GapReason::Evicted,
            position: at("a-16"),
        },
        ServerFrame::Heartbeat,
        messages(0, 17..=18),
    ]);
    for cut in 0..=text.len() {
        let (mut world, id) = streaming();
        for part in [&text.as_bytes()[..cut], &text.as_bytes()[cut..]] {
            world.act(|session, now| session.handle_chunk(now, id, part.to_vec().into()));
        }
        assert_eq!(world.delivered(), [11, 12, 13, -14, 17, 18], "cut at {cut}");
    }
}

#[test]
fn invariant_2_an_event_that_was_cut_off_is_neither_delivered_nor_counted() {
    let text = streamed(&[messages(0, 11..=11), messages(0, 12..=12)]);
    let (mut world, id) = streaming();
    let cut_off = &text.as_bytes()[..text.len() - 1];
    world.act(|session, now| session.handle_chunk(now, id, cut_off.to_vec().into()));
    world.act(|session, now| session.handle_closed(now, id, Closed::Network));
    assert_eq!(world.delivered(), [11]);
    let (id, _, request) = world.next_open();
    assert_eq!(request.target, "/v1/sse?topic=room&from=a-11");
    world.open(id);
    world.stream(id, &[welcome(), subscribed("room", 0, "a-11", true), messages(0, 12..=13)]);
    assert_eq!(world.delivered(), [12, 13]);
}

#[test]
fn a_changed_set_of_topics_is_one_new_request_from_the_cursors() {
    let (mut world, first) = streaming();
    world.stream(first, &[messages(0, 11..=12)]);
    world.forget();
    world.act(|session, now| {
        session.subscribe(now, topic("b"), SubscribeOptions::default()).unwrap();
        let presence = SubscribeOptions { from: From::Last(3), presence: true };
        session.subscribe(now, topic("a"), presence).unwrap();
    });
    assert_eq!(world.closed, [(first, 4010)]);
    assert_eq!(world.opened.len(), 1);
    let (second, _, request) = world.next_open();
    assert_eq!(
        request.target,
        "/v1/sse?topic=a&from=last%3A3&topic=b&from=latest&topic=room&from=a-12&client_id=me&presence=a"
    );
    assert_eq!(world.state(), State::Connected);
    world.open(second);
    world.stream(
        second,
        &[
            welcome(),
            subscribed("a", 0, "x-1", false),
            subscribed("b", 1, "y-5", false),
            subscribed("room", 2, "a-12", true),
            messages(2, 13..=13),
        ],
    );
    assert_eq!(world.delivered(), [13]);
    let told = world.events.iter().filter(|event| matches!(event, Event::Subscribed { .. })).count();
    assert_eq!(told, 2, "the third stood all the time");
    assert!(!world.events.iter().any(|event| matches!(event, Event::State(_))));
}

#[test]
fn a_new_request_that_fails_is_a_link_that_failed() {
    let (mut world, _) = streaming();
    world.subscribe("b", From::Latest);
    let (second, ..) = world.next_open();
    world.act(|session, now| session.handle_closed(now, second, Closed::Network));
    assert_eq!(world.state(), State::Waiting);
}

#[test]
fn a_native_event_source_is_read_by_its_events() {
    let mut world = World::new(only(Transport::EventSource));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let (id, transport, _) = world.next_open();
    assert_eq!(transport, Transport::EventSource);
    world.open(id);
    let frames = [welcome(), subscribed("room", 0, "a-10", false), messages(0, 11..=12)];
    let mut parser = everwire_core::sse::Parser::new();
    let text = streamed(&frames);
    let mut rest = text.as_bytes();
    while let Some(event) = parser.next_event(&mut rest).unwrap() {
        world.act(|session, now| session.handle_event(now, id, &event.name(), &event.data()));
    }
    world.act(|session, now| session.handle_event(now, id, "other", "is passed over"));
    assert_eq!((world.delivered(), world.state()), (vec![11, 12], State::Connected));
    world.act(|session, now| session.handle_event(now, id, "everwire.gap", "nonsense"));
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Malformed));
}

#[test]
fn invariant_12_an_event_without_an_end_is_not_kept_for_ever() {
    let (mut world, id) = streaming();
    let chunk = [b'x'; 64 * 1024];
    for _ in 0..17 {
        world.act(|session, now| session.handle_chunk(now, id, chunk.to_vec().into()));
    }
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Malformed));
}

#[test]
fn a_refused_topic_ends_its_subscription_and_not_the_session() {
    let (mut world, id) = streaming();
    world.subscribe("secret", From::Latest);
    let (id, ..) = (world.next_open().0, id);
    world.open(id);
    world.forget();
    let error = |code, retry_after| ServerFrame::Error {
        about: About::Topic(topic("secret")),
        code,
        message: "no".into(),
        retry_after,
    };
    world.stream(id, &[welcome(), subscribed("room", 0, "a-10", true), error(Code::FORBIDDEN, None)]);
    assert!(matches!(&world.events[0], Event::SubscriptionFailed { code: Code::FORBIDDEN, .. }));
    assert!(world.opened.is_empty(), "the stream goes on without it");

    // For now only: it is asked for again in the window.
    world.subscribe("secret", From::Latest);
    let (id, ..) = world.next_open();
    world.open(id);
    let later = error(Code::RATE_LIMITED, Some(window(1_000, 1_000)));
    world.stream(id, &[welcome(), later, subscribed("room", 1, "a-10", true)]);
    assert!(world.opened.is_empty());
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(world.next_open().2.target, "/v1/sse?topic=room&from=a-10&topic=secret&from=latest");
}

#[test]
fn a_request_whose_topics_are_all_refused_goes_on_without_them() {
    let mut world = World::new(only(Transport::Sse));
    world.subscribe("room", From::Latest);
    world.subscribe("secret", From::Latest);
    world.act(|session, now| session.connect(now));
    let refusal = |name| refusal(name, Code::FORBIDDEN);
    let (id, ..) = world.next_open();
    world.act(|session, now| session.handle_response(now, id, refusal("secret")));
    let (id, _, request) = world.next_open();
    assert_eq!(request.target, "/v1/sse?topic=room&from=latest");
    world.act(|session, now| session.handle_response(now, id, refusal("room")));
    let failed = world.events.iter().filter(|event| matches!(event, Event::SubscriptionFailed { .. }));
    assert_eq!(failed.count(), 2);
    assert_eq!((world.state(), world.opened.len()), (State::Connecting, 0));
    world.subscribe("open", From::Latest);
    world.accept();
    assert_eq!(world.state(), State::Connected);
}

#[test]
fn a_refusal_that_leaves_the_request_as_it_was_is_not_asked_again_in_a_hurry() {
    for (name, code) in [("elsewhere", Code::UNAVAILABLE), ("room", Code::NOT_SUBSCRIBED)] {
        let mut world = World::new(only(Transport::Sse));
        world.subscribe("room", From::Latest);
        world.act(|session, now| session.connect(now));
        let (id, ..) = world.next_open();
        let answer = HttpResponse { status: 503, ..refusal(name, code) };
        world.act(|session, now| session.handle_response(now, id, answer));
        assert_eq!((world.state(), world.opened.len()), (State::Waiting, 0), "{code:?}");
        world.accept();
        assert_eq!(world.state(), State::Connected);
    }
}

fn refusal(name: &str, code: Code) -> HttpResponse {
    let about = About::Topic(topic(name));
    let error = ServerFrame::Error { about, code, message: "no".into(), retry_after: None };
    HttpResponse { status: 403, retry_after: None, body: encoded(&[error]) }
}
