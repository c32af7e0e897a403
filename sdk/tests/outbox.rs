//! Publishes that outlive their client: kept in IndexedDB, sent once by the next one.

#![cfg(all(target_arch = "wasm32", feature = "serde", feature = "indexeddb"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use common::{Numbered, builder, messages, numbers, pause, server, topic, within};
use everwire::{
    Client, From, IndexedDb, OutboxEvent, OutboxStore, OutboxStream, PublishId, StoreError, Transport,
};
use futures::StreamExt;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(inline_js = r#"
const done = request => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
});
const within = async (name, mode, act) => {
    // Where there is none, none is made.
    if (!(await indexedDB.databases()).some(database => database.name === name)) return [];
    const database = await done(indexedDB.open(name));
    const result = await act(database.transaction("outbox", mode).objectStore("outbox"));
    database.close();
    return result;
};
export const countStored = async name => (await within(name, "readonly", store => done(store.getAll()))).length;
export const writeRubbish = name => within(name, "readwrite", async store => {
    const good = { v: 1, owner: "gone", id: "a.1", topic: "t", kind: "text", data: new Uint8Array(2), expires: 9e15 };
    const bad = [
        null, 7, "text", [], {}, new Uint8Array(9), { v: 0 }, { ...good, v: "1" }, { ...good, owner: 5 },
        { ...good, id: "no spaces" }, { ...good, topic: "$" }, { ...good, kind: "picture" },
        { ...good, data: "text" }, { ...good, data: new Uint8Array([255]) }, { ...good, key: "k".repeat(999) },
        { ...good, data: new Uint8Array(3_000_000) }, { ...good, expires: "soon" },
    ];
    for (const value of [...bad, { ...good, v: 2 }]) await done(store.add(value));
    return bad.length + 1;
});
export const countLocks = async () =>
    (await navigator.locks.query()).held.filter(lock => lock.name.startsWith("everwire:")).length;
// Another page that keeps a version of the database which has to go.
export const block = async name => {
    const database = await done(indexedDB.open(name, 1));
    const gone = done(indexedDB.deleteDatabase(name));
    return () => { database.close(); return gone; };
};
const add = IDBObjectStore.prototype.add;
export const fill = full => {
    IDBObjectStore.prototype.add = full
        ? function () { throw new DOMException("full", "QuotaExceededError"); }
        : add;
};
export const tell = name => window.dispatchEvent(new PageTransitionEvent(name, { persisted: true }));
"#)]
extern "C" {
    #[wasm_bindgen(js_name = countStored)]
    fn stored(name: &str) -> Promise;
    #[wasm_bindgen(js_name = writeRubbish)]
    fn write_rubbish(name: &str) -> Promise;
    #[wasm_bindgen(js_name = countLocks)]
    fn locks() -> Promise;
    fn block(name: &str) -> Promise;
    fn fill(full: bool);
    fn tell(name: &str);
}

async fn number(promise: Promise) -> u32 {
    JsFuture::from(promise).await.expect("a number").as_f64().expect("a number") as u32
}

/// Waits until so many publishes are stored.
async fn until_stored(name: &str, count: u32) {
    let reached = async {
        while number(stored(name)).await != count {
            pause(5).await;
        }
    };
    within(&format!("{count} stored"), reached).await;
}

/// Waits until so many clients hold their lock.
async fn until_locked(count: u32) {
    let reached = async {
        while number(locks()).await != count {
            pause(5).await;
        }
    };
    within(&format!("{count} locks"), reached).await;
}

/// A client that keeps its publishes, and reaches the server, or not.
fn keeping(name: &str, reaches: bool) -> Client {
    let start = if reaches { builder(Transport::WebSocket) } else { Client::builder("http://127.0.0.1:9") };
    start.persist_outbox(IndexedDb::new(name)).connect()
}

/// Publishes numbers that nobody acks.
fn leave(client: &Client, topic: &str, range: std::ops::Range<u32>) -> Vec<PublishId> {
    range.filter_map(|n| client.publish(topic, &Numbered { n }).key("k").id()).collect()
}

/// So many outcomes of what was restored; all are acks.
async fn restored(outcomes: &mut OutboxStream, count: usize) -> Vec<PublishId> {
    let all = outcomes.take(count).map(|event| match event {
        OutboxEvent::Restored { id, result } => {
            result.expect("an ack");
            id
        }
        event => unreachable!("{event:?}"),
    });
    within("outcomes", all.collect()).await
}

#[wasm_bindgen_test]
async fn invariant_4_what_a_client_left_is_sent_once_by_the_next_with_its_ids_and_in_its_order() {
    let (name, topic) = (topic("left"), topic("left"));
    let first = keeping(&name, false);
    let ids = leave(&first, &topic, 0..20);
    until_stored(&name, 20).await;
    drop(first);
    until_locked(0).await;
    assert_eq!(number(stored(&name)).await, 20, "what waits stays when its client goes");

    let second = keeping(&name, true);
    let mut outcomes = second.outbox_events();
    // What it publishes itself comes after what was left.
    let own = leave(&second, &topic, 20..25);
    assert_eq!(restored(&mut outcomes, 20).await, ids);
    let mut room = second.subscribe::<Numbered>(&topic).from(From::Earliest).open();
    let all = messages(&mut room, 25).await;
    let told: Vec<_> = all.iter().filter_map(|message| message.id.clone()).collect();
    assert_eq!(told, [ids, own].concat());
    assert!(all.iter().all(|message| message.key.as_deref() == Some("k")));
    assert_eq!(numbers(all), (0..25).collect::<Vec<_>>());
    until_stored(&name, 0).await;

    // A third one finds nothing.
    drop(second);
    let third = keeping(&name, true);
    let sent = third.publish(&topic, &Numbered { n: 25 }).await.expect("an ack").expect("a position");
    assert_eq!(sent.offset, 26);
}

#[wasm_bindgen_test]
async fn two_living_clients_don_t_send_each_other_s() {
    let (name, topic) = (topic("living"), topic("living"));
    let first = keeping(&name, false);
    leave(&first, &topic, 0..5);
    until_stored(&name, 5).await;
    let second = keeping(&name, true);
    let sent = within("an ack", second.publish(&topic, &Numbered { n: 9 })).await.expect("an ack");
    assert_eq!(sent.expect("a position").offset, 1, "the first one's are its own business");
    assert_eq!(number(locks()).await, 2);
    until_stored(&name, 5).await;
    drop((first, second));
    until_locked(0).await;
}

#[wasm_bindgen_test]
async fn a_page_put_aside_holds_no_lock_and_takes_it_again() {
    let name = topic("aside");
    let client = keeping(&name, false);
    leave(&client, &topic("aside"), 0..1);
    until_stored(&name, 1).await;
    until_locked(1).await;
    tell("pagehide");
    until_locked(0).await;
    tell("pageshow");
    until_locked(1).await;
    drop(client);
    until_locked(0).await;
}

#[wasm_bindgen_test]
async fn what_was_taken_over_while_the_page_was_away_takes_effect_once() {
    let (name, topic) = (topic("away"), topic("away"));
    let away = keeping(&name, false);
    let ids = leave(&away, &topic, 0..3);
    until_stored(&name, 3).await;
    tell("pagehide");
    until_locked(0).await;
    let second = keeping(&name, true);
    let mut outcomes = second.outbox_events();
    assert_eq!(restored(&mut outcomes, 3).await, ids);
    tell("pageshow");
    until_stored(&name, 0).await;
    leave(&away, &topic, 3..4);
    until_stored(&name, 1).await;
    drop((away, second));
    until_locked(0).await;
    let third = keeping(&name, true);
    restored(&mut third.outbox_events(), 1).await;
    let mut room = third.subscribe::<Numbered>(&topic).from(From::Earliest).open();
    assert_eq!(numbers(messages(&mut room, 4).await), [0, 1, 2, 3]);
}

#[wasm_bindgen_test]
async fn invariant_12_rubbish_in_the_database_harms_nothing_and_a_newer_form_is_left_alone() {
    let (name, topic) = (topic("rubbish"), topic("rubbish"));
    let first = keeping(&name, false);
    leave(&first, &topic, 0..1);
    until_stored(&name, 1).await;
    drop(first);
    until_locked(0).await;
    assert!(number(write_rubbish(&name)).await > 10);
    let second = keeping(&name, true);
    assert_eq!(restored(&mut second.outbox_events(), 1).await.len(), 1);
    until_stored(&name, 1).await;
    assert!(IndexedDb::new(&name).load().await.expect("it loads").is_empty());
}

#[wasm_bindgen_test]
async fn invariant_6_a_database_that_is_blocked_is_told_once_and_the_client_goes_on() {
    let (name, topic) = (topic("blocked"), topic("blocked"));
    let unblock = JsFuture::from(block(&name)).await.expect("a blocked database");
    let client = keeping(&name, true);
    let mut events = client.outbox_events();
    let sent = within("the ack", client.publish(&topic, &Numbered { n: 0 })).await;
    sent.expect("it goes on without");
    let told = within("why", events.next()).await;
    assert_eq!(told, Some(OutboxEvent::Unpersisted(StoreError::TimedOut)));
    client.publish(&topic, &Numbered { n: 1 }).await.expect("an ack");
    client.close();
    assert_eq!(within("the end", events.next()).await, None, "it is told once");
    let gone = unblock.unchecked_into::<js_sys::Function>().call0(&JsValue::NULL).expect("a promise");
    JsFuture::from(gone.unchecked_into::<Promise>()).await.expect("it is gone");
}

#[wasm_bindgen_test]
async fn a_database_that_is_full_is_told_once_and_the_client_goes_on() {
    let (name, topic) = (topic("full"), topic("full"));
    let client = keeping(&name, true);
    let mut events = client.outbox_events();
    fill(true);
    for n in 0..3 {
        client.publish(&topic, &Numbered { n }).await.expect("an ack");
        pause(10).await;
    }
    fill(false);
    // Who asks late is told, too.
    let late = client.outbox_events().next().await;
    assert_eq!(late, Some(OutboxEvent::Unpersisted(StoreError::Refused)));
    assert_eq!(events.next().await, late);
    client.close();
    assert_eq!(events.next().await, None);
    assert!(server().starts_with("http"));
}
