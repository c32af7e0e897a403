//! A subscription alone: what moves its cursor, what it drops, and when it pauses.

use everwire_protocol::Payload;

use super::*;

fn epoch(text: &str) -> Epoch {
    text.parse().unwrap()
}

fn at(epoch_text: &str, offset: u64) -> Position {
    Position { epoch: epoch(epoch_text), offset }
}

fn record(offset: u64) -> Record {
    Record { offset, time: 0, payload: Payload::text("x"), key: None, from: None, id: None }
}

fn records(offsets: impl IntoIterator<Item = u64>) -> Vec<Record> {
    offsets.into_iter().map(record).collect()
}

fn subscription(cursor: Position) -> Subscription {
    Subscription::new(
        SubscriptionId(1),
        SubscribeOptions { from: From::Position(cursor), presence: false },
        1,
        BackoffConfig::default(),
    )
}

fn offsets(accepted: &Accepted) -> Vec<u64> {
    accepted.records.iter().map(|record| record.offset).collect()
}

#[test]
fn invariant_2_records_up_to_the_cursor_are_repeats() {
    let mut topic = subscription(at("a", 5));
    let accepted = topic.accept(epoch("a"), records(3..=7));
    assert_eq!((offsets(&accepted), accepted.repeats, accepted.hole), (vec![6, 7], 3, false));
    let again = topic.accept(epoch("a"), records(3..=7));
    assert_eq!((offsets(&again), again.repeats, again.hole), (vec![], 5, false));
    assert_eq!(topic.cursor(), Some(at("a", 7)));
}

#[test]
fn invariant_1_records_beyond_the_next_are_not_delivered() {
    let mut topic = subscription(at("a", 5));
    let accepted = topic.accept(epoch("a"), records(7..=8));
    assert_eq!((offsets(&accepted), accepted.hole), (vec![], true));
    let accepted = topic.accept(epoch("a"), records([6, 7, 9, 10]));
    assert_eq!((offsets(&accepted), accepted.hole), (vec![6, 7], true));
    assert_eq!(topic.cursor(), Some(at("a", 7)));
}

#[test]
fn invariant_1_records_of_another_epoch_wait_for_their_gap() {
    let mut topic = subscription(at("a", 5));
    let accepted = topic.accept(epoch("b"), records(6..=6));
    assert_eq!((offsets(&accepted), accepted.hole), (vec![], true));
    let verdict = topic.gap(None, 6, None, GapReason::Epoch, at("b", 0));
    assert_eq!(verdict, GapVerdict::Tell { from: 6, to: None });
    assert_eq!(offsets(&topic.accept(epoch("b"), records(1..=2))), [1, 2]);
}

#[test]
fn only_a_gap_that_begins_at_the_cursor_moves_it() {
    let mut topic = subscription(at("a", 5));
    let gap =
        |topic: &mut Subscription, from, to| topic.gap(None, from, Some(to), GapReason::Evicted, at("a", to));
    assert_eq!(gap(&mut topic, 8, 9), GapVerdict::Hole);
    assert_eq!(gap(&mut topic, 2, 5), GapVerdict::Repeat);
    assert_eq!(topic.cursor(), Some(at("a", 5)));
    assert_eq!(gap(&mut topic, 4, 9), GapVerdict::Tell { from: 6, to: Some(9) });
    assert_eq!(topic.cursor(), Some(at("a", 9)));
}

#[test]
fn invariant_1_a_cursor_ahead_of_its_log_goes_back_by_a_gap() {
    let mut subscription = subscription(at("one", 50));
    let stale = subscription.gap(Some(at("two", 50)), 51, None, GapReason::Epoch, at("one", 7));
    assert_eq!(stale, GapVerdict::Repeat);
    let told = subscription.gap(Some(at("one", 50)), 51, None, GapReason::Epoch, at("one", 7));
    assert_eq!(told, GapVerdict::Tell { from: 51, to: None });
    assert_eq!(subscription.cursor(), Some(at("one", 7)));
}

#[test]
fn only_the_first_answer_sets_the_cursor() {
    let mut topic = Subscription::new(
        SubscriptionId(1),
        SubscribeOptions { from: From::Last(9_999), presence: false },
        1,
        BackoffConfig::default(),
    );
    assert_eq!(topic.start(), From::Last(limits::HISTORY));
    assert!(topic.subscribed(at("a", 3)));
    assert!(!topic.subscribed(at("b", 9)));
    assert_eq!(topic.start(), From::Position(at("a", 3)));
}

#[test]
fn invariant_5_a_topic_that_is_not_drained_pauses_and_goes_on_at_half() {
    let config = FlowConfig { messages: 4, bytes: 100 };
    let mut topic = subscription(at("a", 0));
    assert!(!topic.delivered(&config, &records(1..=3)));
    assert!(topic.delivered(&config, &records(4..=5)));
    assert!(topic.paused() && !topic.must_skip(&config));
    assert!(!topic.delivered(&config, &records(6..=8)));
    assert!(topic.must_skip(&config), "twice the limit is all there is room for");
    assert!(!topic.consumed(&config, 5, 5));
    assert!(topic.consumed(&config, 1, 1));
    assert!(!topic.paused() && topic.take_skipped() && !topic.take_skipped());
}

#[test]
fn the_last_offset_does_not_overflow() {
    let mut topic = subscription(at("a", u64::MAX - 1));
    assert_eq!(offsets(&topic.accept(epoch("a"), records([u64::MAX]))), [u64::MAX]);
    assert_eq!(topic.accept(epoch("a"), records([u64::MAX])).repeats, 1);
    topic.gap(None, 1, None, GapReason::Epoch, at("b", 0));
}
