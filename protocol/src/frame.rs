//! The frames: what a client and a server say to each other, whatever the transport.

use std::sync::Arc;

use crate::{ClientId, Code, Epoch, From, Payload, Position, PublishId, Record, Token, Topic};

/// What a subscription asks for beside the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// Be listed among the topic's members, and be told who joins and leaves.
    pub presence: bool,
}

/// Which side of an offset a history page lies on; the offset itself is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryRange {
    /// The records just before the offset; `Before(u64::MAX)` is the newest page.
    Before(u64),
    /// The records just after the offset; `After(0)` is the oldest page.
    After(u64),
}

/// A frame from the client to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame {
    /// The first frame of a WebSocket. Others may follow it at once, without waiting for the welcome.
    Connect {
        /// Who this client is, across connections.
        client_id: ClientId,
        /// Its access token.
        token: Option<Token>,
        /// What it tells others of itself in presence, e.g. a display name. At most
        /// [`INFO_BYTES`](crate::limits::INFO_BYTES).
        info: Option<String>,
    },
    /// Start reading a topic. Answered by `Subscribed` or by `Error` about the topic.
    Subscribe {
        /// The log to read.
        topic: Topic,
        /// Where to start.
        from: From,
        /// What else is wanted.
        mode: Mode,
    },
    /// Stop reading a topic. Not answered; what was under way may still arrive.
    Unsubscribe {
        /// The log.
        topic: Topic,
    },
    /// Send no records of a topic until `Resume`. Costs the server no memory: the reader just stands.
    Pause {
        /// The log.
        topic: Topic,
    },
    /// Go on where `Pause` stopped.
    Resume {
        /// The log.
        topic: Topic,
    },
    /// Append a record. Answered by `Ack` or by `Error` about the id.
    Publish {
        /// The log.
        topic: Topic,
        /// The idempotency key: the same one again gets the first answer again.
        id: PublishId,
        /// The content.
        payload: Payload,
        /// What the record is about, for conflation.
        key: Option<Arc<str>>,
        /// Deliver to who is there now, and log nothing.
        ephemeral: bool,
    },
    /// Ask who is on a topic. Answered by `Presence`, or by `Error` about the request.
    Presence {
        /// The client's number for this question.
        request: u32,
        /// The log.
        topic: Topic,
    },
    /// Ask for a page of records. Answered by `History`, or by `Error` about the request.
    History {
        /// The client's number for this question.
        request: u32,
        /// The log.
        topic: Topic,
        /// Which records.
        range: HistoryRange,
        /// How many at most; the server may send fewer, see [`limits::HISTORY`](crate::limits::HISTORY).
        limit: u32,
    },
    /// Replace the token of a live connection.
    Refresh {
        /// The new token.
        token: Token,
    },
    /// Answered by `Pong` with the same number.
    Ping {
        /// Any number.
        nonce: u32,
    },
}

/// The server's limits, as it tells them in its welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload of one record, in bytes.
    pub payload: u32,
    /// Largest frame, in bytes.
    pub frame: u32,
    /// Most topics of one connection.
    pub topics: u32,
}

impl Default for Limits {
    fn default() -> Self {
        use crate::limits;
        Self {
            payload: limits::PAYLOAD_BYTES as u32,
            frame: limits::FRAME_BYTES as u32,
            topics: limits::TOPICS as u32,
        }
    }
}

/// When to come back, in milliseconds from now: the client picks a moment in it at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryWindow {
    /// Not before this.
    pub min: u32,
    /// Not after this; at least `min`.
    pub max: u32,
}

/// Why records can no longer be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// Retention removed them.
    Evicted,
    /// The log that held them is gone; this is another life of it.
    Epoch,
}

/// Who is on a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The server's public name for this client's stay; it keeps it over a quick reconnect, and it is not
    /// the client id.
    pub id: Arc<str>,
    /// The subject, as the server authenticated it. Absent for an anonymous client.
    pub subject: Option<Arc<str>>,
    /// What the client tells of itself.
    pub info: Option<Arc<str>>,
}

/// What an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The connection as a whole.
    Connection,
    /// The subscription to a topic, which has ended by it.
    Topic(Topic),
    /// A publish.
    Publish(PublishId),
    /// A history or presence question.
    Request(u32),
}

/// A frame from the server to the client.
///
/// An `alias` is a small number that stands for a topic on one connection; `Subscribed` introduces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerFrame {
    /// The first frame. A transport works once this has come through it.
    Welcome {
        /// The server's name for this connection, for logs.
        session: Arc<str>,
        /// The server is never silent for longer than this, in milliseconds.
        heartbeat: u32,
        /// The server's limits.
        limits: Limits,
        /// The server's name and version.
        server: Arc<str>,
    },
    /// A subscription stands; records after `position` follow.
    Subscribed {
        /// The log.
        topic: Topic,
        /// Its number on this connection.
        alias: u32,
        /// Where the records go on: the next one is `position.offset + 1`.
        position: Position,
        /// The subscription started from a position and nothing after it is lost. When it is false and
        /// the start was a position, a `Gap` follows before any record.
        recovered: bool,
    },
    /// Records of one topic, offsets contiguous and rising, never empty.
    Messages {
        /// The topic's number.
        alias: u32,
        /// The records.
        records: Vec<Record>,
    },
    /// Records that this subscriber can no longer get.
    Gap {
        /// The topic's number.
        alias: u32,
        /// The first offset lost.
        from: u64,
        /// The last one, where it is known: `Evicted` knows it, `Epoch` doesn't.
        to: Option<u64>,
        /// Why.
        reason: GapReason,
        /// Where the records go on.
        position: Position,
    },
    /// A message that is not logged.
    Ephemeral {
        /// The topic's number.
        alias: u32,
        /// When the server took it in, in milliseconds since the Unix epoch.
        time: u64,
        /// Its content.
        payload: Payload,
        /// The publisher's subject.
        from: Option<Arc<str>>,
    },
    /// Who is on a topic now: follows `Subscribed` where presence was asked for, and replaces what the
    /// client knew; `Join` and `Leave` keep it true from there on.
    Members {
        /// The topic's number.
        alias: u32,
        /// Who, at most [`MEMBERS`](crate::limits::MEMBERS).
        members: Vec<Member>,
    },
    /// Somebody came.
    Join {
        /// The topic's number.
        alias: u32,
        /// Who.
        member: Member,
    },
    /// Somebody went.
    Leave {
        /// The topic's number.
        alias: u32,
        /// Who.
        member: Member,
    },
    /// A publish took effect, now or when it was first sent.
    Ack {
        /// The publish.
        id: PublishId,
        /// Where the record stands; none for an ephemeral message.
        position: Option<Position>,
    },
    /// Who is on a topic now.
    Presence {
        /// The question's number.
        request: u32,
        /// Who is there, at most [`MEMBERS`](crate::limits::MEMBERS).
        members: Vec<Member>,
    },
    /// A page of history.
    History {
        /// The question's number.
        request: u32,
        /// The life of the log that the records are from.
        epoch: Epoch,
        /// The records, offsets contiguous and rising; may be empty.
        records: Vec<Record>,
        /// Whether the log keeps more on that side.
        more: bool,
    },
    /// Something was refused.
    Error {
        /// What.
        about: About,
        /// Why.
        code: Code,
        /// For people. At most [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES).
        message: Arc<str>,
        /// When to try again, where the code says retry.
        retry_after: Option<RetryWindow>,
    },
    /// Sent when nothing else was, so that silence means a dead link.
    Heartbeat,
    /// The answer to `Ping`.
    Pong {
        /// The ping's number.
        nonce: u32,
    },
    /// The server goes away: come back inside the window.
    Drain {
        /// When.
        window: RetryWindow,
    },
    /// How long the token lasts: after `Welcome` when it has an end, and the answer to `Refresh`.
    Expires {
        /// So many milliseconds from now; [`u32::MAX`] stands for that or longer, or no end. Then the server
        /// ends what the token had opened with [`Code::TOKEN_EXPIRED`].
        after: u32,
    },
    /// The last frame of a stream that has no close code of its own (SSE, poll).
    Closed {
        /// Why.
        code: Code,
        /// For people.
        reason: Arc<str>,
    },
}
