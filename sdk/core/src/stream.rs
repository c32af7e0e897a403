//! An event stream of the server, as frames. It knows no session, and nothing of what the frames are for.

use bytes::{Buf, Bytes};
use everwire_protocol::{ServerFrame, event};

use crate::sse::Parser;

/// Reads one stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    parser: Parser,
}

/// The stream holds what can't be read. It is of no more use.
pub(crate) struct Malformed;

impl Stream {
    /// Reads on until a frame is complete; `None` when the chunk is used up. What was read is taken off it. Messages that lie in it
    /// whole, one behind the other, are one frame, and share its memory. Events that this version doesn't know are passed over.
    pub fn next_frame(&mut self, chunk: &mut Bytes) -> Result<Option<ServerFrame>, Malformed> {
        loop {
            if self.parser.is_between_events()
                && let Some(messages) = event::decode_messages(chunk)
            {
                return Ok(Some(messages));
            }
            let mut rest = &chunk[..];
            let event = self.parser.next_event(&mut rest).map_err(|_| Malformed)?;
            let (read, over) = (chunk.len() - rest.len(), event.is_none());
            let frame = event.map(|event| frame(event.name, event.data)).transpose()?.flatten();
            chunk.advance(read);
            if frame.is_some() || over {
                return Ok(frame);
            }
        }
    }
}

/// What an event stands for, if this version knows it.
pub(crate) fn frame(name: &[u8], data: &[u8]) -> Result<Option<ServerFrame>, Malformed> {
    match std::str::from_utf8(name) {
        Ok(name) => event::decode(name, data).map_err(|_| Malformed),
        Err(_) => Ok(None),
    }
}
