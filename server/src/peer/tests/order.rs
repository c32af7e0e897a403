//! The order of publishes when the store takes some of them later (invariant 3).

use super::*;
use crate::guard::{Address, GuardLimits, Guards, Quota};

/// A store with room for one topic, and a reader that keeps it taken until it goes.
fn full() -> (Arc<Hub<MemoryStore>>, TestPeer) {
    let store = MemoryStore::new(1, MemoryLimits { topics: 1, ..MemoryLimits::default() });
    let presence = Presence::new(10_000, 1);
    let hub = Arc::new(Hub::new(store, presence, Arc::new(Open::default()), PeerRules::default()));
    let mut reader = connect(&hub, "reader");
    subscribe(&mut reader, "taken", From::Latest, false);
    pull_all(&mut reader, 0);
    (hub, reader)
}

fn publish_all(peer: &mut TestPeer, now: u64, numbers: std::ops::RangeInclusive<usize>) -> Vec<ServerFrame> {
    for number in numbers {
        let id = format!("ada.{number}");
        say(peer, now, publish(&id, "a", Payload::text(id.clone())));
    }
    pull_all(peer, now)
}

fn log_of(hub: &Hub<MemoryStore>, name: &str) -> Vec<String> {
    let page = hub.store.history(0, &topic(name), HistoryRange::After(0), 1_000).now_or_never();
    let text = |data: &[u8]| String::from_utf8(data.to_vec()).expect("text");
    let entries = page.expect("at once").expect("a page").entries;
    entries.iter().map(|entry| text(&entry.record.payload.data)).collect()
}

#[test]
fn invariant_3_what_was_sent_behind_a_publish_that_is_refused_for_now_does_not_overtake_it() {
    let (hub, mut reader) = full();
    let mut ada = connect(&hub, "ada");
    let refused = publish_all(&mut ada, 0, 1..=2);
    assert_eq!(codes(&refused), [Code::UNAVAILABLE; 2]);
    assert!(matches!(&refused[..], [
        ServerFrame::Error { message: first, retry_after: Some(_), .. },
        ServerFrame::Error { message: second, retry_after: Some(_), .. },
    ] if first == second));
    // There is room again, and what was under way arrives.
    say(&mut reader, 0, ClientFrame::Unsubscribe { topic: topic("taken") });
    assert_eq!(codes(&publish_all(&mut ada, 2_000, 3..=4)), [Code::UNAVAILABLE; 2]);
    assert!(log_of(&hub, "a").is_empty());
    assert_eq!(codes(&publish_all(&mut ada, 2_000, 1..=5)), []);
    assert_eq!(log_of(&hub, "a"), ["ada.1", "ada.2", "ada.3", "ada.4", "ada.5"]);
}

#[test]
fn ephemeral_messages_wait_for_nothing_and_a_new_connection_begins_anew() {
    let (hub, mut reader) = full();
    let mut ada = connect(&hub, "ada");
    publish_all(&mut ada, 0, 1..=1);
    say(&mut reader, 0, ClientFrame::Unsubscribe { topic: topic("taken") });
    let ClientFrame::Publish { topic, id, payload, key, .. } = publish("ada.2", "a", Payload::json("1"))
    else {
        panic!()
    };
    say(&mut ada, 2_000, ClientFrame::Publish { topic, id, payload, key, ephemeral: true });
    assert!(matches!(pull_all(&mut ada, 2_000)[..], [ServerFrame::Ack { position: None, .. }]));
    let mut again = connect(&hub, "ada");
    assert_eq!(codes(&publish_all(&mut again, 2_000, 3..=3)), []);
}

#[test]
fn invariant_5_a_client_that_sends_on_and_on_is_told_to_begin_anew() {
    let (hub, _reader) = full();
    let mut ada = connect(&hub, "ada");
    let refused = publish_all(&mut ada, 0, 1..=3_000);
    assert!(codes(&refused).iter().all(|code| *code == Code::UNAVAILABLE));
    assert_eq!(ada.closing().map(|closing| closing.code), Some(Code::RATE_LIMITED));
}

#[test]
fn invariant_3_a_publisher_that_is_too_quick_keeps_its_order() {
    let limits = GuardLimits { publishes: Quota::new(2, 4), ..GuardLimits::default() };
    let presence = Presence::new(10_000, 1);
    let store = MemoryStore::new(1, MemoryLimits::default());
    let hub = Hub::new(store, presence, Arc::new(Open::default()), PeerRules::default());
    let hub = Arc::new(hub.with_guards(Guards::new(&limits)));
    let mut ada = connect(&hub, "ada");
    ada.comes_from(Some(Address::of([192, 0, 2, 1].into())));
    // As a client does: all that waits is sent again, in order, inside the window that it was told.
    let (mut now, mut taken) = (1_000, 0);
    while taken < 20 {
        let answers = publish_all(&mut ada, now, taken + 1..=20);
        let acked = answers.iter().filter(|answer| matches!(answer, ServerFrame::Ack { .. })).count();
        assert!(acked > 0, "who comes inside the window gets on");
        assert_eq!(codes(&answers), vec![Code::RATE_LIMITED; 20 - taken - acked]);
        taken += acked;
        let window = answers.iter().rev().find_map(|answer| match answer {
            ServerFrame::Error { retry_after, .. } => *retry_after,
            _ => None,
        });
        now += window.map_or(0, |window| u64::from(window.min));
    }
    let expected: Vec<_> = (1..=20).map(|number| format!("ada.{number}")).collect();
    assert_eq!(log_of(&hub, "a"), expected);
    assert!(now >= 8_000, "16 publishes after the burst take 8 s: {now}");
}
