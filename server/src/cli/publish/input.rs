//! NDJSON in, publishes out: a line is a payload where the topic is named on the command line, and elsewhere an object
//! as `POST /v1/publish` takes it. It knows no server.

use everwire_protocol::{PublishId, Topic, json};
use serde::Serialize;
use serde_json::value::RawValue;

/// One line, ready to be sent.
pub(super) struct Item {
    /// Counted from 1.
    pub number: u64,
    /// As it was read.
    pub line: String,
    /// The object to send.
    pub object: String,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    topic: &'a str,
    id: &'a str,
    data: &'a RawValue,
}

/// Makes the object of a line.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn item(
    number: u64,
    line: String,
    topic: Option<&Topic>,
    key: &PublishId,
) -> Result<Item, String> {
    let object = match topic {
        Some(topic) => wrapped(&line, topic, key),
        None => with_key(&line, key),
    };
    let object = object.map_err(|why| format!("line {number}: {why}"))?;
    // What the server would refuse as a whole, lines that are well and all, is told here.
    let body = json::body::publish(&object).map_err(|error| format!("line {number}: {error}"))?;
    if body.records.iter().any(|record| record.ephemeral) {
        return Err(format!("line {number}: what is ephemeral is sent to who is there, and is no record"));
    }
    Ok(Item { number, line, object })
}

fn wrapped(line: &str, topic: &Topic, key: &PublishId) -> Result<String, String> {
    let data = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let object = Wrapped { topic: topic.as_str(), id: key.as_str(), data };
    serde_json::to_string(&object).map_err(|error| error.to_string())
}

/// The object as it is, with the key in front of its members.
fn with_key(line: &str, key: &PublishId) -> Result<String, String> {
    let body = json::body::publish(line).map_err(|error| error.to_string())?;
    let [record] = &body.records[..] else { return Err("expected one object".to_owned()) };
    if record.id.is_some() {
        return Err("`id` is given by this command".to_owned());
    }
    let members = line.trim_start().strip_prefix('{').ok_or("expected an object")?;
    Ok(format!(r#"{{"id":"{key}",{members}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PublishId {
        PublishId::new("job.1.proof").expect("a key")
    }

    fn object(line: &str, topic: Option<&str>) -> Result<String, String> {
        let topic = topic.map(|topic| Topic::new(topic).expect("a topic"));
        item(1, line.to_owned(), topic.as_ref(), &key()).map(|item| item.object)
    }

    #[test]
    fn a_payload_gets_the_topic_and_is_not_touched() {
        let object = object(r#"{"n": 1.10, "n2":12345678901234567890}"#, Some("a")).expect("an object");
        assert_eq!(
            object,
            r#"{"topic":"a","id":"job.1.proof","data":{"n": 1.10, "n2":12345678901234567890}}"#
        );
    }

    #[test]
    fn an_object_keeps_its_members() {
        let object = object(r#" {"topic":"a","key":"k","data":[1]}"#, None).expect("an object");
        assert_eq!(object, r#"{"id":"job.1.proof","topic":"a","key":"k","data":[1]}"#);
    }

    #[test]
    fn what_can_t_be_sent_is_told_with_its_line() {
        let bad = [
            "",
            "{",
            "1 2",
            "[1]",
            "{}",
            r#"{"topic":"a b","data":1}"#,
            r#"{"topic":"a","data":1,"id":"x"}"#,
            r#"{"topic":"a","data":1,"ephemeral":true}"#,
            r#"[{"topic":"a","data":1}]"#,
        ];
        for line in bad {
            assert!(object(line, None).is_err_and(|why| why.starts_with("line 1: ")), "{line}");
        }
        for line in ["", "{", "1 2", "nul"] {
            assert!(object(line, Some("a")).is_err(), "{line}");
        }
    }
}
