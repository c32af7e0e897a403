//! The words of a header line: written and read without the format machinery, which costs a browser
//! kilobytes.

use std::borrow::Cow;

use super::EventError;
use crate::digits::{self, split};

pub(super) type Result<T> = std::result::Result<T, EventError>;

/// Appends a value as one word: `%`, spaces and control characters are percent-encoded.
pub(super) fn put_word(out: &mut String, value: &str) {
    put_encoded(out, value, |c| c == ' ');
}

/// Appends a value that ends its line, so that its spaces may stay as they are.
pub(super) fn put_line(out: &mut String, value: &str) {
    put_encoded(out, value, |_| false);
}

fn put_encoded(out: &mut String, value: &str, also: fn(char) -> bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for c in value.chars() {
        if c.is_ascii_control() || c == '%' || also(c) {
            let byte = c as u8;
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        } else {
            out.push(c);
        }
    }
}

/// Takes the percent-encoding off a value that is at most `max` bytes long without it.
pub(super) fn value(encoded: &str, max: usize) -> Result<Cow<'_, str>> {
    let decoded = if encoded.bytes().any(|byte| byte == b'%') {
        Cow::Owned(percent_decoded(encoded, max)?)
    } else {
        Cow::Borrowed(encoded)
    };
    if decoded.len() > max { Err(EventError::Invalid) } else { Ok(decoded) }
}

fn percent_decoded(encoded: &str, max: usize) -> Result<String> {
    let mut bytes = Vec::with_capacity(encoded.len().min(max));
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex(rest.next())? << 4 | hex(rest.next())? } else { byte });
    }
    String::from_utf8(bytes).map_err(|_| EventError::Invalid)
}

fn hex(digit: Option<u8>) -> Result<u8> {
    match digit {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        _ => Err(EventError::Invalid),
    }
}

/// Reads a decimal number.
pub(super) fn number(word: &str) -> Result<u64> {
    digits::number(word).ok_or(EventError::Invalid)
}

/// The words of one line, in their order; what is left of it, or nothing after the last.
pub(super) struct Words<'a>(Option<&'a str>);

impl<'a> Words<'a> {
    pub fn new(line: &'a str) -> Self {
        Self(Some(line))
    }

    pub fn word(&mut self) -> Result<&'a str> {
        self.next().ok_or(EventError::Truncated)
    }

    pub fn wide(&mut self) -> Result<u64> {
        number(self.word()?)
    }

    pub fn number(&mut self) -> Result<u32> {
        u32::try_from(self.wide()?).map_err(|_| EventError::Invalid)
    }

    /// The `name=value` words that end a line, the value still encoded. Anything else there is an error.
    pub fn named(self) -> impl Iterator<Item = Result<(&'a str, &'a str)>> {
        self.map(|word| split(word, b'=').ok_or(EventError::Invalid))
    }

    /// Ends a line that has no named words in this version; those of a later version are passed over.
    pub fn end(self) -> Result<()> {
        self.named().try_for_each(|word| word.map(|_| ()))
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let line = self.0?;
        let (word, rest) = split(line, b' ').map_or((line, None), |(word, rest)| (word, Some(rest)));
        self.0 = rest;
        Some(word)
    }
}
