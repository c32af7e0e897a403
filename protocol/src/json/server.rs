//! Server frames as JSON.

use crate::{About, Code, GapReason, Limits, Payload, Position, ServerFrame, limits};

use super::{
    JsonError, read,
    read::{Fields, Result},
    record,
    write::Object,
};

/// Appends a frame as one object.
pub fn encode(frame: &ServerFrame, out: &mut String) {
    let mut object = Object::frame(out, kind(frame));
    match frame {
        ServerFrame::Welcome { session, heartbeat, limits, server } => {
            object.text("session", session);
            object.number("heartbeat", *heartbeat);
            let mut inner = Object::begin(object.field("limits"));
            inner.number("payload", limits.payload);
            inner.number("frame", limits.frame);
            inner.number("topics", limits.topics);
            inner.end();
            object.text("server", server);
        }
        ServerFrame::Subscribed { topic, alias, position, recovered } => {
            object.text("topic", topic.as_str());
            object.number("alias", *alias);
            put_position(&mut object, position);
            object.flag("recovered", *recovered);
        }
        ServerFrame::Messages { alias, records } => {
            object.number("alias", *alias);
            record::put_records(&mut object, records);
        }
        ServerFrame::Gap { alias, from, to, reason, position } => {
            object.number("alias", *alias);
            put_gap(&mut object, *from, *to, *reason);
            put_position(&mut object, position);
        }
        ServerFrame::Ephemeral { alias, time, payload, from } => {
            object.number("alias", *alias);
            put_ephemeral(&mut object, *time, payload, from.as_deref());
        }
        ServerFrame::Members { alias, members } => {
            object.number("alias", *alias);
            object.list("members", members, record::put_member);
        }
        ServerFrame::Join { alias, member } | ServerFrame::Leave { alias, member } => {
            object.number("alias", *alias);
            record::put_member(object.field("member"), member);
        }
        ServerFrame::Ack { id, position } => {
            object.text("id", id.as_str());
            if let Some(position) = position {
                object.text("position", &position.to_string());
            }
        }
        ServerFrame::Presence { request, members } => {
            object.number("request", *request);
            object.list("members", members, record::put_member);
        }
        ServerFrame::History { request, epoch, records, more } => {
            object.number("request", *request);
            object.text("epoch", epoch.as_str());
            record::put_records(&mut object, records);
            object.flag("more", *more);
        }
        ServerFrame::Error { about, code, message, retry_after } => {
            match about {
                About::Connection => {}
                About::Topic(topic) => object.text("topic", topic.as_str()),
                About::Publish(id) => object.text("id", id.as_str()),
                About::Request(request) => object.number("request", *request),
            }
            put_code(&mut object, *code);
            object.text("message", message);
            record::put_retry_after(&mut object, *retry_after);
        }
        ServerFrame::Heartbeat => {}
        ServerFrame::Pong { nonce } => object.number("nonce", *nonce),
        ServerFrame::Drain { window } => record::put_window(&mut object, *window),
        ServerFrame::Expires { after } => object.number("after", *after),
        ServerFrame::Closed { code, reason } => {
            put_code(&mut object, *code);
            object.text("reason", reason);
        }
    }
    object.end();
}

fn kind(frame: &ServerFrame) -> &'static str {
    match frame {
        ServerFrame::Welcome { .. } => "welcome",
        ServerFrame::Subscribed { .. } => "subscribed",
        ServerFrame::Messages { .. } => "messages",
        ServerFrame::Gap { .. } => "gap",
        ServerFrame::Ephemeral { .. } => "ephemeral",
        ServerFrame::Members { .. } => "members",
        ServerFrame::Join { .. } => "join",
        ServerFrame::Leave { .. } => "leave",
        ServerFrame::Ack { .. } => "ack",
        ServerFrame::Presence { .. } => "presence",
        ServerFrame::History { .. } => "history",
        ServerFrame::Error { .. } => "error",
        ServerFrame::Heartbeat => "heartbeat",
        ServerFrame::Pong { .. } => "pong",
        ServerFrame::Drain { .. } => "drain",
        ServerFrame::Expires { .. } => "expires",
        ServerFrame::Closed { .. } => "closed",
    }
}

pub(super) fn put_position(object: &mut Object<'_>, position: &Position) {
    object.text("epoch", position.epoch.as_str());
    object.number("offset", position.offset);
}

pub(super) fn put_gap(object: &mut Object<'_>, from: u64, to: Option<u64>, reason: GapReason) {
    object.number("from", from);
    match to {
        Some(to) => object.number("to", to),
        None => object.field("to").push_str("null"),
    }
    object.text(
        "reason",
        match reason {
            GapReason::Evicted => "evicted",
            GapReason::Epoch => "epoch",
        },
    );
}

pub(super) fn put_ephemeral(object: &mut Object<'_>, time: u64, payload: &Payload, from: Option<&str>) {
    object.number("time", time);
    record::put_payload(object, payload);
    object.maybe_text("from", from);
}

/// Writes the code's name, for people, and its number, which decides.
pub(super) fn put_code(object: &mut Object<'_>, code: Code) {
    object.text("code", code.name());
    object.number("number", code.0);
}

/// Reads the frames of one message.
///
/// # Errors
/// [`JsonError`] says what is wrong; nothing of the message counts then.
pub fn decode(message: &str) -> Result<Vec<ServerFrame>> {
    read::frames(message, frame)
}

fn frame(kind: &str, fields: &Fields<'_>) -> Result<Option<ServerFrame>> {
    Ok(Some(match kind {
        "welcome" => {
            let limits = fields.object("limits")?.ok_or(JsonError::Missing("limits"))?;
            ServerFrame::Welcome {
                session: fields.text("session", limits::MESSAGE_BYTES)?.into(),
                heartbeat: fields.number("heartbeat")?,
                limits: Limits {
                    payload: limits.number("payload")?,
                    frame: limits.number("frame")?,
                    topics: limits.number("topics")?,
                },
                server: fields.text("server", limits::MESSAGE_BYTES)?.into(),
            }
        }
        "subscribed" => ServerFrame::Subscribed {
            topic: fields.parsed("topic")?,
            alias: fields.number("alias")?,
            position: position(fields)?,
            recovered: fields.flag("recovered")?,
        },
        "messages" => {
            let (alias, records) = (fields.number("alias")?, record::records(fields)?);
            if records.is_empty() {
                return Err(JsonError::Invalid("records"));
            }
            ServerFrame::Messages { alias, records }
        }
        "gap" => gap(fields)?,
        "ephemeral" => ServerFrame::Ephemeral {
            alias: fields.number("alias")?,
            time: fields.wide("time")?,
            payload: record::payload(fields)?,
            from: fields.maybe_text("from", limits::SUBJECT_BYTES)?.map(Into::into),
        },
        "members" => {
            ServerFrame::Members { alias: fields.number("alias")?, members: record::members(fields)? }
        }
        "join" => ServerFrame::Join { alias: fields.number("alias")?, member: member(fields)? },
        "leave" => ServerFrame::Leave { alias: fields.number("alias")?, member: member(fields)? },
        "ack" => ServerFrame::Ack { id: fields.parsed("id")?, position: fields.maybe_parsed("position")? },
        "presence" => {
            ServerFrame::Presence { request: fields.number("request")?, members: record::members(fields)? }
        }
        "history" => ServerFrame::History {
            request: fields.number("request")?,
            epoch: fields.parsed("epoch")?,
            records: record::records(fields)?,
            more: fields.flag("more")?,
        },
        "error" => ServerFrame::Error {
            about: about(fields)?,
            code: Code(fields.number("number")?),
            message: fields.text("message", limits::MESSAGE_BYTES)?.into(),
            retry_after: fields.object("retry_after")?.map(|window| record::window(&window)).transpose()?,
        },
        "heartbeat" => ServerFrame::Heartbeat,
        "pong" => ServerFrame::Pong { nonce: fields.number("nonce")? },
        "drain" => ServerFrame::Drain { window: record::window(fields)? },
        "expires" => ServerFrame::Expires { after: fields.number("after")? },
        "closed" => ServerFrame::Closed {
            code: Code(fields.number("number")?),
            reason: fields.text("reason", limits::MESSAGE_BYTES)?.into(),
        },
        _ => return Ok(None),
    }))
}

fn position(fields: &Fields<'_>) -> Result<Position> {
    Ok(Position { epoch: fields.parsed("epoch")?, offset: fields.wide("offset")? })
}

fn member(fields: &Fields<'_>) -> Result<crate::Member> {
    record::member(&fields.object("member")?.ok_or(JsonError::Missing("member"))?)
}

fn gap(fields: &Fields<'_>) -> Result<ServerFrame> {
    let (from, to) = (fields.wide("from")?, fields.maybe_wide("to")?);
    if to.is_some_and(|to| to < from) {
        return Err(JsonError::Invalid("to"));
    }
    let reason = match fields.text("reason", limits::MESSAGE_BYTES)?.as_str() {
        "evicted" => GapReason::Evicted,
        "epoch" => GapReason::Epoch,
        _ => return Err(JsonError::Invalid("reason")),
    };
    Ok(ServerFrame::Gap { alias: fields.number("alias")?, from, to, reason, position: position(fields)? })
}

fn about(fields: &Fields<'_>) -> Result<About> {
    match (fields.has("topic"), fields.has("id"), fields.has("request")) {
        (false, false, false) => Ok(About::Connection),
        (true, false, false) => fields.parsed("topic").map(About::Topic),
        (false, true, false) => fields.parsed("id").map(About::Publish),
        (false, false, true) => fields.number("request").map(About::Request),
        _ => Err(JsonError::Invalid("topic")),
    }
}
