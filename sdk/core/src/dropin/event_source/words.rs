//! What goes into an event source that resumes, and what comes out of it. Nothing here acts.

use std::time::Duration;

use super::super::attempts::{ReconnectConfig, Retry};
use crate::AttemptId;

/// How an [`EventSource`](super::EventSource) behaves.
#[derive(Clone, Copy, Debug)]
pub struct EventSourceConfig {
    /// When to connect again. An attempt may take 60 s by default: there are servers that answer with their first event.
    pub reconnect: ReconnectConfig,
    /// A stream that brings nothing, not even a comment, for this long is dead. Default `None`, as in the standard, which
    /// knows of no such thing: servers differ in how long they are silent.
    pub heartbeat_timeout: Option<Duration>,
    /// No line of the stream, and no event's data, may be longer. Default 16 MiB.
    pub event_bytes: usize,
    /// Whether a stream that has told an id is probed when the page wakes up or the network changes, by a second
    /// request that takes its place if the first stays silent. Default `true`.
    pub probes: bool,
}

impl Default for EventSourceConfig {
    fn default() -> Self {
        Self {
            reconnect: ReconnectConfig::with_connect_timeout(Duration::from_secs(60)),
            heartbeat_timeout: None,
            event_bytes: 16 * 1024 * 1024,
            probes: true,
        }
    }
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSourceOutput {
    /// Make the request, with the present [last event id](super::EventSource::last_event_id).
    Open {
        /// What to call it in what is reported of it.
        attempt: AttemptId,
    },
    /// Abort it and forget it: nothing of it is heard any more.
    Close {
        /// Which.
        attempt: AttemptId,
    },
    /// Tell the app.
    Event(EventSourceEvent),
}

/// What the app is told beside the stream's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSourceEvent {
    /// Connected, for the first time or again.
    Open,
    /// The stream was lost, or an attempt failed: [`Failure::retry`] says what follows.
    Error(Failure),
}

/// Why there is no stream now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// What follows.
    pub retry: Retry,
}

impl Failure {
    /// Whether nothing follows.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.retry == Retry::Never
    }
}

/// What can happen to a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The stream came to its end, or broke off, or there was no answer.
    Network,
    /// The answer took longer than an attempt may.
    ConnectTimeout,
    /// The stream was silent for longer than it may be.
    Silent,
    /// The answer was none of a stream.
    Refused(Refusal),
    /// An event was longer than it may be. A new stream would bring it again, so this is fatal.
    TooLong,
    /// The request can't be made: a bad URL or header, or the app's hook failed.
    Request,
    /// Another stream takes its place: the page was put aside, the network changed, or the app asked for it.
    Replaced,
}

/// An answer that is no stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The type of the content, as it came.
    pub content_type: Option<String>,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The beginning of the body. Empty where only the type was wrong: that may be a stream without an end.
    pub body: String,
}

impl Refusal {
    /// Whether the status says that the same request may do later: 408, 425, 429 and 5xx. The standard retries none of
    /// them.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..=599)
    }
}
