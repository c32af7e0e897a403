//! HTTP bodies ↔ the frames or records that they stand for.

use everwire_protocol::{
    Cursor, ServerFrame, Topic,
    json::{self, body},
};
use serde_json::Value;

use crate::{Vector, each, json::is_error};

#[test]
fn bodies() {
    each("bodies.json", |vector| {
        if let Some(body) = vector.maybe_text("publish") {
            publish(vector, &body);
        } else {
            answer(vector);
        }
    });
}

fn publish(vector: &Vector, text: &str) {
    let parsed = body::publish(text);
    if let Some(error) = vector.maybe_text("error") {
        is_error(vector, &error, parsed.unwrap_err());
        return;
    }
    let mut parsed = parsed.unwrap();
    if let Some(key) = vector.maybe_text("idempotency_key") {
        parsed = parsed.with_idempotency_key(&key).unwrap();
    }
    let expected = body::publish(vector.raw("records").unwrap()).unwrap();
    assert_eq!(parsed.records, expected.records);
    assert_eq!(parsed.many, vector.flag("many"));
}

fn answer(vector: &Vector) {
    let frames = json::decode_server(vector.raw("frames").unwrap()).unwrap();
    let topic = vector.maybe_text("topic").map(|topic| topic.parse::<Topic>().unwrap());
    let (field, text) = match (frames.first().unwrap(), topic) {
        (ServerFrame::Welcome { .. }, _) => ("poll", body::poll(&frames, &mut Cursor::default())),
        (ServerFrame::History { epoch, records, more, .. }, Some(topic)) => {
            ("history", body::history(&topic, *epoch, records, *more))
        }
        (ServerFrame::Presence { members, .. }, Some(topic)) => ("presence", body::presence(&topic, members)),
        _ => ("publish_answer", body::publish_answer(&frames, vector.flag("many"))),
    };
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), vector.value(field).unwrap());
}
