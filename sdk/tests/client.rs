//! What is the client's own, whatever the transport: moving between transports, flow control, errors.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use common::{Numbered, builder, client, messages, numbers, publish, server, subscribed, topic, within};
use everwire::{Client, Error, Event, From, PublishError, State, Subscription, Transport};
use futures::{FutureExt, StreamExt};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn invariants_1_to_3_hold_while_one_subscription_moves_over_every_transport() {
    let (reader, writer) = (client(Transport::WebSocket), client(Transport::WebSocket));
    let topic = topic("moves");
    let mut room = reader.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    let mut received = Vec::new();
    let mut n = 0;
    for transport in
        [Transport::Sse, Transport::LongPoll, Transport::EventSource, Transport::Poll, Transport::WebSocket]
    {
        let all = (n..n + 100).map(|n| writer.publish(&topic, &Numbered { n }));
        let acks = futures::future::join_all(all);
        reader.set_transports([transport]);
        within("acks", acks).await;
        received.extend(messages(&mut room, 100).await);
        let arrived = async {
            let mut changes = reader.state();
            while let Some(status) = changes.next().await {
                if status.state == State::Connected && status.transport == Some(transport) {
                    break;
                }
            }
        };
        within(transport.as_str(), arrived).await;
        n += 100;
    }
    assert!(received.windows(2).all(|pair| pair[0].offset + 1 == pair[1].offset));
    assert_eq!(numbers(received), (0..500).collect::<Vec<_>>());
}

#[wasm_bindgen(inline_js = r#"
const WebSocket = window.WebSocket;
const Blocked = class { constructor() { throw new DOMException("blocked", "SecurityError"); } };
export const block = blocked => { window.WebSocket = blocked ? Blocked : WebSocket; };
"#)]
extern "C" {
    /// Makes every new WebSocket fail before it begins, as some extensions do.
    fn block(blocked: bool);
}

#[wasm_bindgen_test]
async fn a_transport_that_is_blocked_is_got_around() {
    block(true);
    let (client, topic) = (Client::builder(server()).connect(), topic("blocked"));
    let mut room = client.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    block(false);
    assert_eq!(client.status().transport, Some(Transport::Sse));
    publish(&client, &topic, 0..3).await;
    assert_eq!(numbers(messages(&mut room, 3).await), [0, 1, 2]);
}

#[wasm_bindgen_test]
async fn invariant_5_what_the_app_does_not_take_is_left_at_the_server() {
    let (writer, topic) = (client(Transport::WebSocket), topic("flow"));
    let reader = builder(Transport::WebSocket).config(|config| config.flow.messages = 100).connect();
    let mut room = reader.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    publish(&writer, &topic, 0..1_000).await;
    let paused = async {
        while reader.stats().pauses == 0 {
            common::pause(5).await;
        }
    };
    within("a pause", paused).await;
    assert!(reader.stats().messages_received < 1_000, "{:?}", reader.stats());

    assert_eq!(numbers(messages(&mut room, 1_000).await), (0..1_000).collect::<Vec<_>>());
    assert_eq!(reader.stats().gaps, 0);
}

#[wasm_bindgen_test]
async fn a_publish_is_sent_without_being_awaited() {
    let (client, topic) = (client(Transport::WebSocket), topic("unawaited"));
    let mut room = client.subscribe::<Numbered>(&topic).from(From::Earliest).open();
    // Not even connected yet.
    for n in 0..3 {
        drop(client.publish(&topic, &Numbered { n }));
    }
    assert_eq!(numbers(messages(&mut room, 3).await), [0, 1, 2]);
}

#[wasm_bindgen_test]
async fn a_poll_that_is_given_up_takes_nothing_away() {
    let (client, topic) = (client(Transport::WebSocket), topic("cancel"));
    let mut room = client.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    for _ in 0..3 {
        assert!(room.next().now_or_never().is_none());
        assert!(room.next_batch().now_or_never().is_none());
    }
    publish(&client, &topic, 0..1).await;
    assert_eq!(numbers(messages(&mut room, 1).await), [0]);
}

#[wasm_bindgen_test]
async fn what_is_wrong_is_told_and_whether_to_try_again() {
    let client = client(Transport::WebSocket);
    for name in ["", "with space", "$"] {
        let events = client.subscribe::<Numbered>(name).open().collect::<Vec<_>>().await;
        assert_eq!(events, [Event::Failed(Error::BadTopic)]);
        assert_eq!(client.publish(name, &Numbered { n: 0 }).await, Err(PublishError::BadTopic));
        assert_eq!(client.presence(name).await, Err(Error::BadTopic));
    }
    // Only the server may write to these.
    let refused = within("an answer", client.publish("$own", &Numbered { n: 0 })).await;
    let Err(error @ PublishError::Rejected { .. }) = refused else { unreachable!("{refused:?}") };
    assert!(!error.is_retryable());
    let large = within("an answer", client.publish(&topic("large"), &"x".repeat(70_000))).await;
    assert!(matches!(large, Err(PublishError::TooLarge | PublishError::Rejected { .. })), "{large:?}");
}

#[wasm_bindgen_test]
async fn an_outbox_that_is_full_refuses_and_says_so() {
    let client = Client::builder("http://127.0.0.1:9").config(|config| config.outbox.messages = 2).connect();
    let topic = topic("full");
    let mut held = [client.publish(&topic, &1), client.publish(&topic, &2)];
    assert!(held.iter_mut().all(|publishing| publishing.id().is_some()));
    let refused = client.publish(&topic, &3).await;
    assert_eq!(refused, Err(PublishError::OutboxFull));
    assert!(refused.is_err_and(|error| error.is_retryable()));
}

#[wasm_bindgen_test]
fn what_an_app_holds_is_static_and_movable() {
    fn is<T: Unpin + 'static>() {}
    is::<Client>();
    is::<Subscription<Numbered>>();
    is::<everwire::Publishing>();
    is::<everwire::StatusStream>();
}
