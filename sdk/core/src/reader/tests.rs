//! A reader alone: what moves its cursor, what it drops, and when it pauses.

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

fn reader(cursor: Position) -> Reader {
    Reader::new(SubscriptionId(1), SubscribeOptions { from: From::Position(cursor), presence: false })
}

/// The offsets delivered, how many were repeats, and whether there was a hole.
fn accept(
    reader: &mut Reader,
    life: &str,
    offsets: impl IntoIterator<Item = u64>,
) -> (Vec<u64>, usize, bool) {
    let records = records(offsets);
    let accepted = reader.accept(epoch(life), &records);
    let fresh = records[accepted.fresh].iter().map(|record| record.offset).collect();
    (fresh, accepted.repeats, accepted.hole)
}

#[test]
fn invariant_2_records_up_to_the_cursor_are_repeats() {
    let mut reader = reader(at("a", 5));
    assert_eq!(accept(&mut reader, "a", 3..=7), (vec![6, 7], 3, false));
    assert_eq!(accept(&mut reader, "a", 3..=7), (vec![], 5, false));
    assert_eq!(reader.cursor(), Some(at("a", 7)));
}

#[test]
fn invariant_1_records_beyond_the_next_are_not_delivered() {
    let mut reader = reader(at("a", 5));
    assert_eq!(accept(&mut reader, "a", 7..=8), (vec![], 0, true));
    assert_eq!(accept(&mut reader, "a", [6, 7, 9, 10]), (vec![6, 7], 0, true));
    assert!(reader.owed);
    assert_eq!(reader.cursor(), Some(at("a", 7)));
}

#[test]
fn invariant_1_records_of_another_epoch_wait_for_their_gap() {
    let mut reader = reader(at("a", 5));
    assert_eq!(accept(&mut reader, "b", 6..=6), (vec![], 0, true));
    let verdict = reader.gap(&From::Latest, (6, None, GapReason::Epoch), at("b", 0));
    assert_eq!(verdict, GapVerdict::Tell { from: 6, to: None });
    assert_eq!(accept(&mut reader, "b", 1..=2).0, [1, 2]);
}

#[test]
fn only_a_gap_that_begins_at_the_cursor_moves_it() {
    let mut reader = reader(at("a", 5));
    let gap = |reader: &mut Reader, from, to| {
        reader.gap(&From::Latest, (from, Some(to), GapReason::Evicted), at("a", to))
    };
    assert_eq!(gap(&mut reader, 8, 9), GapVerdict::Hole);
    assert_eq!(gap(&mut reader, 2, 5), GapVerdict::Repeat);
    assert_eq!(reader.cursor(), Some(at("a", 5)));
    assert_eq!(gap(&mut reader, 4, 9), GapVerdict::Tell { from: 6, to: Some(9) });
    assert_eq!(reader.cursor(), Some(at("a", 9)));
}

#[test]
fn invariant_1_a_cursor_ahead_of_its_log_goes_back_by_a_gap() {
    let lost = (51, None, GapReason::Epoch);
    let mut reader = reader(at("one", 50));
    let stale = reader.gap(&From::Position(at("two", 50)), lost, at("one", 7));
    assert_eq!(stale, GapVerdict::Repeat);
    let told = reader.gap(&From::Position(at("one", 50)), lost, at("one", 7));
    assert_eq!(told, GapVerdict::Tell { from: 51, to: None });
    assert_eq!(reader.cursor(), Some(at("one", 7)));
}

#[test]
fn invariant_1_the_end_of_another_life_says_nothing_of_what_is_lost_of_this_one() {
    let mut reader = reader(at("b", 7));
    let verdict = reader.gap(&From::Position(at("a", 5)), (6, None, GapReason::Epoch), at("b", 10));
    assert_eq!(verdict, GapVerdict::Hole, "8 to 10 may be there");
    assert!(reader.owed);
}

#[test]
fn only_the_first_answer_sets_the_cursor() {
    let mut reader =
        Reader::new(SubscriptionId(1), SubscribeOptions { from: From::Last(9_999), presence: false });
    let start = From::Last(limits::HISTORY);
    assert_eq!(reader.start(), start);
    assert_eq!(reader.subscribed(&From::Earliest, at("a", 1), false), None, "another one's question");
    assert_eq!(reader.subscribed(&start, at("a", 3), false), Some((at("a", 3), false)));
    assert_eq!(reader.subscribed(&start, at("b", 9), false), None);
    assert_eq!(reader.start(), From::Position(at("a", 3)));
}

#[test]
fn invariant_5_a_reader_that_is_not_drained_pauses_and_goes_on_at_half() {
    let config = FlowConfig { messages: 4, bytes: 100 };
    let mut reader = reader(at("a", 0));
    assert!(!reader.delivered(&config, &records(1..=3)));
    assert!(reader.delivered(&config, &records(4..=5)));
    assert!(reader.paused() && !reader.must_skip(&config));
    assert!(!reader.delivered(&config, &records(6..=8)));
    assert!(reader.must_skip(&config), "twice the limit is all there is room for");
    reader.consumed(&config, 5, 5);
    assert!(reader.paused());
    reader.consumed(&config, 1, 1);
    assert!(!reader.paused() && reader.owed);
}

#[test]
fn a_reader_that_is_held_takes_nothing_and_is_owed_it() {
    let config = FlowConfig::default();
    let mut reader = reader(at("a", 0));
    reader.hold(true);
    assert!(reader.paused() && !reader.owed);
    assert!(reader.must_skip(&config));
    assert!(reader.owed);
    reader.consumed(&config, 9, 9);
    assert!(reader.paused(), "taking what waits ends no pause of the app");
    reader.hold(false);
    assert!(!reader.paused());
}

#[test]
fn the_last_offset_does_not_overflow() {
    let mut reader = reader(at("a", u64::MAX - 1));
    assert_eq!(accept(&mut reader, "a", [u64::MAX]).0, [u64::MAX]);
    assert_eq!(accept(&mut reader, "a", [u64::MAX]).1, 1);
    reader.gap(&From::Latest, (1, None, GapReason::Epoch), at("b", 0));
}
