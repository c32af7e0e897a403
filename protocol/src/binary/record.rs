//! Payloads and records in the binary codec.
//!
//! A record's offset is not in its bytes: records of a frame are contiguous, so the first one's offset is
//! enough. That makes the bytes the same for every reader, and a server encodes a record once, when it is
//! appended.

use crate::{Kind, Payload, PublishId, Record, limits};

use super::wire::{DecodeError, Reader, Result, put_bytes, put_varint};

const KIND: u8 = 0b0000_0011;
const HAS_KEY: u8 = 0b0000_0100;
const HAS_FROM: u8 = 0b0000_1000;
const HAS_ID: u8 = 0b0001_0000;
const KNOWN: u8 = KIND | HAS_KEY | HAS_FROM | HAS_ID;

pub(super) fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Json => 0,
        Kind::Text => 1,
        Kind::Bytes => 2,
    }
}

pub(super) fn kind_of(number: u8) -> Result<Kind> {
    match number {
        0 => Ok(Kind::Json),
        1 => Ok(Kind::Text),
        2 => Ok(Kind::Bytes),
        _ => Err(DecodeError::Invalid),
    }
}

/// Appends a record's bytes: all of it but its offset.
pub fn encode(record: &Record, out: &mut Vec<u8>) {
    let flag = |bit, set| if set { bit } else { 0 };
    out.push(
        kind_number(record.payload.kind)
            | flag(HAS_KEY, record.key.is_some())
            | flag(HAS_FROM, record.from.is_some())
            | flag(HAS_ID, record.id.is_some()),
    );
    put_varint(out, record.time);
    let id = record.id.as_ref().map(PublishId::as_str);
    for text in [record.key.as_deref(), record.from.as_deref(), id].into_iter().flatten() {
        put_bytes(out, text.as_bytes());
    }
    put_bytes(out, &record.payload.data);
}

pub(super) fn decode(reader: &mut Reader<'_>, offset: u64) -> Result<Record> {
    let flags = reader.byte()?;
    if flags & !KNOWN != 0 {
        return Err(DecodeError::Invalid);
    }
    let kind = kind_of(flags & KIND)?;
    let time = reader.varint()?;
    let key = if flags & HAS_KEY != 0 { Some(reader.text(limits::KEY_BYTES)?) } else { None };
    let from = if flags & HAS_FROM != 0 { Some(reader.text(limits::SUBJECT_BYTES)?) } else { None };
    let id = if flags & HAS_ID != 0 {
        Some(reader.with_text(limits::PUBLISH_ID_BYTES, |id| Ok(PublishId::new(id)?))?)
    } else {
        None
    };
    let data = reader.bytes(limits::FRAME_BYTES)?;
    Ok(Record { offset, time, payload: Payload { kind, data }, key, from, id })
}

/// `count, records…`: the offset of the first is known from elsewhere.
pub(super) fn decode_all(reader: &mut Reader<'_>, first: u64) -> Result<Vec<Record>> {
    let count = reader.count(limits::RECORDS)?;
    if count > 0 && (first == 0 || first.checked_add(count as u64).is_none()) {
        return Err(DecodeError::Invalid);
    }
    let mut records = Vec::new();
    while records.len() < count {
        records.push(decode(reader, first + records.len() as u64)?);
    }
    Ok(records)
}
