//! The log alone: offsets, starts, retention, idempotency keys and history.

use everwire_protocol::{Epoch, From, GapReason, HistoryRange, Payload, Position, PublishId, binary, limits};

use super::*;

fn epoch() -> Epoch {
    Epoch::from_number(1234)
}

fn at(offset: u64) -> Position {
    Position { epoch: epoch(), offset }
}

fn log(records: usize) -> TopicLog {
    let retention = Retention { records, ..Retention::default() };
    TopicLog::new(epoch(), retention, KeyLimits { count: 4, age: 1_000 })
}

fn record(text: &str) -> NewRecord {
    NewRecord { payload: Payload::text(text), key: None, from: None, id: None }
}

fn with_id(text: &str, from: Option<&str>, id: &str) -> NewRecord {
    NewRecord { from: from.map(Into::into), id: PublishId::new(id).ok(), ..record(text) }
}

fn filled(records: usize, appended: u64) -> TopicLog {
    let mut log = log(records);
    for n in 1..=appended {
        log.append(n, record(&n.to_string()));
    }
    log
}

fn offsets(read: Read) -> Vec<u64> {
    match read {
        Read::Batch(batch) => batch.entries.iter().map(|e| e.record.offset).collect(),
        Read::UpToDate => Vec::new(),
        Read::Gap(gap) => panic!("{gap:?}"),
    }
}

fn page(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|e| e.record.offset).collect()
}

#[test]
fn offsets_are_contiguous_from_1() {
    let mut log = log(10);
    for n in 1..=5 {
        assert_eq!(log.append(n, record("x")), Appended { position: at(n), repeated: false });
    }
    assert_eq!(offsets(log.read(at(0), BatchLimit::default())), [1, 2, 3, 4, 5]);
    assert_eq!(offsets(log.read(at(3), BatchLimit::default())), [4, 5]);
    assert_eq!(log.read(at(5), BatchLimit::default()), Read::UpToDate);
}

#[test]
fn a_record_is_encoded_once_and_shares_its_payload() {
    let mut log = log(10);
    log.append(7, with_id("hello", Some("ada"), "k.1"));
    let Read::Batch(batch) = log.read(at(0), BatchLimit::default()) else { panic!() };
    let entry = &batch.entries[0];
    let mut encoded = Vec::new();
    binary::encode_record(&entry.record, &mut encoded);
    assert_eq!(entry.encoded, encoded);
    assert_eq!(entry.record.payload, Payload::text("hello"));
    let (whole, part) = (entry.encoded.as_ptr_range(), entry.record.payload.data.as_ptr_range());
    assert!(whole.contains(&part.start) && part.end <= whole.end);
}

#[test]
fn every_start_resolves() {
    let log = filled(5, 8);
    let fresh = |offset| Start { position: at(offset), recovered: false, gap: None };
    for (from, start) in [
        (From::Latest, fresh(8)),
        (From::Earliest, fresh(3)),
        (From::Last(0), fresh(8)),
        (From::Last(2), fresh(6)),
        (From::Last(5), fresh(3)),
        (From::Last(100), fresh(3)),
        (From::Last(u32::MAX), fresh(3)),
    ] {
        assert_eq!(log.resolve(from), start, "{from}");
    }
    for offset in 3..=8 {
        let recovered = Start { position: at(offset), recovered: true, gap: None };
        assert_eq!(log.resolve(From::Position(at(offset))), recovered);
    }
}

#[test]
fn an_empty_log_resolves_every_start_to_its_beginning() {
    let log = log(5);
    for from in [From::Latest, From::Earliest, From::Last(3)] {
        assert_eq!(log.resolve(from).position, at(0), "{from}");
    }
    assert!(log.resolve(From::Position(at(0))).recovered);
}

#[test]
fn invariant_1_a_cursor_older_than_retention_gets_a_gap_that_ends_at_the_oldest_record() {
    let log = filled(5, 8);
    let gap = Gap { from: 2, to: Some(3), reason: GapReason::Evicted, position: at(3) };
    assert_eq!(
        log.resolve(From::Position(at(1))),
        Start { position: at(3), recovered: false, gap: Some(gap) }
    );
    assert_eq!(log.read(at(1), BatchLimit::default()), Read::Gap(gap));
    assert_eq!(offsets(log.read(gap.position, BatchLimit::default())), [4, 5, 6, 7, 8]);
}

#[test]
fn invariant_1_another_epoch_or_a_cursor_ahead_of_the_top_is_another_life() {
    let log = filled(5, 8);
    let other = Position { epoch: Epoch::from_number(99), offset: 4 };
    let gap = |from| Gap { from, to: None, reason: GapReason::Epoch, position: at(3) };
    assert_eq!(log.read(other, BatchLimit::default()), Read::Gap(gap(5)));
    assert_eq!(log.read(at(9), BatchLimit::default()), Read::Gap(gap(10)));
    let far = Position { epoch: epoch(), offset: u64::MAX };
    assert_eq!(log.resolve(From::Position(far)).gap, Some(gap(u64::MAX)));
}

#[test]
fn retention_evicts_by_count_by_bytes_and_by_age() {
    assert_eq!(filled(5, 8).len(), 5);

    let retention = Retention { bytes: 100, ..Retention::default() };
    let mut log = TopicLog::new(epoch(), retention, KeyLimits::default());
    for n in 0..10 {
        log.append(n, record(&"x".repeat(40)));
    }
    assert_eq!(log.oldest(), 9, "two records of some 44 bytes fit into 100");

    let retention = Retention { age: 100, ..Retention::default() };
    let mut log = TopicLog::new(epoch(), retention, KeyLimits::default());
    log.append(1_000, record("a"));
    log.append(1_050, record("b"));
    log.expire(1_099);
    assert_eq!(log.len(), 2);
    log.expire(1_100);
    assert_eq!(log.oldest(), 2);
    log.expire(2_000);
    assert!(log.is_empty());
    assert_eq!(log.top(), at(2), "offsets go on where they were");
}

#[test]
fn the_newest_record_stays_whatever_its_size() {
    let retention = Retention { bytes: 10, ..Retention::default() };
    let mut log = TopicLog::new(epoch(), retention, KeyLimits::default());
    log.append(1, record(&"x".repeat(1000)));
    log.append(2, record(&"y".repeat(1000)));
    assert_eq!(offsets(log.read(at(1), BatchLimit::default())), [2]);
}

#[test]
fn invariant_4_a_repeated_key_answers_the_first_position_and_appends_nothing() {
    let mut log = log(10);
    let first = log.append(1, with_id("a", Some("ada"), "k.1"));
    log.append(2, record("between"));
    let again = log.append(3, with_id("a", Some("ada"), "k.1"));
    assert_eq!(again, Appended { repeated: true, ..first });
    assert_eq!(log.top(), at(2));
    assert!(!log.append(4, with_id("a", Some("eve"), "k.1")).repeated, "another subject's key");
    assert!(!log.append(5, with_id("a", None, "k.1")).repeated, "an anonymous one's key");
}

#[test]
fn invariant_4_a_key_outlives_its_record() {
    let mut log = log(1);
    let first = log.append(1, with_id("a", None, "k.1"));
    log.append(2, record("evicts it"));
    assert_eq!(log.append(3, with_id("a", None, "k.1")).position, first.position);
}

#[test]
fn invariant_5_keys_are_forgotten_by_count_and_by_age() {
    let mut log = log(100);
    for n in 0..5 {
        log.append(1, with_id("a", None, &format!("k.{n}")));
    }
    assert!(!log.append(1, with_id("a", None, "k.0")).repeated, "the fifth key drove it out");
    assert!(log.append(1_000, with_id("a", None, "k.4")).repeated);
    assert!(!log.append(1_001, with_id("a", None, "k.4")).repeated, "1,000 ms are over");
}

#[test]
fn a_clock_that_goes_back_is_held() {
    let mut log = log(10);
    log.append(500, record("a"));
    log.append(400, record("b"));
    let Read::Batch(batch) = log.read(at(0), BatchLimit::default()) else { panic!() };
    assert_eq!(batch.entries.iter().map(|e| e.record.time).collect::<Vec<_>>(), [500, 500]);
}

#[test]
fn a_batch_keeps_to_its_limits_but_one_record_always_fits() {
    let log = filled(100, 50);
    let limited = |bytes, records| offsets(log.read(at(10), BatchLimit { bytes, records }));
    assert_eq!(limited(usize::MAX, 3), [11, 12, 13]);
    assert_eq!(limited(1, 100), [11]);
    let Read::Batch(batch) = log.read(at(10), BatchLimit { bytes: 20, records: 100 }) else { panic!() };
    assert!(batch.bytes <= 20 && batch.more && batch.entries.len() > 1);
    assert_eq!(batch.last, at(10 + batch.entries.len() as u64));
    let Read::Batch(batch) = log.read(at(48), BatchLimit::default()) else { panic!() };
    assert!(!batch.more);
}

#[test]
fn history_pages_lie_on_either_side_of_an_offset() {
    let log = filled(10, 20);
    for (range, limit, offsets, more) in [
        (HistoryRange::Before(u64::MAX), 3, vec![18, 19, 20], true),
        (HistoryRange::Before(13), 10, vec![11, 12], false),
        (HistoryRange::Before(11), 10, vec![], false),
        (HistoryRange::Before(0), 10, vec![], false),
        (HistoryRange::After(0), 2, vec![11, 12], true),
        (HistoryRange::After(18), 10, vec![19, 20], false),
        (HistoryRange::After(20), 10, vec![], false),
        (HistoryRange::After(u64::MAX), 10, vec![], false),
        (HistoryRange::After(0), 0, vec![], true),
    ] {
        let got = log.history(range, limit);
        assert_eq!((page(&got), got.more), (offsets, more), "{range:?} {limit}");
    }
}

#[test]
fn a_history_page_is_bounded_in_bytes() {
    let mut log = log(100);
    for n in 0..10 {
        log.append(n, record(&"x".repeat(30_000)));
    }
    let newest = log.history(HistoryRange::Before(u64::MAX), limits::HISTORY);
    assert_eq!((page(&newest), newest.more), (vec![9, 10], true));
    let oldest = log.history(HistoryRange::After(0), limits::HISTORY);
    assert_eq!((page(&oldest), oldest.more), (vec![1, 2], true));
}

#[test]
fn retention_goes_by_the_first_pattern_that_matches() -> Result<(), BadPattern> {
    let keep = |records| Retention { records, ..Retention::default() };
    let rules = RetentionRules {
        default: keep(1),
        patterns: vec![
            ("room:vip".parse()?, keep(2)),
            ("room:*".parse()?, keep(3)),
            ("$*".parse()?, keep(4)),
        ],
    };
    for (topic, records) in [("room:vip", 2), ("room:vip2", 3), ("room:", 3), ("rooms", 1), ("$sys", 4)] {
        assert_eq!(rules.of(&topic.parse().expect("a topic")).records, records, "{topic}");
    }
    for bad in ["", "a*b", "**", "a b", "$"] {
        assert_eq!(bad.parse::<Pattern>(), Err(BadPattern), "{bad:?}");
    }
    Ok(())
}

#[test]
fn a_store_short_of_memory_drops_the_oldest_of_records_and_keys() {
    let mut log = log(100);
    log.append(1, with_id("a", None, "k.1"));
    log.append(2, with_id("b", None, "k.2"));
    let mut before = log.memory();
    while !log.is_idle() {
        log.evict_oldest();
        assert!(log.memory() < before);
        before = log.memory();
    }
    assert_eq!((log.memory(), log.top()), (0, at(2)));
}
