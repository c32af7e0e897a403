//! Many tabs over one connection: each with its own session, one of them with the relay.

#![cfg(feature = "relay")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod handover;
mod server;
mod tabs;
mod upstream;

use everwire_core::{
    Event, Outcome, SubscribeOptions, Transport,
    protocol::{From, HistoryRange, PublishId},
};

use tabs::{World, text, topic};

/// All offsets up to one, without a hole or a repeat.
fn up_to(last: i64) -> Vec<i64> {
    (1..=last).collect()
}

fn acked(outcomes: &[(PublishId, Outcome)]) -> usize {
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
