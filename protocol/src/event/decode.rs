//! Events to frames: the client's side. Input is hostile: every number, name and length is checked, and
//! nothing is kept that is longer than its limit.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    About, Code, GapReason, Kind, Limits, Member, Payload, Position, PublishId, Record, RetryWindow,
    ServerFrame, Topic, digits::split, limits,
};

use super::{
    EventError, base64,
    header::{Result, Words, number, value},
};

/// Reads a dispatched event: its name (empty or `message` where the stream gave none) and its data, the
/// lines joined by LF.
///
/// `None` is an event that this version doesn't know: to be passed over. An event of `format=raw` has no
/// header and is not for this function.
///
/// # Errors
/// [`EventError`] says what is wrong; the stream can't be trusted after it.
pub fn decode(name: &str, data: &str) -> Result<Option<ServerFrame>> {
    if data.len() > limits::EVENT_BYTES {
        return Err(EventError::TooLarge);
    }
    Ok(Some(match name {
        "" | "message" => message(data)?,
        super::WELCOME => welcome(data)?,
        super::SUBSCRIBED => subscribed(data)?,
        super::GAP => gap(data)?,
        super::EPHEMERAL => ephemeral(data)?,
        super::MEMBERS => {
            let (alias, members) = members(data)?;
            ServerFrame::Members { alias, members }
        }
        super::JOIN => {
            let (alias, member) = one_member(data)?;
            ServerFrame::Join { alias, member }
        }
        super::LEAVE => {
            let (alias, member) = one_member(data)?;
            ServerFrame::Leave { alias, member }
        }
        super::ERROR => error(data)?,
        super::HEARTBEAT => ServerFrame::Heartbeat,
        super::DRAIN => {
            let mut words = Words::new(data);
            let window = window(words.number()?, words.number()?)?;
            words.end()?;
            ServerFrame::Drain { window }
        }
        super::EXPIRES => {
            let mut words = Words::new(data);
            let after = words.number()?;
            words.end()?;
            ServerFrame::Expires { after }
        }
        super::CLOSED => {
            let (code, reason) = split(data, b' ').ok_or(EventError::Truncated)?;
            ServerFrame::Closed { code: self::code(code)?, reason: text(reason, limits::MESSAGE_BYTES)? }
        }
        _ => return Ok(None),
    }))
}

/// Parts the header line from the lines after it.
fn header(data: &str) -> Result<(Words<'_>, &str)> {
    let (line, rest) = split(data, b'\n').ok_or(EventError::Truncated)?;
    Ok((Words::new(line), rest))
}

fn message(data: &str) -> Result<ServerFrame> {
    let (mut words, rest) = header(data)?;
    let (alias, offset, time) = (words.number()?, words.wide()?, words.wide()?);
    // Offsets begin at 1, and the last number has no successor.
    if offset == 0 || offset == u64::MAX {
        return Err(EventError::Invalid);
    }
    let payload = payload(words.word()?, rest)?;
    let (mut key, mut from, mut id) = (None, None, None);
    for named in words.named() {
        match named? {
            ("key", word) => once(&mut key, text(word, limits::KEY_BYTES)?)?,
            ("from", word) => once(&mut from, text(word, limits::SUBJECT_BYTES)?)?,
            ("id", word) => once(&mut id, PublishId::new(&value(word, limits::PUBLISH_ID_BYTES)?)?)?,
            _ => {}
        }
    }
    Ok(ServerFrame::Messages { alias, records: vec![Record { offset, time, payload, key, from, id }] })
}

fn ephemeral(data: &str) -> Result<ServerFrame> {
    let (mut words, rest) = header(data)?;
    let (alias, time) = (words.number()?, words.wide()?);
    let payload = payload(words.word()?, rest)?;
    let mut from = None;
    for named in words.named() {
        if let ("from", word) = named? {
            once(&mut from, text(word, limits::SUBJECT_BYTES)?)?;
        }
    }
    Ok(ServerFrame::Ephemeral { alias, time, payload, from })
}

fn payload(kind: &str, text: &str) -> Result<Payload> {
    let (kind, encoded) = match kind {
        "json" => (Kind::Json, false),
        "text" => (Kind::Text, false),
        "json64" => (Kind::Json, true),
        "text64" => (Kind::Text, true),
        "bytes" => (Kind::Bytes, true),
        _ => return Err(EventError::Invalid),
    };
    let data = if encoded { base64::decode(text)?.into() } else { Bytes::copy_from_slice(text.as_bytes()) };
    Ok(Payload { kind, data })
}

fn welcome(data: &str) -> Result<ServerFrame> {
    let mut words = Words::new(data);
    let session = text(words.word()?, limits::MESSAGE_BYTES)?;
    let heartbeat = words.number()?;
    let limits = Limits { payload: words.number()?, frame: words.number()?, topics: words.number()? };
    let server = text(words.word()?, limits::MESSAGE_BYTES)?;
    words.end()?;
    Ok(ServerFrame::Welcome { session, heartbeat, limits, server })
}

fn subscribed(data: &str) -> Result<ServerFrame> {
    let mut words = Words::new(data);
    let (alias, topic) = (words.number()?, topic(words.word()?)?);
    let position: Position = words.word()?.parse()?;
    let recovered = match words.word()? {
        "recovered" => true,
        "fresh" => false,
        _ => return Err(EventError::Invalid),
    };
    words.end()?;
    Ok(ServerFrame::Subscribed { topic, alias, position, recovered })
}

fn gap(data: &str) -> Result<ServerFrame> {
    let mut words = Words::new(data);
    let (alias, from) = (words.number()?, words.wide()?);
    let to = match words.word()? {
        "-" => None,
        to => Some(number(to)?),
    };
    let reason = match words.word()? {
        "evicted" => GapReason::Evicted,
        "epoch" => GapReason::Epoch,
        _ => return Err(EventError::Invalid),
    };
    let position = words.word()?.parse()?;
    if to.is_some_and(|to| to < from) {
        return Err(EventError::Invalid);
    }
    words.end()?;
    Ok(ServerFrame::Gap { alias, from, to, reason, position })
}

fn members(data: &str) -> Result<(u32, Vec<Member>)> {
    let (line, mut rest) = split(data, b'\n').map_or((data, None), |(line, rest)| (line, Some(rest)));
    let mut words = Words::new(line);
    let alias = words.number()?;
    words.end()?;
    let mut members = Vec::new();
    while let Some(lines) = rest {
        if members.len() == limits::MEMBERS {
            return Err(EventError::Invalid);
        }
        let (line, more) = split(lines, b'\n').map_or((lines, None), |(line, more)| (line, Some(more)));
        members.push(member(line)?);
        rest = more;
    }
    Ok((alias, members))
}

fn one_member(data: &str) -> Result<(u32, Member)> {
    let (alias, mut members) = members(data)?;
    match (members.pop(), members.is_empty()) {
        (Some(member), true) => Ok((alias, member)),
        (None, _) => Err(EventError::Truncated),
        _ => Err(EventError::Invalid),
    }
}

fn member(line: &str) -> Result<Member> {
    let mut words = Words::new(line);
    let id = text(words.word()?, limits::CLIENT_ID_BYTES)?;
    let (mut subject, mut info) = (None, None);
    for named in words.named() {
        match named? {
            ("subject", word) => once(&mut subject, text(word, limits::SUBJECT_BYTES)?)?,
            ("info", word) => once(&mut info, text(word, limits::INFO_BYTES)?)?,
            _ => {}
        }
    }
    Ok(Member { id, subject, info })
}

fn error(data: &str) -> Result<ServerFrame> {
    let (mut words, rest) = header(data)?;
    let about = match split(words.word()?, b'=') {
        None => About::Connection,
        Some(("topic", word)) => About::Topic(topic(word)?),
        Some(("publish", word)) => About::Publish(PublishId::new(&value(word, limits::PUBLISH_ID_BYTES)?)?),
        Some(("request", word)) => About::Request(number(word)?.try_into().map_err(|_| EventError::Invalid)?),
        Some(_) => return Err(EventError::Invalid),
    };
    let code = code(words.word()?)?;
    let retry_after = match words.word() {
        Err(_) => None,
        Ok(min) => {
            let min = u32::try_from(number(min)?).map_err(|_| EventError::Invalid)?;
            Some(window(min, words.number()?)?)
        }
    };
    words.end()?;
    Ok(ServerFrame::Error { about, code, message: text(rest, limits::MESSAGE_BYTES)?, retry_after })
}

fn topic(word: &str) -> Result<Topic> {
    Ok(Topic::new(&value(word, limits::TOPIC_BYTES)?)?)
}

fn text(word: &str, max: usize) -> Result<Arc<str>> {
    Ok(value(word, max)?.as_ref().into())
}

fn code(word: &str) -> Result<Code> {
    number(word)?.try_into().map(Code).map_err(|_| EventError::Invalid)
}

fn window(min: u32, max: u32) -> Result<RetryWindow> {
    if min > max { Err(EventError::Invalid) } else { Ok(RetryWindow { min, max }) }
}

/// Fills a named field that may stand only once.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<()> {
    if slot.replace(value).is_some() { Err(EventError::Invalid) } else { Ok(()) }
}
