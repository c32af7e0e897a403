//! The words of a header line: written and read without the format machinery, which costs a browser
//! kilobytes.

use std::{borrow::Cow, sync::Arc};

use super::EventError;
use crate::{
    Position,
    digits::{self, split},
};

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

/// The words of one line, read in their order.
///
/// The first error stays, and what is read after it is empty: so a line is looked at for errors once, at its end, and pages don't pay for
/// a branch at each word.
pub(super) struct Words<'a> {
    /// None after the last word.
    rest: Option<&'a str>,
    error: Option<EventError>,
}

impl<'a> Words<'a> {
    pub fn new(line: &'a str) -> Self {
        Self { rest: Some(line), error: None }
    }

    pub fn fail(&mut self, error: EventError) {
        self.error.get_or_insert(error);
        self.rest = None;
    }

    /// Fails where something is not so.
    pub fn check(&mut self, so: bool) {
        if !so {
            self.fail(EventError::Invalid);
        }
    }

    /// Whether there is another word.
    pub fn has_more(&self) -> bool {
        self.rest.is_some()
    }

    pub fn word(&mut self) -> &'a str {
        let Some(line) = self.rest else {
            self.fail(EventError::Truncated);
            return "";
        };
        let (word, rest) = split(line, b' ').map_or((line, None), |(word, rest)| (word, Some(rest)));
        self.rest = rest;
        word
    }

    /// A word that is a number, read as it is looked for: every message has three.
    pub fn wide(&mut self) -> u64 {
        let Some(line) = self.rest else {
            self.fail(EventError::Truncated);
            return 0;
        };
        let Some((number, length)) = digits::leading_number(line) else {
            self.fail(EventError::Invalid);
            return 0;
        };
        self.rest = line.get(length + 1..);
        self.check(matches!(line.as_bytes().get(length), None | Some(b' ')));
        number
    }

    pub fn number(&mut self) -> u32 {
        let number = u32::try_from(self.wide());
        self.check(number.is_ok());
        number.unwrap_or_default()
    }

    /// A word without its percent-encoding, which is at most `max` bytes long.
    pub fn value(&mut self, max: usize) -> Cow<'a, str> {
        let word = self.word();
        self.decoded(word, max)
    }

    pub fn text(&mut self, max: usize) -> Arc<str> {
        self.value(max).as_ref().into()
    }

    pub fn position(&mut self) -> Position {
        self.word().parse().unwrap_or_else(|_| {
            self.fail(EventError::Invalid);
            Position::NONE
        })
    }

    /// The next of the `name=value` words that end a line, the value still encoded. Anything else there is an error.
    pub fn named(&mut self) -> Option<(&'a str, &'a str)> {
        self.rest?;
        let named = split(self.word(), b'=');
        self.check(named.is_some());
        named
    }

    /// Fills a named field that may stand only once.
    pub fn once(&mut self, field: &mut Option<Arc<str>>, word: &'a str, max: usize) {
        let text = self.decoded(word, max).as_ref().into();
        let first = field.replace(text).is_none();
        self.check(first);
    }

    /// What is wrong so far, if anything.
    pub fn checked(&self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    /// Ends a line that has no named words in this version; those of a later version are passed over.
    pub fn end(&mut self) -> Result<()> {
        while self.named().is_some() {}
        self.checked()
    }

    /// A value of this line without its percent-encoding.
    pub fn decoded<'b>(&mut self, encoded: &'b str, max: usize) -> Cow<'b, str> {
        let decoded = if encoded.bytes().any(|byte| byte == b'%') {
            Cow::Owned(percent_decoded(encoded, max).unwrap_or_else(|| {
                self.fail(EventError::Invalid);
                String::new()
            }))
        } else {
            Cow::Borrowed(encoded)
        };
        self.check(decoded.len() <= max);
        decoded
    }
}

fn percent_decoded(encoded: &str, max: usize) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len().min(max));
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex(rest.next())? << 4 | hex(rest.next())? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: Option<u8>) -> Option<u8> {
    match digit? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
