//! The client's log: what it was told, what it did, what it waited for; and nothing that is a secret.

#![cfg(all(target_arch = "wasm32", feature = "serde", feature = "log"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use std::sync::Mutex;

use common::{builder, find, pause, subscribed, topic, within};
use everwire::{Event, Transport};
use log::{
    LevelFilter, Log, Metadata, Record,
    kv::{Error, Key, Value, VisitSource},
};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Lines as `message key=value …`.
struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut line = Line(record.args().to_string());
        record.key_values().visit(&mut line).expect("fields");
        assert_eq!(record.target(), "everwire");
        self.0.lock().expect("lines").push(line.0);
    }

    fn flush(&self) {}
}

struct Line(String);

impl<'kvs> VisitSource<'kvs> for Line {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0.push_str(&format!(" {key}={value}"));
        Ok(())
    }
}

#[wasm_bindgen_test]
async fn invariants_6_and_10_every_deadline_is_named_and_no_token_or_payload_is_in_a_line() {
    log::set_logger(&LINES).expect("no other logger");
    log::set_max_level(LevelFilter::Trace);
    for transport in [Transport::WebSocket, Transport::Sse, Transport::LongPoll] {
        LINES.0.lock().expect("lines").clear();
        let client = builder(transport)
            .token(|| async { Ok::<_, ()>(Some("a-very-secret-token".to_owned())) })
            .config(|config| config.ping_interval = std::time::Duration::from_millis(20))
            .connect();
        let topic = topic("log");
        let mut room = client.subscribe::<String>(&topic).open();
        subscribed(&mut room).await;
        if transport == Transport::WebSocket {
            let fired = |line: &String| line.starts_with("timer fired") && line.contains("timer=ping late=");
            let ping = async {
                while !LINES.0.lock().expect("lines").iter().any(fired) {
                    pause(5).await;
                }
            };
            within("a ping", ping).await;
        }
        within("the ack", client.publish(&topic, "a-very-secret-payload")).await.expect("an ack");
        find(&mut room, "the message", |event| matches!(event, Event::Message(_)).then_some(())).await;
        client.cut();
        subscribed(&mut room).await;
        client.close();

        let lines = LINES.0.lock().expect("lines").clone();
        for begin in [
            "connect at=",
            "fetch token at=",
            "token at=",
            "open at=",
            "subscribe at=",
            "publish at=",
            "messages at=",
            "published at=",
            "cut at=",
            "state at=",
            "timer armed at=",
            "shut at=",
            "no timer at=",
        ] {
            assert!(lines.iter().any(|line| line.starts_with(begin)), "{transport}: {begin} in {lines:#?}");
        }
        assert!(
            lines.iter().any(|line| line.contains("timer=token") && line.contains("wait=")),
            "{lines:#?}"
        );
        assert!(lines.iter().all(|line| !line.contains("secret")), "{lines:#?}");
    }
}
