//! What an append promises: offsets, content, and that a key takes effect once.

use everwire_protocol::{Kind, binary};
use futures::future::join_all;

use super::*;

pub async fn offsets_are_contiguous_from_1_in_each_topic(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let now = now();
    for offset in 1..=5 {
        for name in ["a", "b:c", "$d"] {
            let appended = append(&store, now, name, record("x")).await;
            assert_eq!((appended.position.offset, appended.repeated), (offset, false));
        }
    }
    assert_eq!(kept(&store, now, "b:c").await, [1, 2, 3, 4, 5]);
}

pub async fn what_was_published_comes_back_as_it_was(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let now = now();
    let full = NewRecord {
        payload: Payload::json(r#"{"a":"ä"}"#),
        key: Some("k".into()),
        from: Some("ada".into()),
        id: PublishId::new("id.1").ok(),
    };
    let published = [
        full,
        NewRecord { payload: Payload::bytes(vec![0, 255, b'\r', b'\n', 0]), ..record("") },
        NewRecord { payload: Payload::bytes(vec![7; 60_000]), key: Some("ключ".into()), ..record("") },
        record(""),
    ];
    for new in &published {
        append(&store, now, "a", new.clone()).await;
    }
    let mut reader = Reader::start(&store, now, "a", From::Earliest).await;
    let entries = reader.records(published.len()).await;
    for (entry, new) in entries.iter().zip(&published) {
        let record = &entry.record;
        assert_eq!((&record.payload, &record.key), (&new.payload, &new.key));
        assert_eq!((&record.from, &record.id), (&new.from, &new.id));
        assert!(record.time >= now, "{} is before {now}", record.time);
        let mut encoded = Vec::new();
        binary::encode_record(record, &mut encoded);
        assert_eq!(entry.encoded, encoded);
    }
    assert_eq!(entries[0].record.payload.kind, Kind::Json);
    let newest = page(&store, now, "a", HistoryRange::Before(u64::MAX), 10).await;
    assert_eq!(newest.entries.last(), entries.last());
}

pub async fn invariant_4_a_repeated_key_appends_nothing_and_gets_the_first_position(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let now = now();
    let first = append(&store, now, "a", with_id("x", Some("ada"), "k.1")).await;
    append(&store, now, "a", record("between")).await;
    let again = append(&store, now + 1, "a", with_id("x", Some("ada"), "k.1")).await;
    assert_eq!(again, Appended { repeated: true, ..first });
    assert_eq!(kept(&store, now, "a").await, [1, 2]);
    for (name, from) in [("a", Some("eve")), ("a", None), ("b", Some("ada"))] {
        let other = append(&store, now, name, with_id("x", from, "k.1")).await;
        assert!(!other.repeated, "a key is its publisher's and its topic's: {name} {from:?}");
    }
}

pub async fn invariant_4_many_publishers_of_one_key_append_once(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let now = now();
    let appends = (0..20).map(|_| append(&store, now, "a", with_id("x", None, "k.1")));
    let appended = join_all(appends).await;
    assert_eq!(appended.iter().filter(|appended| !appended.repeated).count(), 1);
    assert!(appended.iter().all(|one| one.position == appended[0].position));
    assert_eq!(kept(&store, now, "a").await, [1]);
}

pub async fn many_publishers_at_once_leave_no_hole_and_lose_nothing(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    let now = now();
    let publisher = |name: usize| {
        let store = &store;
        async move {
            let mut positions = Vec::new();
            for n in 0..25 {
                let id = format!("{name}.{n}");
                positions.push(append(store, now, "a", with_id(&id, None, &id)).await.position.offset);
            }
            assert!(positions.is_sorted(), "a publisher's order is the log's");
            positions
        }
    };
    let positions = join_all((0..16).map(publisher)).await;
    let mut all: Vec<_> = positions.iter().flatten().copied().collect();
    all.sort_unstable();
    let expected: Vec<u64> = (1..=400).collect();
    assert_eq!(all, expected);
    let mut reader = Reader::start(&store, now, "a", From::Earliest).await;
    let entries = reader.records(400).await;
    assert_eq!(offsets(&entries), expected);
    for (name, offsets) in positions.iter().enumerate() {
        for (n, offset) in offsets.iter().enumerate() {
            let record = &entries[*offset as usize - 1].record;
            assert_eq!(record.payload, Payload::text(format!("{name}.{n}")), "at the acked position");
        }
    }
}

pub async fn a_store_that_works_says_so(factory: &impl Factory) {
    let store = factory.open(keeping(roomy())).await;
    append(&store, now(), "a", record("x")).await;
    assert_eq!(store.health(), Ok(()));
}
