//! The names of the HTTP side: paths, parameters, headers and media types.

/// The WebSocket endpoint.
pub const WS_PATH: &str = "/v1/ws";
/// The Server-Sent Events endpoint.
pub const SSE_PATH: &str = "/v1/sse";
/// The poll endpoint, long or plain.
pub const POLL_PATH: &str = "/v1/poll";
/// The publish endpoint.
pub const PUBLISH_PATH: &str = "/v1/publish";
/// What `/{topic}/history` and `/{topic}/presence` follow.
pub const TOPICS_PATH: &str = "/v1/topics";

/// Where a token is traded for a ticket.
pub const TICKET_PATH: &str = "/v1/ticket";

/// WebSocket subprotocol of the binary codec.
pub const WS_BINARY: &str = "everwire.v1.bin";
/// WebSocket subprotocol of the JSON codec.
pub const WS_JSON: &str = "everwire.v1.json";
/// Media type of a sequence of frames in the binary codec, for poll answers and publish bodies.
pub const MEDIA_BINARY: &str = "application/vnd.everwire.v1";

/// Query parameter, repeated: a topic.
pub const TOPIC: &str = "topic";
/// Query parameter, once for all topics or once for each in their order: where to start, in the text form
/// of [`From`](crate::From).
pub const FROM: &str = "from";
/// Query parameter, repeated: a topic of the request on which the client wants presence.
pub const PRESENCE: &str = "presence";
/// Query parameter: the client id. Needed for presence.
pub const CLIENT_ID: &str = "client_id";
/// Query parameter: what the client tells of itself in presence.
pub const INFO: &str = "info";
/// Query parameter: `raw` for bare payloads.
pub const FORMAT: &str = "format";
/// Query parameter of an event stream: a ticket, in place of the token that a native `EventSource` can't send.
pub const TICKET: &str = "ticket";
/// Query parameter of a poll: `EPOCH-OFFSET…` as in the answer, `earliest` or `latest`.
pub const CURSOR: &str = "cursor";
/// Query parameter of a poll: how long to hold it, in seconds; 0 answers at once.
pub const TIMEOUT: &str = "timeout";
/// Query parameter that stands for the `Last-Event-ID` header.
pub const LAST_EVENT_ID: &str = "last_event_id";
/// Query parameter of history: the records before this offset.
pub const BEFORE: &str = "before";
/// Query parameter of history: the records after this offset.
pub const AFTER: &str = "after";
/// Query parameter of history: how many records at most.
pub const LIMIT: &str = "limit";
