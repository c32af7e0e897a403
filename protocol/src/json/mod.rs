//! The JSON codec, `everwire.v1.json`: for people, debuggers and clients that have a JSON parser anyway.
//!
//! A WebSocket text message is one frame, an object with a `type`, or an array of frames. A payload of
//! kind `json` is embedded as the JSON value that it is, its bytes as they came. Frames of unknown types
//! and fields of unknown names are passed over, so a later version can add some. [`body`] makes and reads
//! the bodies of the HTTP endpoints out of the same parts.
//!
//! Three choices, made so that nothing is lost on the way:
//! - A number over 2^53 − 1 is written as a string of digits, because a parser whose numbers are doubles
//!   (a browser's) would round it. Both forms are read.
//! - A JSON payload is checked before it is embedded: nobody parsed it on its way in, and a malformed one
//!   would corrupt the frame around it. One that is malformed travels as `"kind":"json64"`, a text that
//!   is not UTF-8 as `"kind":"text64"`, both as base64.
//! - White space around a JSON payload is not kept; within it is.
//!
//! ```
//! use everwire_protocol::{ClientFrame, json};
//!
//! let frames = json::decode_client(r#"[{"type":"ping","nonce":7},{"type":"from-the-future"}]"#)?;
//! assert_eq!(frames, [ClientFrame::Ping { nonce: 7 }]);
//! assert_eq!(json::client_message(&frames), r#"{"type":"ping","nonce":7}"#);
//! # Ok::<(), json::JsonError>(())
//! ```

pub mod body;
mod client;
mod read;
mod record;
mod server;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

pub use client::{decode as decode_client, encode as encode_client};
pub use server::{decode as decode_server, encode as encode_server};

use crate::{ClientFrame, ServerFrame};

/// Why a text is not a message or a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It is not JSON, or not an object or an array of objects.
    Syntax,
    /// This field is missing.
    Missing(&'static str),
    /// This field is of a wrong type, or outside its bounds.
    Invalid(&'static str),
    /// It is longer than [`FRAME_BYTES`](crate::limits::FRAME_BYTES).
    TooLarge,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str("not JSON, or not an object or an array of objects"),
            Self::Missing(field) => write!(f, "the field `{field}` is missing"),
            Self::Invalid(field) => write!(f, "the field `{field}` is outside its bounds"),
            Self::TooLarge => f.write_str("the message is too large"),
        }
    }
}

impl std::error::Error for JsonError {}

/// One WebSocket message that holds these frames: an object for one, an array for any other number.
#[must_use]
pub fn server_message(frames: &[ServerFrame]) -> String {
    write::one_or_many(frames, encode_server)
}

/// One WebSocket message that holds these frames: an object for one, an array for any other number.
#[must_use]
pub fn client_message(frames: &[ClientFrame]) -> String {
    write::one_or_many(frames, encode_client)
}
