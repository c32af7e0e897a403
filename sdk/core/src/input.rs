//! What the app and the driver hand in, and the errors that come back at once.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use everwire_protocol::{From, Payload, Topic};

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
    /// The session is subscribed to the topic: unsubscribe first, or share the subscription.
    AlreadySubscribed,
    /// The session has [`TOPICS`](everwire_protocol::limits::TOPICS) subscriptions: end one first.
    TooMany,
    /// The session is closed: make a new one.
    Closed,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySubscribed => "the topic is subscribed to already",
            Self::TooMany => "there are too many subscriptions",
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
