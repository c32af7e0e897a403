//! Who leads changes, or nobody does.

use std::time::Duration;

use everwire_core::{State, protocol::From};

use crate::{
    acked,
    tabs::{World, text},
    up_to,
};

#[test]
fn invariants_1_to_4_hold_when_the_leader_dies_with_publishes_whose_acks_never_came() {
    let mut world = World::new(3);
    for tab in 0..3 {
        world.subscribe(tab, "room", From::Latest);
    }
    world.publish(1, text("a"));
    // The server takes these, and nobody learns of it.
    world.server.mute_acks = true;
    let unknown = [world.publish(1, text("b")), world.publish(2, text("c"))];
    // And these wait in the leader.
    world.network = false;
    world.cut();
    let waiting = [world.publish(1, text("d")), world.publish(1, text("e")), world.publish(2, text("f"))];
    assert_eq!(world.kill_leader(), 0);
    (world.network, world.server.mute_acks) = (true, false);
    world.lead(1);
    world.run();

    let ids: Vec<_> = world.server.log.iter().filter_map(|record| record.id.clone()).collect();
    assert_eq!(ids.len(), 6, "nothing lost, nothing twice");
    for tab in [1, 2] {
        assert_eq!(world.delivered(tab), up_to(6), "tab {tab}");
    }
    let outcomes: Vec<_> = [1, 2].into_iter().flat_map(|tab| world.outcomes(tab)).collect();
    assert_eq!((outcomes.len(), acked(&outcomes)), (6, 6));
    assert!(unknown.iter().chain(&waiting).all(|id| outcomes.iter().any(|(known, _)| known == id)));
    // What one tab published stands in its order.
    let place = |id| ids.iter().position(|known| known == id).unwrap();
    assert!(place(&unknown[0]) < place(&waiting[0]) && place(&waiting[0]) < place(&waiting[1]));
}

#[test]
fn when_the_leader_steps_down_the_others_move_at_once_and_the_server_sees_the_same_client() {
    let mut world = World::new(3);
    for tab in 0..3 {
        world.subscribe(tab, "room", From::Latest);
    }
    world.server_says(3, 10);
    let old = world.step_down();
    assert_eq!(old.relay.held(), 0);
    world.pass(Duration::from_millis(1));
    world.lead(2);
    let before = world.now;
    world.run();
    world.server_says(3, 10);
    assert_eq!(world.now, before);
    for tab in 0..3 {
        assert_eq!(world.delivered(tab), up_to(6), "tab {tab}");
        assert_eq!(world.state(tab), State::Connected);
        assert_eq!(world.tabs[tab].session.stats().failed_attempts, 0, "no wait, and nothing to count");
    }
    assert_eq!(world.server.client_ids, ["tab0", "tab0"]);
}

#[test]
fn publishes_that_the_leader_held_when_it_stepped_down_are_the_tabs_own_again() {
    let mut world = World::new(2);
    world.server.mute_acks = true;
    world.publish(1, text("a"));
    world.step_down();
    assert_eq!(world.outcomes(1), [], "closing the upstream session says nothing of it");
    world.server.mute_acks = false;
    world.pass(Duration::from_millis(1));
    world.lead(1);
    world.run();
    assert_eq!(acked(&world.outcomes(1)), 1);
    assert_eq!(world.server.log.len(), 1);
}

#[test]
fn a_tab_without_a_leader_tries_on_its_own_after_the_head_start() {
    let mut world = World::unconnected(1);
    world.pass(Duration::from_millis(1_999));
    assert_eq!(world.tabs[0].alone, None);
    world.pass(Duration::from_millis(1));
    assert!(world.tabs[0].alone.is_some());
    world.lead(0);
    world.run();
    assert_eq!((world.state(0), world.tabs[0].alone), (State::Connected, None));
}

#[test]
fn a_leader_that_can_t_connect_lets_tabs_in_before_they_would_all_try_on_their_own() {
    let mut world = World::unconnected(3);
    world.network = false;
    world.lead(0);
    world.pass(Duration::from_secs(60));
    for tab in 0..3 {
        assert_eq!(world.tabs[tab].alone, None);
        assert_ne!(world.state(tab), State::Connected);
    }
}

#[test]
fn a_leader_announces_itself_and_speaks_within_its_heartbeat() {
    let mut world = World::new(2);
    let before = world.leader().announced;
    world.pass(Duration::from_secs(600));
    assert_eq!(world.leader().announced - before, 20);
    assert_eq!(world.tabs[1].session.stats().reconnects.total(), 0);
}
