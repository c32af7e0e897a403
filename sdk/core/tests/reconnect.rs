//! When a link is tried again: backoff, the server's windows, drains.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    Closed, Config, Event, Reason, State, TimerName, Transport,
    protocol::{About, Code, From, ServerFrame},
};

fn retry_in(world: &World) -> Duration {
    let status = world.session.state();
    assert_eq!(status.state, State::Waiting, "{status:?}");
    status.retry_in.unwrap()
}

fn fail(world: &mut World) {
    let (id, ..) = world.next_open();
    world.act(|session, now| session.handle_closed(now, id, Closed::Network));
}

#[test]
fn the_first_retry_comes_within_half_a_second_and_the_later_ones_spread() {
    let mut longest = [Duration::ZERO; 9];
    for seed in 0..300 {
        let mut world = World::seeded(only(Transport::WebSocket), seed);
        world.act(|session, now| session.connect(now));
        for longest in &mut longest {
            fail(&mut world);
            *longest = retry_in(&world).max(*longest);
        }
    }
    for (longest, most) in
        longest.into_iter().zip([500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000])
    {
        let most = Duration::from_millis(most);
        assert!(longest <= most && longest > most.mul_f64(0.9), "{longest:?} of {most:?}");
    }
}

#[test]
fn failures_are_forgotten_after_five_seconds_of_health_and_not_before() {
    for (lived, failures) in [(4_999, 5), (5_000, 1)] {
        let mut world = World::new(only(Transport::WebSocket));
        world.act(|session, now| session.connect(now));
        (0..4).for_each(|_| fail(&mut world));
        let link = world.accept();
        world.pass(Duration::from_millis(lived));
        world.act(|session, now| session.handle_closed(now, link, Closed::Network));
        assert_eq!(world.session.state().attempt, failures, "after {lived} ms");
    }
}

#[test]
fn the_state_tells_when_the_next_try_comes_and_it_comes_then() {
    let (mut world, link) = World::connected();
    world.act(|session, now| session.handle_closed(now, link, Closed::Code(1006)));
    let wait = retry_in(&world);
    let status = world.session.state();
    assert_eq!((status.reason, status.attempt), (Reason::Network, 1));
    assert_eq!(status.transport, Some(Transport::WebSocket));
    assert_eq!(world.session.poll_timeout(), Some((world.now + wait, TimerName::Retry)));
    assert!(world.opened.is_empty());
    world.pass(wait);
    assert_eq!((world.opened.len(), world.state()), (1, State::Connecting));
    assert_eq!(world.session.stats().reconnects.total(), 1);
}

#[test]
fn the_servers_window_takes_the_place_of_backoff_and_is_kept_by_online_and_wakeup() {
    let retry_after = Some(Duration::from_secs(40));
    let (mut seen_low, mut seen_high) = (false, false);
    for seed in 0..50 {
        let mut world = World::seeded(only(Transport::Sse), seed);
        world.subscribe("room", From::Latest);
        world.act(|session, now| session.connect(now));
        let (id, ..) = world.next_open();
        let closed = Closed::Status { status: 503, retry_after };
        world.act(|session, now| session.handle_closed(now, id, closed));
        let wait = retry_in(&world);
        assert!(wait >= Duration::from_secs(40) && wait <= Duration::from_millis(50_500), "{wait:?}");
        seen_low |= wait < Duration::from_secs(42);
        seen_high |= wait > Duration::from_secs(48);
        world.act(|session, now| {
            session.handle_online(now);
            session.handle_wakeup(now);
            session.handle_offline(now);
            session.handle_online(now);
        });
        assert!(world.opened.is_empty());
        world.pass(Duration::from_secs(39));
        assert!(world.opened.is_empty());
        let before = world.now;
        world.next_open();
        assert_eq!(world.now.since(before), wait - Duration::from_secs(39));
    }
    assert!(seen_low && seen_high, "the window is used on both sides");
}

#[test]
fn an_error_about_the_connection_names_the_window_of_the_close_behind_it() {
    let (mut world, link) = World::connected();
    world.frames(
        link,
        &[ServerFrame::Error {
            about: About::Connection,
            code: Code::RATE_LIMITED,
            message: "slow down".into(),
            retry_after: Some(window(60_000, 61_000)),
        }],
    );
    assert_eq!(world.state(), State::Connected);
    world.act(|session, now| session.handle_closed(now, link, Closed::Code(4002)));
    assert!((60_000..=61_000).contains(&retry_in(&world).as_millis()));
}

#[test]
fn a_drain_moves_the_link_at_a_moment_inside_its_window() {
    let mut moments = Vec::new();
    for seed in 0..20 {
        let mut world = World::seeded(only(Transport::WebSocket), seed);
        world.act(|session, now| session.connect(now));
        let link = world.accept();
        let start = world.now;
        world.forget();
        world.frames(link, &[ServerFrame::Drain { window: window(3_000, 9_000) }]);
        assert_eq!(world.state(), State::Connected);
        let (next, ..) = world.next_open();
        assert_eq!(world.closed, [(link, 4010)]);
        assert_ne!(next, link);
        moments.push(world.now.since(start).as_millis());
        assert_eq!((world.state(), world.session.state().reason), (State::Connecting, Reason::Drain));
        assert_eq!(world.session.stats().reconnects.drain, 1);
    }
    assert!(moments.iter().all(|moment| (3_000..=9_000).contains(moment)));
    assert!(moments.iter().any(|moment| *moment < 5_000) && moments.iter().any(|moment| *moment > 7_000));
}

#[test]
fn a_server_that_closes_while_it_drains_is_not_come_back_to_before_the_window() {
    for closed in [Closed::Code(4200), Closed::Network] {
        let (mut world, link) = World::connected();
        world.frames(link, &[ServerFrame::Drain { window: window(3_000, 9_000) }]);
        world.act(|session, now| session.handle_closed(now, link, closed));
        assert!((3_000..=9_000).contains(&retry_in(&world).as_millis()));
        assert_eq!(world.session.state().reason, Reason::Drain);
    }
}

#[test]
fn a_cut_by_the_app_connects_again_at_once() {
    let (mut world, link) = World::connected();
    world.act(|session, now| session.reconnect(now, Reason::Asked));
    assert_eq!(world.closed, [(link, 4010)]);
    assert_eq!(world.opened.len(), 1);
    assert_eq!((world.state(), world.session.state().attempt), (State::Connecting, 0));
}

#[test]
fn while_offline_nothing_is_tried_and_online_tries_at_once() {
    let (mut world, link) = World::connected();
    world.act(|session, now| session.handle_offline(now));
    assert_eq!(world.closed, [(link, 4010)]);
    assert_eq!((world.state(), world.session.state().reason), (State::Offline, Reason::Offline));
    assert_eq!(world.session.poll_timeout(), None);
    world.act(|session, now| session.handle_wakeup(now));
    world.act(|session, now| session.reconnect(now, Reason::Asked));
    assert!(world.opened.is_empty());
    world.act(|session, now| session.handle_online(now));
    assert_eq!((world.opened.len(), world.session.state().reason), (1, Reason::Back));

    let mut world = World::new(Config::default());
    world.act(|session, now| session.handle_offline(now));
    world.act(|session, now| session.connect(now));
    assert_eq!((world.state(), world.session.poll_timeout()), (State::Offline, None));
    world.act(|session, now| session.handle_online(now));
    assert_eq!(world.opened.len(), 1);
}

#[test]
fn a_page_put_aside_is_quiet_until_it_is_back() {
    let (mut world, link) = World::connected();
    world.act(|session, now| session.handle_suspend(now));
    assert_eq!(world.closed, [(link, 1000)]);
    assert_eq!((world.state(), world.session.state().reason), (State::Offline, Reason::Suspended));
    world.act(|session, now| session.handle_online(now));
    assert!(world.opened.is_empty() && world.session.poll_timeout().is_none());
    world.act(|session, now| session.handle_wakeup(now));
    assert_eq!(world.opened.len(), 1);
}

#[test]
fn online_and_wakeup_end_a_wait_that_is_only_backoff() {
    for wake in [everwire_core::Session::handle_online, everwire_core::Session::handle_wakeup] {
        let mut world = World::new(only(Transport::WebSocket));
        world.act(|session, now| session.connect(now));
        (0..6).for_each(|_| fail(&mut world));
        world.act(wake);
        assert_eq!((world.opened.len(), world.state()), (1, State::Connecting));
        assert_eq!(world.session.state().attempt, 6, "which forgets no failure");
    }
}

#[test]
fn invariant_12_what_cannot_be_read_ends_the_link_and_is_tried_again_with_backoff() {
    let junk: [&'static [u8]; 4] =
        [b"\x01", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x02\x83\x00", b"\x05hello"];
    for bytes in junk {
        let (mut world, link) = World::connected();
        world.act(|session, now| session.handle_message(now, link, bytes.into()));
        if bytes[1..].first() == Some(&b'h') {
            assert_eq!(world.state(), State::Connected, "a frame of a later version is passed over");
            continue;
        }
        assert_eq!(world.closed, [(link, 4500)], "{bytes:?}");
        assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Malformed));
        assert_eq!(world.session.stats().malformed, 1);
    }
    let (mut world, link) = World::connected();
    let huge = vec![0; everwire_core::protocol::limits::FRAME_BYTES + 1];
    world.act(|session, now| session.handle_message(now, link, huge.into()));
    assert_eq!(world.state(), State::Waiting);
}

#[test]
fn a_frame_before_the_welcome_is_malformed() {
    let mut world = World::new(only(Transport::WebSocket));
    world.act(|session, now| session.connect(now));
    let (id, ..) = world.next_open();
    world.open(id);
    world.frames(id, &[subscribed("room", 1, "a-1", false)]);
    assert_eq!((world.state(), world.session.state().reason), (State::Waiting, Reason::Malformed));
}

#[test]
fn the_same_seed_and_inputs_give_the_same_session() {
    let run = |seed| {
        let mut world = World::seeded(Config::default(), seed);
        world.act(|session, now| session.connect(now));
        (0..30).for_each(|_| fail(&mut world));
        let events: Vec<Event> = world.events.into();
        (world.now, events)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
