//! Frames ↔ events of a `text/event-stream`.

use everwire_protocol::{
    Cursor, ServerFrame,
    event::{self, EventError},
    json,
};

use crate::{Vector, each};

#[test]
fn events() {
    each("events.json", |vector| match vector.maybe_text("stream") {
        Some(stream) => written(vector, &stream),
        None => read(vector),
    });
}

fn frame(vector: &Vector) -> ServerFrame {
    json::decode_server(vector.raw("frame").unwrap()).unwrap().remove(0)
}

fn written(vector: &Vector, stream: &str) {
    let frame = frame(vector);
    let before: Cursor = vector.text("cursor").parse().unwrap();

    let (mut cursor, mut out) = (before.clone(), String::new());
    event::encode(&frame, &mut cursor, &mut out);
    assert_eq!(out, stream);
    assert_eq!(cursor.to_string(), vector.text("cursor_after"));

    let (mut cursor, mut out) = (before, String::new());
    event::encode_raw(&frame, &mut cursor, &mut out);
    assert_eq!(out, vector.maybe_text("raw").unwrap_or_else(|| stream.to_owned()));
    assert_eq!(cursor.to_string(), vector.text("cursor_after"));

    if stream.is_empty() {
        return;
    }
    let heard: Vec<_> = stream.split_terminator("\n\n").map(dispatch).collect();
    let expected = match frame {
        ServerFrame::Messages { alias, records } => {
            records.into_iter().map(|record| ServerFrame::Messages { alias, records: vec![record] }).collect()
        }
        other => vec![other],
    };
    assert_eq!(heard, expected);
}

/// What a client's parser and the codec make of one event's lines.
fn dispatch(lines: &str) -> ServerFrame {
    let (mut name, mut data) = ("", Vec::new());
    for line in lines.split('\n') {
        match line.split_once(": ").unwrap() {
            ("event", value) => name = value,
            ("data", value) => data.push(value),
            (field, _) => assert_eq!(field, "id"),
        }
    }
    event::decode(name, data.join("\n").as_bytes()).unwrap().unwrap()
}

fn read(vector: &Vector) {
    let decoded = event::decode(&vector.text("event"), vector.text("data").as_bytes());
    if let Some(error) = vector.maybe_text("error") {
        assert_eq!(decoded.map_err(name), Err(error.as_str()));
    } else if vector.raw("frame") == Some("null") {
        assert_eq!(decoded, Ok(None));
    } else {
        assert_eq!(decoded, Ok(Some(frame(vector))));
    }
}

fn name(error: EventError) -> &'static str {
    match error {
        EventError::Truncated => "truncated",
        EventError::Invalid => "invalid",
        EventError::Base64 => "base64",
        EventError::TooLarge => "too_large",
    }
}
