//! What the app is told.

use std::{fmt, sync::Arc, time::Duration};

use everwire_protocol::{Code, Epoch, GapReason, Member, Payload, Position, PublishId, Record};

use crate::{RequestId, SubscriptionId, Transport};

/// What the app is told. Events of one subscription come in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The connection changed.
    State(StateChange),
    /// A subscription stands, for the first time or again after a reconnect.
    Subscribed {
        /// Which subscription.
        subscription: SubscriptionId,
        /// Where the records go on.
        position: Position,
        /// It goes on where it stopped, with nothing lost.
        recovered: bool,
    },
    /// Messages: at least one, offsets contiguous and rising, going on where the last ones (or a gap) ended.
    Messages {
        /// Which subscription.
        subscription: SubscriptionId,
        /// The life of the log that they are from.
        epoch: Epoch,
        /// The messages.
        records: Vec<Record>,
    },
    /// Messages that can no longer be had. Stands in their place.
    Gap {
        /// Which subscription.
        subscription: SubscriptionId,
        /// The first offset lost.
        from: u64,
        /// The last offset lost, where it is known.
        to: Option<u64>,
        /// Why.
        reason: GapReason,
        /// Where the records go on.
        position: Position,
    },
    /// A message that is not logged.
    Ephemeral {
        /// Which subscription.
        subscription: SubscriptionId,
        /// When the server took it in, in milliseconds since the Unix epoch.
        time: u64,
        /// Its content.
        payload: Payload,
        /// The publisher's subject.
        from: Option<Arc<str>>,
    },
    /// Who is on a topic now. Replaces what was known.
    Members {
        /// Which subscription.
        subscription: SubscriptionId,
        /// Who.
        members: Vec<Member>,
    },
    /// Somebody came.
    Join {
        /// Which subscription.
        subscription: SubscriptionId,
        /// Who.
        member: Member,
    },
    /// Somebody went.
    Leave {
        /// Which subscription.
        subscription: SubscriptionId,
        /// Who.
        member: Member,
    },
    /// A subscription ended: the server refused it for good. The topic may be subscribed to again.
    SubscriptionFailed {
        /// Which subscription.
        subscription: SubscriptionId,
        /// Why.
        code: Code,
        /// For people.
        message: Arc<str>,
    },
    /// What became of a publish. Comes once for each id that `publish` returned,
    /// and for each that was restored or forwarded.
    Published {
        /// The publish.
        id: PublishId,
        /// What became of it.
        outcome: Outcome,
    },
    /// The answer to [`Session::history`](crate::Session::history).
    History {
        /// The question.
        request: RequestId,
        /// The page.
        result: Result<HistoryPage, Failure>,
    },
    /// The answer to [`Session::presence`](crate::Session::presence).
    Presence {
        /// The question.
        request: RequestId,
        /// Who is there.
        result: Result<Vec<Member>, Failure>,
    },
}

/// The connection, as the app sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// What it is doing.
    pub state: State,
    /// The transport in use, or being tried.
    pub transport: Option<Transport>,
    /// Why it came to this.
    pub reason: Reason,
    /// Failures in a row.
    pub attempt: u32,
    /// How long until the next try, counted from the change; only where `state` is [`State::Waiting`].
    pub retry_in: Option<Duration>,
}

/// What the connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not asked to connect yet, or trying.
    Connecting,
    /// The welcome has come: it works.
    Connected,
    /// It failed, and will be tried again.
    Waiting,
    /// The network is away, or the page is put aside: nothing is tried until it is back.
    Offline,
    /// For good.
    Closed,
}

impl State {
    /// Its name: `connecting`, `connected`, `waiting`, `offline` or `closed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Waiting => "waiting",
            Self::Offline => "offline",
            Self::Closed => "closed",
        }
    }
}

/// Why the connection changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The app asked: to connect, to cut the link, or to close.
    Asked,
    /// The server's welcome came.
    Welcomed,
    /// The transport failed or ended without saying why.
    Network,
    /// The server was silent for longer than it may be.
    Silent,
    /// A probe was not answered.
    Unanswered,
    /// No welcome came in time.
    ConnectTimeout,
    /// The server closed the link with this code.
    Closed(u16),
    /// The server answered with this HTTP status.
    Status(u16),
    /// The server goes away in order, and said when to come back.
    Drain,
    /// The server sent what can't be read, or what doesn't fit together.
    Malformed,
    /// The token provider failed, or was too slow.
    Token,
    /// The network went away.
    Offline,
    /// The network, or the page, came back.
    Back,
    /// The page was put aside.
    Suspended,
    /// Another transport was chosen, or a better one found.
    Transport,
}

impl Reason {
    /// Its name, one word in lower case: what stands in logs and in [`Stats`](crate::Stats).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Welcomed => "welcomed",
            Self::Network => "network",
            Self::Silent => "silent",
            Self::Unanswered => "unanswered",
            Self::ConnectTimeout => "connect-timeout",
            Self::Closed(_) => "closed",
            Self::Status(_) => "status",
            Self::Drain => "drain",
            Self::Malformed => "malformed",
            Self::Token => "token",
            Self::Offline => "offline",
            Self::Back => "back",
            Self::Suspended => "suspended",
            Self::Transport => "transport",
        }
    }

    /// The close code or HTTP status, where there is one.
    #[must_use]
    pub const fn code(self) -> Option<u16> {
        match self {
            Self::Closed(code) | Self::Status(code) => Some(code),
            _ => None,
        }
    }
}

/// What became of a publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Acked {
        /// Where the record stands; none for an ephemeral message.
        position: Option<Position>,
    },
    /// The server refused it, and would again.
    Rejected {
        /// Why.
        code: Code,
        /// For people.
        message: Arc<str>,
    },
    /// No ack came in the time that the outbox allows, or it had to make room, or the session was closed,
    /// or it is ephemeral and the link went. It is not sent again, but when it had been sent before,
    /// it may have taken effect all the same.
    Expired,
}

/// A page of history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// The life of the log that the records are from.
    pub epoch: Epoch,
    /// The records, offsets contiguous and rising; may be empty.
    pub records: Vec<Record>,
    /// Whether the log keeps more on that side.
    pub more: bool,
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong; [`Code::TIMEOUT`] when no answer came in time.
    pub code: Code,
    /// For people.
    pub message: Arc<str>,
}

impl Failure {
    /// Whether the same question may be answered later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.code.is_retryable()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.name())?;
        f.write_str(": ")?;
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
