//! Events to frames: the client's side. Input is hostile: every number, name and length is checked, and
//! nothing is kept that is longer than its limit.

use bytes::Bytes;

use crate::{
    About, Code, GapReason, Kind, Limits, Member, Payload, PublishId, Record, RetryWindow, ServerFrame,
    Topic,
    digits::{number, split},
    limits,
};

use super::{
    EventError, base64,
    header::{Result, Words},
};

/// Reads a dispatched event: its name (empty or `message` where the stream gave none) and its data, the
/// lines joined by LF. A payload is taken as it is; all else must be UTF-8.
///
/// `None` is an event that this version doesn't know: to be passed over. An event of `format=raw` has no
/// header and is not for this function.
///
/// # Errors
/// [`EventError`] says what is wrong; the stream can't be trusted after it.
pub fn decode(name: &str, data: &[u8]) -> Result<Option<ServerFrame>> {
    if data.len() > limits::EVENT_BYTES {
        return Err(EventError::TooLarge);
    }
    if matches!(name, "" | "message") {
        let ((mut words, lines), mut records) = (header(data)?, Vec::new());
        let alias = record(&mut words, Bytes::copy_from_slice(lines), &mut records)?;
        return Ok(Some(ServerFrame::Messages { alias, records }));
    }
    if name == super::EPHEMERAL {
        return Ok(Some(ephemeral(data)?));
    }
    let data = str(data)?;
    let (line, rest) = match split(data, b'\n') {
        Some((line, rest)) => (line, Some(rest)),
        None => (data, None),
    };
    let words = &mut Words::new(line);
    let frame = match name {
        super::WELCOME => {
            let (session, heartbeat) = (words.text(limits::MESSAGE_BYTES), words.number());
            let limits = Limits { payload: words.number(), frame: words.number(), topics: words.number() };
            let server = words.text(limits::MESSAGE_BYTES);
            ServerFrame::Welcome { session, heartbeat, limits, server }
        }
        super::SUBSCRIBED => {
            let (alias, topic, position) = (words.number(), topic(words)?, words.position());
            let recovered = words.word();
            words.check(matches!(recovered, "recovered" | "fresh"));
            ServerFrame::Subscribed { topic, alias, position, recovered: recovered == "recovered" }
        }
        super::GAP => gap(words),
        super::MEMBERS => ServerFrame::Members { alias: words.number(), members: members(rest)? },
        super::JOIN => ServerFrame::Join { alias: words.number(), member: one_member(rest)? },
        super::LEAVE => ServerFrame::Leave { alias: words.number(), member: one_member(rest)? },
        super::ERROR => error(words, rest)?,
        super::HEARTBEAT => return Ok(Some(ServerFrame::Heartbeat)),
        super::DRAIN => {
            let min = words.number();
            ServerFrame::Drain { window: window(words, min) }
        }
        super::EXPIRES => ServerFrame::Expires { after: words.number() },
        super::CLOSED => {
            let (code, reason) = split(data, b' ').ok_or(EventError::Truncated)?;
            let words = &mut Words::new(code);
            let code = self::code(words);
            let reason = words.decoded(reason, limits::MESSAGE_BYTES).as_ref().into();
            words.checked()?;
            return Ok(Some(ServerFrame::Closed { code, reason }));
        }
        _ => return Ok(None),
    };
    words.end()?;
    Ok(Some(frame))
}

/// Parts the header line from the lines after it.
fn header(data: &[u8]) -> Result<(Words<'_>, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n').ok_or(EventError::Truncated)?;
    Ok((Words::new(str(&data[..end])?), &data[end + 1..]))
}

/// Appends a message by its header, and by what stands in the lines after it. Returns its topic's alias.
pub(super) fn record(words: &mut Words<'_>, lines: Bytes, records: &mut Vec<Record>) -> Result<u32> {
    let (alias, offset, time) = (words.number(), words.wide(), words.wide());
    // Offsets begin at 1, and the last number has no successor.
    words.check(offset != 0 && offset != u64::MAX);
    let payload = payload(words, lines)?;
    let (mut key, mut from, mut id) = (None, None, None);
    while let Some((name, word)) = words.named() {
        match name {
            "key" => words.once(&mut key, word, limits::KEY_BYTES),
            "from" => words.once(&mut from, word, limits::SUBJECT_BYTES),
            "id" => words.once(&mut id, word, limits::PUBLISH_ID_BYTES),
            _ => {}
        }
    }
    words.checked()?;
    let id = match id {
        Some(id) => Some(PublishId::new(&id)?),
        None => None,
    };
    records.push(Record { offset, time, payload, key, from, id });
    Ok(alias)
}

fn ephemeral(data: &[u8]) -> Result<ServerFrame> {
    let (mut words, lines) = header(data)?;
    let (alias, time) = (words.number(), words.wide());
    let payload = payload(&mut words, Bytes::copy_from_slice(lines))?;
    let mut from = None;
    while let Some((name, word)) = words.named() {
        if name == "from" {
            words.once(&mut from, word, limits::SUBJECT_BYTES);
        }
    }
    words.checked()?;
    Ok(ServerFrame::Ephemeral { alias, time, payload, from })
}

/// The word that says what kind of payload the lines are.
fn payload(words: &mut Words<'_>, lines: Bytes) -> Result<Payload> {
    let (kind, encoded) = match words.word() {
        "json" => (Kind::Json, false),
        "text" => (Kind::Text, false),
        "json64" => (Kind::Json, true),
        "text64" => (Kind::Text, true),
        "bytes" => (Kind::Bytes, true),
        _ => {
            words.fail(EventError::Invalid);
            (Kind::Json, false)
        }
    };
    words.checked()?;
    let data = if encoded { base64::decode(&lines)?.into() } else { lines };
    Ok(Payload { kind, data })
}

fn gap(words: &mut Words<'_>) -> ServerFrame {
    let (alias, from, end) = (words.number(), words.wide(), words.word());
    let to = number(end);
    words.check(to.map_or(end == "-", |to| to >= from));
    let reason = words.word();
    words.check(matches!(reason, "evicted" | "epoch"));
    let reason = if reason == "epoch" { GapReason::Epoch } else { GapReason::Evicted };
    ServerFrame::Gap { alias, from, to, reason, position: words.position() }
}

/// Each of the lines.
fn members(mut rest: Option<&str>) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    while let Some(lines) = rest {
        if members.len() == limits::MEMBERS {
            return Err(EventError::Invalid);
        }
        let (line, more) = split(lines, b'\n').map_or((lines, None), |(line, more)| (line, Some(more)));
        members.push(member(line)?);
        rest = more;
    }
    Ok(members)
}

fn one_member(rest: Option<&str>) -> Result<Member> {
    let mut members = members(rest)?;
    match (members.pop(), members.is_empty()) {
        (Some(member), true) => Ok(member),
        (None, _) => Err(EventError::Truncated),
        _ => Err(EventError::Invalid),
    }
}

fn member(line: &str) -> Result<Member> {
    let mut words = Words::new(line);
    let id = words.text(limits::CLIENT_ID_BYTES);
    let (mut subject, mut info) = (None, None);
    while let Some((name, word)) = words.named() {
        match name {
            "subject" => words.once(&mut subject, word, limits::SUBJECT_BYTES),
            "info" => words.once(&mut info, word, limits::INFO_BYTES),
            _ => {}
        }
    }
    words.checked()?;
    Ok(Member { id, subject, info })
}

fn error(words: &mut Words<'_>, rest: Option<&str>) -> Result<ServerFrame> {
    let word = words.word();
    let about = match split(word, b'=') {
        None => About::Connection,
        Some(("topic", name)) => About::Topic(Topic::new(&words.decoded(name, limits::TOPIC_BYTES))?),
        Some(("publish", id)) => {
            About::Publish(PublishId::new(&words.decoded(id, limits::PUBLISH_ID_BYTES))?)
        }
        Some(("request", request)) => {
            let request = number(request).and_then(|request| request.try_into().ok());
            About::Request(request.ok_or(EventError::Invalid)?)
        }
        Some(_) => return Err(EventError::Invalid),
    };
    let code = code(words);
    let retry_after = words.has_more().then(|| {
        let min = words.number();
        window(words, min)
    });
    let message = words.decoded(rest.ok_or(EventError::Truncated)?, limits::MESSAGE_BYTES).as_ref().into();
    Ok(ServerFrame::Error { about, code, message, retry_after })
}

fn str(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| EventError::Invalid)
}

fn topic(words: &mut Words<'_>) -> Result<Topic> {
    Ok(Topic::new(&words.value(limits::TOPIC_BYTES))?)
}

fn code(words: &mut Words<'_>) -> Code {
    let code = u16::try_from(words.wide());
    words.check(code.is_ok());
    Code(code.unwrap_or_default())
}

fn window(words: &mut Words<'_>, min: u32) -> RetryWindow {
    let max = words.number();
    words.check(min <= max);
    RetryWindow { min, max }
}
