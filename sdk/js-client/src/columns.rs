//! Messages in columns, so that a run of them crosses the border as a few arrays and one text.
//!
//! The payloads stand in one text as a JSON array would have them, so that where all of them are JSON one call of the browser's
//! parser does for all. Between two of them stands the mark: whatever a publisher calls JSON, it can neither leave
//! its place nor take another message's without a mark missing, or one standing where none belongs.

use everwire_core::protocol::{Epoch, Kind, Payload, Record};

use crate::writer::Writer;

const DIGITS: usize = 8;

/// What stands between two payloads: a number that nobody outside of this page knows, as an element of its own.
pub(crate) type Mark = [u8; DIGITS + 2];

/// A mark of random digits.
pub(crate) fn mark(random: &mut fastrand::Rng) -> Mark {
    let mut number = random.u32(10_000_000..=99_999_999);
    let mut mark = [b','; DIGITS + 2];
    for digit in mark[1..=DIGITS].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    mark
}

/// Writes messages of one epoch, with contiguous offsets:
///
/// how many · the first one's offset · the epoch · the bytes of all payloads together · the mark · a column of times · a column of where each
/// payload ends in the text, in the units of JavaScript's strings · the text · 1 and the kinds, one byte each, or 0 where all are JSON · 1, for each message
/// its key, subject and id end to end, and a column of where these end, or 0 where no message has any · each payload that is bytes.
pub(crate) fn write(out: &mut Writer, epoch: Epoch, records: &[Record], mark: Mark) {
    out.whole(records.len() as u32);
    out.big(records.first().map_or(0, |record| record.offset));
    out.bytes(epoch.as_str().as_bytes());
    out.whole(records.iter().map(|record| record.payload.data.len() as u32).sum());
    out.bytes(&mark);
    records.iter().for_each(|record| out.big(record.time));

    let ends = out.column(records.len());
    let text = out.later();
    let (mut end, mut between) = (0, &b"["[..]);
    for (place, record) in records.iter().enumerate() {
        let payload = text_of(&record.payload);
        out.raw(between);
        out.raw(payload);
        end += between.len() + units(payload);
        out.put(ends + 8 * place, end as f64);
        between = &mark;
    }
    out.raw(b"]");
    out.measure(text);

    let plain = records.iter().all(|record| record.payload.kind == Kind::Json);
    out.flag(!plain);
    if !plain {
        records.iter().for_each(|record| out.raw(&[kind(record.payload.kind)]));
    }

    let bare =
        records.iter().all(|record| record.key.is_none() && record.from.is_none() && record.id.is_none());
    out.flag(!bare);
    if !bare {
        let text = out.later();
        for record in records {
            (0..3).for_each(|piece| out.raw(about(record, piece)));
        }
        out.measure(text);
        let mut end = 0;
        for record in records {
            for piece in 0..3 {
                end += units(about(record, piece));
                out.whole(end as u32);
            }
        }
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

/// What stands of a payload among the text. A server that passes on what is not UTF-8 gets an empty text, which is no JSON.
pub(crate) fn text_of(payload: &Payload) -> &[u8] {
    let is_text = payload.kind != Kind::Bytes && std::str::from_utf8(&payload.data).is_ok();
    if is_text { &payload.data } else { b"" }
}

/// Its key, subject or id. What is absent is empty.
fn about(record: &Record, piece: u32) -> &[u8] {
    let text = match piece {
        0 => record.key.as_deref(),
        1 => record.from.as_deref(),
        _ => record.id.as_ref().map(|id| id.as_str()),
    };
    text.unwrap_or_default().as_bytes()
}

/// How long a text in UTF-8 is in UTF-16: what is no continuation begins a character, and four bytes are two units. Most texts are ASCII, which
/// is seen eight bytes at a time.
fn units(text: &[u8]) -> usize {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = text.as_chunks::<8>();
    let long = |bytes: &[u8]| -> usize {
        bytes.iter().map(|byte| usize::from(byte & 0xc0 != 0x80) + usize::from(*byte >= 0xf0)).sum()
    };
    let ascii = |word: &[u8; 8]| u64::from_ne_bytes(*word) & HIGH == 0;
    words.iter().map(|word| if ascii(word) { 8 } else { long(word) }).sum::<usize>() + long(rest)
}
