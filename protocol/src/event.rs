//! The SSE codec.

use std::fmt;

use crate::{Cursor, ServerFrame};

/// Why an event is not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventError;

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event is not a frame")
    }
}

impl std::error::Error for EventError {}

/// Appends a frame as one event, or as one event per record.
pub fn encode(frame: &ServerFrame, cursor: &mut Cursor, out: &mut String) {
    let _ = (frame, cursor, out);
    todo!()
}

/// Reads a dispatched event.
pub fn decode(name: &str, data: &str) -> Result<Option<ServerFrame>, EventError> {
    let _ = (name, data);
    todo!()
}
