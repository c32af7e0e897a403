//! Typed payloads: what serde and the browser's JSON make of each other.

#![cfg(all(target_arch = "wasm32", feature = "serde"))]
#![allow(clippy::expect_used, reason = "a failed expectation is how a test fails")]

mod common;

use std::collections::BTreeMap;

use common::{client, find, subscribed, topic, within};
use everwire::{DecodeError, Event, Payload, PublishError, Transport, decode};
use serde::{Deserialize, Serialize};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Everything {
    plain_text: String,
    nothing: Option<String>,
    something: Option<u8>,
    large: u64,
    negative: i64,
    fraction: f64,
    table: BTreeMap<String, Vec<bool>>,
    choice: Choice,
    pair: (u16, String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Choice {
    Circle { radius: f32 },
    Point,
}

fn everything() -> Everything {
    Everything {
        plain_text: "naïve 🦀\n\"quoted\"".into(),
        nothing: None,
        something: Some(0),
        large: (1 << 53) - 1,
        negative: -(1 << 53) + 1,
        fraction: 0.1,
        table: [("a".into(), vec![true, false]), ("b c".into(), vec![])].into(),
        choice: Choice::Circle { radius: 1.5 },
        pair: (65_535, "x".into()),
    }
}

#[wasm_bindgen_test]
async fn a_value_comes_back_as_it_went() {
    let (client, topic) = (client(Transport::WebSocket), topic("typed"));
    let mut room = client.subscribe::<Everything>(&topic).open();
    subscribed(&mut room).await;
    within("an ack", client.publish(&topic, &everything())).await.expect("an ack");
    let back = find(&mut room, "the value", |event| match event {
        Event::Message(message) => Some(message.data),
        _ => None,
    })
    .await;
    assert_eq!(back, Ok(everything()));
}

#[wasm_bindgen_test]
async fn what_is_of_another_type_is_told_and_the_stream_goes_on() {
    let (client, topic) = (client(Transport::WebSocket), topic("mistyped"));
    let mut room = client.subscribe::<common::Numbered>(&topic).open();
    subscribed(&mut room).await;
    for payload in [Payload::json(r#"{"m":1}"#), Payload::text("not JSON"), Payload::json(r#"{"n":2}"#)] {
        within("an ack", client.publish_raw(&topic, payload)).await.expect("an ack");
    }
    let mut results = Vec::new();
    while results.len() < 3 {
        results.push(
            find(&mut room, "messages", |event| match event {
                Event::Message(message) => Some(message.data),
                _ => None,
            })
            .await,
        );
    }
    assert!(results[0].as_ref().is_err_and(|error| error.to_string().contains('n')), "{results:?}");
    assert!(results[1].is_err());
    assert_eq!(results[2], Ok(common::Numbered { n: 2 }));
}

#[wasm_bindgen_test]
fn text_and_bytes_are_read_without_json() {
    assert_eq!(decode(Payload::text("{not json")), Ok("{not json".to_owned()));
    assert_eq!(decode(Payload::bytes(vec![0, 128, 255])), Ok(vec![0_u8, 128, 255]));
    let broken: Result<String, DecodeError> = decode(Payload::json("{not json"));
    assert!(broken.is_err());
}

#[wasm_bindgen_test]
async fn what_json_cannot_say_is_refused_before_it_is_sent() {
    let client = client(Transport::WebSocket);
    let by_pair: BTreeMap<(u8, u8), u8> = [((1, 2), 3)].into();
    let refused = within("an answer", client.publish(&topic("no-json"), &by_pair)).await;
    assert!(matches!(refused, Err(PublishError::Encode(_))), "{refused:?}");
    assert_eq!(client.stats().published, 0);
}
