//! Publishes and questions of an app that reads no topic, where the WebSocket never gets through.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    Closed, Config, Event, Outcome, State, Transport,
    protocol::{Code, From, HistoryRange, ServerFrame},
};

/// Fails this many times to connect, with a publish and a question that wait.
fn failing(config: Config, rounds: usize, closed: Closed) -> World {
    let mut world = World::new(config);
    world.act(|session, now| session.connect(now));
    world.publish("x");
    for _ in 0..rounds {
        let (id, transport, _) = world.next_open();
        assert_eq!(transport, Transport::WebSocket);
        world.act(|session, now| session.handle_closed(now, id, closed));
    }
    world.act(|session, now| session.history(now, topic("room"), HistoryRange::Before(9), 5));
    world
}

fn targets(world: &World) -> Vec<&str> {
    world.requests.iter().map(|(_, request)| request.target.as_str()).collect()
}

#[test]
fn where_no_websocket_gets_through_they_are_requested_without_a_link() {
    assert!(failing(Config::default(), 2, Closed::Network).requests.is_empty(), "it may be a restart");
    let mut world = failing(Config::default(), 3, Closed::Network);
    assert_eq!(targets(&world), ["/v1/publish", "/v1/topics/room/history?before=9&limit=5"]);
    assert_eq!(world.state(), State::Waiting);

    let id = world.publish("y");
    assert_eq!(world.requests.len(), 2, "one at a time");
    let [(publish, _), (question, _)] = [0, 0].map(|_| world.requests.pop_front().unwrap());
    world.events.clear();
    let page = ServerFrame::History { request: 0, epoch: epoch("a"), records: records(3..=8), more: false };
    world.act(|session, now| session.handle_reply(now, question, Some(response(&[page]))));
    assert!(matches!(world.events.pop_front(), Some(Event::History { result: Ok(_), .. })));
    let first = ServerFrame::Ack { id: World::new(Config::default()).publish("x"), position: None };
    world.act(|session, now| session.handle_reply(now, publish, Some(response(&[first]))));
    assert!(matches!(
        world.events.pop_front(),
        Some(Event::Published { outcome: Outcome::Acked { .. }, .. })
    ));
    assert_eq!(targets(&world), ["/v1/publish"]);

    // What had no answer goes again on the link that comes to be after all.
    let link = world.accept();
    assert_eq!(world.published_on(link), [id.to_string()]);
}

#[test]
fn a_websocket_that_hangs_is_no_better() {
    let mut world = World::new(Config::default());
    world.act(|session, now| session.connect(now));
    let id = world.publish("x");
    world.pass(Duration::from_secs(40));
    assert_eq!(targets(&world)[0], "/v1/publish");
    let (publish, _) = world.requests.pop_back().unwrap();
    world.events.clear();
    let ack = ServerFrame::Ack { id, position: None };
    world.act(|session, now| session.handle_reply(now, publish, Some(response(&[ack]))));
    assert!(matches!(world.events.front(), Some(Event::Published { outcome: Outcome::Acked { .. }, .. })));
}

#[test]
fn nothing_is_requested_without_a_link_where_that_was_not_wanted() {
    let mut world = failing(only(Transport::WebSocket), 5, Closed::Network);
    assert!(world.requests.is_empty(), "no transport of requests is allowed");
    world.act(|session, now| {
        session.handle_offline(now);
        session.set_transports(now, Config::TRANSPORTS.to_vec());
    });
    assert!(world.requests.is_empty(), "offline");
    world.act(|session, now| session.handle_suspend(now));
    world.act(|session, now| session.handle_online(now));
    assert!(world.requests.is_empty(), "put aside");
    world.act(|session, now| session.handle_wakeup(now));
    assert_eq!(world.requests.len(), 2);
}

#[test]
fn a_moment_that_the_server_named_is_kept() {
    let mut world = World::new(Config::default());
    world.act(|session, now| session.connect(now));
    for _ in 0..4 {
        let (id, ..) = world.next_open();
        world.open(id);
        let error = ServerFrame::Error {
            about: everwire_core::protocol::About::Connection,
            code: Code::RATE_LIMITED,
            message: "slow down".into(),
            retry_after: Some(window(60_000, 61_000)),
        };
        world.frames(id, &[error]);
        world.act(|session, now| session.handle_closed(now, id, Closed::Code(4002)));
    }
    world.publish("x");
    world.pass(Duration::from_secs(59));
    assert!(world.requests.is_empty());
    world.pass(Duration::from_secs(2));
    assert_eq!(targets(&world), ["/v1/publish"]);
}

#[test]
fn a_token_that_is_not_there_is_waited_for() {
    let mut world = World::new(Config { has_token: true, ..Config::default() });
    world.act(|session, now| session.connect(now));
    world.publish("x");
    for _ in 0..4 {
        while world.tokens_asked == 0 {
            world.next_deadline().unwrap();
        }
        world.tokens_asked = 0;
        world.act(|session, now| session.handle_token(now, Err(())));
    }
    assert_eq!((world.session.state().attempt, world.requests.len()), (4, 0));
    while world.tokens_asked == 0 {
        world.next_deadline().unwrap();
    }
    world.act(|session, now| session.handle_token(now, Ok(Some("secret".into()))));
    let (id, ..) = world.next_open();
    world.act(|session, now| session.handle_closed(now, id, Closed::Network));
    let (_, request) = world.requests.pop_front().unwrap();
    assert_eq!(request.token.as_ref().map(everwire_core::Token::as_str), Some("secret"));
}

#[test]
fn with_a_topic_the_next_transport_is_the_way() {
    let mut world = failing(Config::default(), 2, Closed::Network);
    world.subscribe("room", From::Latest);
    let (id, ..) = world.next_open();
    world.act(|session, now| session.handle_closed(now, id, Closed::Network));
    assert!(world.requests.is_empty());
    assert_eq!(world.next_open().1, Transport::Sse);
}
