//! Messages and bodies of the JSON codec. What decodes must encode, to what any JSON parser reads, and decode to the
//! same again; and the other codecs must be able to carry it.

use bytes::Bytes;
use everwire_protocol::{ClientFrame, Cursor, Kind, Payload, ServerFrame, json as codec};
use serde::de::IgnoredAny;

use crate::{binary, event};

/// Reads a text as a client's message, as a server's, and as the body of a publish.
pub fn json(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(frames) = codec::decode_client(&text) {
        client_round_trip(&frames);
        binary::client_round_trip(&frames);
    }
    if let Ok(frames) = codec::decode_server(&text) {
        server_round_trip(&frames);
        binary::server_round_trip(&frames);
        event::stream_round_trip(&frames);
        assert_json(&codec::body::poll(&frames, &mut Cursor::default()));
        assert_json(&codec::body::publish_answer(&frames, true));
    }
    if let Ok(body) = codec::body::publish(&text) {
        let frames: Vec<_> = body
            .with_idempotency_key("key")
            .into_iter()
            .flat_map(|body| body.records)
            .filter_map(|record| {
                let everwire_protocol::json::body::PublishRecord { topic, payload, key, id, ephemeral } =
                    record;
                id.map(|id| ClientFrame::Publish { topic, id, payload, key, ephemeral })
            })
            .collect();
        binary::client_round_trip(&frames);
    }
}

/// Frames come back from the codec as they went, but for white space around their payloads.
pub(crate) fn client_round_trip(frames: &[ClientFrame]) {
    let message = codec::client_message(frames);
    assert_json(&message);
    let mut frames = frames.to_vec();
    for frame in &mut frames {
        if let ClientFrame::Publish { payload, .. } = frame {
            trim(payload);
        }
    }
    assert_eq!(codec::decode_client(&message), Ok(frames), "{message}");
}

/// Frames come back from the codec as they went, but for white space around their payloads.
pub(crate) fn server_round_trip(frames: &[ServerFrame]) {
    let message = codec::server_message(frames);
    assert_json(&message);
    let mut frames = frames.to_vec();
    for frame in &mut frames {
        match frame {
            ServerFrame::Messages { records, .. } | ServerFrame::History { records, .. } => {
                records.iter_mut().for_each(|record| trim(&mut record.payload));
            }
            ServerFrame::Ephemeral { payload, .. } => trim(payload),
            _ => {}
        }
    }
    assert_eq!(codec::decode_server(&message), Ok(frames), "{message}");
}

/// White space around a JSON payload is not kept, where the payload is JSON indeed.
fn trim(payload: &mut Payload) {
    let text = std::str::from_utf8(&payload.data).ok();
    let json = text.filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    if let Some(json) = json.filter(|_| payload.kind == Kind::Json) {
        payload.data = Bytes::copy_from_slice(json.trim_ascii().as_bytes());
    }
}

fn assert_json(text: &str) {
    let read = serde_json::from_str::<IgnoredAny>(text);
    assert!(read.is_ok(), "{read:?}: {text}");
}
