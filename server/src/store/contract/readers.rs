//! What readers are promised: where they start, what they are told when that can't be, who is woken, and that at the
//! tail nothing is missed.

use everwire_protocol::Epoch;
use futures::future::join;

use super::*;

pub async fn every_start_resolves(factory: &impl Factory) {
    let store = factory.open(keeping(Retention { records: 5, ..roomy() })).await;
    let now = now();
    let top = append_all(&store, now, "a", 8).await;
    let mut reader = Reader::start(&store, now, "a", From::Earliest).await;
    reader.records(5).await;
    let at = |offset| Position { offset, ..top };
    for (from, offset) in [
        (From::Latest, 8),
        (From::Earliest, 3),
        (From::Last(0), 8),
        (From::Last(2), 6),
        (From::Last(5), 3),
        (From::Last(u32::MAX), 3),
    ] {
        let start = store.resolve(now, &topic("a"), from).await.expect("resolves");
        assert_eq!((start.position, start.recovered, start.gap), (at(offset), false, None), "{from}");
    }
    for offset in 3..=8 {
        let start = store.resolve(now, &topic("a"), From::Position(at(offset))).await.expect("resolves");
        assert_eq!((start.position, start.recovered, start.gap), (at(offset), true, None));
    }
}

pub async fn invariant_1_a_cursor_that_is_of_no_use_gets_a_gap_and_goes_on(factory: &impl Factory) {
    let store = factory.open(keeping(Retention { records: 5, ..roomy() })).await;
    let now = now();
    let top = append_all(&store, now, "a", 8).await;
    let mut reader = Reader::start(&store, now, "a", From::Earliest).await;
    reader.records(5).await;

    let evicted =
        Gap { from: 2, to: Some(3), reason: GapReason::Evicted, position: Position { offset: 3, ..top } };
    let ahead = Position { offset: 100, ..top };
    let other = Position { epoch: Epoch::from_number(1), offset: 4 };
    let behind = Position { offset: 1, ..top };
    for (position, expected) in [(behind, Some(evicted)), (ahead, None), (other, None)] {
        let start = store.resolve(now, &topic("a"), From::Position(position)).await.expect("resolves");
        let gap = start.gap.expect("a gap");
        assert!(!start.recovered);
        assert_eq!(start.position, gap.position);
        reader.cursor = position;
        assert_eq!(reader.gap().await, gap, "reading tells the same");
        match expected {
            Some(expected) => assert_eq!(gap, expected),
            None => {
                assert_eq!((gap.from, gap.to, gap.reason), (position.offset + 1, None, GapReason::Epoch));
            }
        }
        assert_eq!(offsets(&reader.records(5).await), [4, 5, 6, 7, 8], "and nothing kept is missed");
    }
}

pub async fn a_topic_that_is_not_there_reads_as_an_empty_log(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let now = now();
    let mut start = None;
    for from in [From::Latest, From::Earliest, From::Last(3)] {
        let resolved = store.resolve(now, &topic("a"), from).await.expect("resolves");
        assert_eq!((resolved.position.offset, resolved.gap), (0, None));
        start = Some(resolved.position);
    }
    let start = start.expect("a start");
    let read = store.read(&topic("a"), start, BatchLimit::default()).await.expect("reads");
    assert_eq!(read, Read::UpToDate);
    let empty = page(&store, now, "a", HistoryRange::Before(u64::MAX), 10).await;
    assert!(empty.entries.is_empty() && !empty.more);
    assert_eq!(
        append_all(&store, now, "a", 2).await,
        Position { offset: 2, ..start },
        "and goes on as that log"
    );
}

pub async fn batches_keep_to_their_limits_but_one_record_always_fits(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let now = now();
    let top = append_all(&store, now, "a", 50).await;
    Reader::start(&store, now, "a", From::Earliest).await.records(50).await;
    let at = |offset| Position { offset, ..top };
    for (after, bytes, records, expected) in
        [(10, usize::MAX, 3, vec![11, 12, 13]), (10, 1, 100, vec![11]), (48, usize::MAX, 100, vec![49, 50])]
    {
        let limit = BatchLimit { bytes, records };
        let read = store.read(&topic("a"), at(after), limit).await.expect("reads");
        let Read::Batch(batch) = read else { panic!("{read:?}") };
        assert_eq!(offsets(&batch.entries), expected);
        assert_eq!(batch.last, at(*expected.last().expect("one")));
        assert_eq!(batch.more, batch.last != top);
        assert_eq!(batch.bytes, batch.entries.iter().map(|entry| entry.encoded.len()).sum::<usize>());
    }
}

pub async fn history_pages_lie_on_either_side_of_an_offset(factory: &impl Factory) {
    let store = factory.open(keeping(Retention { records: 10, ..roomy() })).await;
    let now = now();
    append_all(&store, now, "a", 20).await;
    Reader::start(&store, now, "a", From::Earliest).await.records(10).await;
    for (range, limit, expected, more) in [
        (HistoryRange::Before(u64::MAX), 3, vec![18, 19, 20], true),
        (HistoryRange::Before(13), 10, vec![11, 12], false),
        (HistoryRange::Before(11), 10, vec![], false),
        (HistoryRange::Before(0), 10, vec![], false),
        (HistoryRange::After(0), 2, vec![11, 12], true),
        (HistoryRange::After(18), 10, vec![19, 20], false),
        (HistoryRange::After(20), 10, vec![], false),
        (HistoryRange::After(u64::MAX), 10, vec![], false),
    ] {
        let got = page(&store, now, "a", range, limit).await;
        assert_eq!((offsets(&got.entries), got.more), (expected, more), "{range:?} {limit}");
    }
}

pub async fn an_append_marks_who_watches_that_topic_until_the_watch_ends(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let (now, wakeup) = (now(), Wakeup::new());
    let a = store.watch(now, &topic("a"), &wakeup, 0).expect("watches");
    let _b = store.watch(now, &topic("b"), &wakeup, 127).expect("watches");
    let marks = async || {
        let marked = async {
            loop {
                let marks = wakeup.take();
                if !marks.is_empty() {
                    return marks;
                }
                wakeup.marked().await;
            }
        };
        tokio::time::timeout(PATIENCE, marked).await.expect("is marked")
    };
    append(&store, now, "a", record("x")).await;
    let marked = marks().await;
    assert!(marked.contains(0) && !marked.contains(127));
    drop(a);
    append(&store, now, "a", record("x")).await;
    append(&store, now, "b", record("x")).await;
    let marked = marks().await;
    assert!(marked.contains(127) && !marked.contains(0), "a dropped watch marks no more");
}

pub async fn who_watches_is_woken_when_asked(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let wakeup = Wakeup::new();
    let _watch = store.watch(now(), &topic("a"), &wakeup, 3).expect("watches");
    store.wake(&topic("b"));
    store.wake(&topic("a"));
    tokio::time::timeout(PATIENCE, wakeup.marked()).await.expect("is marked");
    assert!(wakeup.take().contains(3));
}

pub async fn a_reader_at_the_tail_gets_everything_while_others_publish(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let now = now();
    let mut reader = Reader::start(&store, now, "a", From::Latest).await;
    let (entries, _) = join(reader.records(300), append_all(&store, now, "a", 300)).await;
    assert_eq!(offsets(&entries), (1..=300).collect::<Vec<u64>>());
}

pub async fn ephemeral_messages_reach_who_is_there_and_are_not_logged(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let (now, a) = (now(), topic("a"));
    let send = async |text: &str| {
        let message = Ephemeral { time: now, payload: Payload::text(text), from: Some("ada".into()) };
        store.send_ephemeral(&a, message.clone()).await.expect("sends");
        message
    };
    send("to nobody").await;
    let wakeup = Wakeup::new();
    let _watch = store.watch(now, &a, &wakeup, 5).expect("watches");
    let (none, number) = store.read_ephemeral(&a, u64::MAX);
    assert_eq!(none, []);
    let sent = send("to one").await;
    let received = async {
        loop {
            let (messages, next) = store.read_ephemeral(&a, number);
            if !messages.is_empty() {
                return (messages, next);
            }
            wakeup.marked().await;
        }
    };
    let (messages, next) = tokio::time::timeout(PATIENCE, received).await.expect("it comes");
    assert_eq!(messages, [sent]);
    assert_eq!(store.read_ephemeral(&a, next), (Vec::new(), next));
    assert_eq!(kept(&store, now, "a").await, [0; 0]);
}
