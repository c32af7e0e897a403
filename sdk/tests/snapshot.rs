//! The snapshot hook and conflation: state that is loaded beside the messages, and messages that are state.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
};

use common::{Numbered, builder, client, find, messages, numbers, publish, subscribed, topic, within};
use everwire::{Client, Event, From, HistoryRange, Position, Snapshot, Subscription, Transport};
use futures::StreamExt;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// The state of a topic of numbers: how many there are. It stands in the topic's own history.
async fn load(client: &Client, topic: &str) -> Snapshot<u64> {
    let page = client.history_raw(topic, HistoryRange::Before(u64::MAX), 1).await.expect("a page");
    let last = page.messages.last().expect("a message");
    Snapshot { state: last.offset, position: Some(Position { epoch: last.epoch, offset: last.offset }) }
}

/// The next snapshot; no message may come before it.
async fn snapshot<S>(room: &mut Subscription<Numbered, S>) -> S {
    find(room, "a snapshot", |event| match event {
        Event::Snapshot(state) => Some(state),
        Event::Message(message) => unreachable!("{} came before the snapshot", message.offset),
        _ => None,
    })
    .await
}

#[wasm_bindgen_test]
async fn invariants_1_and_2_what_is_published_while_a_snapshot_loads_is_in_it_or_follows_it_once() {
    let (reader, writer, topic) = (client(Transport::WebSocket), client(Transport::WebSocket), topic("race"));
    publish(&writer, &topic, 0..5).await;
    let hook = {
        let (writer, topic) = (writer.clone(), topic.clone());
        move |position: Position| {
            let (writer, topic) = (writer.clone(), topic.clone());
            async move {
                assert_eq!(position.offset, 5, "the position comes first");
                publish(&writer, &topic, 5..8).await;
                let snapshot = load(&writer, &topic).await;
                publish(&writer, &topic, 8..10).await;
                Ok::<_, String>(snapshot)
            }
        }
    };
    let mut room = reader.subscribe::<Numbered>(&topic).snapshot(hook).open();
    assert_eq!(snapshot(&mut room).await, 8);
    publish(&writer, &topic, 10..12).await;
    assert_eq!(numbers(messages(&mut room, 4).await), [8, 9, 10, 11]);
    assert_eq!(reader.stats().repeats, 0);
}

#[wasm_bindgen_test]
async fn a_snapshot_that_knows_no_position_is_followed_by_all_since_the_question() {
    let (client, topic) = (client(Transport::WebSocket), topic("no-position"));
    publish(&client, &topic, 0..3).await;
    let hook = {
        let (client, topic) = (client.clone(), topic.clone());
        move |_| {
            let (client, topic) = (client.clone(), topic.clone());
            async move {
                publish(&client, &topic, 3..5).await;
                Ok::<_, String>(Snapshot { state: "state", position: None })
            }
        }
    };
    let mut room = client.subscribe::<Numbered>(&topic).snapshot(hook).open();
    assert_eq!(snapshot(&mut room).await, "state");
    assert_eq!(numbers(messages(&mut room, 2).await), [3, 4]);
}

#[wasm_bindgen_test]
async fn a_hook_that_fails_is_told_of_and_asked_again_and_messages_wait() {
    let (client, topic) = (client(Transport::WebSocket), topic("fails"));
    let calls = Rc::new(Cell::new(0));
    let hook = {
        let (client, topic, calls) = (client.clone(), topic.clone(), calls.clone());
        move |_| {
            let (client, topic, calls) = (client.clone(), topic.clone(), calls.clone());
            async move {
                let call = calls.replace(calls.get() + 1);
                publish(&client, &topic, call..call + 1).await;
                if call < 2 { Err("not now") } else { Ok(Snapshot { state: call, position: None }) }
            }
        }
    };
    let mut room = client.subscribe::<Numbered>(&topic).snapshot(hook).open();
    for attempt in 1..=2 {
        let failure = find(&mut room, "a failure", |event| match event {
            Event::SnapshotFailed(error) => Some(error),
            Event::Message(message) => unreachable!("{} did not wait", message.offset),
            _ => None,
        })
        .await;
        assert_eq!((failure.message.as_str(), failure.attempt), ("not now", attempt));
    }
    assert_eq!(snapshot(&mut room).await, 2);
    assert_eq!(numbers(messages(&mut room, 3).await), [0, 1, 2]);
}

#[wasm_bindgen_test]
async fn a_gap_asks_for_a_snapshot_again_in_its_place() {
    let (reader, writer, topic) = (client(Transport::WebSocket), client(Transport::WebSocket), topic("gap"));
    publish(&writer, &topic, 0..3).await;
    let asked = Rc::new(RefCell::new(Vec::new()));
    let hook = {
        let (writer, topic, asked) = (writer.clone(), topic.clone(), asked.clone());
        move |position: Position| {
            asked.borrow_mut().push(position.offset);
            let (writer, topic) = (writer.clone(), topic.clone());
            async move { Ok::<_, String>(load(&writer, &topic).await) }
        }
    };
    let mut room = reader.subscribe::<Numbered>(&topic).snapshot(hook).open();
    assert_eq!(snapshot(&mut room).await, 3);

    // More than the server keeps of a topic.
    reader.go_offline(true);
    publish(&writer, &topic, 3..800).await;
    publish(&writer, &topic, 800..1_500).await;
    reader.go_offline(false);
    let gap = find(&mut room, "a gap", |event| match event {
        Event::Gap(gap) => Some(gap),
        Event::Message(message) => unreachable!("{} came before the gap", message.offset),
        _ => None,
    })
    .await;
    assert_eq!(snapshot(&mut room).await, 1_500);
    assert_eq!(*asked.borrow(), [3, gap.position.offset]);
    publish(&writer, &topic, 1_500..1_502).await;
    assert_eq!(numbers(messages(&mut room, 2).await), [1_500, 1_501], "what it covers does not come again");
}

#[wasm_bindgen_test]
async fn invariant_8_a_hook_under_way_ends_with_its_client() {
    let (client, topic) = (client(Transport::WebSocket), topic("hangs"));
    let held = Rc::new(());
    let hook = {
        let held = held.clone();
        move |_| {
            let held = held.clone();
            async move {
                pending::<()>().await;
                drop(held);
                Ok::<_, String>(Snapshot { state: (), position: None })
            }
        }
    };
    let mut room = client.subscribe::<Numbered>(&topic).snapshot(hook).open();
    subscribed(&mut room).await;
    publish(&client, &topic, 0..2).await;
    let rest = async {
        let close = async {
            common::pause(50).await;
            client.close();
        };
        futures::future::join(room.collect::<Vec<_>>(), close).await.0
    };
    let rest = within("the stream's end", rest).await;
    assert!(rest.iter().all(|event| !matches!(event, Event::Message(_))), "{rest:?}");
    assert_eq!(Rc::strong_count(&held), 1, "the hook is let go of");
}

#[wasm_bindgen_test]
async fn conflated_under_load_the_newest_of_each_key_comes_in_order_and_the_topic_goes_on() {
    const KEYS: u32 = 10;
    const ALL: u32 = 3_000;
    let (writer, topic) = (client(Transport::WebSocket), topic("conflate"));
    let reader = builder(Transport::WebSocket).config(|config| config.flow.messages = 100).connect();
    let mut room = reader.subscribe::<Numbered>(&topic).conflate(true).open();
    subscribed(&mut room).await;
    // As many at a time as the outbox takes.
    for first in (0..ALL).step_by(1_000) {
        let one = |n: u32| writer.publish(&topic, &Numbered { n }).key(&(n % KEYS).to_string());
        let sent = (first..first + 1_000).map(one);
        for result in within("acks", futures::future::join_all(sent)).await {
            result.expect("an ack");
        }
    }
    let last = writer.publish(&topic, &Numbered { n: ALL });
    within("the ack", last).await.expect("an ack");
    // Far more than may wait, while the app takes nothing.
    let arrived = async {
        while reader.stats().messages_received <= u64::from(ALL) {
            common::pause(5).await;
        }
    };
    within("the last", arrived).await;

    let mut taken = Vec::new();
    while taken.last() != Some(&ALL) {
        let event = within("an event", room.next()).await.expect("an event");
        let Event::Message(message) = event else { unreachable!("{event:?}") };
        taken.push(message.data.expect("a number").n);
    }
    assert_eq!(taken, (ALL - KEYS..=ALL).collect::<Vec<_>>(), "without a key it stays, too");
    assert_eq!(room.conflated(), u64::from(ALL - KEYS));
    assert_eq!(reader.conflated(), u64::from(ALL - KEYS));
    assert_eq!(reader.stats().gaps, 0);
}

#[wasm_bindgen_test]
async fn a_paused_subscription_gets_nothing_and_then_all() {
    let (client, topic) = (client(Transport::WebSocket), topic("pause"));
    let mut room = client.subscribe::<Numbered>(&topic).open();
    let mut other = client.subscribe::<Numbered>(&topic).from(From::Earliest).open();
    subscribed(&mut room).await;
    subscribed(&mut other).await;
    room.pause();
    publish(&client, &topic, 0..50).await;
    assert_eq!(numbers(messages(&mut other, 50).await), (0..50).collect::<Vec<_>>());
    assert!(futures::FutureExt::now_or_never(room.next()).is_none());
    room.resume();
    assert_eq!(numbers(messages(&mut room, 50).await), (0..50).collect::<Vec<_>>());
}
