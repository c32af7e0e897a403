//! What a store keeps, and for how long: records by count, bytes and age, idempotency keys by count and age.

use super::*;

pub async fn retention_evicts_by_count(factory: &impl Factory) {
    let store = factory.open(keeping(Retention { records: 5, ..roomy() })).await;
    let now = now();
    append_all(&store, now, "a", 8).await;
    assert_eq!(kept(&store, now, "a").await, [4, 5, 6, 7, 8]);
}

pub async fn retention_evicts_by_bytes_but_keeps_the_newest(factory: &impl Factory) {
    let store = factory.open(keeping(Retention { bytes: 100, ..roomy() })).await;
    let now = now();
    for _ in 0..10 {
        append(&store, now, "a", record(&"x".repeat(38))).await;
    }
    assert_eq!(kept(&store, now, "a").await, [9, 10], "two records of some 46 bytes fit into 100");
    append(&store, now, "a", record(&"y".repeat(1_000))).await;
    assert_eq!(kept(&store, now, "a").await, [11], "whatever its size");
}

pub async fn retention_evicts_by_age_and_offsets_go_on(factory: &impl Factory) {
    let store = factory.open(keeping(Retention { age: 60_000, ..roomy() })).await;
    let now = now();
    append(&store, now, "a", record("old")).await;
    let second = append(&store, now + 30_000, "a", record("young")).await.position;
    assert_eq!(kept(&store, now + 59_999, "a").await, [1, 2]);
    assert_eq!(kept(&store, now + 60_000, "a").await, [2]);
    assert_eq!(kept(&store, now + 90_000, "a").await, [0; 0]);
    let start = store.resolve(now + 90_000, &topic("a"), From::Latest).await.expect("resolves");
    assert_eq!(start.position, second, "the top stays");
    let third = append(&store, now + 90_000, "a", record("new")).await.position;
    assert_eq!(third, Position { offset: 3, ..second });
}

pub async fn retention_by_pattern_count_bytes_and_age_hold_together(factory: &impl Factory) {
    let small = Retention { records: 6, bytes: 145, age: 60_000 };
    let patterns = vec![("small:*".parse().expect("a pattern"), small)];
    let retention = RetentionRules { default: roomy(), patterns };
    let store = factory.open(MemoryLimits { retention, ..MemoryLimits::default() }).await;
    let now = now();
    let (name, long) = ("small:a", "x".repeat(38));
    append_all(&store, now, "other", 10).await;
    append_all(&store, now, name, 10).await;
    assert_eq!(kept(&store, now, name).await, [5, 6, 7, 8, 9, 10], "by count");
    for _ in 0..3 {
        append(&store, now + 10_000, name, record(&long)).await;
    }
    assert_eq!(kept(&store, now + 10_000, name).await, [11, 12, 13], "by bytes");
    append(&store, now + 65_000, name, record("y")).await;
    assert_eq!(kept(&store, now + 65_000, name).await, [12, 13, 14], "by bytes again");
    assert_eq!(kept(&store, now + 70_000, name).await, [14], "by age");
    assert_eq!(kept(&store, now + 70_000, "other").await.len(), 10);
}

pub async fn invariant_5_keys_are_forgotten_by_count_and_by_age(factory: &impl Factory) {
    let limits = MemoryLimits { keys: KeyLimits { count: 4, age: 60_000 }, ..keeping(roomy()) };
    let store = factory.open(limits).await;
    let now = now();
    for n in 0..5 {
        append(&store, now, "a", with_id("x", None, &format!("k.{n}"))).await;
    }
    assert!(append(&store, now, "a", with_id("x", None, "k.4")).await.repeated);
    assert!(!append(&store, now, "a", with_id("x", None, "k.0")).await.repeated, "the fifth drove it out");
    assert!(append(&store, now + 59_999, "a", with_id("x", None, "k.4")).await.repeated);
    assert!(!append(&store, now + 60_000, "a", with_id("x", None, "k.4")).await.repeated, "its time is over");
}

pub async fn invariant_4_a_key_outlives_its_record(factory: &impl Factory) {
    let store = factory.open(keeping(Retention { records: 1, ..roomy() })).await;
    let now = now();
    let first = append(&store, now, "a", with_id("x", None, "k.1")).await;
    append(&store, now, "a", record("evicts it")).await;
    let again = append(&store, now, "a", with_id("x", None, "k.1")).await;
    assert_eq!(again, Appended { repeated: true, ..first });
}
