//! Server frames in the binary codec.

use bytes::Bytes;

use crate::{
    About, Code, Epoch, GapReason, Limits, Member, Payload, Position, PublishId, RetryWindow, ServerFrame,
    Topic, limits,
};

use super::{
    decode_next, put_frame, record,
    wire::{Reader, Result, put_bytes, put_varint, varint_len},
};

const WELCOME: u8 = 0x81;
const SUBSCRIBED: u8 = 0x82;
const MESSAGES: u8 = 0x83;
const GAP: u8 = 0x84;
const EPHEMERAL: u8 = 0x85;
const JOIN: u8 = 0x86;
const LEAVE: u8 = 0x87;
const ACK: u8 = 0x88;
const PRESENCE: u8 = 0x89;
const HISTORY: u8 = 0x8a;
const ERROR: u8 = 0x8b;
const HEARTBEAT: u8 = 0x8c;
const PONG: u8 = 0x8d;
const DRAIN: u8 = 0x8e;
const CLOSED: u8 = 0x8f;
const MEMBERS: u8 = 0x90;
const EXPIRES: u8 = 0x91;

const ABOUT_CONNECTION: u8 = 0;
const ABOUT_TOPIC: u8 = 1;
const ABOUT_PUBLISH: u8 = 2;
const ABOUT_REQUEST: u8 = 3;

/// Appends a frame.
pub fn encode(frame: &ServerFrame, out: &mut Vec<u8>) {
    match frame {
        ServerFrame::Welcome { session, heartbeat, limits, server } => put_frame(out, WELCOME, |out| {
            put_bytes(out, session.as_bytes());
            for number in [*heartbeat, limits.payload, limits.frame, limits.topics] {
                put_varint(out, u64::from(number));
            }
            put_bytes(out, server.as_bytes());
        }),
        ServerFrame::Subscribed { topic, alias, position, recovered } => put_frame(out, SUBSCRIBED, |out| {
            out.push(u8::from(*recovered));
            put_bytes(out, topic.as_str().as_bytes());
            put_varint(out, u64::from(*alias));
            put_position(out, position);
        }),
        ServerFrame::Messages { alias, records } => put_frame(out, MESSAGES, |out| {
            put_varint(out, u64::from(*alias));
            put_records(out, records);
        }),
        ServerFrame::Gap { alias, from, to, reason, position } => put_frame(out, GAP, |out| {
            out.push(u8::from(*reason == GapReason::Epoch) | u8::from(to.is_some()) << 1);
            put_varint(out, u64::from(*alias));
            put_varint(out, *from);
            if let Some(to) = to {
                put_varint(out, *to);
            }
            put_position(out, position);
        }),
        ServerFrame::Ephemeral { alias, time, payload, from } => put_frame(out, EPHEMERAL, |out| {
            out.push(record::kind_number(payload.kind) | u8::from(from.is_some()) << 2);
            put_varint(out, u64::from(*alias));
            put_varint(out, *time);
            if let Some(from) = from {
                put_bytes(out, from.as_bytes());
            }
            put_bytes(out, &payload.data);
        }),
        ServerFrame::Members { alias, members } => put_frame(out, MEMBERS, |out| {
            put_varint(out, u64::from(*alias));
            put_members(out, members);
        }),
        ServerFrame::Join { alias, member } => put_frame(out, JOIN, |out| {
            put_varint(out, u64::from(*alias));
            put_member(out, member);
        }),
        ServerFrame::Leave { alias, member } => put_frame(out, LEAVE, |out| {
            put_varint(out, u64::from(*alias));
            put_member(out, member);
        }),
        ServerFrame::Ack { id, position } => put_frame(out, ACK, |out| {
            out.push(u8::from(position.is_some()));
            put_bytes(out, id.as_str().as_bytes());
            if let Some(position) = position {
                put_position(out, position);
            }
        }),
        ServerFrame::Presence { request, members } => put_frame(out, PRESENCE, |out| {
            put_varint(out, u64::from(*request));
            put_members(out, members);
        }),
        ServerFrame::History { request, epoch, records, more } => put_frame(out, HISTORY, |out| {
            out.push(u8::from(*more));
            put_varint(out, u64::from(*request));
            put_bytes(out, epoch.as_str().as_bytes());
            put_records(out, records);
        }),
        ServerFrame::Error { about, code, message, retry_after } => put_frame(out, ERROR, |out| {
            put_about(out, about);
            put_varint(out, u64::from(code.0));
            put_bytes(out, message.as_bytes());
            out.push(u8::from(retry_after.is_some()));
            if let Some(window) = retry_after {
                put_window(out, window);
            }
        }),
        ServerFrame::Heartbeat => put_frame(out, HEARTBEAT, |_| {}),
        ServerFrame::Pong { nonce } => put_frame(out, PONG, |out| put_varint(out, u64::from(*nonce))),
        ServerFrame::Drain { window } => put_frame(out, DRAIN, |out| put_window(out, window)),
        ServerFrame::Expires { after } => put_frame(out, EXPIRES, |out| put_varint(out, u64::from(*after))),
        ServerFrame::Closed { code, reason } => put_frame(out, CLOSED, |out| {
            put_varint(out, u64::from(code.0));
            put_bytes(out, reason.as_bytes());
        }),
    }
}

/// Appends all of a `messages` frame but its records' bytes: `records` of them, `bytes` long together,
/// each as [`encode_record`](super::encode_record) made it, must follow. So a server that keeps records
/// encoded copies them into a frame as they are.
///
/// ```
/// use everwire_protocol::{Payload, Record, ServerFrame, binary};
///
/// let payload = Payload::text("hi");
/// let record = Record { offset: 18, time: 5, payload, key: None, from: None, id: None };
/// let mut kept = Vec::new();
/// binary::encode_record(&record, &mut kept);
///
/// let mut message = Vec::new();
/// binary::encode_messages_header(0, record.offset, 1, kept.len(), &mut message);
/// message.extend_from_slice(&kept);
/// let frame = binary::decode_server(&mut message.into());
/// assert_eq!(frame, Ok(Some(ServerFrame::Messages { alias: 0, records: vec![record] })));
/// ```
pub fn encode_messages_header(
    alias: u32,
    first_offset: u64,
    records: usize,
    bytes: usize,
    out: &mut Vec<u8>,
) {
    let (alias, records) = (u64::from(alias), records as u64);
    let fields = varint_len(alias) + varint_len(first_offset) + varint_len(records);
    put_varint(out, (1 + fields + bytes) as u64);
    out.push(MESSAGES);
    for number in [alias, first_offset, records] {
        put_varint(out, number);
    }
}

/// Takes the next frame off the input; `None` at its end. Frames of unknown types are skipped.
///
/// # Errors
/// [`DecodeError`](super::DecodeError) says what is wrong; the input is then of no more use.
pub fn decode(input: &mut Bytes) -> Result<Option<ServerFrame>> {
    decode_next(input, read)
}

fn read(kind: u8, body: &mut Reader<'_>) -> Result<Option<ServerFrame>> {
    Ok(Some(match kind {
        WELCOME => ServerFrame::Welcome {
            session: body.text(limits::MESSAGE_BYTES),
            heartbeat: body.number(),
            limits: Limits { payload: body.number(), frame: body.number(), topics: body.number() },
            server: body.text(limits::MESSAGE_BYTES),
        },
        SUBSCRIBED => {
            let recovered = flag(body);
            let topic = body.name(limits::TOPIC_BYTES, Topic::new)?;
            ServerFrame::Subscribed { topic, alias: body.number(), position: position(body), recovered }
        }
        MESSAGES => {
            let (alias, first) = (body.number(), body.varint());
            let records = record::decode_all(body, first)?;
            body.check(!records.is_empty());
            ServerFrame::Messages { alias, records }
        }
        GAP => {
            let flags = body.flags(0b11);
            let reason = if flags & 0b01 == 0 { GapReason::Evicted } else { GapReason::Epoch };
            let (alias, from) = (body.number(), body.varint());
            let to = (flags & 0b10 != 0).then(|| body.varint());
            body.check(to.is_none_or(|to| to >= from));
            ServerFrame::Gap { alias, from, to, reason, position: position(body) }
        }
        EPHEMERAL => {
            let flags = body.flags(0b111);
            let kind = record::kind_of(body, flags & 0b11);
            let (alias, time) = (body.number(), body.varint());
            let from = body.maybe(flags & 0b100 != 0, limits::SUBJECT_BYTES);
            let data = body.bytes(limits::FRAME_BYTES);
            ServerFrame::Ephemeral { alias, time, payload: Payload { kind, data }, from }
        }
        JOIN => ServerFrame::Join { alias: body.number(), member: member(body) },
        LEAVE => ServerFrame::Leave { alias: body.number(), member: member(body) },
        ACK => {
            let logged = flag(body);
            let id = body.name(limits::PUBLISH_ID_BYTES, PublishId::new)?;
            ServerFrame::Ack { id, position: logged.then(|| position(body)) }
        }
        MEMBERS => ServerFrame::Members { alias: body.number(), members: members(body) },
        PRESENCE => ServerFrame::Presence { request: body.number(), members: members(body) },
        HISTORY => {
            let more = flag(body);
            let (request, epoch, first) = (body.number(), epoch(body), body.varint());
            ServerFrame::History { request, epoch, records: record::decode_all(body, first)?, more }
        }
        ERROR => {
            let (about, code, message) = (about(body)?, code(body), body.text(limits::MESSAGE_BYTES));
            ServerFrame::Error { about, code, message, retry_after: flag(body).then(|| window(body)) }
        }
        HEARTBEAT => ServerFrame::Heartbeat,
        PONG => ServerFrame::Pong { nonce: body.number() },
        DRAIN => ServerFrame::Drain { window: window(body) },
        EXPIRES => ServerFrame::Expires { after: body.number() },
        CLOSED => ServerFrame::Closed { code: code(body), reason: body.text(limits::MESSAGE_BYTES) },
        _ => return Ok(None),
    }))
}

/// `first offset, count, records…`; the first offset of none is 0.
fn put_records(out: &mut Vec<u8>, records: &[crate::Record]) {
    put_varint(out, records.first().map_or(0, |record| record.offset));
    put_varint(out, records.len() as u64);
    records.iter().for_each(|record| record::encode(record, out));
}

pub(super) fn put_position(out: &mut Vec<u8>, position: &Position) {
    put_bytes(out, position.epoch.as_str().as_bytes());
    put_varint(out, position.offset);
}

pub(super) fn position(body: &mut Reader<'_>) -> Position {
    Position { epoch: epoch(body), offset: body.varint() }
}

fn epoch(body: &mut Reader<'_>) -> Epoch {
    let epoch = Epoch::new(body.str(limits::EPOCH_BYTES));
    body.check(epoch.is_ok());
    epoch.unwrap_or(Epoch::ZERO)
}

fn put_member(out: &mut Vec<u8>, member: &Member) {
    out.push(u8::from(member.subject.is_some()) | u8::from(member.info.is_some()) << 1);
    put_bytes(out, member.id.as_bytes());
    for text in [&member.subject, &member.info].into_iter().flatten() {
        put_bytes(out, text.as_bytes());
    }
}

fn put_members(out: &mut Vec<u8>, members: &[Member]) {
    put_varint(out, members.len() as u64);
    members.iter().for_each(|member| put_member(out, member));
}

fn members(body: &mut Reader<'_>) -> Vec<Member> {
    let count = body.count(limits::MEMBERS);
    let mut members = Vec::new();
    while members.len() < count && body.checked().is_ok() {
        members.push(member(body));
    }
    members
}

fn member(body: &mut Reader<'_>) -> Member {
    let flags = body.flags(0b11);
    Member {
        id: body.text(limits::CLIENT_ID_BYTES),
        subject: body.maybe(flags & 0b01 != 0, limits::SUBJECT_BYTES),
        info: body.maybe(flags & 0b10 != 0, limits::INFO_BYTES),
    }
}

fn put_about(out: &mut Vec<u8>, about: &About) {
    match about {
        About::Connection => out.push(ABOUT_CONNECTION),
        About::Topic(topic) => {
            out.push(ABOUT_TOPIC);
            put_bytes(out, topic.as_str().as_bytes());
        }
        About::Publish(id) => {
            out.push(ABOUT_PUBLISH);
            put_bytes(out, id.as_str().as_bytes());
        }
        About::Request(request) => {
            out.push(ABOUT_REQUEST);
            put_varint(out, u64::from(*request));
        }
    }
}

fn about(body: &mut Reader<'_>) -> Result<About> {
    Ok(match body.byte() {
        ABOUT_CONNECTION => About::Connection,
        ABOUT_TOPIC => About::Topic(body.name(limits::TOPIC_BYTES, Topic::new)?),
        ABOUT_PUBLISH => About::Publish(body.name(limits::PUBLISH_ID_BYTES, PublishId::new)?),
        about => {
            body.check(about == ABOUT_REQUEST);
            About::Request(body.number())
        }
    })
}

fn put_window(out: &mut Vec<u8>, window: &RetryWindow) {
    put_varint(out, u64::from(window.min));
    put_varint(out, u64::from(window.max));
}

fn window(body: &mut Reader<'_>) -> RetryWindow {
    let (min, max) = (body.number(), body.number());
    body.check(min <= max);
    RetryWindow { min, max }
}

fn code(body: &mut Reader<'_>) -> Code {
    let code = body.varint();
    body.check(code <= u64::from(u16::MAX));
    Code(code as u16)
}

fn flag(body: &mut Reader<'_>) -> bool {
    body.flags(1) == 1
}
