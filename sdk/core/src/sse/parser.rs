//! The parser. It works on bytes, since CR, LF and what is ASCII can't be part of a longer UTF-8 sequence: decoding what is in an event
//! replaces malformed sequences just as decoding the whole stream would.

use std::{borrow::Cow, fmt};

use everwire_protocol::event::line_end;

/// Reads a `text/event-stream` as it comes, in chunks cut anywhere.
///
/// ```
/// use everwire_core::sse;
///
/// let mut parser = sse::Parser::new();
/// let mut events = Vec::new();
/// for mut chunk in [&b"id: 7\nda"[..], b"ta: hel", b"lo\r\n\r", b"\ndata: cut off"] {
///     while let Some(event) = parser.next_event(&mut chunk)? {
///         events.push((event.name().into_owned(), event.data().into_owned(), event.id().into_owned()));
///     }
/// }
/// assert_eq!(events, [("message".to_owned(), "hello".to_owned(), "7".to_owned())]);
/// # Ok::<(), sse::TooLong>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parser {
    limit: usize,
    /// A line whose end has not come.
    line: Vec<u8>,
    /// The line before ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    /// No line has ended yet, so a byte order mark may stand before it.
    at_start: bool,
    /// The data buffer: each line of it with an LF behind.
    data: Vec<u8>,
    name: Vec<u8>,
    /// What the last event id becomes at the next dispatch.
    id: Vec<u8>,
    last_id: Vec<u8>,
    retry: Option<u64>,
    /// The buffers hold an event that was given out.
    given: bool,
    too_long: bool,
}

/// An event that was dispatched: its fields as they came, in what should be UTF-8, and as text, where the standard replaces what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its type: the `event` field, or `message`.
    pub name: &'a [u8],
    /// Its `data` lines, joined by LF.
    pub data: &'a [u8],
    /// The last event id, committed with this event.
    pub id: &'a [u8],
}

impl<'a> Event<'a> {
    /// Its type as text.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.name)
    }

    /// Its data as text.
    #[must_use]
    pub fn data(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.data)
    }

    /// The last event id as text.
    #[must_use]
    pub fn id(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.id)
    }
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

impl Parser {
    /// A parser for one stream, with the protocol's limit of
    /// [`EVENT_BYTES`](everwire_protocol::limits::EVENT_BYTES) for an event.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(everwire_protocol::limits::EVENT_BYTES)
    }

    /// A parser that bears no line, and no event's data, longer than `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_cr: false,
            at_start: true,
            data: Vec::new(),
            name: Vec::new(),
            id: Vec::new(),
            last_id: Vec::new(),
            retry: None,
            given: false,
            too_long: false,
        }
    }

    /// Reads on until an event is complete; `None` when the chunk is used up. What was read is taken off
    /// `chunk`.
    ///
    /// # Errors
    /// [`TooLong`], again and again until [`reset`](Self::reset).
    pub fn next_event(&mut self, chunk: &mut &[u8]) -> Result<Option<Event<'_>>, TooLong> {
        Ok(if self.advance(chunk)? { Some(self.event()) } else { None })
    }

    /// Reads on until an event is complete, and returns whether one is. What was read is taken off `chunk`.
    pub(crate) fn advance(&mut self, chunk: &mut &[u8]) -> Result<bool, TooLong> {
        if std::mem::take(&mut self.given) {
            self.data.clear();
            self.name.clear();
        }
        loop {
            if self.too_long {
                return Err(TooLong);
            }
            if self.after_cr && !chunk.is_empty() {
                self.after_cr = false;
                *chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
            }
            let Some(end) = line_end(chunk) else {
                self.too_long = self.line.len() + chunk.len() > self.limit;
                if !self.too_long {
                    self.line.extend_from_slice(chunk);
                    *chunk = &[];
                    return Ok(false);
                }
                continue;
            };
            let (line, rest) = chunk.split_at(end);
            self.after_cr = rest.first() == Some(&b'\r');
            *chunk = rest.get(1..).unwrap_or_default();
            if self.line.len() + line.len() > self.limit {
                self.too_long = true;
            } else if self.line.is_empty() {
                self.take_line(line);
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.take_line(&whole);
                // Kept for its room.
                whole.clear();
                self.line = whole;
            }
            if self.given && !self.too_long {
                return Ok(true);
            }
        }
    }

    /// Whether an event begins where the chunks have been read to: what begins there may be read by somebody else, whole events at a time.
    pub(crate) fn is_between_events(&self) -> bool {
        let clear = self.given || self.data.is_empty() && self.name.is_empty();
        clear && self.line.is_empty() && !self.after_cr && !self.at_start && !self.too_long
    }

    /// The event to which [`advance`](Self::advance) has come.
    pub(crate) fn event(&self) -> Event<'_> {
        let name = if self.name.is_empty() { b"message" } else { &self.name[..] };
        Event { name, data: &self.data, id: &self.last_id }
    }

    fn take_line(&mut self, mut line: &[u8]) {
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch();
            return;
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default()),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
                self.too_long |= self.data.len() - 1 > self.limit;
            }
            b"event" => set(&mut self.name, value),
            b"id" if value.iter().all(|byte| *byte != 0) => set(&mut self.id, value),
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                // An empty value, or one beyond all sense, is no time.
                let time = value.iter().try_fold(0_u64, |time, digit| {
                    time.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
                });
                self.retry = time.filter(|_| !value.is_empty()).or(self.retry);
            }
            // Comments, whose field name is empty, and fields that the standard doesn't know.
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        // The id counts from here: one of an event that was cut off never does.
        if self.id != self.last_id {
            self.last_id.clone_from(&self.id);
        }
        if self.data.is_empty() {
            self.name.clear();
        } else {
            self.data.pop();
            self.given = true;
        }
    }

    /// The stream has ended: discards what is incomplete, and is ready for the next stream. The last event id
    /// and the reconnection time stay, as they do in browsers.
    pub fn reset(&mut self) {
        self.line.clear();
        self.after_cr = false;
        self.at_start = true;
        self.data.clear();
        self.name.clear();
        self.id.clone_from(&self.last_id);
        self.given = false;
        self.too_long = false;
    }

    /// Starts from an id that is known from elsewhere, such as an earlier page. To be called between streams.
    pub fn set_last_event_id(&mut self, id: &[u8]) {
        set(&mut self.id, id);
        set(&mut self.last_id, id);
    }

    /// The last event id: what to send as `Last-Event-ID` on a reconnect, as it came. Empty when there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &[u8] {
        &self.last_id
    }

    /// The reconnection time that the stream asked for, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }
}

fn set(field: &mut Vec<u8>, value: &[u8]) {
    field.clear();
    field.extend_from_slice(value);
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}
