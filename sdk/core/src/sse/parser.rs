//! The parser. Lines are found by bytes, since CR and LF can't be part of a longer UTF-8 sequence, and
//! are decoded one by one, which replaces malformed sequences just as decoding the whole stream would.

use std::fmt;

/// Reads a `text/event-stream` as it comes, in chunks cut anywhere.
///
/// ```
/// use everwire_core::sse;
///
/// let mut parser = sse::Parser::new();
/// let mut events = Vec::new();
/// for mut chunk in [&b"id: 7\nda"[..], b"ta: hel", b"lo\r\n\r", b"\ndata: cut off"] {
///     while let Some(event) = parser.next_event(&mut chunk)? {
///         events.push((event.name.to_owned(), event.data.to_owned(), event.id.to_owned()));
///     }
/// }
/// assert_eq!(events, [("message".to_owned(), "hello".to_owned(), "7".to_owned())]);
/// # Ok::<(), sse::TooLong>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parser {
    limit: usize,
}

/// An event that was dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its type: the `event` field, or `message`.
    pub name: &'a str,
    /// Its `data` lines, joined by LF.
    pub data: &'a str,
    /// The last event id, committed with this event.
    pub id: &'a str,
}

/// A line or an event is longer than the parser's limit. The stream is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event of the stream is too long")
    }
}

impl std::error::Error for TooLong {}

#[allow(unused_variables, clippy::todo)]
impl Parser {
    /// A parser for one stream, with the protocol's limit of
    /// [`EVENT_BYTES`](everwire_protocol::limits::EVENT_BYTES) for an event.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(everwire_protocol::limits::EVENT_BYTES)
    }

    /// A parser that bears no line and no event longer than `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        todo!()
    }

    /// Reads on until an event is complete; `None` when the chunk is used up. What was read is taken off `chunk`.
    ///
    /// # Errors
    /// [`TooLong`], again and again until [`reset`](Self::reset).
    pub fn next_event(&mut self, chunk: &mut &[u8]) -> Result<Option<Event<'_>>, TooLong> {
        todo!()
    }

    /// The stream has ended: discards what is incomplete, and is ready for the next stream. The last event id
    /// and the reconnection time stay.
    pub fn reset(&mut self) {
        todo!()
    }

    /// The id of the last event dispatched that had one: what to send as `Last-Event-ID`.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        todo!()
    }

    /// The reconnection time that the stream asked for, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        todo!()
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}
