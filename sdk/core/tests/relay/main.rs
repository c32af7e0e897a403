//! Many tabs over one connection: each with its own session, one of them with the relay.

#![cfg(feature = "relay")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod server;
mod tabs;

use std::time::Duration;

use everwire_core::{
    Event, Outcome, Reason, State, SubscribeOptions, Transport,
    protocol::{ClientFrame, From, HistoryRange, Mode, binary},
    relay::{FromTab, TABS, ToTab},
};

use tabs::{World, ephemeral, text, topic};

/// All offsets up to one, without a hole or a repeat.
fn up_to(last: i64) -> Vec<i64> {
    (1..=last).collect()
}

fn acked(outcomes: &[(everwire_core::protocol::PublishId, Outcome)]) -> usize {
    outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Acked { .. })).count()
}

#[test]
fn ten_tabs_have_one_connection_and_each_gets_every_message_once() {
    let mut world = World::new(10);
    for tab in 0..10 {
        world.subscribe(tab, "room", From::Latest);
    }
    for tab in 0..10 {
        world.publish(tab, text("hello"));
    }
    for tab in 0..10 {
        assert_eq!(world.delivered(tab), up_to(10), "tab {tab}");
        assert_eq!(acked(&world.outcomes(tab)), 1, "tab {tab}");
        assert_eq!(world.tabs[tab].session.state().transport, Some(Transport::Tab));
        assert_eq!(world.tabs[tab].session.via(), Some(Transport::WebSocket));
    }
    assert_eq!(world.server.client_ids, ["tab0"]);
    assert_eq!((world.server.subscribes, world.server.topics()), (1, 1), "ten tabs on a topic cost one");
}

#[test]
fn each_tab_reads_from_where_it_asked() {
    let mut world = World::new(3);
    world.server_says(20, 10);
    world.subscribe(0, "room", From::Earliest);
    world.subscribe(1, "room", From::Last(5));
    world.subscribe(2, "room", From::Latest);
    world.server_says(2, 10);
    assert_eq!(world.delivered(0), up_to(22));
    assert_eq!(world.delivered(1), (16..=22).collect::<Vec<_>>());
    assert_eq!(world.delivered(2), [21, 22]);
}

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

    let mut ids: Vec<_> = world.server.log.iter().filter_map(|record| record.id.clone()).collect();
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
    ids.clear();
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
fn what_the_server_refuses_is_refused_to_the_tab_that_asked() {
    let mut world = World::new(2);
    let id = world.publish(1, text("refuse"));
    let [(refused, Outcome::Rejected { .. })] = &world.outcomes(1)[..] else { panic!("a refusal") };
    assert_eq!(*refused, id);
    assert_eq!(world.outcomes(0), []);
    let secret = world.subscribe(1, "secret", From::Latest);
    let failed = |event: &Event| matches!(event, Event::SubscriptionFailed { subscription, .. } if *subscription == secret);
    assert!(world.tabs[1].events.iter().any(failed));
    assert!(!world.tabs[0].events.iter().any(|event| matches!(event, Event::SubscriptionFailed { .. })));
    // The server's limit is 1,000 bytes here, and the tab knows it by the welcome.
    let large = world.tab(1, |session, now| session.publish(now, text(&"x".repeat(1_001))));
    assert!(large.is_err());
}

#[test]
fn questions_are_answered_to_who_asked() {
    let mut world = World::new(3);
    world.server_says(3, 10);
    let page = world.tab(1, |session, now| session.history(now, topic("room"), HistoryRange::After(1), 10));
    let who = world.tab(2, |session, now| session.presence(now, topic("room")));
    let pages = |event: &Event| matches!(event, Event::History { request, result: Ok(found) } if *request == page && found.records.len() == 2);
    let members = |event: &Event| matches!(event, Event::Presence { request, result: Ok(found) } if *request == who && found.len() == 1);
    assert!(world.tabs[1].events.iter().any(pages) && !world.tabs[1].events.iter().any(members));
    assert!(world.tabs[2].events.iter().any(members) && !world.tabs[2].events.iter().any(pages));
    let waiting = world.leader().relay.held() - 3;
    assert_eq!(waiting, 0, "what was answered is forgotten");
}

#[test]
fn who_is_there_is_told_to_those_who_asked_for_it() {
    let mut world = World::new(2);
    world.subscribe(0, "room", From::Latest);
    let options = SubscribeOptions { from: From::Latest, presence: true };
    world.tab(1, |session, now| session.subscribe(now, topic("room"), options)).unwrap();
    let listed = |event: &Event| matches!(event, Event::Members { members, .. } if members.len() == 2);
    assert!(world.tabs[1].events.iter().any(listed));
    assert!(!world.tabs[0].events.iter().any(listed));
}

#[test]
fn a_tab_that_dies_leaves_nothing_behind() {
    let mut world = World::new(2);
    world.subscribe(1, "room", From::Latest);
    world.subscribe(1, "other", From::Latest);
    world.network = false;
    world.cut();
    world.publish(1, text("its last words"));
    world.tab(1, |session, now| session.history(now, topic("room"), HistoryRange::After(0), 10));
    world.kill(1);
    assert_eq!(world.leader().relay.tabs(), 1);
    assert_eq!(world.leader().relay.held(), 2, "the link of the other, and a publish that goes on");
    world.network = true;
    world.pass(Duration::from_secs(21));
    assert_eq!(world.leader().relay.held(), 1);
    assert_eq!((world.server.topics(), world.server.log.len()), (0, 1));
}

#[test]
fn invariant_5_a_tab_that_hangs_has_little_on_its_way_and_goes_on_without_a_hole() {
    let mut world = World::new(3);
    for tab in 0..3 {
        world.subscribe(tab, "room", From::Latest);
    }
    world.tabs[2].hangs = true;
    // 10 MB, of which the others take all.
    for _ in 0..100 {
        world.server_says(100, 1_000);
    }
    // Ten thousand numbers in a failure help nobody.
    assert!(world.delivered(1) == up_to(10_000));
    let on_its_way = world.piled_up(2);
    assert!(on_its_way < 3 * 1024 * 1024, "{on_its_way}");
    world.tabs[2].hangs = false;
    world.run();
    world.server_says(1, 10);
    assert!(world.delivered(2) == up_to(10_001));
}

#[test]
fn a_tab_s_pause_is_its_own() {
    let mut world = World::new(2);
    world.subscribe(0, "room", From::Latest);
    let room = world.subscribe(1, "room", From::Latest);
    world.tab(1, |session, now| session.pause(now, room));
    world.server_says(5, 10);
    assert_eq!((world.delivered(0), world.delivered(1)), (up_to(5), vec![]));
    world.tab(1, |session, now| session.resume(now, room));
    world.server_says(1, 10);
    assert_eq!((world.delivered(0), world.delivered(1)), (vec![6], up_to(6)));
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

#[test]
fn invariant_12_a_tab_that_says_what_can_t_be_read_is_turned_out_and_the_others_stay() {
    let subscribe = |name: &str| {
        let mut out = Vec::new();
        let frame = ClientFrame::Subscribe { topic: topic(name), from: From::Latest, mode: Mode::default() };
        binary::encode_client(&frame, &mut out);
        out
    };
    let connect = {
        let mut out = Vec::new();
        let frame = ClientFrame::Connect { client_id: "x".parse().unwrap(), token: None, info: None };
        binary::encode_client(&frame, &mut out);
        out
    };
    let bad: [Vec<u8>; 6] = [
        vec![],
        vec![0xff; 40],
        FromTab::Frames(vec![0xff; 40].into()).encode().to_vec(),
        ToTab::Closed.encode().to_vec(),
        FromTab::Frames(connect.into()).encode().to_vec(),
        FromTab::Frames(vec![0; 2 * 1024 * 1024].into()).encode().to_vec(),
    ];
    for bad in bad {
        let mut world = World::new(2);
        world.subscribe(0, "room", From::Latest);
        world.subscribe(1, "room", From::Latest);
        world.inject(1, bad);
        assert_eq!(world.leader().relay.tabs(), 1);
        world.server_says(1, 10);
        assert_eq!(world.delivered(0), [1]);
        // It comes back, and has lost nothing.
        world.pass(Duration::from_secs(1));
        assert_eq!(world.delivered(1), [1]);
    }
    // A topic asked for twice is refused, and no more than that.
    let mut world = World::new(1);
    world.subscribe(0, "room", From::Latest);
    world.inject(0, FromTab::Frames(subscribe("other").into()).encode());
    world.inject(0, FromTab::Frames(subscribe("other").into()).encode());
    assert_eq!(world.leader().relay.held(), 3);
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

#[test]
fn there_are_no_more_links_than_the_limit() {
    let mut world = World::new(TABS);
    assert!(world.leader().relay.open().is_none());
    world.kill(5);
    assert!(world.leader().relay.open().is_some());
}
