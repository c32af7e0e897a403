//! Clients that share one connection. Two in one page are to the browser what two tabs are: two requests for a
//! lock, and two ends of a channel.

#![cfg(all(target_arch = "wasm32", feature = "serde", feature = "tabs"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use std::time::Duration;

use common::{Numbered, messages, numbers, pause, publish, server, subscribed, topic, within};
use everwire::{Client, Event, From, State, Status, Transport};
use futures::{StreamExt, future::join_all};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(inline_js = r#"
const sockets = [];
window.WebSocket = new Proxy(window.WebSocket, {
    construct(target, args) { const it = new target(...args); sockets.push(it); return it; },
});
export const countOpened = () => sockets.length;
export const countOpen = () => sockets.filter(it => it.readyState < 2).length;
export const cutAll = () => sockets.forEach(it => it.close());

const locks = navigator.locks, channel = window.BroadcastChannel;
const put = (object, name, value) => Object.defineProperty(object, name, { value, configurable: true });
const refuses = { request: () => Promise.reject(new DOMException("refused", "SecurityError")) };
export const lack = what => {
    put(navigator, "locks", what === "locks" ? undefined : what === "grants" ? refuses : locks);
    put(window, "BroadcastChannel", what === "channels" ? undefined : channel);
};

// Holds every lock of a scope, as a tab does that leads and is stuck.
let letGo;
export const hold = async name => {
    await new Promise(held => {
        locks.request(name, () => { held(); return new Promise(done => { letGo = done; }); });
    });
};
export const release = () => letGo();
export const countLocks = async scope => {
    const { held, pending } = await locks.query();
    return [...held, ...pending].filter(it => it.name.includes(scope)).length;
};
export const say = (name, bytes) => {
    const it = new channel(name);
    it.postMessage(bytes);
    it.postMessage("text");
    it.postMessage({ bytes });
    it.close();
};
export const tell = name => window.dispatchEvent(
    name.startsWith("page") ? new PageTransitionEvent(name, { persisted: true }) : new Event(name));
"#)]
extern "C" {
    #[wasm_bindgen(js_name = countOpened)]
    fn count_opened() -> u32;
    #[wasm_bindgen(js_name = countOpen)]
    fn count_open() -> u32;
    #[wasm_bindgen(js_name = cutAll)]
    fn cut_all();
    fn lack(what: &str);
    fn hold(name: &str) -> Promise;
    fn release();
    #[wasm_bindgen(js_name = countLocks)]
    fn count_locks(scope: &str) -> Promise;
    fn say(name: &str, bytes: &[u8]);
    fn tell(name: &str);
}

/// A scope that no other test uses.
fn scope(name: &str) -> String {
    topic(name)
}

fn tab(scope: &str) -> Client {
    Client::builder(server())
        .share_tabs(scope)
        .config(|config| {
            config.backoff.first = Duration::from_millis(50);
            config.backoff.base = Duration::from_millis(50);
        })
        .connect()
}

fn tabs(scope: &str, count: usize) -> Vec<Client> {
    (0..count).map(|_| tab(scope)).collect()
}

async fn until(client: &Client, what: &str, reached: impl Fn(&Status) -> bool) {
    let mut changes = client.state();
    let wait = async {
        while let Some(status) = changes.next().await {
            if reached(&status) {
                return;
            }
        }
        unreachable!("the states ended");
    };
    within(what, wait).await;
}

async fn until_shared(client: &Client) {
    until(client, "a connection shared", |status| {
        let by = (status.transport, status.via);
        status.state == State::Connected && by == (Some(Transport::Tab), Some(Transport::WebSocket))
    })
    .await;
}

async fn until_alone(client: &Client) {
    until(client, "a connection of its own", |status| {
        status.state == State::Connected && status.transport == Some(Transport::WebSocket)
    })
    .await;
}

async fn locks_of(scope: &str) -> f64 {
    JsFuture::from(count_locks(scope)).await.expect("an answer").as_f64().expect("a number")
}

async fn until_nothing_is_left(scope: &str) {
    let gone = async {
        while locks_of(scope).await > 0.0 || count_open() > 0 {
            pause(5).await;
        }
    };
    within("letting go", gone).await;
}

#[wasm_bindgen_test]
async fn ten_tabs_have_one_connection() {
    let (scope, topic) = (scope("ten"), topic("ten"));
    let before = count_opened();
    let tabs = tabs(&scope, 10);
    let mut rooms: Vec<_> = tabs.iter().map(|tab| tab.subscribe::<Numbered>(&topic).open()).collect();
    for (tab, room) in tabs.iter().zip(&mut rooms) {
        until_shared(tab).await;
        subscribed(room).await;
    }
    for (n, tab) in (0..).zip(&tabs) {
        publish(tab, &topic, n..n + 1).await;
    }
    for room in &mut rooms {
        assert_eq!(numbers(messages(room, 10).await), (0..10).collect::<Vec<_>>());
    }
    assert_eq!(count_opened() - before, 1);
    drop(tabs);
    until_nothing_is_left(&scope).await;
}

#[wasm_bindgen_test]
async fn invariants_1_to_4_hold_while_each_tab_that_leads_is_closed() {
    let (scope, topic) = (scope("handover"), topic("handover"));
    let mut tabs = tabs(&scope, 4);
    let last = tabs.pop().expect("four");
    let mut room = last.subscribe::<Numbered>(&topic).from(From::Earliest).open();
    let mut acks = Vec::new();
    let mut n = 0;
    for leader in tabs {
        until_shared(&last).await;
        acks.extend((n..n + 100).map(|n| last.publish(&topic, &Numbered { n })));
        n += 100;
        // They are sent, and not acked.
        acks.iter_mut().for_each(|publishing| assert!(publishing.id().is_some()));
        leader.close();
    }
    for ack in within("acks", join_all(acks)).await {
        ack.expect("an ack");
    }
    publish(&last, &topic, n..n + 1).await;
    assert_eq!(numbers(messages(&mut room, 301).await), (0..301).collect::<Vec<_>>());
    assert_eq!(last.status().state, State::Connected);
    assert_eq!(last.stats().gaps, 0);
    last.close();
    until_nothing_is_left(&scope).await;
}

#[wasm_bindgen_test]
async fn a_tab_that_closes_ends_no_other() {
    let (scope, topic) = (scope("closes"), topic("closes"));
    let tabs = tabs(&scope, 3);
    for tab in &tabs {
        until_shared(tab).await;
    }
    let opened = count_opened();
    tabs[2].close();
    publish(&tabs[0], &topic, 0..10).await;
    publish(&tabs[1], &topic, 10..20).await;
    assert_eq!(count_opened(), opened, "it didn't lead");
    tabs[0].close();
    until_shared(&tabs[1]).await;
    publish(&tabs[1], &topic, 20..30).await;
    assert_eq!(tabs[0].status().state, State::Closed);
}

#[wasm_bindgen_test]
async fn a_handover_is_no_leave_for_those_who_see_who_is_there() {
    let (scope, topic) = (scope("presence"), topic("presence"));
    let watcher = common::client(Transport::WebSocket);
    let mut seen = watcher.subscribe::<Numbered>(&topic).presence(true).open();
    subscribed(&mut seen).await;
    let tabs = tabs(&scope, 2);
    let rooms: Vec<_> =
        tabs.iter().map(|tab| tab.subscribe::<Numbered>(&topic).presence(true).open()).collect();
    for tab in &tabs {
        until_shared(tab).await;
    }
    let joined = common::find(&mut seen, "a join", |event| match event {
        Event::Join(member) => Some(member.id),
        _ => None,
    });
    let member = joined.await;
    tabs[0].close();
    publish(&tabs[1], &topic, 0..1).await;
    // It is there before and after, and has not gone in between.
    common::find(&mut seen, "the message", |event| match event {
        Event::Leave(left) => {
            assert_ne!(left.id, member);
            None
        }
        Event::Message(_) => Some(()),
        _ => None,
    })
    .await;
    let there = within("who is there", watcher.presence(&topic)).await.expect("an answer");
    assert!(there.iter().any(|other| other.id == member));
    drop(rooms);
}

#[wasm_bindgen_test]
async fn scopes_share_nothing() {
    let (one, other) = (tab(&scope("one")), tab(&scope("other")));
    let before = count_open();
    until_shared(&one).await;
    until_shared(&other).await;
    assert!(count_open() >= before.max(2));
    one.close();
    assert_eq!(other.status().state, State::Connected);
}

#[wasm_bindgen_test]
async fn where_the_browser_lacks_what_it_takes_a_client_works_alone() {
    for what in ["locks", "channels", "grants"] {
        lack(what);
        let (client, topic) = (tab(&scope(what)), topic(what));
        until_alone(&client).await;
        publish(&client, &topic, 0..3).await;
        lack("nothing");
    }
}

#[wasm_bindgen_test]
async fn a_tab_whose_leader_is_mute_works_alone_and_comes_back_make_before_break() {
    let (scope, topic) = (scope("mute"), topic("mute"));
    let name = format!("everwire 1 {} {scope} {}", scope.len(), server());
    JsFuture::from(hold(&name)).await.expect("the lock");
    let tab = tab(&scope);
    let mut room = tab.subscribe::<Numbered>(&topic).open();
    until_alone(&tab).await;
    subscribed(&mut room).await;
    publish(&tab, &topic, 0..50).await;
    let acks = (50..100).map(|n| tab.publish(&topic, &Numbered { n })).collect::<Vec<_>>();
    release();
    until_shared(&tab).await;
    for ack in within("acks", join_all(acks)).await {
        ack.expect("an ack");
    }
    publish(&tab, &topic, 100..150).await;
    assert_eq!(numbers(messages(&mut room, 150).await), (0..150).collect::<Vec<_>>());
    drop(tab);
    until_nothing_is_left(&scope).await;
}

#[wasm_bindgen_test]
async fn a_page_put_aside_holds_nothing_and_shares_again_when_it_is_back() {
    let (scope, topic) = (scope("aside"), topic("aside"));
    let tabs = tabs(&scope, 3);
    let mut room = tabs[2].subscribe::<Numbered>(&topic).open();
    for tab in &tabs {
        until_shared(tab).await;
    }
    subscribed(&mut room).await;
    tell("pagehide");
    until_nothing_is_left(&scope).await;
    let opened = count_opened();
    tell("pageshow");
    for tab in &tabs {
        until_shared(tab).await;
    }
    publish(&tabs[1], &topic, 0..10).await;
    assert_eq!(numbers(messages(&mut room, 10).await), (0..10).collect::<Vec<_>>());
    assert_eq!(count_opened() - opened, 1);
}

#[wasm_bindgen_test]
async fn a_lost_connection_is_told_in_every_tab() {
    let scope = scope("lost");
    let tabs = tabs(&scope, 2);
    for tab in &tabs {
        until_shared(tab).await;
    }
    let mut changes: Vec<_> = tabs.iter().map(Client::state).collect();
    cut_all();
    for changes in &mut changes {
        let lost = changes.filter(|status| std::future::ready(status.state == State::Waiting));
        let status = within("a change", Box::pin(lost).next()).await.expect("a status");
        assert_eq!(status.transport, Some(Transport::Tab));
        assert!(status.retry_at.is_some());
    }
    for tab in &tabs {
        until_shared(tab).await;
        assert_eq!(tab.stats().reconnects.total(), 0, "its link to the other tab stood");
    }
}

#[wasm_bindgen_test]
async fn a_server_that_is_away_is_tried_by_one_tab_only() {
    let scope = scope("away");
    let tab = || Client::builder("http://127.0.0.1:9").share_tabs(&*scope).transports([Transport::WebSocket]);
    let before = count_opened();
    let tabs = [tab().connect(), tab().connect(), tab().connect()];
    for tab in &tabs {
        until(tab, "a wait", |status| {
            (status.state, status.transport) == (State::Waiting, Some(Transport::Tab))
                && status.retry_at.is_some()
        })
        .await;
    }
    let tries = tabs[0].status().attempt;
    assert!(count_opened() - before <= tries + 1, "{} for {tries}", count_opened() - before);
}

#[wasm_bindgen_test]
async fn invariant_12_what_is_said_on_the_channel_by_others_does_nothing() {
    let (scope, topic) = (scope("noise"), topic("noise"));
    let name = format!("everwire 1 {} {scope} {}", scope.len(), server());
    let tabs = tabs(&scope, 2);
    for tab in &tabs {
        until_shared(tab).await;
    }
    for noise in [&[][..], &[1], &[2, 1], &[1, 1, 7], &[1, 99], &[0xff; 200], &vec![1; 2 * 1024 * 1024]] {
        say(&name, noise);
    }
    publish(&tabs[1], &topic, 0..10).await;
    assert_eq!(tabs[1].stats().reconnects.total(), 0);
}

#[wasm_bindgen_test]
async fn chosen_transports_are_those_of_the_connection() {
    let scope = scope("chosen");
    let tabs = tabs(&scope, 2);
    for tab in &tabs {
        until_shared(tab).await;
    }
    for tab in &tabs {
        tab.set_transports([Transport::Sse]);
    }
    let topic = topic("chosen");
    let mut room = tabs[1].subscribe::<Numbered>(&topic).open();
    for tab in &tabs {
        until(tab, "the other transport", |status| {
            (status.transport, status.via) == (Some(Transport::Tab), Some(Transport::Sse))
        })
        .await;
    }
    subscribed(&mut room).await;
    publish(&tabs[0], &topic, 0..3).await;
    assert_eq!(numbers(messages(&mut room, 3).await), [0, 1, 2]);
}
