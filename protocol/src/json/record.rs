//! Payloads, records, members and windows as JSON, the same in frames and in HTTP bodies.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{Kind, Member, Payload, PublishId, Record, RetryWindow, limits};

use super::{
    JsonError,
    read::{Fields, Result},
    write::{Object, text},
};

/// Writes `kind`, which is left out for JSON, and `data`.
pub(super) fn put_payload(object: &mut Object<'_>, payload: &Payload) {
    let utf8 = std::str::from_utf8(&payload.data).ok();
    match (payload.kind, utf8) {
        (Kind::Json, Some(json)) => {
            if let Ok(json) = serde_json::from_str::<&RawValue>(json) {
                object.field("data").push_str(json.get());
                return;
            }
            object.text("kind", "json64");
        }
        (Kind::Text, Some(value)) => {
            object.text("kind", "text");
            text(object.field("data"), value);
            return;
        }
        (Kind::Json, None) => object.text("kind", "json64"),
        (Kind::Text, None) => object.text("kind", "text64"),
        (Kind::Bytes, _) => object.text("kind", "bytes"),
    }
    let out = object.field("data");
    out.push('"');
    STANDARD.encode_string(&payload.data, out);
    out.push('"');
}

pub(super) fn payload(fields: &Fields<'_>) -> Result<Payload> {
    let kind = fields.maybe_text("kind", limits::MESSAGE_BYTES)?;
    let (kind, encoded) = match kind.as_deref() {
        None | Some("json") => {
            let json = fields.value("data").ok_or(JsonError::Missing("data"))?;
            return Ok(Payload { kind: Kind::Json, data: Bytes::copy_from_slice(json.as_bytes()) });
        }
        Some("text") => (Kind::Text, false),
        Some("bytes") => (Kind::Bytes, true),
        Some("json64") => (Kind::Json, true),
        Some("text64") => (Kind::Text, true),
        Some(_) => return Err(JsonError::Invalid("kind")),
    };
    let text = fields.text("data", limits::FRAME_BYTES)?;
    let data = if encoded {
        STANDARD.decode(text).map_err(|_| JsonError::Invalid("data"))?.into()
    } else {
        text.into()
    };
    Ok(Payload { kind, data })
}

/// A payload that a client publishes: what is no bytes must be UTF-8, since a server takes nothing else in.
pub(super) fn published(fields: &Fields<'_>) -> Result<Payload> {
    let payload = payload(fields)?;
    if payload.kind != Kind::Bytes && std::str::from_utf8(&payload.data).is_err() {
        return Err(JsonError::Invalid("data"));
    }
    Ok(payload)
}

/// Writes a record's fields but for its offset.
pub(super) fn put_record(object: &mut Object<'_>, record: &Record) {
    object.number("time", record.time);
    put_payload(object, &record.payload);
    object.maybe_text("key", record.key.as_deref());
    object.maybe_text("from", record.from.as_deref());
    object.maybe_text("id", record.id.as_ref().map(PublishId::as_str));
}

/// Writes `first_offset` and `records`.
pub(super) fn put_records(object: &mut Object<'_>, records: &[Record]) {
    object.number("first_offset", records.first().map_or(0, |record| record.offset));
    object.list("records", records, |out, record| {
        let mut object = Object::begin(out);
        put_record(&mut object, record);
        object.end();
    });
}

/// Reads `first_offset` and `records`.
pub(super) fn records(fields: &Fields<'_>) -> Result<Vec<Record>> {
    let first = fields.wide("first_offset")?;
    let records = fields.objects("records", limits::RECORDS)?;
    if !records.is_empty() && (first == 0 || first.checked_add(records.len() as u64).is_none()) {
        return Err(JsonError::Invalid("first_offset"));
    }
    // In this order: a range that is asked for one number more than there are records may overflow.
    records.iter().zip(first..).map(|(fields, offset)| record(fields, offset)).collect()
}

fn record(fields: &Fields<'_>, offset: u64) -> Result<Record> {
    Ok(Record {
        offset,
        time: fields.wide("time")?,
        payload: payload(fields)?,
        key: fields.maybe_text("key", limits::KEY_BYTES)?.map(Into::into),
        from: fields.maybe_text("from", limits::SUBJECT_BYTES)?.map(Into::into),
        id: fields.maybe_parsed("id")?,
    })
}

pub(super) fn put_member(out: &mut String, member: &Member) {
    let mut object = Object::begin(out);
    object.text("id", &member.id);
    object.maybe_text("subject", member.subject.as_deref());
    object.maybe_text("info", member.info.as_deref());
    object.end();
}

pub(super) fn member(fields: &Fields<'_>) -> Result<Member> {
    Ok(Member {
        id: fields.text("id", limits::CLIENT_ID_BYTES)?.into(),
        subject: fields.maybe_text("subject", limits::SUBJECT_BYTES)?.map(Into::into),
        info: fields.maybe_text("info", limits::INFO_BYTES)?.map(Into::into),
    })
}

pub(super) fn members(fields: &Fields<'_>) -> Result<Vec<Member>> {
    fields.objects("members", limits::MEMBERS)?.iter().map(member).collect()
}

/// Writes `min` and `max`.
pub(super) fn put_window(object: &mut Object<'_>, window: RetryWindow) {
    object.number("min", window.min);
    object.number("max", window.max);
}

pub(super) fn window(fields: &Fields<'_>) -> Result<RetryWindow> {
    let (min, max) = (fields.number("min")?, fields.number("max")?);
    if min > max { Err(JsonError::Invalid("max")) } else { Ok(RetryWindow { min, max }) }
}

/// Writes `retry_after`, where there is one.
pub(super) fn put_retry_after(object: &mut Object<'_>, window: Option<RetryWindow>) {
    if let Some(window) = window {
        let mut inner = Object::begin(object.field("retry_after"));
        put_window(&mut inner, window);
        inner.end();
    }
}
