//! What the browser tests share: clients of the real server, whose address is compiled in since a page has no
//! environment to read it from, and waiting with a deadline. `cargo xtask test` starts the server.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is how a test fails")]

use std::time::Duration;

use everwire::{Builder, Client, Event, Message, Payload, State, Subscription, Transport};
use futures::{
    FutureExt, StreamExt,
    future::{Either, select},
};
use js_sys::{Function, Promise};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: u32, whose: &str) -> JsValue;
}

/// A message that tells its place in what was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbered {
    pub n: u32,
}

/// The server's URL.
pub fn server() -> &'static str {
    match option_env!("EVERWIRE_TEST_SERVER") {
        Some(url) => url,
        None => panic!("EVERWIRE_TEST_SERVER was not set when this was compiled: run `cargo xtask test`"),
    }
}

/// A topic that no other test, and no other run against the same server, uses.
pub fn topic(name: &str) -> String {
    format!("test:{name}:{}", (js_sys::Math::random() * 1e15) as u64)
}

/// A client that uses one transport only, and doesn't take its time.
pub fn builder(transport: Transport) -> Builder {
    Client::builder(server()).transports([transport]).config(|config| {
        config.poll_interval = Duration::from_millis(100);
        config.backoff.first = Duration::from_millis(50);
        config.backoff.base = Duration::from_millis(50);
    })
}

pub fn client(transport: Transport) -> Client {
    builder(transport).connect()
}

/// Waits for a time; only for what must *not* happen in it.
pub async fn pause(milliseconds: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        // The name tells a test that counts timers that this is not a client's.
        set_timeout(&resolve, milliseconds, "test");
    });
    let _ = JsFuture::from(promise).await;
}

/// Waits for what must happen, with a deadline that says what it was about.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match select(future.boxed_local(), pause(20_000).boxed_local()).await {
        Either::Left((value, _)) => value,
        Either::Right(_) => panic!("nothing came of it in 20 s: {what}"),
    }
}

/// Waits until the connection is in a state.
pub async fn until(client: &Client, state: State) {
    let mut changes = client.state();
    let reached = async {
        while let Some(status) = changes.next().await {
            if status.state == state {
                return;
            }
        }
        panic!("the states ended before {state:?}");
    };
    within("a state", reached).await;
}

/// Publishes numbers, and waits for their acks.
pub async fn publish(client: &Client, topic: &str, numbers: std::ops::Range<u32>) {
    let all = numbers.map(|n| client.publish(topic, &Numbered { n }));
    for result in within("acks", futures::future::join_all(all)).await {
        result.expect("an ack");
    }
}

/// The next event that `pick` takes; the others are passed over, a failure is not.
pub async fn find<T, S, R>(
    subscription: &mut Subscription<T, S>,
    what: &str,
    mut pick: impl FnMut(Event<T, S>) -> Option<R>,
) -> R {
    let found = async {
        while let Some(event) = subscription.next().await {
            if let Event::Failed(error) = &event {
                panic!("the subscription failed: {error}");
            }
            if let Some(found) = pick(event) {
                return found;
            }
        }
        panic!("the subscription ended");
    };
    within(what, found).await
}

/// Waits until the subscription stands.
pub async fn subscribed<T, S>(subscription: &mut Subscription<T, S>) -> bool {
    find(subscription, "Subscribed", |event| match event {
        Event::Subscribed { recovered, .. } => Some(recovered),
        _ => None,
    })
    .await
}

/// Takes so many messages, and checks that their offsets are contiguous and nothing was lost.
pub async fn messages<T: DeserializeOwned>(
    subscription: &mut Subscription<T, impl Sized>,
    count: usize,
) -> Vec<Message<T>> {
    let mut taken: Vec<Message<T>> = Vec::new();
    while taken.len() < count {
        let message = find(subscription, "messages", |event| match event {
            Event::Message(message) => Some(message),
            Event::Gap(gap) => panic!("a gap: {gap:?}"),
            _ => None,
        })
        .await;
        if let Some(last) = taken.last() {
            assert_eq!((message.epoch, message.offset), (last.epoch, last.offset + 1));
        }
        taken.push(message);
    }
    taken
}

/// The numbers that were published.
pub fn numbers(messages: Vec<Message<Numbered>>) -> Vec<u32> {
    messages.into_iter().map(|message| message.data.expect("a number").n).collect()
}

/// The next message's payload as it is.
pub async fn raw(subscription: &mut Subscription<Payload>) -> Payload {
    find(subscription, "a message", |event| match event {
        Event::Message(message) => message.data.ok(),
        _ => None,
    })
    .await
}
