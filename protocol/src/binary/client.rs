//! Client frames in the binary codec.

use bytes::Bytes;

use crate::{
    ClientFrame, ClientId, From, HistoryRange, Kind, Mode, Payload, PublishId, Token, Topic, limits,
};

use super::{
    decode_next, put_frame, record,
    wire::{DecodeError, Reader, Result, put_bytes, put_varint},
};

const CONNECT: u8 = 0x01;
const SUBSCRIBE: u8 = 0x02;
const UNSUBSCRIBE: u8 = 0x03;
const PAUSE: u8 = 0x04;
const RESUME: u8 = 0x05;
const PUBLISH: u8 = 0x06;
const PRESENCE: u8 = 0x07;
const HISTORY: u8 = 0x08;
const REFRESH: u8 = 0x09;
const PING: u8 = 0x0a;

const HAS_TOKEN: u8 = 0b01;
const HAS_INFO: u8 = 0b10;

const PUBLISH_KIND: u8 = 0b0011;
const PUBLISH_HAS_KEY: u8 = 0b0100;
const PUBLISH_EPHEMERAL: u8 = 0b1000;

/// Appends a frame.
pub fn encode(frame: &ClientFrame, out: &mut Vec<u8>) {
    let topic_only = |out: &mut Vec<u8>, kind, topic: &Topic| {
        put_frame(out, kind, |out| put_bytes(out, topic.as_str().as_bytes()));
    };
    match frame {
        ClientFrame::Connect { client_id, token, info } => put_frame(out, CONNECT, |out| {
            let token = token.as_ref().map(Token::as_str);
            let has = |bit, text: Option<&str>| if text.is_some() { bit } else { 0 };
            out.push(has(HAS_TOKEN, token) | has(HAS_INFO, info.as_deref()));
            put_bytes(out, client_id.as_str().as_bytes());
            for text in [token, info.as_deref()].into_iter().flatten() {
                put_bytes(out, text.as_bytes());
            }
        }),
        ClientFrame::Subscribe { topic, from, mode } => put_frame(out, SUBSCRIBE, |out| {
            out.push(u8::from(mode.presence));
            put_bytes(out, topic.as_str().as_bytes());
            put_from(out, from);
        }),
        ClientFrame::Unsubscribe { topic } => topic_only(out, UNSUBSCRIBE, topic),
        ClientFrame::Pause { topic } => topic_only(out, PAUSE, topic),
        ClientFrame::Resume { topic } => topic_only(out, RESUME, topic),
        ClientFrame::Publish { topic, id, payload, key, ephemeral } => put_frame(out, PUBLISH, |out| {
            let key_flag = if key.is_some() { PUBLISH_HAS_KEY } else { 0 };
            let ephemeral_flag = if *ephemeral { PUBLISH_EPHEMERAL } else { 0 };
            out.push(record::kind_number(payload.kind) | key_flag | ephemeral_flag);
            put_bytes(out, topic.as_str().as_bytes());
            put_bytes(out, id.as_str().as_bytes());
            if let Some(key) = key {
                put_bytes(out, key.as_bytes());
            }
            put_bytes(out, &payload.data);
        }),
        ClientFrame::Presence { request, topic } => put_frame(out, PRESENCE, |out| {
            put_varint(out, u64::from(*request));
            put_bytes(out, topic.as_str().as_bytes());
        }),
        ClientFrame::History { request, topic, range, limit } => put_frame(out, HISTORY, |out| {
            let (side, offset) = match range {
                HistoryRange::Before(offset) => (0, *offset),
                HistoryRange::After(offset) => (1, *offset),
            };
            out.push(side);
            put_varint(out, u64::from(*request));
            put_bytes(out, topic.as_str().as_bytes());
            put_varint(out, offset);
            put_varint(out, u64::from(*limit));
        }),
        ClientFrame::Refresh { token } => {
            put_frame(out, REFRESH, |out| put_bytes(out, token.as_str().as_bytes()));
        }
        ClientFrame::Ping { nonce } => put_frame(out, PING, |out| put_varint(out, u64::from(*nonce))),
    }
}

/// Takes the next frame off the input; `None` at its end. Frames of unknown types are skipped.
///
/// # Errors
/// [`DecodeError`] says what is wrong; the input is then of no more use.
pub fn decode(input: &mut Bytes) -> Result<Option<ClientFrame>> {
    decode_next(input, read)
}

fn read(kind: u8, body: &mut Reader<'_>) -> Result<Option<ClientFrame>> {
    Ok(Some(match kind {
        CONNECT => {
            let flags = body.flags(HAS_TOKEN | HAS_INFO);
            let client_id = body.name(limits::CLIENT_ID_BYTES, ClientId::new)?;
            let token = (flags & HAS_TOKEN != 0).then(|| token(body));
            let info = (flags & HAS_INFO != 0).then(|| body.str(limits::INFO_BYTES).to_owned());
            ClientFrame::Connect { client_id, token, info }
        }
        SUBSCRIBE => {
            let presence = body.flags(1) == 1;
            ClientFrame::Subscribe { topic: topic(body)?, from: from(body), mode: Mode { presence } }
        }
        UNSUBSCRIBE => ClientFrame::Unsubscribe { topic: topic(body)? },
        PAUSE => ClientFrame::Pause { topic: topic(body)? },
        RESUME => ClientFrame::Resume { topic: topic(body)? },
        PUBLISH => publish(body)?,
        PRESENCE => ClientFrame::Presence { request: body.number(), topic: topic(body)? },
        HISTORY => {
            let side = body.byte();
            let (request, topic, offset) = (body.number(), topic(body)?, body.varint());
            body.check(side <= 1);
            let range = if side == 0 { HistoryRange::Before(offset) } else { HistoryRange::After(offset) };
            ClientFrame::History { request, topic, range, limit: body.number() }
        }
        REFRESH => ClientFrame::Refresh { token: token(body) },
        PING => ClientFrame::Ping { nonce: body.number() },
        _ => return Ok(None),
    }))
}

fn publish(body: &mut Reader<'_>) -> Result<ClientFrame> {
    let flags = body.flags(PUBLISH_KIND | PUBLISH_HAS_KEY | PUBLISH_EPHEMERAL);
    let kind = record::kind_of(body, flags & PUBLISH_KIND);
    let topic = topic(body)?;
    let id = body.name(limits::PUBLISH_ID_BYTES, PublishId::new)?;
    let key = body.maybe(flags & PUBLISH_HAS_KEY != 0, limits::KEY_BYTES);
    let data = body.bytes(limits::FRAME_BYTES);
    if kind != Kind::Bytes && std::str::from_utf8(&data).is_err() {
        body.fail(DecodeError::Utf8);
    }
    let ephemeral = flags & PUBLISH_EPHEMERAL != 0;
    Ok(ClientFrame::Publish { topic, id, payload: Payload { kind, data }, key, ephemeral })
}

fn topic(body: &mut Reader<'_>) -> Result<Topic> {
    body.name(limits::TOPIC_BYTES, Topic::new)
}

fn token(body: &mut Reader<'_>) -> Token {
    body.str(limits::TOKEN_BYTES).into()
}

const LATEST: u8 = 0;
const EARLIEST: u8 = 1;
const LAST: u8 = 2;
const POSITION: u8 = 3;

fn put_from(out: &mut Vec<u8>, from: &From) {
    match from {
        From::Latest => out.push(LATEST),
        From::Earliest => out.push(EARLIEST),
        From::Last(n) => {
            out.push(LAST);
            put_varint(out, u64::from(*n));
        }
        From::Position(position) => {
            out.push(POSITION);
            super::server::put_position(out, position);
        }
    }
}

fn from(body: &mut Reader<'_>) -> From {
    match body.byte() {
        LATEST => From::Latest,
        EARLIEST => From::Earliest,
        LAST => From::Last(body.number()),
        kind => {
            body.check(kind == POSITION);
            From::Position(super::server::position(body))
        }
    }
}
