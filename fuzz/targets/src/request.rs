//! What a request for a stream or a poll asks for: its parameters and the header of a reconnecting `EventSource`. What
//! is read keeps to the limits, and written as parameters again it reads the same.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderValue};
use everwire_protocol::{http, limits};
use everwire_server::http::params::{Params, StreamRequest};

/// Reads the first line as the header, and the rest as parameters.
pub fn request(data: &[u8]) {
    let (header, params) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let mut headers = HeaderMap::new();
    if let Some(value) = HeaderValue::from_bytes(header).ok().filter(|value| !value.is_empty()) {
        headers.insert("last-event-id", value);
    }
    let params = Params::of_text(params.strip_prefix(b"\n").unwrap_or(params));
    if let Ok(request) = StreamRequest::read(&params, &headers) {
        assert!((1..=limits::TOPICS).contains(&request.topics.len()));
        assert!(request.info.as_ref().is_none_or(|info| info.len() <= limits::INFO_BYTES));
        assert_eq!(request.cursor().0.len(), request.topics.len());
        let again = StreamRequest::read(&Params::of_text(written(&request).as_bytes()), &HeaderMap::new());
        assert_eq!(again.ok(), Some(request));
    }
}

/// The parameters that ask for the same.
fn written(request: &StreamRequest) -> String {
    let mut text = String::new();
    let mut put = |name: &str, value: &str| {
        let value: String = value.bytes().fold(String::new(), |mut text, byte| {
            // Writing to a `String` doesn't fail.
            let _ = write!(text, "%{byte:02x}");
            text
        });
        let _ = write!(text, "{name}={value}&");
    };
    for asked in &request.topics {
        put(http::TOPIC, asked.topic.as_str());
        put(http::FROM, &asked.from.to_string());
        if asked.presence {
            put(http::PRESENCE, asked.topic.as_str());
        }
    }
    if let Some(id) = &request.client_id {
        put(http::CLIENT_ID, id.as_str());
    }
    for (name, value) in [(http::INFO, request.info.as_deref()), (http::TICKET, request.ticket.as_deref())] {
        if let Some(value) = value {
            put(name, value);
        }
    }
    if request.raw {
        put(http::FORMAT, "raw");
    }
    if let Some(timeout) = request.timeout {
        put(http::TIMEOUT, &timeout.to_string());
    }
    text
}
