//! Messages in columns, so that a run of them crosses the border as one text and one array of numbers: the host makes of each what it
//! is only when somebody wants it.

use everwire_core::protocol::{Epoch, Kind, Payload, Record};

use crate::writer::Writer;

/// Writes messages of one epoch, with contiguous offsets:
///
/// how many · the first one's offset · the bytes of all payloads together · how long the epoch is · how many columns of numbers · the columns: times,
/// where each payload ends in the text, and, where any message has any, where in the text its key ends, its subject, its id · the text · 1 and the kinds,
/// one byte each, or 0 where all are JSON · each payload that is bytes.
///
/// The text is a JSON array of the payloads, those that are bytes left out; then keys, subjects and ids, end to end, those that are absent left out; then the epoch. So where
/// all payloads are JSON one call of the browser's parser does for all: the server has seen that each is one. Places are in the units of
/// JavaScript's strings.
pub(crate) fn write(out: &mut Writer, epoch: Epoch, records: &[Record]) {
    out.whole(records.len() as u32);
    out.big(records.first().map_or(0, |record| record.offset));
    out.whole(records.iter().map(|record| record.payload.data.len() as u32).sum());
    out.whole(epoch.as_str().len() as u32);
    let bare =
        records.iter().all(|record| record.key.is_none() && record.from.is_none() && record.id.is_none());
    let columns = if bare { 2 } else { 5 };
    out.whole(columns);

    let numbers = out.column(columns as usize * records.len());
    let put = |out: &mut Writer, column: usize, place: usize, number: f64| {
        out.put(numbers + 8 * (column * records.len() + place), number);
    };
    let text = out.later();
    let mut end = 0;
    for (place, record) in records.iter().enumerate() {
        let (payload, units) = text_of(&record.payload);
        out.byte(if place == 0 { b'[' } else { b',' });
        out.raw(payload);
        end += 1 + units;
        put(out, 0, place, record.time as f64);
        put(out, 1, place, end as f64);
    }
    out.byte(b']');
    if !bare {
        end += 1;
        for (place, record) in records.iter().enumerate() {
            for (piece, about) in about(record).into_iter().enumerate() {
                out.raw(about.as_bytes());
                end += units(about.as_bytes()).unwrap_or_default();
                put(out, 2 + piece, place, end as f64);
            }
        }
    }
    out.raw(epoch.as_str().as_bytes());
    out.measure(text);

    let plain = records.iter().all(|record| record.payload.kind == Kind::Json);
    out.flag(!plain);
    if !plain {
        records.iter().for_each(|record| out.byte(kind(record.payload.kind)));
    }
    for record in records.iter().filter(|record| record.payload.kind == Kind::Bytes) {
        out.bytes(&record.payload.data);
    }
}

/// As in the column of kinds.
pub(crate) fn kind(kind: Kind) -> u8 {
    match kind {
        Kind::Json => 0,
        Kind::Text => 1,
        Kind::Bytes => 2,
    }
}

/// What stands of a payload among the text, and how long that is in the units of JavaScript's strings. A server that passes on what is not
/// UTF-8 gets an empty text, which is no JSON.
pub(crate) fn text_of(payload: &Payload) -> (&[u8], usize) {
    match units(&payload.data) {
        Some(units) if payload.kind != Kind::Bytes => (&payload.data, units),
        _ => (b"", 0),
    }
}

/// Its key, subject and id. What is absent is empty.
fn about(record: &Record) -> [&str; 3] {
    let id = record.id.as_ref().map(|id| id.as_str());
    [record.key.as_deref(), record.from.as_deref(), id].map(Option::unwrap_or_default)
}

/// How long a text in UTF-8 is in UTF-16, if it is one: what is no continuation begins a character, and four bytes are two units. Most texts are
/// ASCII, which is seen a word at a time.
fn units(text: &[u8]) -> Option<usize> {
    if text.is_ascii() {
        return Some(text.len());
    }
    let text = std::str::from_utf8(text).ok()?;
    Some(text.bytes().map(|byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum())
}
