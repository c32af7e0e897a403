//! What crosses to JavaScript: columns that can be cut again, whatever the text, and options that are read.

#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]

use everwire::{Event, From, HistoryRange, Member, Message, Payload, Position, Transport};
use js_sys::{Array, Float64Array, JSON, JsString, Object, Uint8Array};
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

/// A run's text and its columns of numbers.
fn columns(run: &JsValue) -> (JsString, Vec<Vec<f64>>) {
    let count = get(run, "count").unwrap().as_f64().unwrap() as usize;
    let numbers: Float64Array = get(run, "numbers").unwrap().unchecked_into();
    let columns = numbers.to_vec().chunks(count).map(<[f64]>::to_vec).collect();
    (get(run, "text").unwrap().unchecked_into(), columns)
}

/// The payloads, cut as JavaScript would: a bracket or a comma stands before each.
fn payloads(run: &JsValue) -> Vec<String> {
    let (text, columns) = columns(run);
    let mut start = 0;
    let piece = |end: &f64| {
        let piece = text.slice(start + 1, *end as u32);
        start = *end as u32;
        String::from(piece)
    };
    columns[1].iter().map(piece).collect()
}

#[wasm_bindgen_test]
fn columns_are_cut_where_the_messages_end_whatever_the_text() {
    let sent = ["\"naïve 🦀\"", "", "{\"a\":1}", "\"漢字\"", "\"\u{10ffff}\""];
    let mut all: Vec<_> =
        sent.iter().zip(17..).map(|(payload, offset)| message(offset, Payload::json(*payload))).collect();
    all[1].key = Some("clé 🔑".into());
    all[3].from = Some("ada".into());
    all[4].id = Some("client.7".parse().unwrap());
    let run = messages(all);

    assert_eq!(payloads(&run), sent);
    let (all, columns) = columns(&run);
    let piece = |start: f64, end: f64| String::from(all.slice(start as u32, end as u32));
    assert_eq!(piece(columns[1][4] + 1.0, columns[2][1]), "clé 🔑", "it is the first, behind the array");
    assert_eq!(piece(columns[2][3], columns[3][3]), "ada");
    assert_eq!(piece(columns[3][4], columns[4][4]), "client.7");
    assert_eq!(get(&run, "count").unwrap().as_f64(), Some(5.0));
    assert_eq!(get(&run, "first").unwrap().as_f64(), Some(17.0));
    assert_eq!(text(&run, "epoch").as_deref(), Some("k3x9"));
    assert_eq!(columns[0][4], 1_700_000_000_021.0);
}

#[wasm_bindgen_test]
fn a_run_of_json_is_one_array() {
    let run = messages((1..=3).map(|offset| message(offset, Payload::json("{\"a\":[1]}"))).collect());
    let all: Array = JSON::parse(&text(&run, "text").unwrap()).unwrap().unchecked_into();
    assert_eq!((all.length(), columns(&run).1.len()), (3, 2));
    assert!(get(&run, "kinds").is_none() && get(&run, "about").unwrap().is_falsy());
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
    assert_eq!(payloads(&run), ["a", "", "1"]);
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
