//! Frames to events: the server's side.

use std::fmt::Write;

use ::base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    About, Cursor, GapReason, Kind, Member, Payload, Position, PublishId, Record, ServerFrame, put_number,
};

use super::header::{put_line, put_word};

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Framed,
    Raw,
}

/// Appends a frame as one event, `messages` as one event per record, and moves the cursor of the stream.
///
/// Frames that answer a question (`Ack`, `Presence`, `History`, `Pong`) append nothing: nobody can ask on
/// such a stream. A topic that has no position (it was refused) stands in the cursor as [`Position::NONE`].
pub fn encode(frame: &ServerFrame, cursor: &mut Cursor, out: &mut String) {
    write(frame, Format::Framed, cursor, out);
}

/// Like [`encode`], with bare payloads in the data of messages and ephemerals (`format=raw`): for a plain
/// `EventSource` that knows nothing of Everwire.
///
/// What is not a payload stays as it is in [`encode`]. Bytes are base64; a line end in a payload becomes
/// LF, because an event can hold no other.
pub fn encode_raw(frame: &ServerFrame, cursor: &mut Cursor, out: &mut String) {
    write(frame, Format::Raw, cursor, out);
}

/// Like [`encode`] of a `messages` frame, or [`encode_raw`] of one where `raw`, for who has the records elsewhere.
pub fn encode_messages<'a>(
    alias: u32,
    records: impl IntoIterator<Item = &'a Record>,
    raw: bool,
    cursor: &mut Cursor,
    out: &mut String,
) {
    let format = if raw { Format::Raw } else { Format::Framed };
    records.into_iter().for_each(|record| message(alias, record, format, cursor, out));
}

/// Appends the `retry:` field of the event that is encoded next: how long a native `EventSource` waits
/// before it reconnects, in milliseconds.
pub fn encode_retry(milliseconds: u32, out: &mut String) {
    out.push_str("retry: ");
    put_number(out, u64::from(milliseconds));
    out.push('\n');
}

fn write(frame: &ServerFrame, format: Format, cursor: &mut Cursor, out: &mut String) {
    match frame {
        ServerFrame::Welcome { session, heartbeat, limits, server } => {
            begin(out, super::WELCOME);
            put_word(out, session);
            for number in [*heartbeat, limits.payload, limits.frame, limits.topics] {
                out.push(' ');
                put_number(out, u64::from(number));
            }
            out.push(' ');
            put_word(out, server);
        }
        ServerFrame::Subscribed { topic, alias, position, recovered } => {
            cursor.follow(frame);
            put_id(out, cursor);
            begin(out, super::SUBSCRIBED);
            put_number(out, u64::from(*alias));
            out.push(' ');
            put_word(out, topic.as_str());
            put_position(out, position);
            out.push_str(if *recovered { " recovered" } else { " fresh" });
        }
        ServerFrame::Messages { alias, records } => {
            return records.iter().for_each(|record| message(*alias, record, format, cursor, out));
        }
        ServerFrame::Gap { alias, from, to, reason, position } => {
            cursor.follow(frame);
            put_id(out, cursor);
            begin(out, super::GAP);
            put_number(out, u64::from(*alias));
            out.push(' ');
            put_number(out, *from);
            out.push(' ');
            match to {
                Some(to) => put_number(out, *to),
                None => out.push('-'),
            }
            out.push_str(match reason {
                GapReason::Evicted => " evicted",
                GapReason::Epoch => " epoch",
            });
            put_position(out, position);
        }
        ServerFrame::Ephemeral { alias, time, payload, from } => {
            begin(out, super::EPHEMERAL);
            let plain = plain(payload);
            if format == Format::Framed {
                put_number(out, u64::from(*alias));
                out.push(' ');
                put_number(out, *time);
                put_kind(out, payload.kind, plain.is_some());
                put_named(out, " from=", from.as_deref());
                out.push_str("\ndata: ");
            }
            put_payload(out, payload, plain, format);
        }
        ServerFrame::Members { alias, members } => put_members(out, super::MEMBERS, *alias, members),
        ServerFrame::Join { alias, member } => {
            put_members(out, super::JOIN, *alias, std::slice::from_ref(member));
        }
        ServerFrame::Leave { alias, member } => {
            put_members(out, super::LEAVE, *alias, std::slice::from_ref(member));
        }
        ServerFrame::Error { about, code, message, retry_after } => {
            begin(out, super::ERROR);
            put_about(out, about);
            out.push(' ');
            put_number(out, u64::from(code.0));
            if let Some(window) = retry_after {
                for number in [window.min, window.max] {
                    out.push(' ');
                    put_number(out, u64::from(number));
                }
            }
            out.push_str("\ndata: ");
            put_line(out, message);
        }
        ServerFrame::Heartbeat => {
            // An event with empty data would never reach a native `EventSource`'s listener.
            begin(out, super::HEARTBEAT);
            out.push('-');
        }
        ServerFrame::Drain { window } => {
            begin(out, super::DRAIN);
            put_number(out, u64::from(window.min));
            out.push(' ');
            put_number(out, u64::from(window.max));
        }
        ServerFrame::Expires { after } => {
            begin(out, super::EXPIRES);
            put_number(out, u64::from(*after));
        }
        ServerFrame::Closed { code, reason } => {
            begin(out, super::CLOSED);
            put_number(out, u64::from(code.0));
            out.push(' ');
            put_line(out, reason);
        }
        ServerFrame::Ack { .. }
        | ServerFrame::Presence { .. }
        | ServerFrame::History { .. }
        | ServerFrame::Pong { .. } => return,
    }
    out.push_str("\n\n");
}

fn message(alias: u32, record: &Record, format: Format, cursor: &mut Cursor, out: &mut String) {
    if cursor.advance(alias, record.offset) {
        put_id(out, cursor);
    }
    out.push_str("data: ");
    let plain = plain(&record.payload);
    if format == Format::Framed {
        put_number(out, u64::from(alias));
        for number in [record.offset, record.time] {
            out.push(' ');
            put_number(out, number);
        }
        put_kind(out, record.payload.kind, plain.is_some());
        put_named(out, " key=", record.key.as_deref());
        put_named(out, " from=", record.from.as_deref());
        put_named(out, " id=", record.id.as_ref().map(PublishId::as_str));
        out.push_str("\ndata: ");
    }
    put_payload(out, &record.payload, plain, format);
    out.push_str("\n\n");
}

fn begin(out: &mut String, name: &str) {
    out.push_str("event: ");
    out.push_str(name);
    out.push_str("\ndata: ");
}

fn put_id(out: &mut String, cursor: &Cursor) {
    // Writing to a `String` doesn't fail.
    let _ = writeln!(out, "id: {cursor}");
}

fn put_position(out: &mut String, position: &Position) {
    out.push(' ');
    out.push_str(position.epoch.as_str());
    out.push('-');
    put_number(out, position.offset);
}

fn put_named(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.push_str(name);
        put_word(out, value);
    }
}

fn put_about(out: &mut String, about: &About) {
    match about {
        About::Connection => out.push_str("connection"),
        About::Topic(topic) => put_named(out, "topic=", Some(topic.as_str())),
        About::Publish(id) => put_named(out, "publish=", Some(id.as_str())),
        About::Request(request) => {
            out.push_str("request=");
            put_number(out, u64::from(*request));
        }
    }
}

fn put_members(out: &mut String, name: &str, alias: u32, members: &[Member]) {
    begin(out, name);
    put_number(out, u64::from(alias));
    for member in members {
        out.push_str("\ndata: ");
        put_word(out, &member.id);
        put_named(out, " subject=", member.subject.as_deref());
        put_named(out, " info=", member.info.as_deref());
    }
}

/// The payload as text that can stand in `data:` lines with every byte kept, if it can.
fn plain(payload: &Payload) -> Option<&str> {
    match payload.kind {
        Kind::Bytes => None,
        Kind::Json | Kind::Text => std::str::from_utf8(&payload.data).ok().filter(|text| !holds(text, b'\r')),
    }
}

/// Whether a byte is in a text. It goes to the end, and so at sixteen bytes a step, where a search that may end goes at one.
fn holds(text: &str, byte: u8) -> bool {
    text.bytes().fold(false, |found, other| found | (other == byte))
}

fn put_kind(out: &mut String, kind: Kind, plain: bool) {
    out.push_str(match (kind, plain) {
        (Kind::Json, true) => " json",
        (Kind::Json, false) => " json64",
        (Kind::Text, true) => " text",
        (Kind::Text, false) => " text64",
        (Kind::Bytes, _) => " bytes",
    });
}

fn put_payload(out: &mut String, payload: &Payload, plain: Option<&str>, format: Format) {
    match plain {
        Some(text) => put_lines(out, text),
        None if format == Format::Raw && payload.kind != Kind::Bytes => {
            let text = String::from_utf8_lossy(&payload.data);
            put_lines(out, &text.replace("\r\n", "\n").replace('\r', "\n"));
        }
        None => STANDARD.encode_string(&payload.data, out),
    }
}

fn put_lines(out: &mut String, text: &str) {
    if !holds(text, b'\n') {
        return out.push_str(text);
    }
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push_str("\ndata: ");
        }
        out.push_str(line);
    }
}
