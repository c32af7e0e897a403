//! Client frames as JSON.

use crate::{ClientFrame, HistoryRange, Mode, Token, limits};

use super::{
    JsonError, read,
    read::{Fields, Result},
    record,
    write::Object,
};

/// Appends a frame as one object.
pub fn encode(frame: &ClientFrame, out: &mut String) {
    match frame {
        ClientFrame::Connect { client_id, token, info } => {
            let mut object = Object::frame(out, "connect");
            object.text("client_id", client_id.as_str());
            object.maybe_text("token", token.as_ref().map(Token::as_str));
            object.maybe_text("info", info.as_deref());
            object.end();
        }
        ClientFrame::Subscribe { topic, from, mode } => {
            let mut object = Object::frame(out, "subscribe");
            object.text("topic", topic.as_str());
            object.text("from", &from.to_string());
            if mode.presence {
                object.flag("presence", true);
            }
            object.end();
        }
        ClientFrame::Unsubscribe { topic } => topic_only(out, "unsubscribe", topic),
        ClientFrame::Pause { topic } => topic_only(out, "pause", topic),
        ClientFrame::Resume { topic } => topic_only(out, "resume", topic),
        ClientFrame::Publish { topic, id, payload, key, ephemeral } => {
            let mut object = Object::frame(out, "publish");
            object.text("topic", topic.as_str());
            object.text("id", id.as_str());
            record::put_payload(&mut object, payload);
            object.maybe_text("key", key.as_deref());
            if *ephemeral {
                object.flag("ephemeral", true);
            }
            object.end();
        }
        ClientFrame::Presence { request, topic } => {
            let mut object = Object::frame(out, "presence");
            object.number("request", *request);
            object.text("topic", topic.as_str());
            object.end();
        }
        ClientFrame::History { request, topic, range, limit } => {
            let mut object = Object::frame(out, "history");
            object.number("request", *request);
            object.text("topic", topic.as_str());
            match range {
                HistoryRange::Before(u64::MAX) => {}
                HistoryRange::Before(offset) => object.number("before", *offset),
                HistoryRange::After(offset) => object.number("after", *offset),
            }
            object.number("limit", *limit);
            object.end();
        }
        ClientFrame::Refresh { token } => {
            let mut object = Object::frame(out, "refresh");
            object.text("token", token.as_str());
            object.end();
        }
        ClientFrame::Ping { nonce } => {
            let mut object = Object::frame(out, "ping");
            object.number("nonce", *nonce);
            object.end();
        }
    }
}

fn topic_only(out: &mut String, kind: &str, topic: &crate::Topic) {
    let mut object = Object::frame(out, kind);
    object.text("topic", topic.as_str());
    object.end();
}

/// Reads the frames of one message.
///
/// # Errors
/// [`JsonError`] says what is wrong; nothing of the message counts then.
pub fn decode(message: &str) -> Result<Vec<ClientFrame>> {
    read::frames(message, frame)
}

fn frame(kind: &str, fields: &Fields<'_>) -> Result<Option<ClientFrame>> {
    Ok(Some(match kind {
        "connect" => ClientFrame::Connect {
            client_id: fields.parsed("client_id")?,
            token: fields.maybe_text("token", limits::TOKEN_BYTES)?.map(Token::from),
            info: fields.maybe_text("info", limits::INFO_BYTES)?,
        },
        "subscribe" => ClientFrame::Subscribe {
            topic: fields.parsed("topic")?,
            from: fields.maybe_parsed("from")?.unwrap_or_default(),
            mode: Mode { presence: fields.flag("presence")? },
        },
        "unsubscribe" => ClientFrame::Unsubscribe { topic: fields.parsed("topic")? },
        "pause" => ClientFrame::Pause { topic: fields.parsed("topic")? },
        "resume" => ClientFrame::Resume { topic: fields.parsed("topic")? },
        "publish" => ClientFrame::Publish {
            topic: fields.parsed("topic")?,
            id: fields.parsed("id")?,
            payload: record::published(fields)?,
            key: fields.maybe_text("key", limits::KEY_BYTES)?.map(Into::into),
            ephemeral: fields.flag("ephemeral")?,
        },
        "presence" => {
            ClientFrame::Presence { request: fields.number("request")?, topic: fields.parsed("topic")? }
        }
        "history" => {
            let range = match (fields.maybe_wide("before")?, fields.maybe_wide("after")?) {
                (Some(_), Some(_)) => return Err(JsonError::Invalid("after")),
                (None, Some(offset)) => HistoryRange::After(offset),
                (before, None) => HistoryRange::Before(before.unwrap_or(u64::MAX)),
            };
            let limit = if fields.has("limit") { fields.number("limit")? } else { limits::HISTORY };
            let (request, topic) = (fields.number("request")?, fields.parsed("topic")?);
            ClientFrame::History { request, topic, range, limit }
        }
        "refresh" => ClientFrame::Refresh { token: fields.text("token", limits::TOKEN_BYTES)?.into() },
        "ping" => ClientFrame::Ping { nonce: fields.number("nonce")? },
        _ => return Ok(None),
    }))
}
