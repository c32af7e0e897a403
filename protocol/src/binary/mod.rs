//! The binary codec, `everwire.v1.bin`: for WebSocket messages, poll answers and publish bodies.
//!
//! A message is a sequence of frames. A frame is a varint length, then that many bytes: a type byte and
//! the type's fields. A type that this version doesn't know is skipped, so a later version can add some.
//! Payload bytes travel untouched, at the end of their record. The layout of every frame stands in
//! `docs/protocol.md`.
//!
//! ```
//! use everwire_protocol::{ClientFrame, binary};
//!
//! let mut out = Vec::new();
//! binary::encode_client(&ClientFrame::Ping { nonce: 7 }, &mut out);
//! binary::encode_client(&ClientFrame::Ping { nonce: 8 }, &mut out);
//!
//! let mut input = bytes::Bytes::from(out);
//! assert_eq!(binary::decode_client(&mut input), Ok(Some(ClientFrame::Ping { nonce: 7 })));
//! assert_eq!(binary::decode_client(&mut input), Ok(Some(ClientFrame::Ping { nonce: 8 })));
//! assert_eq!(binary::decode_client(&mut input), Ok(None));
//! ```

mod client;
mod record;
mod server;
mod wire;

use bytes::{Buf, Bytes};

pub use client::{decode as decode_client, encode as encode_client};
pub use record::encode as encode_record;
pub use server::{decode as decode_server, encode as encode_server, encode_messages_header};
pub use wire::DecodeError;

use wire::{Reader, Result, put_varint};

/// Reads a record that [`encode_record`] wrote; its offset is known from elsewhere.
///
/// # Errors
/// [`DecodeError`] when these are not the bytes of one record, and of nothing else.
pub fn decode_record(encoded: Bytes, offset: u64) -> Result<crate::Record> {
    let mut reader = Reader::new(&encoded);
    let record = record::decode(&mut reader, offset)?;
    reader.end()?;
    Ok(record)
}

/// Appends a frame: its length, its type, and the fields that `fields` writes.
fn put_frame(out: &mut Vec<u8>, kind: u8, fields: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(kind);
    fields(out);
    put_length(out, start);
}

/// Puts the length of what was written since `start` before it. Apart from the fields, so that it is compiled once.
#[inline(never)]
fn put_length(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start;
    put_varint(out, len as u64);
    // The length was written behind the frame that it measures: it changes places with that.
    let mut head = [0; 10];
    let width = out.len() - start - len;
    head[..width].copy_from_slice(&out[start + len..]);
    out.copy_within(start..start + len, start + width);
    out[start..start + width].copy_from_slice(&head[..width]);
}

/// Splits the next frame off the input: its type and its fields.
fn next_frame(input: &mut Bytes) -> Result<Option<Bytes>> {
    if input.is_empty() {
        return Ok(None);
    }
    // What can't be read leaves nothing behind.
    let mut whole = std::mem::take(input);
    let mut reader = Reader::new(&whole);
    let frame = reader.bytes(usize::MAX);
    let left = reader.rest().len();
    reader.checked()?;
    whole.advance(whole.len() - left);
    *input = whole;
    Ok(Some(frame))
}

/// Reads frames until one is of a known type, and checks that it was read to its end.
fn decode_next<T>(
    input: &mut Bytes,
    read: impl Fn(u8, &mut Reader<'_>) -> Result<Option<T>>,
) -> Result<Option<T>> {
    while let Some(frame) = next_frame(input)? {
        let mut body = Reader::new(&frame);
        let kind = body.byte();
        body.checked()?;
        if let Some(frame) = read(kind, &mut body)? {
            body.end()?;
            return Ok(Some(frame));
        }
    }
    Ok(None)
}
