//! Every transport, in a real browser against the real server: the same behaviour over each.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use common::{builder, client, find, messages, numbers, publish, raw, subscribed, topic, until, within};
use everwire::{Event, From, HistoryRange, Kind, Payload, State, Transport};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

macro_rules! over_each_transport {
    ($($behaviour:ident),* $(,)?) => {
        over_each_transport!(@ websocket Transport::WebSocket; $($behaviour)*);
        over_each_transport!(@ sse Transport::Sse; $($behaviour)*);
        over_each_transport!(@ event_source Transport::EventSource; $($behaviour)*);
        over_each_transport!(@ long_poll Transport::LongPoll; $($behaviour)*);
        over_each_transport!(@ poll Transport::Poll; $($behaviour)*);
    };
    (@ $name:ident $transport:expr; $($behaviour:ident)*) => {
        mod $name {
            use super::*;
            $(
                #[wasm_bindgen_test]
                async fn $behaviour() {
                    super::$behaviour($transport).await;
                }
            )*
        }
    };
}

over_each_transport!(
    connects_and_says_how,
    publishes_and_receives,
    starts_where_it_is_told,
    invariants_1_to_3_a_cut_loses_and_repeats_nothing,
    carries_every_kind_of_payload_untouched,
    takes_a_thousand_messages_in_few_batches,
    reads_history_and_presence,
    delivers_ephemeral_messages,
);

async fn connects_and_says_how(transport: Transport) {
    let client = client(transport);
    // All but a WebSocket say what they want in the request, so they ask when there is something to ask for.
    let mut room = client.subscribe_raw(&topic("connect")).open();
    until(&client, State::Connected).await;
    subscribed(&mut room).await;
    assert_eq!(client.status().transport, Some(transport));
    assert_eq!(client.status().attempt, 0);
}

async fn publishes_and_receives(transport: Transport) {
    let (client, topic) = (client(transport), topic("publish"));
    let mut room = client.subscribe(&topic).open();
    assert!(!subscribed(&mut room).await, "a fresh subscription recovers nothing");

    let mut sent = client.publish(&topic, &common::Numbered { n: 7 }).key("seven");
    let id = sent.id().expect("an id");
    let position = within("the ack", sent).await.expect("an ack").expect("a position");

    let message = messages::<common::Numbered>(&mut room, 1).await.remove(0);
    assert_eq!(message.data, Ok(common::Numbered { n: 7 }));
    assert_eq!((message.offset, message.epoch), (position.offset, position.epoch));
    assert_eq!(message.id, Some(id));
    assert_eq!(message.key.as_deref(), Some("seven"));
    assert!(message.time > 1_600_000_000_000);
}

async fn starts_where_it_is_told(transport: Transport) {
    let (client, topic) = (client(transport), topic("from"));
    publish(&client, &topic, 0..5).await;
    let fourth = within("an ack", client.publish(&topic, &common::Numbered { n: 5 }))
        .await
        .expect("an ack")
        .map(|position| everwire::Position { offset: 4, ..position })
        .expect("a position");

    for (from, first) in [(From::Earliest, 0), (From::Last(2), 4), (From::Position(fourth), 4)] {
        let mut room = client.subscribe(&topic).from(from).open();
        let expected: Vec<u32> = (first..6).collect();
        assert_eq!(numbers(messages(&mut room, expected.len()).await), expected, "{from}");
    }
    let mut room = client.subscribe(&topic).from(From::Latest).open();
    subscribed(&mut room).await;
    publish(&client, &topic, 6..7).await;
    assert_eq!(numbers(messages(&mut room, 1).await), [6]);
}

async fn invariants_1_to_3_a_cut_loses_and_repeats_nothing(transport: Transport) {
    let (reader, writer) = (client(transport), client(Transport::WebSocket));
    let topic = topic("cut");
    let mut room = reader.subscribe(&topic).from(From::Earliest).open();
    subscribed(&mut room).await;

    let mut received = Vec::new();
    for round in 0..3 {
        publish(&writer, &topic, round * 100..round * 100 + 50).await;
        reader.cut();
        publish(&writer, &topic, round * 100 + 50..round * 100 + 100).await;
        received.extend(messages(&mut room, 100).await);
    }

    assert!(received.windows(2).all(|pair| pair[0].offset + 1 == pair[1].offset));
    assert_eq!(numbers(received), (0..300).collect::<Vec<_>>());
    let stats = reader.stats();
    assert!(stats.reconnects.total() >= 3, "{stats:?}");
    assert_eq!(stats.gaps, 0);
}

async fn carries_every_kind_of_payload_untouched(transport: Transport) {
    let (client, topic) = (client(transport), topic("payloads"));
    let mut room = client.subscribe_raw(&topic).open();
    subscribed(&mut room).await;
    let all: Vec<u8> = (0..=255).collect();
    for payload in [
        Payload::json(r#"{"text":"naïve 🦀 \u0000 \n","lines":[1,2.5e-3,null]}"#),
        Payload::json("{\n  \"pretty\": true\r\n}"),
        Payload::text("two\nlines\r\nand \u{feff} 漢字 \0 \r"),
        Payload::text(""),
        Payload::bytes(all),
        Payload::bytes(Vec::new()),
        Payload::json(format!("\"{}\"", "é".repeat(20_000))),
    ] {
        let sent = within("the ack", client.publish_raw(&topic, payload.clone())).await;
        sent.expect("an ack");
        assert_eq!(raw(&mut room).await, payload);
    }
}

async fn takes_a_thousand_messages_in_few_batches(transport: Transport) {
    let (writer, topic) = (client(Transport::WebSocket), topic("batch"));
    publish(&writer, &topic, 0..1_000).await;

    let reader = client(transport);
    let mut room = reader.subscribe(&topic).from(From::Earliest).open();
    let (mut received, mut batches) = (Vec::new(), 0);
    while received.len() < 1_000 {
        let batch = within("a batch", room.next_batch()).await.expect("a batch");
        batches += 1;
        for event in batch {
            match event {
                Event::Message(message) => received.push(message),
                Event::Subscribed { .. } => {}
                event => unreachable!("{event:?}"),
            }
        }
    }
    assert_eq!(numbers(received), (0..1_000).collect::<Vec<_>>());
    // The platform's event source dispatches each event on its own.
    assert!(batches <= 50 || transport == Transport::EventSource, "{batches} batches");
}

async fn reads_history_and_presence(transport: Transport) {
    let topic = topic("questions");
    let ada = builder(transport).info("Ada").connect();
    publish(&ada, &topic, 0..10).await;
    let page = within("a page", ada.history::<common::Numbered>(&topic, HistoryRange::Before(u64::MAX), 3))
        .await
        .expect("a page");
    assert!(page.more);
    assert_eq!(numbers(page.messages), [7, 8, 9]);
    let page = within("a page", ada.history_raw(&topic, HistoryRange::After(8), 100)).await.expect("a page");
    assert!(!page.more);
    assert_eq!(page.messages.iter().map(|message| message.offset).collect::<Vec<_>>(), [9, 10]);
    assert!(
        page.messages.iter().all(|message| message.data.as_ref().is_ok_and(|data| data.kind == Kind::Json))
    );

    let mut room = ada.subscribe_raw(&topic).presence(true).open();
    let is_ada = |member: &everwire::Member| member.info.as_deref() == Some("Ada");
    find(&mut room, "herself among the members", |event| match event {
        Event::Members(members) => members.iter().any(is_ada).then_some(()),
        Event::Join(member) => is_ada(&member).then_some(()),
        _ => None,
    })
    .await;

    let bob = builder(transport).info("Bob").connect();
    let mut his = bob.subscribe_raw(&topic).presence(true).open();
    let is_bob = |member: &everwire::Member| member.info.as_deref() == Some("Bob");
    // A poll is told who is there, and not who came between two of them.
    let joined = find(&mut room, "Bob's coming", |event| match event {
        Event::Join(member) => Some(member).filter(is_bob),
        Event::Members(members) => members.into_iter().find(is_bob),
        _ => None,
    })
    .await;
    subscribed(&mut his).await;
    let members = within("who is there", bob.presence(&topic)).await.expect("members");
    assert_eq!(members.len(), 2);

    drop((his, bob));
    find(&mut room, "Bob's going", |event| match event {
        Event::Leave(member) => (member.id == joined.id).then_some(()),
        Event::Members(members) => members.iter().all(|member| member.id != joined.id).then_some(()),
        _ => None,
    })
    .await;
}

async fn delivers_ephemeral_messages(transport: Transport) {
    // For who is there now: a plain poll is nearly always elsewhere.
    if transport == Transport::Poll {
        return;
    }
    let topic = topic("ephemeral");
    let (reader, writer) = (client(transport), client(Transport::WebSocket));
    let mut room = reader.subscribe::<common::Numbered>(&topic).open();
    subscribed(&mut room).await;
    until(&writer, State::Connected).await;
    // A poll that is not under way can miss one: what is not logged is for who is there now.
    let heard = find(&mut room, "an ephemeral message", |event| match event {
        Event::Ephemeral(ephemeral) => Some(ephemeral.data),
        _ => None,
    });
    let repeated = async {
        loop {
            let sent = writer.publish(&topic, &common::Numbered { n: 1 }).ephemeral().await;
            assert_eq!(sent.expect("an ack"), None);
            common::pause(50).await;
        }
    };
    futures::pin_mut!(heard, repeated);
    match futures::future::select(heard, repeated).await {
        futures::future::Either::Left((data, _)) => assert_eq!(data, Ok(common::Numbered { n: 1 })),
        futures::future::Either::Right(_) => {}
    }
    assert_eq!(reader.stats().messages_received, 0, "it is not logged");
}
