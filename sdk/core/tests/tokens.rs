//! Access tokens: asked for before each connect, and when the server says that one is over. Invariant 10.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    AttemptId, Closed, Config, Output, Reason, State, Transport,
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
