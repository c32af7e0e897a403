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
///
/// The first error stays, and what is read after it is empty: so a frame is looked at for errors once, at its end, and pages don't pay for a
/// branch at each field.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    frame: &'a Bytes,
    error: Option<DecodeError>,
}

impl<'a> Reader<'a> {
    pub fn new(frame: &'a Bytes) -> Self {
        Self { rest: frame, frame, error: None }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn fail(&mut self, error: DecodeError) {
        self.error.get_or_insert(error);
        self.rest = &[];
    }

    /// Fails where something is not so.
    pub fn check(&mut self, so: bool) {
        if !so {
            self.fail(DecodeError::Invalid);
        }
    }

    /// The error so far, if any.
    pub fn checked(&self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    /// The same at the frame's end, where there must be nothing left.
    pub fn end(&self) -> Result<()> {
        self.checked()?;
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else {
            self.fail(DecodeError::Truncated);
            return 0;
        };
        self.rest = rest;
        *first
    }

    /// A byte that has none but these bits.
    pub fn flags(&mut self, known: u8) -> u8 {
        let flags = self.byte();
        self.check(flags & !known == 0);
        flags
    }

    pub fn varint(&mut self) -> u64 {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte();
            let last = byte & 0x80 == 0;
            if shift == 63 && byte > 1 || last && byte == 0 && shift > 0 {
                self.fail(DecodeError::Varint);
                return 0;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if last {
                return value;
            }
            shift += 7;
        }
    }

    pub fn number(&mut self) -> u32 {
        let number = u32::try_from(self.varint());
        number.unwrap_or_else(|_| {
            self.fail(DecodeError::Varint);
            0
        })
    }

    /// A count of things that take a byte each at the least, so that a lie can't reserve memory.
    pub fn count(&mut self, max: usize) -> usize {
        let count = self.varint();
        let good = count <= max as u64 && count <= self.rest.len() as u64;
        self.check(good);
        if good { count as usize } else { 0 }
    }

    pub fn slice(&mut self, max: usize) -> &'a [u8] {
        let len = self.varint();
        self.check(len <= max as u64);
        match self.rest.split_at_checked(len as usize) {
            Some((slice, rest)) => {
                self.rest = rest;
                slice
            }
            None => {
                self.fail(DecodeError::Truncated);
                &[]
            }
        }
    }

    /// A payload: without a copy.
    pub fn bytes(&mut self, max: usize) -> Bytes {
        let slice = self.slice(max);
        let end = self.frame.len() - self.rest.len();
        if slice.is_empty() { Bytes::new() } else { self.frame.slice(end - slice.len()..end) }
    }

    pub fn str(&mut self, max: usize) -> &'a str {
        let slice = self.slice(max);
        std::str::from_utf8(slice).unwrap_or_else(|_| {
            self.fail(DecodeError::Utf8);
            ""
        })
    }

    pub fn text(&mut self, max: usize) -> Arc<str> {
        self.str(max).into()
    }

    /// A text that is there or not.
    pub fn maybe(&mut self, there: bool, max: usize) -> Option<Arc<str>> {
        there.then(|| self.text(max))
    }

    /// A name, checked as its type has it.
    pub fn name<T>(
        &mut self,
        max: usize,
        new: fn(&str) -> std::result::Result<T, crate::NameError>,
    ) -> Result<T> {
        let text = self.str(max);
        self.checked()?;
        Ok(new(text)?)
    }
}
