//! The page's life as the client sees it: hidden, throttled, and what it remembers from one page to the next.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use std::time::Duration;

use common::{
    Numbered, builder, messages, numbers, pause, publish, server, subscribed, topic, until, within,
};
use everwire::{Client, Reason, State, Transport};
use futures::StreamExt;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(inline_js = r#"
let hidden = false;
Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
export const hide = isHidden => {
    hidden = isHidden;
    document.dispatchEvent(new Event("visibilitychange"));
};

let tried = 0;
const doFetch = window.fetch;
window.fetch = (url, init) => {
    if (!String(url).startsWith("https://refuses.invalid/")) return doFetch(url, init);
    tried += 1;
    return Promise.resolve(new Response(null, { status: 503 }));
};
export const countTried = () => tried;

// As browsers do it to pages that nobody sees, but for the time.
let late = 0;
const setTimer = window.setTimeout;
window.setTimeout = (callback, delay, whose) => setTimer(callback, whose === "test" ? delay : delay + late);
export const throttle = by => { late = by; };

const storage = window.localStorage;
const kept = name => "everwire:" + new URL(name).origin;
export const remembered = name => storage.getItem(kept(name)) ?? undefined;
export const remember = (name, entry) => { storage.setItem(kept(name), entry); };
export const forbidStorage = forbidden => {
    const get = () => { if (forbidden) throw new DOMException("no", "SecurityError"); return storage; };
    Object.defineProperty(window, "localStorage", { configurable: true, get });
};
export const now = () => Date.now();

const WebSocket = window.WebSocket;
const Blocked = class { constructor() { throw new DOMException("blocked", "SecurityError"); } };
export const block = blocked => { window.WebSocket = blocked ? Blocked : WebSocket; };
"#)]
extern "C" {
    fn hide(hidden: bool);
    #[wasm_bindgen(js_name = countTried)]
    fn count_tried() -> u32;
    fn throttle(by: u32);
    fn remembered(server: &str) -> Option<String>;
    fn remember(server: &str, entry: &str);
    #[wasm_bindgen(js_name = forbidStorage)]
    fn forbid_storage(forbidden: bool);
    fn now() -> f64;
    fn block(blocked: bool);
}

#[wasm_bindgen_test]
async fn a_page_that_nobody_sees_stops_after_ten_failures_and_goes_on_when_it_is_seen() {
    hide(true);
    let client = Client::builder("https://refuses.invalid")
        .transports([Transport::LongPoll])
        .config(|config| {
            config.backoff.first = Duration::from_millis(10);
            config.backoff.base = Duration::from_millis(10);
            config.backoff.max = Duration::from_millis(10);
        })
        .connect();
    let room = client.subscribe::<Numbered>(&topic("hidden")).open();
    until(&client, State::Offline).await;
    assert_eq!(client.status().reason, Reason::Suspended);
    assert_eq!(count_tried(), 10);
    pause(200).await;
    assert_eq!(count_tried(), 10, "it waits to be seen");

    hide(false);
    let goes_on = async {
        while count_tried() < 25 {
            pause(5).await;
        }
    };
    within("more than ten further tries, seen", goes_on).await;
    drop((room, client));
}

#[wasm_bindgen_test]
async fn timers_that_fire_late_do_not_cost_a_link_that_works() {
    let client = builder(Transport::WebSocket)
        .config(|config| {
            config.ping_interval = Duration::from_millis(100);
            config.probe_timeout = Duration::from_millis(200);
            config.late_timer = Duration::from_millis(300);
        })
        .connect();
    let topic = topic("throttled");
    let mut room = client.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    throttle(1_000);
    pause(3_500).await;
    throttle(0);
    publish(&client, &topic, 0..3).await;
    assert_eq!(numbers(messages(&mut room, 3).await), [0, 1, 2]);
    assert_eq!(client.stats().reconnects.total(), 0, "{:?}", client.stats());
}

/// Which transport a new client with the default order tries first.
async fn first_tried() -> Transport {
    let client = Client::builder(server()).connect();
    let first = client.state().next().await.expect("a status");
    until(&client, State::Connected).await;
    first.transport.expect("a transport")
}

#[wasm_bindgen_test]
async fn the_transport_that_worked_is_tried_first_on_the_next_page_while_that_is_not_long_ago() {
    const MINUTE: f64 = 60_000.0;
    block(true);
    let client = Client::builder(server()).connect();
    let mut room = client.subscribe::<Numbered>(&topic("remembered")).open();
    subscribed(&mut room).await;
    assert_eq!(client.status().transport, Some(Transport::Sse));
    drop((room, client));
    block(false);
    assert!(remembered(server()).is_some_and(|entry| entry.starts_with("sse ")));

    for (entry, first) in [
        (format!("sse {}", now() - 29.0 * MINUTE), Transport::Sse),
        (format!("longpoll {}", now() - MINUTE), Transport::LongPoll),
        (format!("sse {}", now() - 31.0 * MINUTE), Transport::WebSocket),
        (format!("sse {}", now() + 5.0 * MINUTE), Transport::WebSocket),
        ("rubbish".to_owned(), Transport::WebSocket),
    ] {
        remember(server(), &entry);
        let client = Client::builder(server()).connect();
        assert_eq!(client.status().transport, Some(first), "{entry}");
    }
    forbid_storage(true);
    assert_eq!(first_tried().await, Transport::WebSocket);
    forbid_storage(false);
}
