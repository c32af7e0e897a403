//! Tabs that die, hang or talk nonsense.

use std::time::Duration;

use everwire_core::{
    protocol::{ClientFrame, From, HistoryRange, Mode, binary},
    relay::{FromTab, TABS, ToTab},
};

use crate::{
    tabs::{World, text, topic},
    up_to,
};

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
fn there_are_no_more_links_than_the_limit() {
    let mut world = World::new(TABS);
    assert!(world.leader().relay.open().is_none());
    world.kill(5);
    assert!(world.leader().relay.open().is_some());
}
