//! The cursor: what is delivered once, in order, across links.

mod common;

use common::*;
use everwire_core::{
    Closed, Event, State, Transport,
    protocol::{ClientFrame, From, GapReason, ServerFrame},
};

#[test]
fn invariants_1_to_3_a_new_link_goes_on_from_what_was_delivered() {
    let (mut world, first) = World::connected();
    world.subscribe("room", From::Last(5));
    let start = world.sent_on(first);
    assert!(matches!(&start[..], [ClientFrame::Subscribe { from: From::Last(5), .. }]), "{start:?}");
    world.frames(first, &[subscribed("room", 1, "a-10", false), messages(1, 11..=13)]);
    assert_eq!(world.delivered(), [11, 12, 13]);

    world.act(|session, now| session.handle_closed(now, first, Closed::Network));
    assert_eq!(world.state(), State::Waiting);
    let second = world.accept();
    let sent = world.sent_on(second);
    assert!(matches!(&sent[0], ClientFrame::Connect { client_id, .. } if client_id.as_str() == "me"));
    assert!(matches!(&sent[1], ClientFrame::Subscribe { from: From::Position(p), .. } if *p == at("a-13")));
    // The server sends some of it again.
    world.frames(second, &[subscribed("room", 4, "a-11", true), messages(4, 12..=15)]);
    assert_eq!(world.delivered(), [14, 15]);
    assert_eq!(world.session.stats().repeats, 2);
    assert_eq!(world.session.stats().resumes, 1);
    assert_eq!(world.session.position(&topic("room")), Some(at("a-15")));
    let _ = (Transport::Sse, GapReason::Epoch, ServerFrame::Heartbeat, Event::State);
}
