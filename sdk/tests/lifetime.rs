//! What a client holds of the browser, and that it lets go of it: invariants 5 and 8, and the page's life.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use common::{
    Numbered, builder, client, messages, numbers, pause, publish, subscribed, topic, until, within,
};
use everwire::{Client, Error, Event, From, HistoryRange, PublishError, Reason, State, Transport};
use futures::StreamExt;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

// Watches what a client takes of the browser: put in the browser's place, they count and pass on.
#[wasm_bindgen(inline_js = r#"
let listeners = 0;
const timers = new Set(), sockets = [], sources = [], signals = [], urls = [];
const watched = ["online", "offline", "pagehide", "pageshow", "visibilitychange", "freeze", "resume"];

for (const target of [window, document]) {
    const add = target.addEventListener, remove = target.removeEventListener;
    target.addEventListener = function (name, ...rest) {
        listeners += watched.includes(name);
        return add.call(target, name, ...rest);
    };
    target.removeEventListener = function (name, ...rest) {
        listeners -= watched.includes(name);
        return remove.call(target, name, ...rest);
    };
}

const setTimer = window.setTimeout, clearTimer = window.clearTimeout;
window.setTimeout = (callback, delay, whose) => {
    if (whose === "test") return setTimer(callback, delay);
    const id = setTimer(() => { timers.delete(id); callback(); }, delay);
    timers.add(id);
    return id;
};
window.clearTimeout = id => { timers.delete(id); clearTimer(id); };

const watch = (constructor, made) => new Proxy(constructor, {
    construct(target, args) { const it = new target(...args); made.push(it); return it; },
});
window.WebSocket = watch(window.WebSocket, sockets);
window.EventSource = watch(window.EventSource, sources);
const doFetch = window.fetch;
window.fetch = (url, init) => {
    urls.push(url);
    if (init?.signal) signals.push(init.signal);
    const refuses = String(url).startsWith("https://refuses.invalid/");
    return refuses ? Promise.resolve(new Response(null, { status: 503 })) : doFetch(url, init);
};

const wall = Date.now;
export const setWallForward = by => { Date.now = () => wall() + by; };

export const openedUrls = () => [...sockets, ...sources].map(it => it.url).concat(urls).join(" ");
export const countListeners = () => listeners;
export const countTimers = () => timers.size;
export const countOpened = () => sockets.length + sources.length + signals.length;
export const countOpen = () =>
    sockets.filter(it => it.readyState < 2 || it.onmessage || it.onclose || it.onopen).length +
    sources.filter(it => it.readyState < 2 || it.onerror || it.onopen).length +
    signals.filter(it => !it.aborted).length;
export const tell = name => window.dispatchEvent(
    name.startsWith("page") ? new PageTransitionEvent(name, { persisted: true }) : new Event(name));
"#)]
extern "C" {
    #[wasm_bindgen(js_name = openedUrls)]
    fn opened_urls() -> String;
    #[wasm_bindgen(js_name = countListeners)]
    fn count_listeners() -> u32;
    #[wasm_bindgen(js_name = countTimers)]
    fn count_timers() -> u32;
    #[wasm_bindgen(js_name = countOpened)]
    fn count_opened() -> u32;
    #[wasm_bindgen(js_name = countOpen)]
    fn count_open() -> u32;
    fn tell(name: &str);
    #[wasm_bindgen(js_name = setWallForward)]
    fn set_wall_forward(by: f64);
}

/// Waits until nothing of any client is left in the browser.
async fn until_nothing_is_left() {
    let gone = async {
        while count_listeners() > 0 || count_timers() > 0 || count_open() > 0 {
            pause(5).await;
        }
    };
    within("letting go", gone).await;
}

/// How many listeners one client has.
const LISTENERS: u32 = 7;

macro_rules! over_each_transport {
    ($behaviour:ident: $($name:ident $transport:ident),*) => {
        mod $behaviour {
            use super::*;
            $(
                #[wasm_bindgen_test]
                async fn $name() {
                    super::$behaviour(Transport::$transport).await;
                }
            )*
        }
    };
}

over_each_transport!(
    dropped_it_leaves_nothing_behind:
    websocket WebSocket, sse Sse, event_source EventSource, long_poll LongPoll, poll Poll
);
over_each_transport!(
    an_unreachable_server_is_waited_for:
    websocket WebSocket, sse Sse, event_source EventSource, long_poll LongPoll, poll Poll
);

over_each_transport!(
    a_refused_attempt_is_let_go_of:
    sse Sse, long_poll LongPoll, poll Poll
);

async fn dropped_it_leaves_nothing_behind(transport: Transport) {
    until_nothing_is_left().await;
    let held = Rc::new(());
    let provider = held.clone();
    let start = builder(transport).token(move || {
        let held = provider.clone();
        async move {
            drop(held);
            // A server without keys passes it over.
            Ok::<_, ()>(Some("a-very-secret-token".to_owned()))
        }
    });
    let (client, topic) = (start.connect(), topic("dropped"));
    let mut room = client.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    publish(&client, &topic, 0..3).await;
    assert_eq!(count_listeners(), LISTENERS);
    assert!(count_open() > 0);
    let mut states = client.state();
    let mut waits = client.publish(&topic, &Numbered { n: 3 });
    assert!(waits.id().is_some());
    let history = client.history_raw(&topic, HistoryRange::After(0), 1);

    drop(client);

    until_nothing_is_left().await;
    // What the app still holds comes to its end.
    let rest = within("the stream's end", room.collect::<Vec<_>>()).await;
    assert!(!rest.iter().any(|event| matches!(event, Event::Failed(_))));
    assert_eq!(within("the publish's end", waits).await, Err(PublishError::Expired));
    assert!(within("the question's end", history).await.is_err());
    let mut last = None;
    while let Some(status) = within("the states' end", states.next()).await {
        last = Some(status.state);
    }
    assert_eq!(last, Some(State::Closed));
    assert_eq!(Rc::strong_count(&held), 1, "the token's provider is let go of");
    let urls = opened_urls();
    assert!(!urls.contains("a-very-secret-token"), "invariant 10: {urls}");
    assert!(transport != Transport::EventSource || urls.contains("&ticket="), "{urls}");
}

async fn an_unreachable_server_is_waited_for(transport: Transport) {
    // Nothing listens on port 9.
    let client = Client::builder("http://127.0.0.1:9")
        .transports([transport])
        .config(|config| {
            config.backoff.first = Duration::from_millis(20);
            config.backoff.base = Duration::from_millis(20);
        })
        .connect();
    let room = client.subscribe::<Numbered>(&topic("unreachable")).open();
    let mut changes = client.state();
    let third = async {
        loop {
            let status = changes.next().await.expect("a change");
            assert!(matches!(status.state, State::Connecting | State::Waiting), "{status:?}");
            if status.state == State::Waiting {
                assert!(status.retry_at.is_some() && status.retry_in().is_some());
                if status.attempt == 3 {
                    return;
                }
            }
        }
    };
    within("the third failure", third).await;
    drop((room, client));
    until_nothing_is_left().await;
}

async fn a_refused_attempt_is_let_go_of(transport: Transport) {
    until_nothing_is_left().await;
    let client = Client::builder("https://refuses.invalid")
        .transports([transport])
        .config(|config| {
            config.backoff.first = Duration::from_millis(20);
            config.backoff.base = Duration::from_millis(20);
        })
        .connect();
    let room = client.subscribe::<Numbered>(&topic("refused")).open();
    let mut changes = client.state();
    let third = async { while changes.next().await.expect("a change").attempt < 3 {} };
    within("the third refusal", third).await;
    assert!(count_open() <= 1, "only a fourth attempt may be open");
    drop((room, client));
    until_nothing_is_left().await;
}

#[wasm_bindgen_test]
async fn invariant_8_close_is_final() {
    until_nothing_is_left().await;
    let (client, topic) = (client(Transport::WebSocket), topic("close"));
    let mut room = client.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    client.close();
    assert_eq!(client.status().state, State::Closed);
    until_nothing_is_left().await;

    let opened = count_opened();
    for name in ["offline", "online", "pagehide", "pageshow"] {
        tell(name);
    }
    client.cut();
    client.go_offline(false);
    client.set_transports([Transport::Sse]);
    pause(700).await;
    assert_eq!((count_opened(), count_timers()), (opened, 0));
    assert_eq!(client.status().state, State::Closed);

    assert_eq!(room.next().await, None);
    let refused = client.publish(&topic, &Numbered { n: 0 }).await;
    assert_eq!(refused, Err(PublishError::Closed));
    let late = client.subscribe::<Numbered>(&topic).open().collect::<Vec<_>>().await;
    assert_eq!(late, [Event::Failed(Error::Closed)]);
    assert!(within("an answer", client.presence(&topic)).await.is_err());
}

#[wasm_bindgen_test]
async fn a_page_put_aside_holds_nothing_open_and_resumes_when_it_is_back() {
    until_nothing_is_left().await;
    let (reader, topic) = (client(Transport::WebSocket), topic("page"));
    let mut room = reader.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    tell("pagehide");
    assert_eq!((reader.status().state, reader.status().reason), (State::Offline, Reason::Suspended));
    assert_eq!(count_open(), 0);

    // Written while the page is away, by somebody who comes after its leaving.
    let writer = client(Transport::WebSocket);
    publish(&writer, &topic, 0..10).await;
    assert_eq!(reader.status().state, State::Offline);

    tell("pageshow");
    until(&reader, State::Connected).await;
    assert_eq!(numbers(messages(&mut room, 10).await), (0..10).collect::<Vec<_>>());
}

#[wasm_bindgen_test]
async fn offline_it_tries_nothing_and_online_it_is_back_at_once() {
    until_nothing_is_left().await;
    let (client, topic) = (client(Transport::LongPoll), topic("offline"));
    let mut room = client.subscribe::<Numbered>(&topic).open();
    subscribed(&mut room).await;
    tell("offline");
    assert_eq!((client.status().state, client.status().reason), (State::Offline, Reason::Offline));
    assert_eq!(count_open(), 0);
    let sent = client.publish(&topic, &Numbered { n: 1 });
    tell("online");
    within("the ack", sent).await.expect("an ack");
    assert_eq!(numbers(messages(&mut room, 1).await), [1]);

    // The app's own wish outweighs the browser's.
    client.go_offline(true);
    tell("online");
    assert_eq!(client.status().state, State::Offline);
    client.go_offline(false);
    until(&client, State::Connected).await;
}

#[wasm_bindgen_test]
async fn what_came_due_while_the_machine_slept_is_done_at_the_first_sign_of_life() {
    const HOUR: Duration = Duration::from_secs(3_600);
    until_nothing_is_left().await;
    let client = Client::builder("https://refuses.invalid")
        .transports([Transport::LongPoll])
        .config(|config| {
            config.backoff.first = HOUR;
            config.backoff.base = HOUR;
            config.backoff.max = HOUR;
        })
        .connect();
    let topic = topic("asleep");
    let room = client.subscribe::<Numbered>(&topic).open();
    until(&client, State::Waiting).await;
    let failures = client.status().attempt;

    set_wall_forward(HOUR.as_millis() as f64);
    // Anything that reaches the session; by itself this one asks for no attempt while it waits.
    drop(client.publish(&topic, &Numbered { n: 0 }));
    let mut changes = client.state();
    let next = async { while changes.next().await.expect("a change").attempt == failures {} };
    within("the next attempt", next).await;
    set_wall_forward(0.0);
    drop((room, client));
    until_nothing_is_left().await;
}

#[wasm_bindgen_test]
async fn whoever_waits_for_a_subscription_that_is_dropped_comes_to_its_end() {
    let (client, topic) = (client(Transport::WebSocket), topic("dropped-while-waited-for"));
    let shared = Rc::new(RefCell::new(Some(client.subscribe::<Numbered>(&topic).open())));
    let held = Rc::new(());
    let (reads, holds) = (shared.clone(), held.clone());
    let waits = Rc::new(Cell::new(false));
    let waiting = waits.clone();
    spawn_local(async move {
        let next = || {
            poll_fn(|context| match &mut *reads.borrow_mut() {
                Some(room) => room.poll_batch(context),
                None => Poll::Ready(None),
            })
        };
        while let Some(batch) = next().await {
            waiting.set(batch.iter().any(|event| matches!(event, Event::Subscribed { .. })));
        }
        drop(holds);
    });
    let waited_for = async {
        while !waits.get() {
            pause(5).await;
        }
    };
    within("the subscription", waited_for).await;

    let room = shared.borrow_mut().take();
    drop(room);
    let gone = async {
        while Rc::strong_count(&held) > 1 {
            pause(5).await;
        }
    };
    within("the task's end", gone).await;
}

#[wasm_bindgen_test]
async fn a_dropped_subscription_leaves_the_others_and_its_topic_free() {
    let (client, topic) = (client(Transport::WebSocket), topic("unsubscribe"));
    let mut first = client.subscribe::<Numbered>(&topic).open();
    subscribed(&mut first).await;
    let mut second = client.subscribe::<Numbered>(&topic).open();
    subscribed(&mut second).await;
    publish(&client, &topic, 0..2).await;
    assert_eq!(numbers(messages(&mut first, 2).await), [0, 1]);
    drop(second);
    publish(&client, &topic, 2..3).await;
    assert_eq!(numbers(messages(&mut first, 1).await), [2]);

    drop(first);
    let mut third = client.subscribe::<Numbered>(&topic).from(From::Earliest).open();
    assert_eq!(numbers(messages(&mut third, 3).await), [0, 1, 2]);
}
