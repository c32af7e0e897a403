//! The primitives of the binary codec: varints, length-prefixed text, and a reader that never panics.

use std::{fmt, sync::Arc};

use bytes::Bytes;

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The input ends inside a frame.
    Truncated,
    /// A number is longer than its type, or not in its shortest form.
    Varint,
    /// A text is not UTF-8.
    Utf8,
    /// A name, flag, count or length is outside what is allowed.
    Invalid,
    /// A frame has bytes after its last field that are not its own.
    Trailing,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the frame is truncated",
            Self::Varint => "the frame has a malformed number",
            Self::Utf8 => "the frame has a text that is not UTF-8",
            Self::Invalid => "the frame has a field outside its bounds",
            Self::Trailing => "the frame is longer than its fields",
        })
    }
}

impl std::error::Error for DecodeError {}

impl From<crate::NameError> for DecodeError {
    fn from(_: crate::NameError) -> Self {
        Self::Invalid
    }
}

pub(super) type Result<T> = std::result::Result<T, DecodeError>;

/// How many bytes [`put_varint`] writes.
pub(super) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// LEB128: seven bits a byte, the lowest first, the high bit set on all but the last byte.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads the fields of one frame; every method checks its bounds. Only payloads share the frame's memory: all else is read where it lies.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    frame: &'a Bytes,
}

impl<'a> Reader<'a> {
    pub fn new(frame: &'a Bytes) -> Self {
        Self { rest: frame, frame }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let last = byte & 0x80 == 0;
            if (shift == 63 && bits > 1) || (last && bits == 0 && shift > 0) {
                return Err(DecodeError::Varint);
            }
            value |= bits << shift;
            if last {
                return Ok(value);
            }
        }
        Err(DecodeError::Varint)
    }

    pub fn number(&mut self) -> Result<u32> {
        u32::try_from(self.varint()?).map_err(|_| DecodeError::Varint)
    }

    /// A count of things that take a byte each at the least, so that a lie can't reserve memory.
    pub fn count(&mut self, max: usize) -> Result<usize> {
        let count = usize::try_from(self.varint()?).map_err(|_| DecodeError::Invalid)?;
        if count > max || count > self.rest.len() { Err(DecodeError::Invalid) } else { Ok(count) }
    }

    fn slice(&mut self, max: usize) -> Result<&'a [u8]> {
        let len = usize::try_from(self.varint()?).map_err(|_| DecodeError::Invalid)?;
        if len > max {
            return Err(DecodeError::Invalid);
        }
        let (slice, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(slice)
    }

    /// A payload: without a copy.
    pub fn bytes(&mut self, max: usize) -> Result<Bytes> {
        let slice = self.slice(max)?;
        let end = self.frame.len() - self.rest.len();
        Ok(self.frame.slice(end - slice.len()..end))
    }

    pub fn text(&mut self, max: usize) -> Result<Arc<str>> {
        self.with_text(max, |text| Ok(text.into()))
    }

    /// Reads a text and makes something of it, without a copy in between.
    pub fn with_text<T>(&mut self, max: usize, make: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        make(std::str::from_utf8(self.slice(max)?).map_err(|_| DecodeError::Utf8)?)
    }
}
