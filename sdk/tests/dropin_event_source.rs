//! `ResumableEventSource` in a real browser, against the real server, which is any other server to it.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is how a test fails")]

mod common;

use std::{cell::RefCell, rc::Rc, time::Duration};

use common::{client, pause, publish, server, topic, within};
use everwire::{
    Transport,
    dropin::{Events, FailureKind, ReadyState, ResumableEventSource, Retry, StreamEvent, StreamMessage},
};
use futures::{
    StreamExt,
    future::{Either, select},
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

// Watches what is asked for: the headers as `fetch` takes them, and what has become of each request.
#[wasm_bindgen(inline_js = r#"
const requests = [], doFetch = window.fetch;
window.fetch = (url, init) => {
    requests.push({ url, init });
    return doFetch(url, init);
};
export const last_header = name => requests.at(-1).init.headers.get(name) ?? "";
export const last_request = () => `${requests.at(-1).init.method} ${requests.at(-1).init.body ?? ""}`;
export const aborted = part => requests.filter(r => r.url.includes(part) && r.init.signal.aborted).length;
export const made = part => requests.filter(r => r.url.includes(part)).length;
"#)]
extern "C" {
    fn last_header(name: &str) -> String;
    fn last_request() -> String;
    fn aborted(part: &str) -> u32;
    fn made(part: &str) -> u32;
}

fn stream_of(topic: &str) -> String {
    [server(), "/v1/sse?format=raw&from=earliest&topic=", topic].concat()
}

/// The next event for which `pick` has something.
async fn find<R>(events: &mut Events, what: &str, mut pick: impl FnMut(StreamEvent) -> Option<R>) -> R {
    let found = async {
        loop {
            let event = events.next().await.unwrap_or_else(|| panic!("the events ended: {what}"));
            if let Some(found) = pick(event) {
                return found;
            }
        }
    };
    within(what, found).await
}

async fn message(events: &mut Events) -> StreamMessage {
    find(events, "a message", |event| match event {
        StreamEvent::Message(message) if message.event == "message" => Some(message),
        _ => None,
    })
    .await
}

async fn opened(events: &mut Events) {
    find(events, "a stream", |event| (event == StreamEvent::Open).then_some(())).await;
}

fn number(n: u32) -> String {
    format!("{{\"n\":{n}}}")
}

#[wasm_bindgen_test]
async fn it_reads_a_stream_and_goes_on_where_it_was_without_loss_or_repeats() {
    let (writer, topic) = (client(Transport::WebSocket), topic("dropin"));
    publish(&writer, &topic, 0..3).await;
    let (source, mut events) = ResumableEventSource::builder(&stream_of(&topic)).open();
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    opened(&mut events).await;
    assert_eq!((source.ready_state(), source.origin()), (ReadyState::Open, server().to_owned()));
    for n in 0..3 {
        assert_eq!(message(&mut events).await.data, number(n));
    }
    for round in 1..4 {
        let id = source.last_event_id();
        assert!(!id.is_empty());
        publish(&writer, &topic, round * 3..round * 3 + 1).await;
        source.reconnect();
        publish(&writer, &topic, round * 3 + 1..round * 3 + 3).await;
        for n in round * 3..round * 3 + 3 {
            assert_eq!(message(&mut events).await.data, number(n));
        }
    }
    let id = source.last_event_id();
    drop((source, events));

    publish(&writer, &topic, 12..13).await;
    let (_source, mut events) = ResumableEventSource::builder(&stream_of(&topic)).last_event_id(&id).open();
    assert_eq!(message(&mut events).await.data, number(12), "on another page");
}

#[wasm_bindgen_test]
async fn closed_or_dropped_it_holds_nothing() {
    for close in [true, false] {
        let topic = topic("dropin-close");
        let (source, mut events) = ResumableEventSource::builder(&stream_of(&topic)).open();
        opened(&mut events).await;
        if close {
            source.close();
            assert_eq!(source.ready_state(), ReadyState::Closed);
            source.reconnect();
        } else {
            drop((source, events));
        }
        pause(700).await;
        assert_eq!((made(&topic), aborted(&topic)), (1, 1));
    }
}

#[wasm_bindgen_test]
async fn what_the_app_has_paused_is_not_read_until_it_resumes_however_often_it_looks() {
    let (writer, topic) = (client(Transport::WebSocket), topic("dropin-pause"));
    publish(&writer, &topic, 0..1).await;
    let (source, mut events) = ResumableEventSource::builder(&stream_of(&topic)).open();
    source.pause();
    opened(&mut events).await;
    let waited = select(Box::pin(message(&mut events)), Box::pin(pause(700))).await;
    assert!(matches!(waited, Either::Right(_)), "it was read");
    drop(waited);
    source.resume();
    assert_eq!(message(&mut events).await.data, number(0));
}

#[wasm_bindgen_test]
async fn an_answer_without_a_body_ends_when_it_is_read_and_not_before() {
    let url = stream_of(&topic("head"));
    let (source, mut events) = ResumableEventSource::builder(&url).method("HEAD").max_retries(0).open();
    source.pause();
    opened(&mut events).await;
    source.resume();
    find(&mut events, "the end", |event| matches!(event, StreamEvent::Error(_)).then_some(())).await;
    assert_eq!(source.ready_state(), ReadyState::Closed);
}

#[wasm_bindgen_test]
async fn a_refusal_is_fatal_and_says_why() {
    let (source, mut events) = ResumableEventSource::builder(&[server(), "/v1/sse"].concat()).open();
    let refusal = find(&mut events, "a refusal", |event| match event {
        StreamEvent::Error(failure) => Some(failure),
        _ => None,
    })
    .await;
    assert!(refusal.is_fatal());
    let FailureKind::Refused(refusal) = refusal.kind else { panic!("{refusal:?}") };
    assert_eq!(refusal.status, 400);
    assert!(refusal.body.contains("topic"), "{}", refusal.body);
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert_eq!(within("the end", events.next()).await, None);
}

#[wasm_bindgen_test]
async fn another_type_of_content_is_fatal_and_may_be_retried_on_demand() {
    let url = [server(), "/v1/topics/", &topic("dropin-type"), "/history"].concat();
    let (_source, mut events) = ResumableEventSource::builder(&url).open();
    let fatal = find(&mut events, "a refusal", |event| match event {
        StreamEvent::Error(failure) => Some(failure.is_fatal()),
        _ => None,
    })
    .await;
    assert!(fatal);
    let (_source, mut events) =
        ResumableEventSource::builder(&url).retry_if(|refusal| refusal.status == 200).max_retries(1).open();
    for expected in [false, true] {
        let retry = find(&mut events, "a refusal", |event| match event {
            StreamEvent::Error(failure) => Some(failure.retry),
            _ => None,
        })
        .await;
        assert_eq!(retry == Retry::Never, expected);
    }
}

#[wasm_bindgen_test]
async fn the_id_goes_out_as_bytes_of_utf_8_with_what_else_was_asked_for() {
    let url = [server(), "/v1/sse?topic=", &topic("dropin-headers")].concat();
    let (_source, mut events) = ResumableEventSource::builder(&url)
        .last_event_id("größe 漢")
        .method("POST")
        .header("authorization", "Bearer x")
        .body("some=body")
        .open();
    let bytes: String = "größe 漢".bytes().map(char::from).collect();
    assert_eq!((last_header("Last-Event-ID"), last_header("accept")), (bytes, "text/event-stream".into()));
    assert_eq!((last_header("authorization"), last_request()), ("Bearer x".into(), "POST some=body".into()));
    // Whatever the server makes of that.
    within("an answer", events.next()).await;
}

#[wasm_bindgen_test]
async fn the_request_can_be_made_anew_for_each_attempt() {
    let topic = topic("dropin-prepare");
    let stream = stream_of(&topic);
    let asked = Rc::new(RefCell::new(0));
    let counter = asked.clone();
    let (source, mut events) = ResumableEventSource::builder("/nowhere")
        .header("authorization", "Bearer secret")
        .prepare(move |mut request| {
            assert!(!format!("{request:?}").contains("secret"), "a token is in no log");
            *counter.borrow_mut() += 1;
            request.url = stream.clone();
            let fails = *counter.borrow() == 1;
            async move { if fails { Err(()) } else { Ok(request) } }
        })
        .open();
    let failure = find(&mut events, "a failure", |event| match event {
        StreamEvent::Error(failure) => Some(failure),
        _ => None,
    })
    .await;
    assert!(failure.kind == FailureKind::Request && !failure.is_fatal());
    opened(&mut events).await;
    assert_eq!((*asked.borrow(), source.url()), (2, stream_of(&topic)));
}

#[wasm_bindgen_test]
async fn a_silent_stream_is_found_dead_and_asked_for_again() {
    let (_source, mut events) = ResumableEventSource::builder(&stream_of(&topic("dropin-silent")))
        .heartbeat_timeout(Duration::from_millis(300))
        .open();
    opened(&mut events).await;
    let kind = find(&mut events, "a failure", |event| match event {
        StreamEvent::Error(failure) => Some(failure.kind),
        _ => None,
    })
    .await;
    assert_eq!(kind, FailureKind::Silent);
    opened(&mut events).await;
}

#[wasm_bindgen_test]
async fn what_cannot_be_asked_for_is_told_once_and_later() {
    for builder in [
        ResumableEventSource::builder("http://[not a url"),
        ResumableEventSource::builder(server()).header("not a header", ""),
    ] {
        let (source, mut events) = builder.open();
        assert_eq!(source.ready_state(), ReadyState::Connecting);
        let Some(StreamEvent::Error(failure)) = within("a failure", events.next()).await else {
            panic!("none")
        };
        assert!(failure.kind == FailureKind::Request && failure.is_fatal());
        assert_eq!(within("the end", events.next()).await, None);
    }
}

#[wasm_bindgen_test]
async fn invariant_5_an_app_that_takes_nothing_holds_the_stream_up_and_loses_nothing() {
    let (writer, topic) = (client(Transport::WebSocket), topic("dropin-slow"));
    publish(&writer, &topic, 0..1_000).await;
    let (_source, mut events) = ResumableEventSource::builder(&stream_of(&topic)).open();
    opened(&mut events).await;
    // Time in which all of it could come.
    pause(500).await;
    for n in 0..1_000 {
        assert_eq!(message(&mut events).await.data, number(n));
    }
    publish(&writer, &topic, 1_000..1_001).await;
    assert_eq!(message(&mut events).await.data, number(1_000));
}

#[wasm_bindgen_test]
async fn without_a_network_it_tries_again_and_waits_longer() {
    // Nobody listens there.
    let (source, mut events) = ResumableEventSource::builder("http://127.0.0.1:9/").max_retries(2).open();
    let mut failures = Vec::new();
    while let Some(event) = within("failures", events.next()).await {
        let StreamEvent::Error(failure) = event else { panic!("{event:?}") };
        assert_eq!(failure.kind, FailureKind::Network);
        failures.push(failure.is_fatal());
    }
    assert_eq!((failures, source.ready_state()), (vec![false, false, true], ReadyState::Closed));
}
