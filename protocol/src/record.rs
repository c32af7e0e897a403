//! What a log holds.

use std::sync::Arc;

use bytes::Bytes;

use crate::PublishId;

/// What the bytes of a payload are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A JSON text (RFC 8259) in UTF-8. Neither side of the wire parses it.
    Json,
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Bytes,
}

/// The content of a record: bytes that the protocol carries untouched.
///
/// ```
/// use everwire_protocol::{Kind, Payload};
///
/// let payload = Payload::json(r#"{"text":"hi"}"#);
/// assert_eq!((payload.kind, payload.data.len()), (Kind::Json, 13));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// What the bytes are. [`Kind::Json`] and [`Kind::Text`] are valid UTF-8 wherever a server has taken
    /// them in.
    pub kind: Kind,
    /// The bytes.
    pub data: Bytes,
}

impl Payload {
    /// A payload that is a JSON text already.
    #[must_use]
    pub fn json(text: impl Into<String>) -> Self {
        Self { kind: Kind::Json, data: text.into().into() }
    }

    /// A payload of plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: Kind::Text, data: text.into().into() }
    }

    /// A payload of any bytes.
    #[must_use]
    pub fn bytes(data: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Bytes, data: data.into() }
    }
}

/// One entry of a topic's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log: 1, 2, 3 … without holes within one epoch.
    pub offset: u64,
    /// When the server took it in, in milliseconds since the Unix epoch.
    pub time: u64,
    /// Its content.
    pub payload: Payload,
    /// What it is about, for conflation: a newer record with the same key replaces it. At most
    /// [`KEY_BYTES`](crate::limits::KEY_BYTES).
    pub key: Option<Arc<str>>,
    /// The publisher's subject, as the server authenticated it. Absent for an anonymous one.
    pub from: Option<Arc<str>>,
    /// The idempotency key that it was published with.
    pub id: Option<PublishId>,
}
