//! What waits stays bounded, in order and true.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Wake,
};

use everwire_protocol::{Member, Position};
use wasm_bindgen_test::wasm_bindgen_test;

use super::*;
use crate::{Error, event::Ephemeral};

fn epoch() -> Epoch {
    Epoch::from_number(1)
}

fn records(offsets: std::ops::Range<u64>) -> Vec<Record> {
    let record =
        |offset| Record { offset, time: 0, payload: Payload::text("four"), key: None, from: None, id: None };
    offsets.map(record).collect()
}

fn member(name: u32) -> Member {
    Member { id: name.to_string().into(), subject: None, info: None }
}

fn ephemeral(time: u64) -> Event<Payload> {
    Event::Ephemeral(Ephemeral { data: Ok(Payload::text("")), time, from: None })
}

/// The newest values of some keys; the empty key stands for none.
fn keyed(values: &[(u64, &str)]) -> Vec<Record> {
    let record = |&(offset, key): &(u64, &str)| Record {
        key: (!key.is_empty()).then(|| key.into()),
        ..records(offset..offset + 1).remove(0)
    };
    values.iter().map(record).collect()
}

fn offsets(queue: &mut Queue) -> Vec<u64> {
    let offset = |event| match event {
        Event::Message(message) => message.offset,
        _ => 0,
    };
    drain(queue).into_iter().map(offset).collect()
}

/// Keeps the list of members that an app keeps.
fn follow(there: &mut Vec<Member>, queue: &mut Queue) {
    for event in drain(queue) {
        match event {
            Event::Members(members) => *there = members,
            Event::Join(member) => {
                there.retain(|other| other.id != member.id);
                there.push(member);
            }
            Event::Leave(member) => there.retain(|other| other.id != member.id),
            _ => {}
        }
    }
}

fn drain(queue: &mut Queue) -> Vec<Event<Payload>> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_taken_is_reported_once_for_each_batch() {
    let mut queue = Queue::default();
    let _ = queue.push_records(epoch(), records(1..4));
    let _ = queue.push_records(epoch(), records(4..5));
    let mut reports = Vec::new();
    while queue.pop().is_some() {
        reports.push(queue.taken().map(|taken| (taken.messages, taken.bytes)));
    }
    assert_eq!(reports, [None, None, Some((3, 12)), Some((1, 4))]);
    assert!(queue.taken().is_none());
}

#[wasm_bindgen_test(unsupported = test)]
fn events_keep_their_place_among_the_messages() {
    let mut queue = Queue::default();
    let _ = queue.push_records(epoch(), records(1..3));
    let _ = queue.push(Event::Join(member(1)));
    let _ = queue.push_records(epoch(), records(3..4));
    let kinds: Vec<_> = drain(&mut queue)
        .iter()
        .map(|event| match event {
            Event::Message(message) => message.offset,
            _ => 0,
        })
        .collect();
    assert_eq!(kinds, [1, 2, 0, 3]);
}

#[wasm_bindgen_test(unsupported = test)]
fn invariant_5_ephemerals_that_wait_are_bounded_and_the_newest_stay() {
    let mut queue = Queue::default();
    for time in 0..1_000 {
        let _ = queue.push(ephemeral(time));
    }
    let times = |queue: &mut Queue| -> Vec<u64> {
        drain(queue)
            .into_iter()
            .filter_map(|event| match event {
                Event::Ephemeral(ephemeral) => Some(ephemeral.time),
                _ => None,
            })
            .collect()
    };
    assert_eq!(times(&mut queue), (1_000 - EPHEMERALS as u64..1_000).collect::<Vec<_>>());
    let _ = queue.push(ephemeral(7));
    assert_eq!(times(&mut queue), [7]);
}

#[wasm_bindgen_test(unsupported = test)]
fn invariant_5_comings_and_goings_that_wait_are_bounded_and_stay_true() {
    let mut queue = Queue::default();
    let _ = queue.push(Event::Members(vec![member(0)]));
    for name in 1..10_000 {
        let _ = queue.push(Event::Join(member(name)));
        let _ = queue.push(Event::Leave(member(name)));
    }
    let _ = queue.push(Event::Join(member(77)));
    assert!(queue.entries.len() <= PRESENCE_DETAIL + 2);

    let mut there = Vec::new();
    follow(&mut there, &mut queue);
    assert_eq!(there, [member(0), member(77)]);
}

#[wasm_bindgen_test(unsupported = test)]
fn invariant_5_who_left_at_last_is_no_ghost_whatever_came_before() {
    let knows = |name| Member { info: Some("new".into()), ..member(name) };
    // By what waits, and by what was taken.
    for taken in [false, true] {
        let (mut queue, mut there) = (Queue::default(), Vec::new());
        let _ = queue.push(Event::Members(vec![member(0), member(1), member(2)]));
        if taken {
            follow(&mut there, &mut queue);
        }
        // In detail still, and told in order.
        let _ = queue.push(Event::Join(member(3)));
        let _ = queue.push(Event::Leave(member(3)));
        for offset in 0..PRESENCE_DETAIL as u64 {
            let _ = queue.push_records(epoch(), records(offset..offset + 1));
        }
        for _ in 0..100 {
            let _ = queue.push(Event::Leave(member(1)));
            let _ = queue.push(Event::Join(member(1)));
            let _ = queue.push(Event::Join(knows(2)));
            let _ = queue.push(Event::Join(member(3)));
            let _ = queue.push(Event::Leave(member(3)));
            let _ = queue.push(Event::Join(member(4)));
            let _ = queue.push(Event::Join(knows(4)));
        }
        for name in [1, 2] {
            let _ = queue.push(Event::Leave(member(name)));
        }
        assert!(queue.entries.len() <= PRESENCE_DETAIL + 6);
        follow(&mut there, &mut queue);
        assert_eq!(there, [member(0), knows(4)], "taken: {taken}");
        assert_eq!(queue.seen, [member(0).id, member(4).id]);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_link_that_comes_and_goes_leaves_one_event() {
    let mut queue = Queue::default();
    for offset in 0..100 {
        let position = Position { epoch: epoch(), offset };
        let _ = queue.push(Event::Subscribed { position, recovered: true });
    }
    assert_eq!(drain(&mut queue).len(), 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn invariant_5_a_link_that_comes_and_goes_with_its_members_leaves_one_event_of_each() {
    let position = |offset| Position { epoch: epoch(), offset };
    let mut queue = Queue::default();
    for half in [0, 100] {
        for offset in half..half + 100 {
            let _ = queue.push(Event::Subscribed { position: position(offset), recovered: true });
            let _ = queue.push(Event::Members(vec![member(0)]));
            let _ = queue.push(Event::Join(member(1)));
        }
        let _ = queue.push_records(epoch(), records(half..half + 1));
    }
    let told: Vec<_> = drain(&mut queue)
        .into_iter()
        .map(|event| match event {
            Event::Subscribed { position, .. } => position.offset,
            Event::Members(_) => 1_000,
            Event::Join(_) => 1_001,
            Event::Message(_) => 1_002,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [99, 1_002, 199, 1_000, 1_001, 1_002]);
}

#[wasm_bindgen_test(unsupported = test)]
fn whoever_waits_is_woken_once_by_what_comes_or_by_the_end() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let mut queue = Queue::default();
    let woken = |waker: Option<Waker>| waker.map(Waker::wake).is_some();

    queue.wait(&waker);
    assert!(woken(queue.push_records(epoch(), records(1..2))));
    assert!(!woken(queue.push(ephemeral(0))), "it has been woken");
    queue.wait(&waker);
    assert!(woken(queue.push(Event::Failed(Error::Closed))));
    assert!(queue.is_ended() && !queue.is_empty());
    queue.wait(&waker);
    assert!(woken(queue.end()));
    assert_eq!(count.0.load(Ordering::Relaxed), 3);
}

#[wasm_bindgen_test(unsupported = test)]
fn conflated_the_newest_of_each_key_stays_in_its_order_and_what_has_none_stays() {
    let mut queue = Queue::default();
    queue.conflate();
    let _ = queue.push_records(epoch(), keyed(&[(1, "a"), (2, ""), (3, "b"), (4, "a")]));
    let _ = queue.push(Event::Join(member(1)));
    let _ = queue.push_records(epoch(), keyed(&[(5, "c"), (6, "b"), (7, ""), (8, "b")]));
    assert_eq!(queue.conflated(), 3);
    assert_eq!(queue.take_conflated().map(|taken| (taken.messages, taken.bytes)), Some((3, 12)));
    assert!(queue.take_conflated().is_none());
    assert_eq!(offsets(&mut queue), [2, 4, 0, 5, 7, 8]);
    assert_eq!(queue.taken().map(|taken| taken.messages), Some(5), "each counts once");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_batch_that_is_half_taken_conflates_in_what_is_left_of_it() {
    let mut queue = Queue::default();
    queue.conflate();
    let _ = queue.push_records(epoch(), keyed(&[(1, "a"), (2, "b"), (3, "c")]));
    assert!(matches!(queue.pop(), Some(Event::Message(message)) if message.offset == 1));
    let _ = queue.push_records(epoch(), keyed(&[(4, "a"), (5, "b")]));
    assert_eq!(queue.conflated(), 1, "what the app has is no longer the queue's");
    assert_eq!(offsets(&mut queue), [3, 4, 5]);
}

#[wasm_bindgen_test(unsupported = test)]
fn invariant_5_a_key_that_changes_for_ever_leaves_one_entry() {
    let mut queue = Queue::default();
    queue.conflate();
    for offset in 1..=10_000 {
        let _ = queue.push_records(epoch(), keyed(&[(offset, "a")]));
    }
    assert_eq!((queue.entries.len(), queue.conflated()), (1, 9_999));
    assert_eq!(offsets(&mut queue), [10_000]);
}
