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

/// The pieces of a run's text, cut as JavaScript would: between two of them stand so many characters.
fn pieces(run: &JsValue, name: &str, ends: &str, first: u32, between: u32) -> Vec<String> {
    let all: JsString = get(run, name).unwrap().unchecked_into();
    let ends: Uint32Array = get(run, ends).unwrap().unchecked_into();
    let mut start = first;
    ends.to_vec()
        .into_iter()
        .map(|end| {
            let piece = String::from(all.slice(start, end));
            start = end + between;
            piece
        })
        .collect()
}

fn payloads(run: &JsValue) -> Vec<String> {
    let mark = text(run, "mark").unwrap();
    pieces(run, "text", "ends", 1, mark.len() as u32)
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
    let about = pieces(&run, "about", "aboutEnds", 0, 0);
    assert_eq!((about[3].as_str(), about[10].as_str(), about[14].as_str()), ("clé 🔑", "ada", "client.7"));
    assert_eq!(get(&run, "count").unwrap().as_f64(), Some(5.0));
    assert_eq!(get(&run, "first").unwrap().as_f64(), Some(17.0));
    assert_eq!(text(&run, "epoch").as_deref(), Some("k3x9"));
    let times: Float64Array = get(&run, "times").unwrap().unchecked_into();
    assert_eq!(times.get_index(4), 1_700_000_000_021.0);
}

#[wasm_bindgen_test]
fn a_run_of_json_is_one_array_with_a_mark_between_two_payloads() {
    let run = messages((1..=3).map(|offset| message(offset, Payload::json("{\"a\":[1]}"))).collect());
    let mark = text(&run, "mark").unwrap();
    let all: Array = JSON::parse(&text(&run, "text").unwrap()).unwrap().unchecked_into();
    assert_eq!(all.length(), 5);
    assert_eq!(all.get(1).as_f64(), mark.trim_matches(',').parse().ok());
    assert_eq!(all.get(1), all.get(3));
    assert!(get(&run, "kinds").is_none() && get(&run, "about").is_none());
    let other = messages(vec![message(1, Payload::json("1"))]);
    assert_ne!(text(&other, "mark"), Some(mark), "nobody can learn it from an earlier one");
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
