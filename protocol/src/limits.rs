//! The bounds of everything that travels. A frame that breaks one is refused before it is stored.

/// Longest topic name, in bytes.
pub const TOPIC_BYTES: usize = 255;
/// Longest client id, in bytes.
pub const CLIENT_ID_BYTES: usize = 64;
/// Longest idempotency key of a publish, in bytes.
pub const PUBLISH_ID_BYTES: usize = 128;
/// Longest epoch, in bytes.
pub const EPOCH_BYTES: usize = 15;
/// Longest conflation key, in bytes.
pub const KEY_BYTES: usize = 255;
/// Longest subject (the publisher's `sub`), in bytes.
pub const SUBJECT_BYTES: usize = 255;
/// Longest `info` that a client may tell of itself for presence, in bytes.
pub const INFO_BYTES: usize = 1024;
/// Longest access token, in bytes.
pub const TOKEN_BYTES: usize = 16 * 1024;
/// Longest human-readable message or reason in a frame, in bytes.
pub const MESSAGE_BYTES: usize = 1024;
/// Largest payload of one record, in bytes, unless the server's `welcome` says less.
pub const PAYLOAD_BYTES: usize = 64 * 1024;
/// The server batches records into one frame up to this size, in bytes. One record always fits.
pub const BATCH_BYTES: usize = 64 * 1024;
/// Largest WebSocket message or HTTP body that either side accepts, in bytes.
pub const FRAME_BYTES: usize = 1024 * 1024;
/// How deep arrays and objects may stand in each other in a JSON payload: as deep as common parsers follow.
pub const JSON_DEPTH: usize = 128;
/// Most topics of one connection or request.
pub const TOPICS: usize = 128;
/// Most records of one `messages` frame or history page.
pub const RECORDS: usize = 10_000;
/// Most members of one `presence` answer.
pub const MEMBERS: usize = 10_000;
/// Longest `last(n)` start and longest history page, in records.
pub const HISTORY: u32 = 1_000;
/// Longest single field or event of a `text/event-stream`, in bytes.
pub const EVENT_BYTES: usize = 1024 * 1024;
/// Longest cursor that may travel in a URL or a `Last-Event-ID` header, in bytes: a longer one costs
/// a cross-origin request its preflight exemption, so it goes into the request body.
pub const CURSOR_HEADER_BYTES: usize = 128;
