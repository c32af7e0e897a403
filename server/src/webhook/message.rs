//! What a webhook sends: the body, and the id by which its receiver knows a repeat. It knows no endpoint.

use std::{
    fmt::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use everwire_protocol::{GapReason, Kind, Position, PublishId, Record, Topic};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::log::Gap;

/// One message to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The same whenever the same thing is sent again.
    pub id: String,
    /// JSON.
    pub body: String,
}

#[derive(Serialize)]
struct Envelope<T> {
    r#type: &'static str,
    timestamp: String,
    data: T,
}

#[derive(Serialize)]
struct RecordData<'a> {
    topic: &'a str,
    position: String,
    time: u64,
    kind: &'static str,
    data: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

/// A payload's JSON goes through untouched.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Json(&'a RawValue),
    Text(String),
}

#[derive(Serialize)]
struct GapData<'a> {
    topic: &'a str,
    from: u64,
    to: Option<u64>,
    reason: &'static str,
    position: String,
}

impl Message {
    /// A record: `everwire.message`.
    ///
    /// # Errors
    /// When a payload is not what its kind says, which the log takes none of.
    pub fn record(topic: &Topic, at: Position, record: &Record) -> serde_json::Result<Self> {
        let bytes = &record.payload.data[..];
        let (kind, data) = match record.payload.kind {
            Kind::Json => ("json", Data::Json(serde_json::from_slice(bytes)?)),
            Kind::Text => ("text", Data::Text(String::from_utf8_lossy(bytes).into_owned())),
            Kind::Bytes => ("bytes", Data::Text(STANDARD.encode(bytes))),
        };
        let data = RecordData {
            topic: topic.as_str(),
            position: at.to_string(),
            time: record.time,
            kind,
            data,
            key: record.key.as_deref(),
            from: record.from.as_deref(),
            id: record.id.as_ref().map(PublishId::as_str),
        };
        Self::new("everwire.message", record.time, topic, at, data)
    }

    /// A range that is gone: `everwire.gap`.
    pub fn gap(now: u64, topic: &Topic, gap: &Gap) -> serde_json::Result<Self> {
        let data = GapData {
            topic: topic.as_str(),
            from: gap.from,
            to: gap.to,
            reason: match gap.reason {
                GapReason::Evicted => "evicted",
                GapReason::Epoch => "epoch",
            },
            position: gap.position.to_string(),
        };
        Self::new("everwire.gap", now, topic, gap.position, data)
    }

    fn new(
        kind: &'static str,
        time: u64,
        topic: &Topic,
        at: Position,
        data: impl Serialize,
    ) -> serde_json::Result<Self> {
        let timestamp = humantime::format_rfc3339_millis(date(time)).to_string();
        let body = serde_json::to_string(&Envelope { r#type: kind, timestamp, data })?;
        Ok(Self { id: id(kind, topic, at), body })
    }
}

/// The time, unless it is beyond what a date can say.
fn date(millis: u64) -> SystemTime {
    const YEAR_9999: u64 = 253_402_300_799_999;
    UNIX_EPOCH + Duration::from_millis(millis.min(YEAR_9999))
}

/// Made of what the message is about, so that a restarted server sends the same one: 128 bits of its SHA-256. Short,
/// and without the signs that a topic may have: an id stands in a header, and between dots in what is signed.
fn id(kind: &str, topic: &Topic, at: Position) -> String {
    let about = format!("{kind} {topic} {at}");
    let mut text = String::from("msg_");
    for byte in &hmac_sha256::Hash::hash(about.as_bytes())[..16] {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use everwire_protocol::{Epoch, Payload};
    use serde_json::{Value, json};

    use super::*;

    fn at(offset: u64) -> Position {
        Position { epoch: Epoch::new("e1").expect("an epoch"), offset }
    }

    fn topic() -> Topic {
        Topic::new("room:a").expect("a topic")
    }

    fn sent(payload: Payload) -> (Value, String) {
        let record = Record {
            offset: 7,
            time: 1_700_000_000_123,
            payload,
            key: None,
            from: Some("ada".into()),
            id: None,
        };
        let message = Message::record(&topic(), at(7), &record).expect("is what its kind says");
        (serde_json::from_str(&message.body).expect("JSON"), message.body)
    }

    #[test]
    fn a_record_says_what_it_is_and_where_it_stands() {
        let (value, _) = sent(Payload::text("hi"));
        let data = json!({ "topic": "room:a", "position": "e1-7", "time": 1_700_000_000_123_u64, "kind": "text",
            "data": "hi", "from": "ada" });
        let whole =
            json!({ "type": "everwire.message", "timestamp": "2023-11-14T22:13:20.123Z", "data": data });
        assert_eq!(value, whole);
    }

    #[test]
    fn json_goes_through_untouched_and_bytes_as_base64() {
        let (_, body) = sent(Payload::json(r#"{"big":12345678901234567890.10, "a" :1}"#));
        assert!(body.contains(r#""data":{"big":12345678901234567890.10, "a" :1}"#), "{body}");
        let (value, _) = sent(Payload::bytes(vec![0, 255]));
        assert_eq!(value["data"]["data"], "AP8=");
    }

    #[test]
    fn the_same_thing_has_the_same_id_and_another_one_another() {
        let gap = |from| Gap { from, to: None, reason: GapReason::Epoch, position: at(0) };
        let one = Message::gap(1, &topic(), &gap(3)).expect("a body");
        assert_eq!(one.id, Message::gap(2, &topic(), &gap(3)).expect("a body").id);
        assert!(
            one.body.contains(r#""from":3,"to":null,"reason":"epoch","position":"e1-0""#),
            "{}",
            one.body
        );
        let ids = [id("a", &topic(), at(1)), id("a", &topic(), at(2)), id("b", &topic(), at(1))];
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids.iter().all(|id| id.len() == 36));
    }
}
