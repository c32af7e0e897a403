//! Access tokens: asked for before each connect, and when the server says that one is over. Invariant 10.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    AttemptId, Closed, Config, Event, Output, Reason, State, TimerName, Transport,
    protocol::{About, ClientFrame, Code, From, ServerFrame, binary},
};

fn with_token(transport: Transport) -> World {
    let mut world = World::new(Config { has_token: true, ..only(transport) });
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    world
}

fn give(world: &mut World, token: &str) {
    world.act(|session, now| session.handle_token(now, Ok(Some(token.into()))));
}

fn connected(transport: Transport) -> (World, AttemptId) {
    let mut world = with_token(transport);
    give(&mut world, "secret-1");
    let id = world.accept();
    world.forget();
    (world, id)
}

#[test]
fn a_websocket_carries_the_token_in_its_first_frame_only() {
    let mut world = with_token(Transport::WebSocket);
    assert_eq!((world.tokens_asked, world.opened.len(), world.state()), (1, 0, State::Connecting));
    give(&mut world, "secret-1");
    let (id, _, request) = world.next_open();
    assert_eq!((request.target.as_str(), request.token), ("/v1/ws", None));
    world.session.handle_opened(world.now, id);
    let first = world.session.poll_output().unwrap();
    let Output::Send { mut data, .. } = first.clone() else { panic!("{first:?}") };
    assert!(!format!("{first:?} {:?}", world.session).contains("secret"));
    while let Some(frame) = binary::decode_client(&mut data).unwrap() {
        world.sent.push_back((id, frame));
    }
    let sent = world.sent_on(id);
    assert!(
        matches!(&sent[0], ClientFrame::Connect { token: Some(token), .. } if token.as_str() == "secret-1")
    );
}

#[test]
fn invariant_10_a_request_carries_the_token_beside_its_target_and_never_shows_it() {
    let mut world = with_token(Transport::Sse);
    give(&mut world, "secret-1");
    let (_, _, request) = world.next_open();
    assert!(!request.target.contains("secret"));
    assert_eq!(request.token.as_ref().map(everwire_core::Token::as_str), Some("secret-1"));
    assert!(!format!("{request:?} {:?}", world.session).contains("secret"));
}

#[test]
fn each_connect_asks_for_a_token_again() {
    let (mut world, id) = connected(Transport::WebSocket);
    world.act(|session, now| session.handle_closed(now, id, Closed::Network));
    world.next_deadline();
    assert_eq!((world.tokens_asked, world.opened.len()), (2, 0));
    give(&mut world, "secret-2");
    assert_eq!(world.opened.len(), 1);
}

#[test]
fn a_token_that_is_over_is_replaced_at_once_and_then_with_backoff() {
    let (mut world, id) = connected(Transport::WebSocket);
    world.act(|session, now| session.handle_closed(now, id, Closed::Code(4101)));
    assert_eq!(world.session.state().retry_in, Some(Duration::ZERO));
    for _ in 0..6 {
        world.next_deadline();
        give(&mut world, "also-over");
        let (id, ..) = world.next_open();
        world.act(|session, now| session.handle_closed(now, id, Closed::Code(4101)));
    }
    assert!(world.session.state().retry_in > Some(Duration::ZERO));
    assert_eq!((world.state(), world.session.state().attempt), (State::Waiting, 7));
}

#[test]
fn without_a_provider_a_server_that_wants_a_token_is_the_end() {
    let (mut world, id) = World::connected();
    world.act(|session, now| session.handle_closed(now, id, Closed::Code(4100)));
    assert_eq!((world.state(), world.session.state().reason), (State::Closed, Reason::Closed(4100)));
}

#[test]
fn a_provider_that_fails_or_hangs_is_asked_again_with_backoff() {
    let mut world = with_token(Transport::WebSocket);
    world.act(|session, now| session.handle_token(now, Err(())));
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Token));
    world.next_deadline();
    assert_eq!(world.tokens_asked, 2);
    world.pass(Duration::from_secs(10));
    assert!(world.tokens_asked >= 2 && world.opened.is_empty());
    assert_eq!(world.session.state().reason, Reason::Token);
}

#[test]
fn a_live_link_is_told_of_a_new_token() {
    let (mut world, id) = connected(Transport::WebSocket);
    let error = ServerFrame::Error {
        about: About::Connection,
        code: Code::TOKEN_EXPIRED,
        message: "soon".into(),
        retry_after: None,
    };
    world.frames(id, &[error]);
    assert_eq!(world.tokens_asked, 2);
    give(&mut world, "secret-2");
    assert!(world.sent_on(id).contains(&ClientFrame::Refresh { token: "secret-2".into() }));
    assert_eq!(world.state(), State::Connected);
}

#[test]
fn a_publish_that_is_refused_for_its_token_goes_again_with_the_next() {
    let (mut world, id) = connected(Transport::Sse);
    world.stream(id, &[subscribed("room", 0, "a-0", false)]);
    world.publish("x");
    let (request, _) = world.requests.pop_front().unwrap();
    world.act(|session, now| session.handle_reply(now, request, Some(status(401))));
    assert_eq!((world.tokens_asked, world.requests.len()), (2, 0));
    give(&mut world, "secret-2");
    let (_, request) = world.requests.pop_front().unwrap();
    assert_eq!(request.token.as_ref().map(everwire_core::Token::as_str), Some("secret-2"));
}

const EXPIRES: ServerFrame = ServerFrame::Expires { after: 100_000 };

/// A WebSocket on which all is answered so far.
fn quiet() -> (World, AttemptId) {
    let mut world = with_token(Transport::WebSocket);
    give(&mut world, "secret-1");
    let id = world.accept();
    pong(&mut world, id);
    world.frames(id, &[subscribed("room", 1, "a-0", false)]);
    world.forget();
    (world, id)
}

fn pong(world: &mut World, id: AttemptId) {
    while let Some((_, frame)) = world.sent.pop_front() {
        if let ClientFrame::Ping { nonce } = frame {
            world.frames(id, &[ServerFrame::Pong { nonce }]);
        }
    }
}

fn asked_within(world: &mut World, least: u64, most: u64) {
    let asked = world.tokens_asked;
    world.pass(Duration::from_millis(least));
    assert_eq!(world.tokens_asked, asked);
    world.pass(Duration::from_millis(most - least));
    assert_eq!(world.tokens_asked, asked + 1);
}

#[test]
fn a_token_is_renewed_ahead_of_its_end_over_the_link_that_lives() {
    let (mut world, id) = quiet();
    world.frames(id, &[EXPIRES]);
    // A quarter of it ahead, and up to half of that more, so that clients don't come together.
    let start = world.now;
    while world.tokens_asked == 1 {
        world.next_deadline();
        pong(&mut world, id);
    }
    assert!((62_500..=75_000).contains(&world.now.since(start).as_millis()));
    world.forget();
    give(&mut world, "secret-2");
    assert_eq!(world.sent_on(id), [ClientFrame::Refresh { token: "secret-2".into() }]);
    world.frames(id, &[ServerFrame::Expires { after: 3_600_000 }]);
    world.forget();
    world.act(|session, now| session.handle_timeout(now));
    let (at, name) = world.session.poll_timeout().unwrap();
    assert_ne!((name, at > world.now), (TimerName::Refresh, false));
    // What the new one does not allow ends, and nothing else.
    let (about, message) = (About::Topic(topic("room")), "no".into());
    world.frames(id, &[ServerFrame::Error { about, code: Code::FORBIDDEN, message, retry_after: None }]);
    assert!(matches!(world.events.front(), Some(Event::SubscriptionFailed { .. })));
    assert_eq!(world.state(), State::Connected);
}

#[test]
fn a_long_token_is_renewed_half_a_minute_ahead_a_short_one_not_at_once_and_one_without_end_never() {
    for (after, due) in
        [(3_600_000, Some(3_555_000..=3_570_000)), (10, Some(1_000..=1_000)), (u32::MAX, None)]
    {
        let (mut world, id) = quiet();
        let start = world.now;
        world.frames(id, &[ServerFrame::Expires { after }]);
        let asked = world.tokens_asked;
        while world.now.since(start) < Duration::from_secs(3_700) && world.tokens_asked == asked {
            world.next_deadline();
            pong(&mut world, id);
        }
        let at = (world.tokens_asked > asked).then(|| world.now.since(start).as_millis());
        assert_eq!(at.is_some(), due.is_some(), "{after}: {at:?}");
        assert!(at.is_none_or(|at| due.is_some_and(|due| due.contains(&at))), "{after}: {at:?}");
    }
}

#[test]
fn a_stream_is_renewed_beside_itself_and_nothing_is_lost_or_told() {
    let (mut world, old) = connected(Transport::Sse);
    world.stream(old, &[subscribed("room", 0, "a-0", false), ServerFrame::Expires { after: 20_000 }]);
    world.pass(Duration::from_secs(15));
    world.forget();
    give(&mut world, "secret-2");
    let (new, transport, request) = world.next_open();
    assert_eq!((transport, request.target.as_str()), (Transport::Sse, "/v1/sse?topic=room&from=a-0"));
    assert_eq!(request.token.as_ref().map(everwire_core::Token::as_str), Some("secret-2"));
    world.stream(old, &[messages(0, 1..=2)]);
    world.open(new);
    assert_eq!(world.closed, []);
    world.stream(new, &[welcome(), EXPIRES, subscribed("room", 0, "a-0", true), messages(0, 1..=3)]);
    assert_eq!(world.closed, [(old, 4010)]);
    assert_eq!(world.delivered(), [1, 2, 3]);
    assert!(!world.events.iter().any(|event| matches!(event, Event::State(_))));
    assert_eq!((world.state(), world.session.stats().reconnects.asked), (State::Connected, 1));
}

#[test]
fn a_renewal_that_fails_leaves_the_stream_and_is_tried_again() {
    let (mut world, old) = connected(Transport::Sse);
    world.stream(old, &[subscribed("room", 0, "a-0", false), ServerFrame::Expires { after: 20_000 }]);
    world.pass(Duration::from_secs(15));
    give(&mut world, "secret-2");
    let (new, ..) = world.next_open();
    world.act(|session, now| session.handle_closed(now, new, Closed::Network));
    world.stream(old, &[messages(0, 1..=1)]);
    assert_eq!((world.state(), world.delivered()), (State::Connected, vec![1]));
    assert!(world.session.stats().blocked.is_empty());
    asked_within(&mut world, 0, 1_000);
    give(&mut world, "secret-2");
    assert_eq!(world.next_open().1, Transport::Sse, "the same token is new to the link");
}

#[test]
fn the_next_exchange_of_a_poll_has_the_new_token() {
    let (mut world, id) = connected(Transport::LongPoll);
    let (_, request) = world.polls.pop_front().unwrap();
    assert_eq!(request.token.as_ref().map(everwire_core::Token::as_str), Some("secret-1"));
    let answer = [welcome(), subscribed("room", 0, "a-0", false), ServerFrame::Expires { after: 8_000 }];
    world.act(|session, now| session.handle_response(now, id, response(&answer)));
    world.polls.pop_front();
    asked_within(&mut world, 0, 6_000);
    give(&mut world, "secret-2");
    assert!(world.opened.is_empty() && world.closed.is_empty());
    world.act(|session, now| session.handle_response(now, id, response(&[welcome(), messages(0, 1..=1)])));
    let (_, request) = world.polls.pop_front().unwrap();
    assert_eq!(request.token.as_ref().map(everwire_core::Token::as_str), Some("secret-2"));
}

#[test]
fn a_poll_that_is_told_of_the_end_with_each_answer_asks_as_early_as_any_link() {
    let (mut world, id) = connected(Transport::LongPoll);
    for (first, left) in (1..).zip((1..=80_u32).rev().map(|tenths| tenths * 100)) {
        let answer = [
            welcome(),
            subscribed("room", 0, "a-0", first > 1),
            messages(0, first..=first),
            ServerFrame::Expires { after: left },
        ];
        world.act(|session, now| session.handle_response(now, id, response(&answer)));
        if world.tokens_asked > 1 {
            assert!((2_000..=3_000).contains(&left), "{left}");
            return;
        }
        world.pass(Duration::from_millis(100));
    }
    panic!("no new token was asked for");
}

#[test]
fn a_provider_that_fails_ahead_of_the_end_is_asked_again_with_backoff_and_the_link_lives_on() {
    let (mut world, id) = quiet();
    world.frames(id, &[ServerFrame::Expires { after: 1_000 }]);
    let (mut asked, mut waits) = (world.tokens_asked, Vec::new());
    for round in 0..8 {
        let start = world.now;
        while world.tokens_asked == asked {
            world.next_deadline();
            world.frames(id, &[ServerFrame::Heartbeat]);
            pong(&mut world, id);
        }
        asked += 1;
        waits.push(world.now.since(start));
        // It fails, or gives what it gave before.
        let token = if round % 2 == 0 { Err(()) } else { Ok(Some("secret-1".into())) };
        world.act(|session, now| session.handle_token(now, token));
    }
    assert!(waits.iter().all(|wait| *wait >= Duration::from_secs(1) && *wait <= Duration::from_secs(21)));
    assert_eq!(world.state(), State::Connected);
    world.act(|session, now| session.handle_closed(now, id, Closed::Code(4101)));
    assert_eq!(world.session.state().retry_in, Some(Duration::ZERO));
}

#[test]
fn publishes_that_every_token_is_refused_for_wait_longer_each_time() {
    let (mut world, id) = connected(Transport::Sse);
    world.stream(id, &[subscribed("room", 0, "a-0", false)]);
    world.publish("x");
    let mut at_once = 0;
    for round in 0..5 {
        let (request, _) = world.requests.pop_front().unwrap();
        world.act(|session, now| session.handle_reply(now, request, Some(status(401))));
        give(&mut world, &format!("token-{round}"));
        at_once += usize::from(!world.requests.is_empty());
        while world.requests.is_empty() {
            world.next_deadline();
        }
    }
    assert_eq!(at_once, 1);
}

#[test]
fn a_stream_that_can_t_be_renewed_while_another_transport_is_tried_is_renewed_after_that() {
    let order = vec![Transport::WebSocket, Transport::Sse];
    let mut world = World::new(Config { has_token: true, transports: order, ..Config::default() });
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    give(&mut world, "secret-1");
    let (failed, ..) = world.next_open();
    world.act(|session, now| session.handle_closed(now, failed, Closed::Network));
    let stream = world.accept();
    world.stream(stream, &[subscribed("room", 0, "a-0", false)]);
    // The better transport is tried beside it, and hangs.
    world.act(|session, now| {
        session.set_transports(now, vec![Transport::WebSocket, Transport::LongPoll, Transport::Sse]);
    });
    give(&mut world, "secret-1");
    let (hangs, ..) = world.next_open();
    world.stream(stream, &[ServerFrame::Expires { after: 2_000 }]);
    world.pass(Duration::from_millis(1_500));
    give(&mut world, "secret-2");
    world.opened.clear();
    world.act(|session, now| session.set_transports(now, vec![Transport::Sse]));
    assert!(world.closed.contains(&(hangs, 4010)));
    asked_within(&mut world, 0, 5_000);
    assert_eq!(world.state(), State::Connected);
    give(&mut world, "secret-2");
    let (_, transport, request) = world.opened.pop_front().expect("a renewal");
    assert_eq!(transport, Transport::Sse);
    assert_eq!(request.token.as_ref().map(everwire_core::Token::as_str), Some("secret-2"));
}

#[cfg(feature = "relay")]
#[test]
fn invariant_10_no_token_goes_to_another_tab_whatever_that_says() {
    let mut world = with_token(Transport::Tab);
    give(&mut world, "secret-1");
    let (id, ..) = world.next_open();
    world.open(id);
    world.frames(id, &[welcome(), subscribed("room", 1, "a-0", false), ServerFrame::Expires { after: 1 }]);
    let (about, message) = (About::Connection, "old".into());
    world.frames(id, &[ServerFrame::Error { about, code: Code::TOKEN_EXPIRED, message, retry_after: None }]);
    give(&mut world, "secret-2");
    let tells = |frame: &ClientFrame| {
        matches!(frame, ClientFrame::Refresh { .. } | ClientFrame::Connect { token: Some(_), .. })
    };
    assert!(!world.sent_on(id).iter().any(tells));
}
