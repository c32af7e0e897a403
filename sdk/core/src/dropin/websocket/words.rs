//! What goes into a WebSocket that comes back, and what comes out of it. Nothing here acts.

use std::{fmt, time::Duration};

use super::super::attempts::{ReconnectConfig, Retry};
use crate::AttemptId;

/// How a [`WebSocket`](super::WebSocket) behaves; `M` is what the driver sends.
#[derive(Clone, Debug)]
pub struct WebSocketConfig<M> {
    /// When to connect again. An attempt may take 10 s by default.
    pub reconnect: ReconnectConfig,
    /// How many messages may wait for the link. Default 1,000; 0 refuses what can't be sent at once.
    pub outbox_messages: usize,
    /// How many bytes they may have together. Default 1 MiB.
    pub outbox_bytes: usize,
    /// How a dead link is found. Default `None`: only by what the browser finds, which can take many minutes.
    pub heartbeat: Option<Heartbeat<M>>,
}

impl<M> Default for WebSocketConfig<M> {
    fn default() -> Self {
        Self {
            reconnect: ReconnectConfig::with_connect_timeout(Duration::from_secs(10)),
            outbox_messages: 1_000,
            outbox_bytes: 1024 * 1024,
            heartbeat: None,
        }
    }
}

/// What silence means.
#[derive(Clone, Debug)]
pub struct Heartbeat<M> {
    /// What to send to a silent server that answers it. `None` for a server that is never silent by itself for longer
    /// than the interval.
    pub message: Option<M>,
    /// Silence for this long is broken by the message.
    pub interval: Duration,
    /// Silence for this long after that is a dead link.
    pub timeout: Duration,
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketOutput<M> {
    /// Connect.
    Open {
        /// What to call it in what is reported of it.
        attempt: AttemptId,
    },
    /// Send a message.
    Send {
        /// On which.
        attempt: AttemptId,
        /// What.
        message: M,
    },
    /// The app closes it: close it, and report when it is closed.
    Close {
        /// Which.
        attempt: AttemptId,
        /// With which code, if any.
        code: Option<u16>,
        /// And why.
        reason: String,
    },
    /// Close it and forget it: nothing of it is heard any more.
    Abandon {
        /// Which.
        attempt: AttemptId,
    },
    /// Tell the app.
    Event(WebSocketEvent),
}

/// What the app is told beside messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketEvent {
    /// Connected, for the first time or again.
    Open,
    /// Something failed; a close follows.
    Error,
    /// A link was lost, or an attempt failed, or all is over: [`Close::retry`] says which.
    Close(Close),
}

/// How a link or an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The close code; 1006 where there was none.
    pub code: u16,
    /// The other side's words.
    pub reason: String,
    /// Whether both sides agreed on the end.
    pub was_clean: bool,
    /// What follows.
    pub retry: Retry,
}

impl Close {
    /// Whether nothing follows.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.retry == Retry::Never
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendError {
    /// There is no link now, and no room to keep the message until there is one. Try again later.
    Full,
    /// It is closed, or closing.
    Closed,
}

impl SendError {
    /// Whether the same message may be taken later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Full)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many messages wait for the connection",
            Self::Closed => "the WebSocket is closed",
        })
    }
}

impl std::error::Error for SendError {}

/// Why a close was not done. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseError {
    /// An app's code is 1000, or from 3000 to 4999.
    Code,
    /// The reason is over 123 bytes.
    Reason,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "the close code is neither 1000 nor from 3000 to 4999",
            Self::Reason => "the close reason is over 123 bytes",
        })
    }
}

impl std::error::Error for CloseError {}
