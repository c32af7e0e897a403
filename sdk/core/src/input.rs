//! What the app and the driver hand in, and the errors that come back at once.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use everwire_protocol::{From, Payload, PublishId, Topic};

/// How to subscribe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Where to start, the first time. After that it goes on from what the app has been given.
    pub from: From,
    /// Be listed among the members of the topic, and be told who joins and leaves.
    pub presence: bool,
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Where to.
    pub topic: Topic,
    /// The content.
    pub payload: Payload,
    /// What it is about, for conflation. At most [`KEY_BYTES`](everwire_protocol::limits::KEY_BYTES).
    pub key: Option<Arc<str>>,
    /// For who is there now: not logged, and not kept when there is no link.
    pub ephemeral: bool,
}

/// A publish as it is kept over a reload: what [`Output::Save`](crate::Output::Save) gives and
/// [`Session::restore`](crate::Session::restore) takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPublish {
    /// Its idempotency key, which survives with it: sent twice, it takes effect once.
    pub id: PublishId,
    /// What is published.
    pub publish: Publish,
    /// How long it may still wait, counted from the output, or from the restore.
    pub expires_in: Duration,
}

/// Why a publish was not taken. Nothing of it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublishError {
    /// The outbox is full: wait for outcomes, then try again.
    OutboxFull,
    /// The payload is over the server's limit, or the key over its own: make it smaller.
    TooLarge,
    /// The payload says that it is text or JSON, and is not UTF-8: send it as bytes.
    NotUtf8,
    /// The session is closed: make a new one.
    Closed,
}

impl PublishError {
    /// Whether the same publish may be taken later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::OutboxFull)
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutboxFull => "the outbox is full",
            Self::TooLarge => "the payload or the key is too large",
            Self::NotUtf8 => "the payload is not UTF-8",
            Self::Closed => "the session is closed",
        })
    }
}

impl std::error::Error for PublishError {}

/// Why a subscription was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscribeError {
    /// The session reads [`TOPICS`](everwire_protocol::limits::TOPICS) topics: end a subscription first.
    TooMany,
    /// The session is closed: make a new one.
    Closed,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many topics are subscribed to",
            Self::Closed => "the session is closed",
        })
    }
}

impl std::error::Error for SubscribeError {}

/// How a transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// A WebSocket's close code.
    Code(u16),
    /// An SSE request was answered with a status other than 200, or with 200 and another content type.
    Status {
        /// The status.
        status: u16,
        /// The `Retry-After` header, where there is one.
        retry_after: Option<Duration>,
    },
    /// It failed, or a stream came to its end.
    Network,
}

/// The answer to an HTTP request, its body read to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The `Retry-After` header, where there is one.
    pub retry_after: Option<Duration>,
    /// The body. A driver gives up on one over
    /// [`FRAME_BYTES`](everwire_protocol::limits::FRAME_BYTES).
    pub body: Bytes,
}
