//! Publishes: once, in order, with one outcome each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use everwire_core::{
    AttemptId, Closed, Config, Event, OutboxConfig, Outcome, Overflow, Publish, PublishError, Request,
    Transport,
    protocol::{
        About, ClientFrame, Code, Kind, Payload, PublishId, RetryWindow, ServerFrame, binary, limits,
    },
};

/// The id of this client's n-th publish: what another session of the same seed gives it.
fn me(n: usize) -> String {
    let mut twin = World::new(only(Transport::WebSocket));
    (0..n).map(|_| twin.publish("x")).last().unwrap().to_string()
}

fn ack(id: &str, position: &str) -> ServerFrame {
    ServerFrame::Ack { id: id.parse().unwrap(), position: Some(at(position)) }
}

fn refused(id: &str, code: Code, retry_after: Option<RetryWindow>) -> ServerFrame {
    let about = About::Publish(id.parse().unwrap());
    ServerFrame::Error { about, code, message: "no".into(), retry_after }
}

fn outcomes(world: &mut World) -> Vec<(String, Outcome)> {
    let outcome = |event| match event {
        Event::Published { id, outcome } => Some((PublishId::to_string(&id), outcome)),
        _ => None,
    };
    std::mem::take(&mut world.events).into_iter().filter_map(outcome).collect()
}

fn acked(id: &str, position: &str) -> (String, Outcome) {
    (id.into(), Outcome::Acked { position: Some(at(position)) })
}

fn body_ids(request: &Request) -> Vec<String> {
    let mut body: Bytes = request.body.clone().unwrap();
    std::iter::from_fn(|| binary::decode_client(&mut body).unwrap())
        .map(|frame| match frame {
            ClientFrame::Publish { id, .. } => id.to_string(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Connected over SSE, so that publishing goes by POST.
fn streaming() -> (World, AttemptId) {
    let mut world = World::new(only(Transport::Sse));
    world.subscribe("room", Default::default());
    world.act(|session, now| session.connect(now));
    let id = world.accept();
    world.stream(id, &[subscribed("room", 0, "a-0", false)]);
    world.forget();
    (world, id)
}

fn beat(world: &mut World, id: AttemptId, duration: Duration) {
    for _ in 0..duration.as_secs() {
        world.pass(Duration::from_secs(1));
        world.stream(id, &[ServerFrame::Heartbeat]);
    }
}

#[test]
fn an_ack_is_the_outcome_once() {
    let (mut world, link) = World::connected();
    assert_eq!(world.publish("x").as_str(), me(1));
    assert_eq!(world.published_on(link), [me(1)]);
    world.frames(link, &[ack(&me(1), "a-5"), ack(&me(1), "a-5"), ack(&me(9), "a-6")]);
    assert_eq!(outcomes(&mut world), [acked(&me(1), "a-5")]);
    let stats = world.session.stats();
    assert_eq!((stats.published, stats.acked, stats.outbox_messages), (1, 1, 0));
}

#[test]
fn invariants_3_and_4_what_has_no_ack_goes_again_with_its_id_before_what_is_new() {
    let (mut world, first) = World::connected();
    (0..3).for_each(|_| drop(world.publish("x")));
    assert_eq!(world.published_on(first), [me(1), me(2), me(3)]);
    world.frames(first, &[ack(&me(1), "a-1")]);
    world.act(|session, now| session.handle_closed(now, first, Closed::Network));
    world.publish("while it is down");
    let second = world.accept();
    world.publish("when it is back");
    assert_eq!(world.published_on(second), [me(2), me(3), me(4), me(5)]);
    // The server had taken the second already, and says so.
    world.frames(second, &[ack(&me(2), "a-2"), ack(&me(3), "a-3"), ack(&me(4), "a-4"), ack(&me(5), "a-5")]);
    assert_eq!(outcomes(&mut world).len(), 5);
}

#[test]
fn nothing_is_published_before_the_welcome() {
    let mut world = World::new(only(Transport::WebSocket));
    world.act(|session, now| session.connect(now));
    world.publish("x");
    let (id, ..) = world.next_open();
    world.open(id);
    assert!(world.published_on(id).is_empty());
    world.frames(id, &[welcome()]);
    assert_eq!(world.published_on(id), [me(1)]);
}

#[test]
fn a_terminal_code_rejects_and_any_other_holds_until_the_window() {
    let (mut world, link) = World::connected();
    (0..2).for_each(|_| drop(world.publish("x")));
    world.published_on(link);
    let rate_limited = refused(&me(2), Code::RATE_LIMITED, Some(window(2_000, 3_000)));
    world.frames(link, &[refused(&me(1), Code::FORBIDDEN, None), rate_limited]);
    let rejected = Outcome::Rejected { code: Code::FORBIDDEN, message: "no".into() };
    assert_eq!(outcomes(&mut world), [(me(1), rejected)]);

    // What is new waits behind it.
    world.publish("y");
    world.pass(Duration::from_millis(1_999));
    assert!(world.published_on(link).is_empty());
    world.pass(Duration::from_millis(1_001));
    assert_eq!(world.published_on(link), [me(2), me(3)]);
}

#[test]
fn a_refusal_without_a_window_is_tried_again_with_backoff() {
    let (mut world, link) = World::connected();
    world.publish("x");
    for _ in 0..4 {
        assert_eq!(world.published_on(link), [me(1)]);
        world.frames(link, &[refused(&me(1), Code::UNAVAILABLE, None)]);
        assert!(world.published_on(link).is_empty());
        world.pass(Duration::from_secs(4));
        world.frames(link, &[ServerFrame::Heartbeat]);
    }
    world.frames(link, &[ack(&me(1), "a-1")]);
    assert_eq!(outcomes(&mut world), [acked(&me(1), "a-1")]);
}

#[test]
fn invariant_6_a_publish_expires_after_five_minutes_whether_there_is_a_link_or_not() {
    let mut world = World::new(Config::default());
    world.act(|session, now| session.handle_offline(now));
    world.act(|session, now| session.connect(now));
    world.publish("x");
    world.pass(Duration::from_secs(1));
    world.publish("y");
    world.pass(Duration::from_millis(298_999));
    assert_eq!(outcomes(&mut world), []);
    world.pass(Duration::from_millis(1));
    assert_eq!(outcomes(&mut world), [(me(1), Outcome::Expired)]);
    world.pass(Duration::from_secs(1));
    assert_eq!(outcomes(&mut world), [(me(2), Outcome::Expired)]);
    assert_eq!(world.session.poll_timeout(), None);
}

#[test]
fn invariant_5_a_full_outbox_refuses_or_drops_by_option() {
    let small = OutboxConfig { messages: 2, ..OutboxConfig::default() };
    let mut world = World::new(Config { outbox: small, ..Config::default() });
    world.publish("x");
    world.publish("x");
    let full = world.act(|session, now| session.publish(now, said("room", "x")));
    assert_eq!(full, Err(PublishError::OutboxFull));
    assert_eq!(world.session.stats().published, 2);

    let dropping = OutboxConfig { overflow: Overflow::DropOldest, ..small };
    let mut world = World::new(Config { outbox: dropping, ..Config::default() });
    (0..3).for_each(|_| drop(world.publish("x")));
    assert_eq!(outcomes(&mut world), [(me(1), Outcome::Expired)]);
}

#[test]
fn what_the_server_could_not_take_is_refused_at_once() {
    let mut world = World::new(Config::default());
    let mut publish = |publish| world.act(|session, now| session.publish(now, publish));
    let large = said("room", &"x".repeat(limits::PAYLOAD_BYTES + 1));
    assert_eq!(publish(large), Err(PublishError::TooLarge));
    let key = Some("k".repeat(256).into());
    assert_eq!(publish(Publish { key, ..said("room", "x") }), Err(PublishError::TooLarge));
    let payload = Payload { kind: Kind::Json, data: Bytes::from_static(b"\xff") };
    assert_eq!(publish(Publish { payload, ..said("room", "") }), Err(PublishError::NotUtf8));
    assert_eq!(publish(said("room", "x")).map(|id| id.to_string()), Ok(me(1)));
}

#[test]
fn an_ephemeral_publish_is_for_the_present_link_only() {
    let ephemeral = |text| Publish { ephemeral: true, ..said("room", text) };
    let mut world = World::new(only(Transport::WebSocket));
    world.act(|session, now| session.connect(now));
    world.act(|session, now| session.publish(now, ephemeral("too early"))).unwrap();
    assert_eq!(outcomes(&mut world), [(me(1), Outcome::Expired)]);
    let link = world.accept();
    world.act(|session, now| session.publish(now, ephemeral("now"))).unwrap();
    world.act(|session, now| session.publish(now, ephemeral("lost"))).unwrap();
    world.publish("kept");
    assert_eq!(world.published_on(link), [me(2), me(3), me(4)]);
    world.frames(link, &[ServerFrame::Ack { id: me(2).parse().unwrap(), position: None }]);
    assert_eq!(outcomes(&mut world).pop(), Some((me(2), Outcome::Acked { position: None })));
    world.act(|session, now| session.handle_closed(now, link, Closed::Network));
    assert_eq!(outcomes(&mut world), [(me(3), Outcome::Expired)]);
    let link = world.accept();
    assert_eq!(world.published_on(link), [me(4)]);
}

#[test]
fn invariant_3_over_http_one_request_at_a_time_carries_what_waits() {
    let (mut world, _) = streaming();
    (0..3).for_each(|_| drop(world.publish("x")));
    let (id, request) = world.requests.pop_front().unwrap();
    assert_eq!((request.target.as_str(), body_ids(&request)), ("/v1/publish", vec![me(1)]));
    assert!(world.requests.is_empty(), "the others wait for its answer");
    world.act(|session, now| session.handle_reply(now, id, Some(response(&[ack(&me(1), "a-1")]))));
    let (id, request) = world.requests.pop_front().unwrap();
    assert_eq!(body_ids(&request), [me(2), me(3)]);
    let answer = response(&[ack(&me(2), "a-2"), refused(&me(3), Code::RATE_LIMITED, Some(window(500, 500)))]);
    world.act(|session, now| session.handle_reply(now, id, Some(answer)));
    assert_eq!(outcomes(&mut world), [acked(&me(1), "a-1"), acked(&me(2), "a-2")]);
    assert!(world.requests.is_empty());
    world.pass(Duration::from_millis(500));
    assert_eq!(body_ids(&world.requests.pop_front().unwrap().1), [me(3)]);
}

#[test]
fn invariant_4_a_publish_request_without_an_answer_is_made_again_with_the_same_ids() {
    let (mut world, link) = streaming();
    world.publish("x");
    let (first, _) = world.requests.pop_front().unwrap();
    world.act(|session, now| session.handle_reply(now, first, None));
    beat(&mut world, link, Duration::from_secs(1));
    let (second, request) = world.requests.pop_front().unwrap();
    assert_eq!(body_ids(&request), [me(1)]);
    // No answer at all.
    beat(&mut world, link, Duration::from_secs(13));
    let (third, request) = world.requests.pop_front().unwrap();
    assert_eq!(body_ids(&request), [me(1)]);
    world.act(|session, now| session.handle_reply(now, second, Some(response(&[ack(&me(1), "a-1")]))));
    assert_eq!(outcomes(&mut world), [], "that request was given up");
    world.act(|session, now| session.handle_reply(now, third, Some(response(&[ack(&me(1), "a-1")]))));
    assert_eq!(outcomes(&mut world), [acked(&me(1), "a-1")]);
}

#[test]
fn a_refused_publish_request_says_by_its_status_or_body_what_becomes_of_it() {
    let (mut world, link) = streaming();
    world.publish("x");
    let (id, _) = world.requests.pop_front().unwrap();
    world.act(|session, now| session.handle_reply(now, id, Some(status(503))));
    assert_eq!(outcomes(&mut world), []);
    beat(&mut world, link, Duration::from_secs(1));
    let (id, _) = world.requests.pop_front().unwrap();
    // An answer that leaves it out is not asked again at once.
    world.act(|session, now| session.handle_reply(now, id, Some(response(&[]))));
    assert!(world.requests.is_empty());
    beat(&mut world, link, Duration::from_secs(2));
    let (id, _) = world.requests.pop_front().unwrap();
    world.act(|session, now| session.handle_reply(now, id, Some(status(413))));
    let outcomes = outcomes(&mut world);
    assert!(matches!(&outcomes[..], [(_, Outcome::Rejected { code: Code::TOO_LARGE, .. })]), "{outcomes:?}");
}

#[test]
fn a_large_outbox_goes_in_messages_and_requests_of_a_bounded_size() {
    let (mut world, link) = World::connected();
    world.act(|session, now| session.handle_closed(now, link, Closed::Network));
    let text = "x".repeat(1_000);
    (0..1_000).for_each(|_| drop(world.publish(&text)));
    let (id, ..) = world.next_open();
    world.open(id);
    let data = encoded(&[welcome()]);
    world.session.handle_message(world.now, id, data);
    let (mut sent, mut sizes) = (0, Vec::new());
    while let Some(output) = world.session.poll_output() {
        if let everwire_core::Output::Send { mut data, .. } = output {
            sizes.push(data.len());
            while let Some(frame) = binary::decode_client(&mut data).unwrap() {
                sent += usize::from(matches!(frame, ClientFrame::Publish { .. }));
            }
        }
    }
    assert_eq!(sent, 1_000);
    assert!(sizes.iter().all(|size| *size < 2 * limits::BATCH_BYTES) && sizes.len() >= 10, "{sizes:?}");

    let (mut world, stream) = streaming();
    world.act(|session, now| session.handle_closed(now, stream, Closed::Network));
    (0..1_000).for_each(|_| drop(world.publish(&text)));
    world.accept();
    let (_, request) = world.requests.pop_front().unwrap();
    assert!(request.body.as_ref().unwrap().len() <= limits::BATCH_BYTES);
    assert!(body_ids(&request).len() > 40);
}
