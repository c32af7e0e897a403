//! The outbox alone: its limits, its order, and what becomes of a publish when the link is lost.

use std::time::Duration;

use everwire_protocol::Payload;

use super::*;

const START: Time = Time::from_millis(0);

fn id(sequence: u64) -> PublishId {
    format!("me.{sequence}").parse().unwrap()
}

fn gone(sequence: u64) -> Gone {
    Gone { id: id(sequence), saved: false }
}

fn publish(text: &str) -> Publish {
    Publish { topic: "room".parse().unwrap(), payload: Payload::text(text), key: None, ephemeral: false }
}

fn filled(config: &OutboxConfig, count: u64) -> Outbox {
    let mut outbox = Outbox::default();
    for sequence in 1..=count {
        outbox.push(config, START, id(sequence), publish("abc"), false).unwrap();
    }
    outbox
}

fn sent(outbox: &mut Outbox) -> Vec<PublishId> {
    let id = |frame| match frame {
        ClientFrame::Publish { id, .. } => id,
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| outbox.next_to_send()).map(id).collect()
}

#[test]
fn invariant_5_a_full_outbox_refuses_the_new_or_drops_the_oldest() {
    let small = OutboxConfig { messages: 3, bytes: 10, ..OutboxConfig::default() };
    let mut outbox = filled(&small, 3);
    assert_eq!(outbox.push(&small, START, id(4), publish(""), false), Err(PublishError::OutboxFull));
    assert_eq!((outbox.len(), outbox.bytes()), (3, 9));

    let dropping = OutboxConfig { overflow: Overflow::DropOldest, ..small };
    assert_eq!(outbox.push(&dropping, START, id(4), publish("abcdefg"), false), Ok(vec![gone(1), gone(2)]));
    assert_eq!((outbox.len(), outbox.bytes()), (2, 10));
    let too_big = publish("12345678901");
    assert_eq!(outbox.push(&dropping, START, id(5), too_big, false), Err(PublishError::OutboxFull));
    assert_eq!(outbox.len(), 2, "what can never fit drops nothing");
}

#[test]
fn invariant_3_what_has_no_ack_goes_again_in_order_and_before_the_new() {
    let mut outbox = filled(&OutboxConfig::default(), 3);
    assert_eq!(sent(&mut outbox), [id(1), id(2), id(3)]);
    assert_eq!(sent(&mut outbox), []);
    assert_eq!(outbox.settle(&id(1)), Some(gone(1)));
    assert_eq!(outbox.settle(&id(1)), None, "one outcome each");
    assert_eq!(outbox.link_lost(), []);
    outbox.push(&OutboxConfig::default(), START, id(4), publish(""), false).unwrap();
    assert_eq!(sent(&mut outbox), [id(2), id(3), id(4)]);
}

#[test]
fn invariant_3_one_request_at_a_time_carries_the_oldest() {
    let mut outbox = filled(&OutboxConfig::default(), 5);
    let batch = outbox.begin_post(RequestId(1), 3 * 131).unwrap();
    assert_eq!(batch.len(), 3);
    assert_eq!(outbox.begin_post(RequestId(2), 1_000), None);
    assert_eq!(outbox.end_post(RequestId(2)), None);
    assert_eq!(outbox.end_post(RequestId(1)), Some(vec![id(1), id(2), id(3)]));
    assert_eq!(outbox.begin_post(RequestId(3), 1).map(|batch| batch.len()), Some(1), "one always fits");
}

#[test]
fn a_hold_stops_all_sending() {
    let mut outbox = filled(&OutboxConfig::default(), 2);
    outbox.hold(Some(START));
    assert_eq!(sent(&mut outbox), []);
    assert_eq!(outbox.begin_post(RequestId(1), 1_000), None);
    outbox.hold(None);
    assert_eq!(sent(&mut outbox), [id(1), id(2)]);
}

#[test]
fn age_and_a_lost_link_take_out_what_they_must() {
    let config = OutboxConfig { max_age: Duration::from_secs(1), ..OutboxConfig::default() };
    let mut outbox = filled(&config, 1);
    let later = START + Duration::from_millis(500);
    outbox.push(&config, later, id(2), Publish { ephemeral: true, ..publish("x") }, false).unwrap();
    outbox.push(&config, later, id(3), publish("x"), false).unwrap();
    assert_eq!(outbox.next_expiry(), Some(START + config.max_age));
    assert_eq!(outbox.expire(START + config.max_age), [gone(1)]);
    assert_eq!(outbox.link_lost(), [gone(2)]);
    assert_eq!(outbox.clear(), [gone(3)]);
    assert_eq!((outbox.len(), outbox.bytes(), outbox.next_expiry()), (0, 0, None));
}
