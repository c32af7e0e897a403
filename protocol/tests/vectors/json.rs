//! Messages of the JSON codec ↔ the frames that their binary form holds.

use std::fmt::Debug;

use everwire_protocol::json::{self, JsonError};

use crate::{Vector, binary, each};

#[test]
fn json_client_frames() {
    each("json-client.json", |vector| {
        check(vector, json::decode_client, json::client_message, binary::client)
    });
}

#[test]
fn json_server_frames() {
    each("json-server.json", |vector| {
        check(vector, json::decode_server, json::server_message, binary::server)
    });
}

fn check<T: PartialEq + Debug>(
    vector: &Vector,
    decode: fn(&str) -> Result<Vec<T>, JsonError>,
    encode: fn(&[T]) -> String,
    meaning: fn(&[u8]) -> Vec<T>,
) {
    let text = vector.text("text");
    let decoded = decode(&text);
    if let Some(name) = vector.maybe_text("error") {
        is_error(vector, &name, decoded.unwrap_err());
        return;
    }
    let frames = meaning(&vector.hex("binary").unwrap());
    assert_eq!(decoded.as_ref(), Ok(&frames));
    if !vector.flag("reads_only") {
        assert_eq!(encode(&frames), text);
    }
}

/// Whether an error is the one that a vector tells, about the field that it tells.
pub fn is_error(vector: &Vector, name: &str, error: JsonError) {
    let told = match error {
        JsonError::Syntax => ("syntax", None),
        JsonError::Missing(field) => ("missing", Some(field)),
        JsonError::Invalid(field) => ("invalid", Some(field)),
        JsonError::TooLarge => ("too_large", None),
    };
    assert_eq!(told, (name, vector.maybe_text("field").as_deref()));
}
