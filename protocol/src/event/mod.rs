//! The SSE codec: server frames as the events of a `text/event-stream`, one line per thing.
//!
//! A message is an event without a name, so that a plain `EventSource` hears it as `message`; all else is
//! named `everwire.*`. The first `data:` line holds the frame's fields as words parted by single spaces;
//! a payload stands untouched in the lines after it. So neither side needs a JSON parser for what is ours.
//! `id:` is the [`Cursor`](crate::Cursor) of the whole stream, on every event that moves it.
//!
//! This module knows neither how any stream is cut into events (the client's parser does that; only messages as they are written
//! here are read where they lie) nor the transport. `docs/protocol.md` lists the events.
//!
//! ```
//! use everwire_protocol::{Cursor, Payload, Record, ServerFrame, event};
//!
//! let payload = Payload::json(r#"{"text":"hi"}"#);
//! let record = Record { offset: 18, time: 1_700_000_000_000, payload, key: None, from: None, id: None };
//! let frame = ServerFrame::Messages { alias: 0, records: vec![record] };
//!
//! let mut cursor: Cursor = "k3x9-17".parse()?;
//! let mut out = String::new();
//! event::encode(&frame, &mut cursor, &mut out);
//! assert_eq!(out, "id: k3x9-18\ndata: 0 18 1700000000000 json\ndata: {\"text\":\"hi\"}\n\n");
//!
//! let data = b"0 18 1700000000000 json\n{\"text\":\"hi\"}";
//! assert_eq!(event::decode("message", data), Ok(Some(frame)));
//! # Ok::<(), everwire_protocol::ParsePositionError>(())
//! ```

mod base64;
mod decode;
mod encode;
mod header;
mod lines;
#[cfg(test)]
mod tests;

use std::fmt;

pub use decode::decode;
pub use encode::{encode, encode_messages, encode_raw, encode_retry};
pub use lines::{decode_messages, line_end};

const WELCOME: &str = "everwire.welcome";
const SUBSCRIBED: &str = "everwire.subscribed";
const GAP: &str = "everwire.gap";
const EPHEMERAL: &str = "everwire.ephemeral";
const MEMBERS: &str = "everwire.members";
const JOIN: &str = "everwire.join";
const LEAVE: &str = "everwire.leave";
const ERROR: &str = "everwire.error";
const HEARTBEAT: &str = "everwire.heartbeat";
const DRAIN: &str = "everwire.drain";
const EXPIRES: &str = "everwire.expires";
const CLOSED: &str = "everwire.closed";

/// The names of all the events that [`encode`] writes but for messages, which have none: what a native
/// `EventSource` must be told to listen for, beside `message`.
pub const NAMES: [&str; 12] =
    [WELCOME, SUBSCRIBED, GAP, EPHEMERAL, MEMBERS, JOIN, LEAVE, ERROR, HEARTBEAT, DRAIN, EXPIRES, CLOSED];

/// Why an event is not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventError {
    /// A word or a line is missing.
    Truncated,
    /// A word is malformed or outside its bounds, or there is one too many.
    Invalid,
    /// A payload that should be base64 is not.
    Base64,
    /// The data is longer than [`EVENT_BYTES`](crate::limits::EVENT_BYTES).
    TooLarge,
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the event lacks a field",
            Self::Invalid => "the event has a field outside its bounds",
            Self::Base64 => "the event's payload is not base64",
            Self::TooLarge => "the event is too large",
        })
    }
}

impl std::error::Error for EventError {}

impl From<crate::NameError> for EventError {
    fn from(_: crate::NameError) -> Self {
        Self::Invalid
    }
}

impl From<crate::ParsePositionError> for EventError {
    fn from(_: crate::ParsePositionError) -> Self {
        Self::Invalid
    }
}
