//! What is written to Redis and heard from it: records, messages between instances, and answers of the
//! scripts. All of it is parsed as if it were hostile: other programs may write there too. It knows bytes,
//! and no connection.

use std::sync::Arc;

use bytes::Bytes;
use everwire_protocol::{Epoch, Member, Payload, Record, ServerFrame, binary};
use redis::Value;

use crate::{
    log::{Entry, NewRecord},
    store::Ephemeral,
};

/// What is heard on a topic's channel.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// A record was appended.
    Record(Epoch, Arc<Entry>),
    /// How far the log is now, without a record: mostly another life of it.
    Top(Epoch, u64),
    /// A message that is not logged, from another instance or this one.
    Ephemeral(String, Ephemeral),
    /// By an instance, a member is there, or not any more.
    Member { id: Arc<str>, instance: Arc<str>, member: Option<Member> },
}

/// What a script answered about a topic.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub epoch: Epoch,
    /// The newest offset that was ever given out.
    pub top: u64,
    /// The oldest that is kept.
    pub oldest: u64,
    pub entries: Vec<Arc<Entry>>,
}

/// A record that has neither its offset nor its time yet, and the size that it will have in a log.
pub fn record(now: u64, new: NewRecord) -> (Vec<u8>, usize) {
    let NewRecord { payload, key, from, id } = new;
    let record = Record { offset: 1, time: now, payload, key, from, id };
    let mut encoded = Vec::new();
    binary::encode_record(&record, &mut encoded);
    let size = encoded.len();
    encoded.clear();
    // As a frame, for that is what the protocol can read again.
    binary::encode_server(&ServerFrame::Messages { alias: 0, records: vec![record] }, &mut encoded);
    (encoded, size)
}

/// A record as the log has it, of what was appended.
pub fn entry_of(offset: u64, time: u64, new: NewRecord) -> Arc<Entry> {
    let NewRecord { payload, key, from, id } = new;
    Arc::new(Entry::new(Record { offset, time, payload, key, from, id }))
}

fn entry(offset: u64, time: u64, frame: Bytes) -> Option<Arc<Entry>> {
    let ServerFrame::Messages { records, .. } = decode(frame)? else { return None };
    let record = records.into_iter().next()?;
    Some(Arc::new(Entry::new(Record { offset, time, ..record })))
}

fn decode(mut frame: Bytes) -> Option<ServerFrame> {
    binary::decode_server(&mut frame).ok().flatten()
}

/// An ephemeral message, as it is told.
pub fn ephemeral(instance: &str, message: &Ephemeral) -> Vec<u8> {
    let Ephemeral { time, payload, from } = message.clone();
    let mut out = format!("~{instance} ").into_bytes();
    binary::encode_server(&ServerFrame::Ephemeral { alias: 0, time, payload, from }, &mut out);
    out
}

/// A member, as it is kept.
pub fn member(member: &Member) -> Vec<u8> {
    let mut out = Vec::new();
    binary::encode_server(&ServerFrame::Join { alias: 0, member: member.clone() }, &mut out);
    out
}

/// A member that [`member`] wrote.
pub fn read_member(bytes: &[u8]) -> Option<Member> {
    match decode(Bytes::copy_from_slice(bytes))? {
        ServerFrame::Join { member, .. } => Some(member),
        _ => None,
    }
}

/// The field of a member: its id, and the instance that says so.
pub fn member_field(field: &[u8]) -> Option<(Arc<str>, Arc<str>)> {
    let (id, instance) = std::str::from_utf8(field).ok()?.split_once(' ')?;
    Some((id.into(), instance.into()))
}

/// Reads a message.
pub fn message(bytes: Vec<u8>) -> Option<Message> {
    let mut rest = Bytes::from(bytes);
    let kind = *rest.first()?;
    rest = rest.slice(1..);
    match kind {
        b'+' => {
            let (epoch, offset) = (epoch(&word(&mut rest)?)?, number(&word(&mut rest)?)?);
            let time = number(&word(&mut rest)?)?;
            Some(Message::Record(epoch, entry(offset, time, rest)?))
        }
        b'=' => Some(Message::Top(epoch(&word(&mut rest)?)?, number(&rest)?)),
        b'~' => {
            let instance = text(&word(&mut rest)?)?.to_owned();
            let ServerFrame::Ephemeral { time, payload, from, .. } = decode(rest)? else { return None };
            // A copy of its own: the slice would keep the whole message.
            let payload = Payload { data: Bytes::copy_from_slice(&payload.data), ..payload };
            Some(Message::Ephemeral(instance, Ephemeral { time, payload, from }))
        }
        b'@' => {
            let (id, instance) = (text(&word(&mut rest)?)?.into(), text(&word(&mut rest)?)?.into());
            let member = if rest.is_empty() { None } else { Some(read_member(&rest)?) };
            Some(Message::Member { id, instance, member })
        }
        _ => None,
    }
}

/// Reads what a script answered about a topic.
pub fn answer(values: Vec<Value>) -> Option<Answer> {
    let mut values = values.into_iter().map(bytes);
    let mut next = || values.next().flatten();
    let (epoch, top, oldest) = (epoch(&next()?)?, number(&next()?)?, number(&next()?)?);
    let mut entries = Vec::new();
    while let Some(offset) = next() {
        entries.push(entry(number(&offset)?, number(&next()?)?, next()?)?);
    }
    Some(Answer { epoch, top, oldest, entries })
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        _ => None,
    }
}

/// What stands before the next space.
fn word(rest: &mut Bytes) -> Option<Bytes> {
    let end = rest.iter().position(|byte| *byte == b' ')?;
    let word = rest.split_to(end);
    *rest = rest.slice(1..);
    Some(word)
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn number(bytes: &[u8]) -> Option<u64> {
    text(bytes)?.parse().ok()
}

fn epoch(bytes: &[u8]) -> Option<Epoch> {
    Epoch::new(text(bytes)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: impl Into<Vec<u8>>) -> Value {
        Value::BulkString(text.into())
    }

    fn new_record() -> NewRecord {
        let id = everwire_protocol::PublishId::new("a1").ok();
        NewRecord { payload: Payload::json("7"), key: Some("k".into()), from: Some("ada".into()), id }
    }

    #[test]
    fn a_record_comes_back_as_it_went_with_the_offset_and_the_time_that_it_got() {
        let (blob, size) = record(5, new_record());
        let answer = answer(vec![bulk("e1"), bulk("9"), bulk("8"), bulk("8"), bulk("6"), bulk(blob.clone())]);
        let answer = answer.expect("an answer");
        let NewRecord { payload, key, from, id } = new_record();
        assert_eq!(answer.entries[0].record, Record { offset: 8, time: 6, payload, key, from, id });
        assert_eq!(answer.entries[0].encoded.len(), size);
        assert_eq!((answer.top, answer.oldest), (9, 8));
        let told = [b"+e1 8 6 ", &blob[..]].concat();
        let told = message(told).expect("a message");
        assert_eq!(told, Message::Record(answer.epoch, Arc::clone(&answer.entries[0])));
    }

    #[test]
    fn what_an_instance_tells_comes_back_as_it_went() {
        let told = Ephemeral { time: 3, payload: Payload::text("hi there"), from: None };
        let heard = message(ephemeral("i1", &told));
        assert_eq!(heard, Some(Message::Ephemeral("i1".to_owned(), told)));
        let ada = Member { id: "m1".into(), subject: None, info: Some("Ada of all".into()) };
        let told = [b"@m1 i1 ", &member(&ada)[..]].concat();
        let (id, instance): (Arc<str>, Arc<str>) = ("m1".into(), "i1".into());
        let heard = |member| Some(Message::Member { id: id.clone(), instance: instance.clone(), member });
        assert_eq!(message(told), heard(Some(ada)));
        assert_eq!(message(b"@m1 i1 ".to_vec()), heard(None));
    }

    #[test]
    fn invariant_12_what_is_no_message_and_no_answer_is_none() {
        for bytes in ["", "+", "+e1", "+e1 x 1 ", "+e1 1 1 junk", "=e1", "=!! 1", "~", "~i1 x", "@a", "?"] {
            assert_eq!(message(bytes.into()), None, "{bytes}");
        }
        for values in [
            vec![],
            vec![bulk("e1"), bulk("1")],
            vec![bulk("e1"), bulk("1"), Value::Nil],
            vec![bulk("e1"), bulk("1"), bulk("1"), bulk("1")],
            vec![bulk("e1"), bulk("1"), bulk("1"), bulk("1"), bulk("1"), bulk("junk")],
        ] {
            assert_eq!(answer(values), None);
        }
    }
}
