//! The reference model is worth something: it catches each way in which a client could lie.

#![allow(clippy::unwrap_used, reason = "a test: a panic is a failure")]

use everwire_core::Outcome;
use everwire_protocol::{Epoch, From, GapReason, Payload, Position, PublishId, Record, Topic};
use everwire_sim::{model::Model, truth::Truth};

fn epoch(name: &str) -> Epoch {
    Epoch::new(name).unwrap()
}

fn topic() -> Topic {
    Topic::new("room:a").unwrap()
}

fn record(offset: u64) -> Record {
    let payload = Payload::text(format!("number {offset}"));
    let id = Some(PublishId::new(&format!("ada.{offset}")).unwrap());
    Record { offset, time: 1, payload, key: None, from: None, id }
}

fn at(offset: u64) -> Position {
    Position { epoch: epoch("one"), offset }
}

/// Ten records were written, the first three are evicted, and the app has read up to 5.
fn world() -> (Truth, Model) {
    let mut truth = Truth::default();
    for offset in 1..=10 {
        truth.appended(&topic(), epoch("one"), &record(offset)).unwrap();
    }
    truth.kept_from(&topic(), epoch("one"), 4);
    let mut model = Model::default();
    model.subscribe(&truth, 1, topic(), From::Earliest);
    model.subscribed(&truth, 1, at(3)).unwrap();
    model.messages(&truth, 1, epoch("one"), &[record(4), record(5)]).unwrap();
    (truth, model)
}

#[test]
fn invariant_1_a_skipped_record_is_caught() {
    let (truth, mut model) = world();
    assert!(model.messages(&truth, 1, epoch("one"), &[record(7)]).unwrap_err().contains("invariant 1"));
}

#[test]
fn invariant_1_another_epoch_without_a_gap_is_caught() {
    let (truth, mut model) = world();
    assert!(model.messages(&truth, 1, epoch("two"), &[record(6)]).unwrap_err().contains("invariant 1"));
}

#[test]
fn invariant_1_a_gap_over_records_that_are_kept_is_caught() {
    let (truth, mut model) = world();
    let gap = model.gap(&truth, 1, (6, Some(8)), GapReason::Evicted, at(8));
    assert!(gap.unwrap_err().contains("still kept"));
}

#[test]
fn invariant_1_a_subscription_that_never_catches_up_is_caught() {
    let (truth, model) = world();
    assert!(model.settled(&truth).unwrap_err().contains("invariant 1"));
}

#[test]
fn invariant_2_a_repeated_record_is_caught() {
    let (truth, mut model) = world();
    assert!(model.messages(&truth, 1, epoch("one"), &[record(5)]).unwrap_err().contains("invariants 2"));
}

#[test]
fn invariant_3_a_publisher_out_of_order_is_caught() {
    let (mut truth, _) = world();
    let mut late = record(11);
    late.id = Some(PublishId::new("ada.3").unwrap());
    assert!(truth.appended(&topic(), epoch("one"), &late).unwrap_err().contains("invariants 3 and 4"));
}

#[test]
fn invariant_4_an_ack_of_what_is_not_in_the_log_is_caught() {
    let (truth, mut model) = world();
    let id = PublishId::new("ada.77").unwrap();
    model.publish(id.clone(), topic(), false).unwrap();
    let acked = Outcome::Acked { position: Some(at(7)) };
    assert!(model.published(&truth, &id, &acked).unwrap_err().contains("invariant 4"));
}

#[test]
fn invariant_4_a_second_outcome_is_caught() {
    let (truth, mut model) = world();
    let id = PublishId::new("ada.7").unwrap();
    model.publish(id.clone(), topic(), false).unwrap();
    model.published(&truth, &id, &Outcome::Acked { position: Some(at(7)) }).unwrap();
    assert!(model.published(&truth, &id, &Outcome::Expired).unwrap_err().contains("invariant 4"));
}

#[test]
fn invariant_6_a_publish_without_an_outcome_is_caught() {
    let (truth, mut model) = world();
    model.messages(&truth, 1, epoch("one"), &(6..=10).map(record).collect::<Vec<_>>()).unwrap();
    assert_eq!(model.settled(&truth), Ok(()));
    model.publish(PublishId::new("ada.11").unwrap(), topic(), false).unwrap();
    assert!(model.settled(&truth).unwrap_err().contains("invariant 6"));
}

#[test]
fn invariant_8_a_word_after_close_is_caught() {
    let (_, mut model) = world();
    model.close();
    assert!(model.told().unwrap_err().contains("invariant 8"));
}

#[test]
fn invariant_11_a_topic_that_is_not_subscribed_to_is_caught() {
    let (truth, mut model) = world();
    model.unsubscribe(1);
    assert!(model.messages(&truth, 1, epoch("one"), &[record(6)]).unwrap_err().contains("invariant 11"));
}
