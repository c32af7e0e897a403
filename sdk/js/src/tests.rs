//! What crosses to JavaScript: columns that can be cut again, whatever the text, and options that are read.

#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]

use everwire::{Event, From, HistoryRange, Member, Message, Payload, Position, Transport};
use js_sys::{Array, Float64Array, JSON, JsString, Object, Uint8Array, Uint32Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use crate::{
    events::{events, messages},
    options::{self, Subscribe},
    value::{get, text},
};

wasm_bindgen_test_configure!(run_in_browser);

fn message(offset: u64, payload: Payload) -> Message<Payload> {
    Message {
        data: Ok(payload),
        offset,
        epoch: "k3x9".parse().unwrap(),
        time: 1_700_000_000_000 + offset,
        key: None,
        from: None,
        id: None,
    }
}

/// The segments of a run's text, four for each message, cut as JavaScript would.
fn segments(run: &JsValue) -> Vec<String> {
    let all: JsString = get(run, "text").unwrap().unchecked_into();
    let ends: Uint32Array = get(run, "ends").unwrap().unchecked_into();
    let mut start = 0;
    ends.to_vec()
        .into_iter()
        .map(|end| {
            let segment = String::from(all.slice(start, end));
            start = end;
            segment
        })
        .collect()
}

#[wasm_bindgen_test]
fn columns_are_cut_where_the_messages_end_whatever_the_text() {
    let payloads = ["\"naïve 🦀\"", "", "{\"a\":1}", "\"漢字\"", "\"\u{10ffff}\""];
    let mut all: Vec<_> =
        payloads.iter().zip(17..).map(|(payload, offset)| message(offset, Payload::json(*payload))).collect();
    all[1].key = Some("clé 🔑".into());
    all[3].from = Some("ada".into());
    all[4].id = Some("client.7".parse().unwrap());
    let run = messages(all);

    let segments = segments(&run);
    let cut: Vec<_> = segments.chunks(4).map(|four| four[0].as_str()).collect();
    assert_eq!(cut, payloads);
    assert_eq!(
        (segments[5].as_str(), segments[14].as_str(), segments[19].as_str()),
        ("clé 🔑", "ada", "client.7")
    );
    assert_eq!(get(&run, "count").unwrap().as_f64(), Some(5.0));
    assert_eq!(get(&run, "first").unwrap().as_f64(), Some(17.0));
    assert_eq!(text(&run, "epoch").as_deref(), Some("k3x9"));
    let times: Float64Array = get(&run, "times").unwrap().unchecked_into();
    assert_eq!(times.get_index(4), 1_700_000_000_021.0);
}

#[wasm_bindgen_test]
fn bytes_stand_at_their_message_and_leave_no_text() {
    let run = messages(vec![
        message(1, Payload::text("a")),
        message(2, Payload::bytes(vec![0, 255])),
        message(3, Payload::json("1")),
    ]);
    let bytes: Array = get(&run, "bytes").unwrap().unchecked_into();
    assert_eq!(bytes.get(1).unchecked_into::<Uint8Array>().to_vec(), [0, 255]);
    let kinds: Uint8Array = get(&run, "kinds").unwrap().unchecked_into();
    assert_eq!(kinds.to_vec(), [1, 2, 0]);
    assert_eq!(segments(&run).iter().step_by(4).collect::<Vec<_>>(), ["a", "", "1"]);
}

#[wasm_bindgen_test]
fn runs_break_at_other_events_and_keep_their_order() {
    let position = Position { epoch: "k3x9".parse().unwrap(), offset: 9 };
    let member = Member { id: "m1".into(), subject: None, info: Some("Ada".into()) };
    let batch = vec![
        Event::Subscribed { position, recovered: false },
        Event::Message(message(1, Payload::json("1"))),
        Event::Message(message(2, Payload::json("2"))),
        Event::Join(member),
        Event::Message(message(3, Payload::json("3"))),
    ];
    let kinds: Vec<_> = events(batch).iter().map(|event| text(&event, "type").unwrap()).collect();
    assert_eq!(kinds, ["subscribed", "messages", "join", "messages"]);
}

#[wasm_bindgen_test]
fn options_are_read_and_what_cannot_be_read_is_an_error() {
    let parse = |json: &str| JSON::parse(json).unwrap();
    let plain = Subscribe { from: From::Latest, presence: false, conflate: false, snapshot: None };
    assert_eq!(options::subscribe(&JsValue::UNDEFINED).unwrap(), plain);
    let read = options::subscribe(&parse(r#"{"from":"last:50","presence":true,"conflate":1}"#)).unwrap();
    assert_eq!(read, Subscribe { from: From::Last(50), presence: true, conflate: true, snapshot: None });
    assert!(options::subscribe(&parse(r#"{"snapshot":"no function"}"#)).is_err());
    assert!(options::subscribe(&parse(r#"{"from":"yesterday"}"#)).is_err());

    assert_eq!(options::history(&Object::new()), (HistoryRange::Before(u64::MAX), 100));
    assert_eq!(options::history(&parse(r#"{"after":7,"limit":3}"#)), (HistoryRange::After(7), 3));

    let transports = options::transports(&parse(r#"["sse","websocket"]"#)).unwrap();
    assert_eq!(transports, [Transport::Sse, Transport::WebSocket]);
    let error = options::transports(&parse(r#"["pigeon"]"#)).unwrap_err();
    assert_eq!(text(&error, "code").as_deref(), Some("bad_option"));
}
