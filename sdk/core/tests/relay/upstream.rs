//! The connection that the tabs share is lost, and comes back: what they are told, and what waits.

use std::time::Duration;

use everwire_core::{Event, Outcome, Reason, State, Transport, protocol::From};

use crate::tabs::{World, ephemeral, text};

#[test]
fn tabs_are_told_how_the_connection_is_and_not_how_their_link_is() {
    let mut world = World::new(2);
    world.subscribe(1, "room", From::Latest);
    world.network = false;
    world.cut();
    let told = world.tabs[1].session.state();
    let upstream = world.leader().session.state();
    assert_eq!(told.state, upstream.state);
    assert!(matches!(told.state, State::Waiting | State::Connecting), "{told:?}");
    assert_eq!((told.reason, told.attempt), (upstream.reason, upstream.attempt));
    assert_eq!(told.transport, Some(Transport::Tab));
    world.pass(Duration::from_secs(60));
    assert_ne!(world.state(1), State::Connected);
    assert_eq!(world.tabs[1].alone, None, "its link works, so it doesn't try on its own");
    let retry = world.tabs[1]
        .events
        .iter()
        .any(|event| matches!(event, Event::State(change) if change.retry_in.is_some()));
    assert!(retry, "the countdown is told too");

    world.network = true;
    world.server_says(2, 10);
    world.pass(Duration::from_secs(21));
    assert_eq!(world.state(1), State::Connected);
    assert_eq!(world.delivered(1), [1, 2]);
    assert_eq!(world.tabs[1].session.stats().reconnects.total(), 0, "its own link never went");
}

#[test]
fn a_subscription_made_while_the_server_is_away_waits_as_it_would_alone() {
    let mut world = World::new(2);
    world.network = false;
    world.cut();
    world.subscribe(1, "room", From::Earliest);
    world.pass(Duration::from_secs(90));
    assert_eq!(world.tabs[1].session.stats().reconnects.total(), 0);
    world.network = true;
    world.server_says(1, 10);
    world.pass(Duration::from_secs(21));
    assert_eq!(world.delivered(1), [1]);
}

#[test]
fn an_ephemeral_publish_expires_at_once_while_the_server_is_away_and_others_wait() {
    let mut world = World::new(2);
    world.network = false;
    world.cut();
    let gone = world.publish(1, ephemeral("typing"));
    let kept = world.publish(1, text("hello"));
    assert_eq!(world.outcomes(1), [(gone, Outcome::Expired)]);
    world.network = true;
    world.pass(Duration::from_secs(21));
    let [(id, Outcome::Acked { .. })] = &world.outcomes(1)[..] else { panic!("one ack") };
    assert_eq!(*id, kept);
}

#[test]
fn a_tab_that_wakes_up_or_comes_has_the_connection_tried_at_once() {
    let mut world = World::new(3);
    world.network = false;
    world.cut();
    world.pass(Duration::from_secs(300));
    world.network = true;
    world.wake(1);
    assert_eq!(world.state(1), State::Connected);

    world.network = false;
    world.cut();
    world.pass(Duration::from_secs(300));
    world.network = true;
    world.tab(2, |session, now| session.reconnect(now, Reason::Asked));
    assert_eq!(world.state(1), State::Connected);
}

#[test]
fn a_leader_whose_timers_are_throttled_is_urged_by_the_others() {
    let mut world = World::new(2);
    world.subscribe(1, "room", From::Latest);
    world.throttled = true;
    world.cut();
    assert_eq!(world.state(1), State::Waiting);
    // The first retry is due within half a second; the ping comes once a second.
    world.pass(Duration::from_millis(1_500));
    assert_eq!(world.state(1), State::Connected);
    world.server_says(1, 10);
    assert_eq!(world.delivered(1), [1]);
}

#[test]
fn a_log_that_is_another_one_is_a_gap_for_each_tab() {
    let mut world = World::new(2);
    for tab in 0..2 {
        world.subscribe(tab, "room", From::Latest);
    }
    world.server_says(3, 10);
    world.server.log.clear();
    world.server.epoch += 1;
    world.cut();
    world.pass(Duration::from_secs(2));
    world.server_says(2, 10);
    for tab in 0..2 {
        assert_eq!(world.delivered(tab), [1, 2, 3, -4, 1, 2], "tab {tab}");
    }
}
