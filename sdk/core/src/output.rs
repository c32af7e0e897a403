//! What the session wants done. The driver does it and reports back through `handle_*`.

use std::fmt;

use bytes::Bytes;
use everwire_protocol::{PublishId, Token};

use crate::{Event, StoredPublish, Transport};

/// One try of one transport. What is reported of an attempt that the session has closed is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub(crate) u32);

impl AttemptId {
    /// The one of a number, for hosts that hand it over a border. What the session doesn't know changes nothing.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number, for logs.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

/// One HTTP request beside the transport, or one question of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u32);

impl RequestId {
    /// The one of a number, for hosts that hand it over a border. What the session doesn't know changes nothing.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number, for logs.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

/// One reading of a topic. Unique in its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub(crate) u32);

impl SubscriptionId {
    /// The one of a number, for hosts that hand it over a border. What the session doesn't know changes nothing.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number, for logs.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

/// The method of a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Without a body.
    Get,
    /// With a body.
    Post,
}

impl Method {
    /// `GET` or `POST`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// An HTTP request to make, relative to the server's base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method. Where it is `Post`, there is a body.
    pub method: Method,
    /// Path and query, beginning with `/v1/`. Percent-encoded; holds no token.
    pub target: String,
    /// The `Accept` header.
    pub accept: Option<&'static str>,
    /// The `Content-Type` header.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Option<Bytes>,
    /// What to send as `Authorization: Bearer …`. None for a WebSocket, which carries its token in its
    /// first frame. An `EventSource` can send no header: it is traded for a ticket first, at
    /// [`TICKET_PATH`](everwire_protocol::http::TICKET_PATH).
    pub token: Option<Token>,
}

/// What the session wants done, in this order.
#[derive(Clone, PartialEq)]
pub enum Output {
    /// Open a transport.
    ///
    /// WebSocket (and, without a subprotocol, a tab's channel): connect to the target with subprotocol
    /// [`WS_BINARY`](everwire_protocol::http::WS_BINARY); report `handle_opened`, `handle_message` per binary
    /// message, `handle_closed`. SSE: make the request, check status and content type; report
    /// `handle_opened`, then `handle_chunk` (fetch) or `handle_event` (`EventSource`, whose own
    /// reconnects must be prevented), then `handle_closed`; when it is refused, `handle_response` with its
    /// body, or `handle_closed` with its status. Polls: make the request; report `handle_response`, or
    /// `handle_closed` with [`Closed::Network`](crate::Closed::Network).
    Open {
        /// The attempt, to be named in all that is reported of it.
        attempt: AttemptId,
        /// Which transport.
        transport: Transport,
        /// What to ask for.
        request: Request,
    },
    /// Send a binary message on a WebSocket or a tab's channel.
    Send {
        /// The attempt, which is open.
        attempt: AttemptId,
        /// The message.
        data: Bytes,
    },
    /// Make the next request of a poll attempt. The one before it has been answered.
    Poll {
        /// The attempt.
        attempt: AttemptId,
        /// What to ask for.
        request: Request,
    },
    /// Close (abort, for HTTP) an attempt, whatever its state, and forget it. It needs no report.
    Close {
        /// The attempt.
        attempt: AttemptId,
        /// The close code to give to a WebSocket: 1000 or 4000–4999, as browsers allow.
        code: u16,
    },
    /// Make an HTTP request beside the transport, and report `handle_reply`. An answer that comes after the
    /// session's own deadline is ignored.
    Request {
        /// To be named in the report.
        id: RequestId,
        /// What to ask for.
        request: Request,
    },
    /// Ask the token provider, and report `handle_token`. Comes only when
    /// [`Config::has_token`](crate::Config::has_token) is set.
    FetchToken,
    /// Keep a publish where a reload finds it, until [`Forget`](Self::Forget). Comes only with
    /// [`OutboxConfig::persist`](crate::OutboxConfig::persist).
    Save(StoredPublish),
    /// A publish that was to be kept has its outcome: let go of it.
    Forget(PublishId),
    /// Tell the app.
    Event(Event),
}

/// Shows no frame's bytes: the first one of a WebSocket holds the token.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { attempt, transport, request } => {
                f.debug_tuple("Open").field(attempt).field(transport).field(request).finish()
            }
            Self::Send { attempt, data } => f.debug_tuple("Send").field(attempt).field(&data.len()).finish(),
            Self::Poll { attempt, request } => f.debug_tuple("Poll").field(attempt).field(request).finish(),
            Self::Close { attempt, code } => f.debug_tuple("Close").field(attempt).field(code).finish(),
            Self::Request { id, request } => f.debug_tuple("Request").field(id).field(request).finish(),
            Self::FetchToken => f.write_str("FetchToken"),
            Self::Save(stored) => f.debug_tuple("Save").field(&stored.id).finish(),
            Self::Forget(id) => f.debug_tuple("Forget").field(id).finish(),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
        }
    }
}
