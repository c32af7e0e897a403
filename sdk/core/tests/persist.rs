//! Publishes that outlive their page: kept until their outcome, taken back by the next page, sent once. Invariant 4.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use everwire_core::{
    Config, Event, OutboxConfig, Outcome, Publish, PublishError, StoredPublish, Transport,
    protocol::{About, Code, Payload, PublishId, ServerFrame},
};

fn keeping(outbox: OutboxConfig) -> Config {
    Config { outbox: OutboxConfig { persist: true, ..outbox }, ..only(Transport::WebSocket) }
}

fn stored(number: u64, expires_in: u64) -> StoredPublish {
    StoredPublish {
        id: format!("old.{number}").parse().unwrap(),
        publish: said("room", "x"),
        expires_in: Duration::from_secs(expires_in),
    }
}

fn kept(world: &World) -> Vec<String> {
    world.stored.iter().map(|stored| stored.id.to_string()).collect()
}

fn outcomes(world: &mut World) -> Vec<(String, bool)> {
    let outcome = |event| match event {
        Event::Published { id, outcome } => Some((id.to_string(), matches!(outcome, Outcome::Acked { .. }))),
        _ => None,
    };
    std::mem::take(&mut world.events).into_iter().filter_map(outcome).collect()
}

fn ack(id: &PublishId) -> ServerFrame {
    ServerFrame::Ack { id: id.clone(), position: Some(at("a-1")) }
}

#[test]
fn a_publish_is_kept_until_its_outcome_whatever_that_is() {
    let limits =
        OutboxConfig { messages: 3, overflow: everwire_core::Overflow::DropOldest, ..Default::default() };
    let (mut world, link) = World::connected_with(keeping(limits));
    let ids: Vec<_> = (0..4).map(|_| world.publish("x")).collect();
    assert_eq!(kept(&world), ids[1..].iter().map(PublishId::to_string).collect::<Vec<_>>(), "one made room");
    assert_eq!(world.stored[0].expires_in, Duration::from_secs(300));
    let (about, message) = (About::Publish(ids[2].clone()), "no".into());
    let refused = ServerFrame::Error { about, code: Code::FORBIDDEN, message, retry_after: None };
    world.frames(link, &[ack(&ids[1]), refused]);
    assert_eq!(kept(&world), [ids[3].to_string()]);
    world.act(|session, now| session.handle_offline(now));
    world.pass(Duration::from_secs(300));
    assert_eq!(kept(&world), Vec::<String>::new());
}

#[test]
fn what_is_ephemeral_or_another_tabs_is_not_kept() {
    let (mut world, link) = World::connected_with(keeping(OutboxConfig::default()));
    world.act(|session, now| session.publish(now, Publish { ephemeral: true, ..said("room", "x") })).unwrap();
    let id: PublishId = "tab.1".parse().unwrap();
    world.act(|session, now| session.forward(now, id.clone(), said("room", "x"))).unwrap();
    assert_eq!(kept(&world), Vec::<String>::new());
    // That tab asks again, since it moved to another link: it is one publish all the same.
    world.act(|session, now| session.forward(now, id.clone(), said("room", "x"))).unwrap();
    assert_eq!(world.published_on(link).iter().filter(|sent| *sent == "tab.1").count(), 1);
    world.forget();
    world.frames(link, &[ack(&id), ack(&id)]);
    assert_eq!(outcomes(&mut world), [("tab.1".into(), true)]);
    assert_eq!(
        world.act(|session, now| session.forward(
            now,
            id,
            Publish { payload: Payload::bytes(vec![0; 70_000]), ..said("room", "") }
        )),
        Err(PublishError::TooLarge)
    );
}

#[test]
fn a_close_leaves_for_the_next_page_what_waits() {
    let (mut world, _) = World::connected_with(keeping(OutboxConfig::default()));
    let id = world.publish("x");
    world.act(|session, now| session.close(now));
    assert_eq!(outcomes(&mut world), [(id.to_string(), false)]);
    assert_eq!(kept(&world), [id.to_string()]);
}

#[test]
fn invariants_3_and_4_what_is_restored_goes_first_in_its_order_under_its_ids_and_once() {
    let mut world = World::new(keeping(OutboxConfig::default()));
    let new = world.publish("new").to_string();
    world.stored = vec![stored(1, 100), stored(2, 100)];
    let old = world.stored.clone();
    // A store that is read twice gives nothing twice.
    for _ in 0..2 {
        world.act(|session, now| session.restore(now, old.clone()));
    }
    world.act(|session, now| session.connect(now));
    let link = world.accept();
    assert_eq!(world.published_on(link), ["old.1".into(), "old.2".into(), new.clone()]);
    world.act(|session, now| session.handle_closed(now, link, everwire_core::Closed::Network));
    let link = world.accept();
    assert_eq!(world.published_on(link), ["old.1".into(), "old.2".into(), new.clone()]);
    world.forget();
    world.frames(link, &[ack(&old[0].id), ack(&old[1].id)]);
    assert_eq!(outcomes(&mut world), [("old.1".into(), true), ("old.2".into(), true)]);
    assert_eq!(world.stored, []);
}

#[test]
fn what_is_restored_expires_in_the_time_that_is_left_and_no_later_than_what_is_new() {
    let mut world = World::new(keeping(OutboxConfig::default()));
    world.act(|session, now| session.restore(now, vec![stored(1, 9_999), stored(2, 10), stored(3, 0)]));
    world.act(|session, now| session.handle_timeout(now));
    assert_eq!(outcomes(&mut world), [("old.3".into(), false)]);
    world.pass(Duration::from_millis(9_999));
    assert_eq!(outcomes(&mut world), []);
    world.pass(Duration::from_millis(1));
    assert_eq!(outcomes(&mut world), [("old.2".into(), false)]);
    world.pass(Duration::from_secs(290));
    assert_eq!(outcomes(&mut world), [("old.1".into(), false)]);
}

#[test]
fn what_was_over_when_it_was_restored_is_never_sent() {
    let (mut world, link) = World::connected_with(keeping(OutboxConfig::default()));
    world.act(|session, now| session.restore(now, vec![stored(1, 0), stored(2, 10)]));
    assert_eq!(world.published_on(link), ["old.2"]);
    assert_eq!(outcomes(&mut world), [("old.1".into(), false)]);
}

#[test]
fn invariant_5_what_is_restored_counts_and_what_could_never_be_sent_is_let_go() {
    let mut world = World::new(keeping(OutboxConfig { messages: 2, ..Default::default() }));
    let bad = StoredPublish {
        publish: Publish { payload: Payload::bytes(vec![0; 600_000]), ..said("room", "") },
        ..stored(9, 100)
    };
    world.stored = vec![bad.clone()];
    world.act(|session, now| session.restore(now, vec![stored(1, 100), bad, stored(2, 100), stored(3, 100)]));
    assert_eq!((kept(&world), world.session.stats().outbox_messages), (vec![], 3));
    assert_eq!(outcomes(&mut world), [("old.9".into(), false)]);
    let refused = world.act(|session, now| session.publish(now, said("room", "x")));
    assert_eq!(refused, Err(PublishError::OutboxFull));
}
