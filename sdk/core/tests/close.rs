//! Invariant 8: closed is closed, whoever closed it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    Closed, Config, Event, Outcome, PublishError, Reason, Session, State, StoredPublish, SubscribeError,
    SubscriptionId, Time, Transport,
    protocol::{Code, From, HistoryRange, ServerFrame},
};

/// All that might bring a session back.
fn stir(session: &mut Session, now: Time, subscription: SubscriptionId) {
    session.connect(now);
    session.handle_online(now);
    session.handle_wakeup(now);
    session.handle_token(now, Ok(Some("t".into())));
    session.reconnect(now, Reason::Asked);
    session.set_transports(now, vec![Transport::Poll]);
    session.handle_offline(now);
    session.handle_online(now);
    session.handle_suspend(now);
    session.handle_wakeup(now);
    session.history(now, topic("room"), HistoryRange::After(0), 10);
    session.consumed(now, subscription, 1, 1);
    session.pause(now, subscription);
    session.resume(now, subscription);
    session.unsubscribe(now, subscription);
    let old = StoredPublish {
        id: "old.1".parse().unwrap(),
        publish: said("room", "x"),
        expires_in: Duration::from_secs(1),
    };
    session.restore(now, vec![old]);
    assert_eq!(
        session.forward(now, "other.1".parse().unwrap(), said("room", "x")),
        Err(PublishError::Closed)
    );
    session.handle_timeout(now);
    session.close(now);
    assert_eq!(session.subscribe(now, topic("x"), Default::default()), Err(SubscribeError::Closed));
    assert_eq!(session.publish(now, said("room", "x")), Err(PublishError::Closed));
}

fn assert_nothing_follows(world: &mut World) {
    world.forget();
    let mut another = World::new(only(Transport::WebSocket));
    let stranger = another.subscribe("room", From::Latest);
    for _ in 0..3 {
        let subscription = world.subscriptions.values().next().copied();
        world.act(|session, now| stir(session, now, subscription.unwrap_or(stranger)));
        world.pass(Duration::from_secs(3_600));
    }
    assert_eq!(world.session.poll_timeout(), None);
    assert!(world.opened.is_empty() && world.polls.is_empty() && world.requests.is_empty());
    assert!(world.events.is_empty() && world.sent.is_empty() && world.closed.is_empty());
    assert_eq!(world.state(), State::Closed);
}

#[test]
fn invariant_8_nothing_follows_a_close_while_connected() {
    let (mut world, link) = World::connected();
    world.subscribe("room", From::Latest);
    let id = world.publish("x");
    let question = world.act(|session, now| session.presence(now, topic("room")));
    world.forget();
    world.act(|session, now| session.close(now));
    assert_eq!(world.closed, [(link, 1000)]);
    assert!(matches!(
        world.events.make_contiguous(),
        [
            Event::Published { id: of, outcome: Outcome::Expired },
            Event::Presence { request, result: Err(_) },
            Event::State(last),
        ] if *of == id && *request == question && last.state == State::Closed
    ));
    world.frames(link, &[welcome(), subscribed("room", 1, "a-1", false), messages(1, 2..=2)]);
    world.act(|session, now| session.handle_closed(now, link, Closed::Network));
    assert_nothing_follows(&mut world);
}

/// A moment's name, and how to bring it about.
type Moment = (&'static str, fn(&mut World));

#[test]
fn invariant_8_nothing_follows_a_close_at_any_other_moment() {
    let moments: [Moment; 6] = [
        ("before connect", |_| {}),
        ("connecting", |world| world.act(|session, now| session.connect(now))),
        ("waiting for a token", |world| {
            *world = World::new(Config { has_token: true, ..Config::default() });
            world.act(|session, now| session.connect(now));
        }),
        ("waiting to retry", |world| {
            world.act(|session, now| session.connect(now));
            let (id, ..) = world.next_open();
            world.act(|session, now| session.handle_closed(now, id, Closed::Code(4000)));
            assert_eq!(world.state(), State::Waiting);
        }),
        ("offline", |world| {
            world.act(|session, now| session.connect(now));
            world.act(|session, now| session.handle_offline(now));
        }),
        ("draining", |world| {
            *world = World::connected().0;
            let link = world.links[0];
            world.frames(link, &[ServerFrame::Drain { window: window(1_000, 2_000) }]);
        }),
    ];
    for (moment, bring_about) in moments {
        let mut world = World::new(Config::default());
        bring_about(&mut world);
        world.opened.clear();
        world.act(|session, now| session.close(now));
        assert_eq!(world.state(), State::Closed, "{moment}");
        world.opened.clear();
        assert_nothing_follows(&mut world);
    }
}

#[test]
fn invariant_9_a_terminal_code_closes_for_good() {
    for code in [4500, 4999, 4507, 1008, 1003, 1009] {
        let (mut world, link) = World::connected();
        world.act(|session, now| session.handle_closed(now, link, Closed::Code(code)));
        assert_eq!((world.state(), world.session.state().reason), (State::Closed, Reason::Closed(code)));
        assert_nothing_follows(&mut world);
    }
    for status in [204, 400, 403, 404, 410] {
        let mut world = World::new(only(Transport::Sse));
        world.subscribe("room", From::Latest);
        world.act(|session, now| session.connect(now));
        let (id, ..) = world.next_open();
        world
            .act(|session, now| session.handle_closed(now, id, Closed::Status { status, retry_after: None }));
        assert_eq!((world.state(), world.session.state().reason), (State::Closed, Reason::Status(status)));
        assert_nothing_follows(&mut world);
    }
}

#[test]
fn invariant_9_a_closed_frame_says_the_same_where_there_are_no_close_codes() {
    let mut world = World::new(only(Transport::Sse));
    world.subscribe("room", From::Latest);
    world.act(|session, now| session.connect(now));
    let id = world.accept();
    world.stream(id, &[ServerFrame::Closed { code: Code::FORBIDDEN, reason: "no".into() }]);
    assert_eq!(world.state(), State::Closed);
    assert_nothing_follows(&mut world);
}

#[test]
fn any_other_code_is_tried_again() {
    for code in [1000, 1001, 1005, 1006, 1011, 1012, 3000, 4000, 4001, 4200, 4300] {
        let (mut world, link) = World::connected();
        world.act(|session, now| session.handle_closed(now, link, Closed::Code(code)));
        assert_eq!(world.state(), State::Waiting, "{code}");
        world.accept();
        assert_eq!(world.state(), State::Connected, "{code}");
    }
}
