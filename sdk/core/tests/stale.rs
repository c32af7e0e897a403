//! Invariant 11: what is reported of an attempt that is no more changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::*;
use everwire_core::{
    Closed, Reason, State, Transport,
    protocol::{From, ServerFrame},
};

#[test]
fn invariant_11_reports_of_an_older_attempt_change_nothing() {
    let (mut world, old) = World::connected();
    world.subscribe("room", From::Latest);
    world.frames(old, &[subscribed("room", 1, "a-10", false)]);
    world.act(|session, now| session.reconnect(now, Reason::Asked));
    let new = world.accept();
    world.frames(new, &[subscribed("room", 1, "a-10", true)]);
    world.forget();
    let before = (world.session.state(), world.session.poll_timeout());

    world.frames(old, &[messages(1, 11..=12), ServerFrame::Drain { window: window(0, 0) }]);
    world.act(|session, now| {
        session.handle_message(now, old, Bytes::from_static(b"\xff\xff\xff"));
        session.handle_closed(now, old, Closed::Code(4507));
        session.handle_closed(now, old, Closed::Network);
        session.handle_opened(now, old);
        session.handle_chunk(now, old, "event: everwire.closed\ndata: 4507\n\n".into());
        session.handle_event(now, old, "everwire.closed", "4507");
        session.handle_response(now, old, status(403));
    });
    assert!(world.events.is_empty() && world.sent.is_empty() && world.closed.is_empty());
    assert_eq!((world.session.state(), world.session.poll_timeout()), before);
    assert_eq!(world.session.stats().stale, 8);

    world.frames(new, &[messages(1, 11..=11)]);
    assert_eq!(world.delivered(), [11]);
}

#[test]
fn invariant_11_a_loser_of_the_race_is_not_heard_any_more() {
    let mut world = World::new(everwire_core::Config::default());
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let (socket, ..) = world.opened.pop_front().unwrap();
    let (stream, transport, _) = world.next_open();
    assert_eq!(transport, Transport::Sse);
    world.open(stream);
    world.stream(stream, &[welcome()]);
    assert!(world.closed.iter().any(|(id, _)| *id == socket));
    world.open(socket);
    world.frames(socket, &[welcome(), subscribed("room", 1, "a-1", false), messages(1, 2..=2)]);
    assert_eq!(world.delivered(), Vec::<i64>::new());
    assert_eq!((world.state(), world.session.state().transport), (State::Connected, Some(Transport::Sse)));
}
