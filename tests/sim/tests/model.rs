//! The reference model is worth something: it catches each way in which a client, or the log, could lie.

#![allow(clippy::unwrap_used, reason = "a test: a panic is a failure")]

use std::collections::BTreeMap;

use everwire_core::Outcome;
use everwire_protocol::{Epoch, From, GapReason, Member, Payload, Position, PublishId, Record, Topic};
use everwire_server::log::NewRecord;
use everwire_sim::{
    members::{Ledger, View},
    model::Model,
    reading::Reading,
    truth::Truth,
};

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

fn new(number: u64) -> NewRecord {
    let Record { payload, key, from, id, .. } = record(number);
    NewRecord { payload, key, from, id }
}

fn at(offset: u64) -> Position {
    Position { epoch: epoch("one"), offset }
}

fn nobody() -> BTreeMap<Topic, Vec<String>> {
    BTreeMap::new()
}

/// Ten records were written, the first three are evicted, and the app has read up to 5.
fn world() -> (Truth, Model) {
    let mut truth = Truth::default();
    for offset in 1..=10 {
        truth.appended(&topic(), at(offset), new(offset)).unwrap();
    }
    truth.kept_from(&topic(), at(4));
    let mut model = Model::default();
    model.subscribe(1, Reading::new(&truth, topic(), From::Earliest, Vec::new(), false));
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
    assert!(model.settled(&truth, &nobody()).unwrap_err().contains("invariant 1"));
}

#[test]
fn invariant_1_a_store_that_writes_over_what_it_lost_is_caught() {
    let (mut truth, _) = world();
    assert!(truth.appended(&topic(), at(8), new(11)).unwrap_err().contains("invariant 1"));
}

#[test]
fn invariant_1_what_is_latest_is_the_log_s_top_or_where_those_who_share_the_connection_are() {
    let (truth, mut model) = world();
    for (id, known, right) in [(2, None, false), (3, Some(at(7)), true), (4, Some(at(6)), false)] {
        model.subscribe(id, Reading::new(&truth, topic(), From::Latest, Vec::new(), false));
        known.map(|position| model.knows(id, position)).transpose().unwrap();
        assert_eq!(model.subscribed(&truth, id, at(7)).is_ok(), right, "{id}");
    }
}

#[test]
fn invariant_2_a_repeated_record_is_caught() {
    let (truth, mut model) = world();
    assert!(model.messages(&truth, 1, epoch("one"), &[record(5)]).unwrap_err().contains("invariants 2"));
}

#[test]
fn invariant_3_a_publisher_out_of_order_is_caught() {
    let (mut truth, _) = world();
    truth.appended(&topic(), at(11), new(13)).unwrap();
    assert!(truth.appended(&topic(), at(12), new(12)).unwrap_err().contains("invariant 3"));
}

#[test]
fn invariant_3_what_was_given_up_may_come_late() {
    let (mut truth, _) = world();
    truth.appended(&topic(), at(11), new(13)).unwrap();
    truth.gave_up(&PublishId::new("ada.12").unwrap());
    truth.appended(&topic(), at(12), new(12)).unwrap();
    assert!(truth.appended(&topic(), at(13), new(11)).unwrap_err().contains("invariant 3"));
}

#[test]
fn invariant_4_a_publish_that_takes_effect_twice_is_caught() {
    let (mut truth, _) = world();
    assert!(truth.appended(&topic(), at(11), new(3)).unwrap_err().contains("invariant 4"));
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
    assert_eq!(model.settled(&truth, &nobody()), Ok(()));
    model.publish(PublishId::new("ada.11").unwrap(), topic(), false).unwrap();
    assert!(model.settled(&truth, &nobody()).unwrap_err().contains("invariant 6"));
}

#[test]
fn invariant_6_a_publish_that_outlives_its_tab_is_awaited_and_no_other() {
    let (truth, mut model) = world();
    let [kept, lost] = ["ada.11", "ada.12"].map(|id| PublishId::new(id).unwrap());
    model.publish(kept.clone(), topic(), false).unwrap();
    model.publish(lost, topic(), false).unwrap();
    model.die(|id| *id == kept);
    assert!(model.settled(&truth, &nobody()).unwrap_err().contains("ada.11"));
    model.published(&truth, &kept, &Outcome::Expired).unwrap();
    assert_eq!(model.settled(&truth, &nobody()), Ok(()));
}

#[test]
fn invariant_8_a_word_after_close_is_caught() {
    let (_, mut model) = world();
    model.close();
    assert!(model.told().unwrap_err().contains("invariant 8"));
}

#[test]
fn invariant_11_a_subscription_that_has_ended_is_caught() {
    let (truth, mut model) = world();
    model.unsubscribe(1);
    assert!(model.messages(&truth, 1, epoch("one"), &[record(6)]).unwrap_err().contains("invariant 11"));
}

#[test]
fn a_member_that_comes_back_within_its_grace_has_not_left() {
    let (mut ledger, topic) = (Ledger::default(), topic());
    ledger.joined(0, &topic, "ada");
    ledger.parted(1_000, &topic, "ada", false);
    ledger.joined(10_999, &topic, "ada");
    assert!(!ledger.has_left(60_000, &topic, "ada", 1));
    ledger.parted(60_000, &topic, "ada", false);
    assert!(!ledger.has_left(69_999, &topic, "ada", 1));
    assert!(ledger.has_left(70_000, &topic, "ada", 1));
    assert!(!ledger.has_left(70_000, &topic, "ada", 2));
    ledger.joined(80_000, &topic, "ada");
    ledger.parted(80_001, &topic, "ada", true);
    assert!(ledger.has_left(80_001, &topic, "ada", 2), "who says goodbye has no grace");
}

#[test]
fn comings_and_goings_that_do_not_fit_together_are_caught() {
    let ada = Member { id: "m1".into(), subject: None, info: Some("ada".into()) };
    let mut view = View::default();
    assert!(view.join(&ada).is_err(), "nobody has said who is there");
    view.replace(vec![ada.clone()]);
    assert!(view.join(&ada).unwrap_err().contains("came twice"));
    assert_eq!(view.leave(&ada), Ok(("ada".to_owned(), 1)));
    assert!(view.leave(&ada).unwrap_err().contains("was not there"));
}
