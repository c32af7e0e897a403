//! Payloads and records in the binary codec.
//!
//! A record's offset is not in its bytes: records of a frame are contiguous, so the first one's offset is
//! enough. That makes the bytes the same for every reader, and a server encodes a record once, when it is
//! appended.

use crate::{Kind, Payload, PublishId, Record, limits};

use super::wire::{Reader, Result, put_bytes, put_varint};

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

pub(super) fn kind_of(reader: &mut Reader<'_>, number: u8) -> Kind {
    match number {
        0 => Kind::Json,
        1 => Kind::Text,
        _ => {
            reader.check(number == 2);
            Kind::Bytes
        }
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
    let flags = reader.flags(KNOWN);
    let kind = kind_of(reader, flags & KIND);
    let time = reader.varint();
    let key = reader.maybe(flags & HAS_KEY != 0, limits::KEY_BYTES);
    let from = reader.maybe(flags & HAS_FROM != 0, limits::SUBJECT_BYTES);
    let id = match flags & HAS_ID {
        0 => None,
        _ => Some(reader.name(limits::PUBLISH_ID_BYTES, PublishId::new)?),
    };
    let data = reader.bytes(limits::FRAME_BYTES);
    reader.checked()?;
    Ok(Record { offset, time, payload: Payload { kind, data }, key, from, id })
}

/// `count, records…`: the offset of the first is known from elsewhere.
pub(super) fn decode_all(reader: &mut Reader<'_>, first: u64) -> Result<Vec<Record>> {
    let count = reader.count(limits::RECORDS);
    reader.check(count == 0 || first > 0 && first.checked_add(count as u64).is_some());
    let mut records = Vec::new();
    reader.checked()?;
    while records.len() < count {
        records.push(decode(reader, first + records.len() as u64)?);
    }
    Ok(records)
}
