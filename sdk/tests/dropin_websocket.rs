//! `ReconnectingWebSocket` in a real browser, against the real server, which is any other server to it: it answers JSON with
//! JSON, and closes on what it can't read.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is how a test fails")]

mod common;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use common::{pause, server, within};
use everwire::dropin::{
    Close, Message, ReadyState, ReconnectingWebSocket, Retry, SendError, SocketEvent, SocketEvents,
    WebSocketBuilder,
};
use futures::StreamExt;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const HELLO: &str = r#"{"type":"connect","client_id":"a-client-of-its-own"}"#;
const PING: &str = r#"{"type":"ping","nonce":7}"#;

fn url() -> String {
    [server(), "/v1/ws"].concat()
}

/// To the server, in JSON.
fn socket() -> WebSocketBuilder {
    ReconnectingWebSocket::builder(&url()).protocol("everwire.v1.json")
}

async fn find<R>(events: &mut SocketEvents, what: &str, mut pick: impl FnMut(SocketEvent) -> Option<R>) -> R {
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

async fn opened(events: &mut SocketEvents) {
    find(events, "a link", |event| (event == SocketEvent::Open).then_some(())).await;
}

async fn closed(events: &mut SocketEvents) -> Close {
    find(events, "a close", |event| match event {
        SocketEvent::Close(close) => Some(close),
        _ => None,
    })
    .await
}

async fn text(events: &mut SocketEvents, part: &str) -> String {
    find(events, part, |event| match event {
        SocketEvent::Message(Message::Text(text)) if text.contains(part) => Some(text),
        _ => None,
    })
    .await
}

#[wasm_bindgen_test]
async fn it_sends_what_waited_and_comes_back_when_the_server_closes() {
    let (socket, mut events) = socket().open();
    assert_eq!(socket.ready_state(), ReadyState::Connecting);
    assert_eq!(socket.send(HELLO), Ok(()));
    assert_eq!(socket.buffered_amount(), HELLO.len());
    opened(&mut events).await;
    assert_eq!(socket.ready_state(), ReadyState::Open);
    assert!(socket.url().starts_with("ws://"));
    text(&mut events, "welcome").await;
    socket.send(PING).expect("sent");
    text(&mut events, "pong").await;

    socket.send("not a frame").expect("sent");
    let close = closed(&mut events).await;
    assert!(close.was_clean && close.code >= 1002 && matches!(close.retry, Retry::In(_)), "{close:?}");
    assert_eq!(socket.ready_state(), ReadyState::Connecting);
    socket.send(HELLO).expect("kept");
    opened(&mut events).await;
    text(&mut events, "welcome").await;
}

#[wasm_bindgen_test]
async fn invariant_8_close_is_final() {
    let (socket, mut events) = socket().open();
    opened(&mut events).await;
    assert_eq!(socket.close(Some(3_000), "enough"), Ok(()));
    assert_eq!(socket.ready_state(), ReadyState::Closing);
    let close = closed(&mut events).await;
    assert_eq!((close.retry, socket.ready_state()), (Retry::Never, ReadyState::Closed));
    socket.reconnect();
    assert_eq!(socket.send("more"), Err(SendError::Closed));
    assert_eq!(within("the end", events.next()).await, None);
}

#[wasm_bindgen_test]
async fn subprotocols_are_offered_and_binary_messages_are_bytes() {
    let (socket, mut events) =
        ReconnectingWebSocket::builder(&url()).protocol("nobody.knows").protocol("everwire.v1.bin").open();
    opened(&mut events).await;
    assert_eq!((socket.protocol().as_str(), socket.extensions().as_str()), ("everwire.v1.bin", ""));
    // What is no frame gets an error in answer, in the subprotocol's own form.
    socket.send(vec![0xff_u8; 3]).expect("sent");
    let bytes = find(&mut events, "bytes", |event| match event {
        SocketEvent::Message(Message::Bytes(bytes)) => Some(bytes),
        _ => None,
    })
    .await;
    assert!(!bytes.is_empty());
}

#[wasm_bindgen_test]
async fn the_heartbeat_finds_a_server_that_answers_nothing() {
    // Without a `connect` the server says nothing; a time far below its own patience is a dead link then.
    let (_socket, mut events) =
        socket().heartbeat(None, Duration::from_millis(200), Duration::from_millis(100)).open();
    opened(&mut events).await;
    let close = closed(&mut events).await;
    assert!(close.code == 1006 && matches!(close.retry, Retry::In(_)), "{close:?}");
    opened(&mut events).await;

    let (socket, mut events) =
        socket().heartbeat(Some(PING.into()), Duration::from_millis(200), Duration::from_secs(5)).open();
    socket.send(HELLO).expect("kept");
    for _ in 0..3 {
        text(&mut events, "pong").await;
    }
}

#[wasm_bindgen_test]
async fn a_provider_is_asked_for_each_url_and_a_fatal_code_is_the_end() {
    let asked = Rc::new(Cell::new(0));
    let counter = asked.clone();
    let (socket, mut events) = ReconnectingWebSocket::builder("")
        .protocol("everwire.v1.json")
        .url_provider(move || {
            counter.set(counter.get() + 1);
            let fails = counter.get() == 1;
            async move { if fails { Err(()) } else { Ok(url()) } }
        })
        .fatal(|code, _| code > 1_000)
        .open();
    assert!(matches!(closed(&mut events).await.retry, Retry::In(_)));
    opened(&mut events).await;
    assert_eq!(asked.get(), 2);
    socket.send("not a frame").expect("sent");
    assert_eq!(closed(&mut events).await.retry, Retry::Never);
    assert_eq!(within("the end", events.next()).await, None);
}

#[wasm_bindgen_test]
async fn what_the_browser_refuses_is_told_once_and_later() {
    for builder in [
        ReconnectingWebSocket::builder("ftp://example.com"),
        ReconnectingWebSocket::builder("ws://[not a url"),
        socket().protocol("not a protocol"),
    ] {
        let told = Rc::new(RefCell::new(Vec::new()));
        let keeps = told.clone();
        let socket =
            builder.listen(move |event| keeps.borrow_mut().push(matches!(event, SocketEvent::Close(_))));
        assert!(told.borrow().is_empty());
        within("the end", async {
            while socket.ready_state() != ReadyState::Closed {
                pause(10).await;
            }
        })
        .await;
        assert_eq!(*told.borrow(), [false, true], "an error and a close");
    }
}

#[wasm_bindgen_test]
async fn without_a_network_it_tries_as_often_as_it_may() {
    // Nobody listens there.
    let (socket, mut events) = ReconnectingWebSocket::builder("ws://127.0.0.1:9/").max_retries(2).open();
    for is_final in [false, false, true] {
        assert_eq!(closed(&mut events).await.is_final(), is_final);
    }
    assert_eq!(socket.ready_state(), ReadyState::Closed);
}

#[wasm_bindgen_test]
async fn the_app_may_call_anything_from_within_an_event() {
    let handle: Rc<RefCell<Option<ReconnectingWebSocket>>> = Rc::default();
    let (inner, told) = (handle.clone(), Rc::new(RefCell::new(Vec::new())));
    let keeps = told.clone();
    let socket = socket().listen(move |event| {
        let Some(socket) = inner.borrow().clone() else { return };
        keeps.borrow_mut().push(socket.ready_state());
        match event {
            SocketEvent::Open => socket.send(HELLO).expect("sent"),
            SocketEvent::Message(_) => socket.close(None, "").expect("closing"),
            _ => {}
        }
    });
    *handle.borrow_mut() = Some(socket.clone());
    within("the end", async {
        while socket.ready_state() != ReadyState::Closed {
            pause(10).await;
        }
    })
    .await;
    assert_eq!(*told.borrow(), [ReadyState::Open, ReadyState::Open, ReadyState::Closed]);
    handle.borrow_mut().take();
}
