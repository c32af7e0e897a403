//! Drop-ins for any server: a `WebSocket` and an `EventSource` that come back by themselves. The server need not know of
//! Everwire, and nothing of the [`Client`](crate::Client) comes with them into a program that uses only these.
//!
//! What they decide is decided by the state machines in `everwire_core::dropin`; here is the browser for them.

mod event_source;
mod host;
mod queue;
mod url;
mod websocket;

pub use event_source::{
    Body, Credentials, EventSourceBuilder, Events, ResumableEventSource, StreamEvent, StreamMessage,
    StreamRequest,
};
pub use websocket::{Message, ReconnectingWebSocket, SocketEvent, SocketEvents, WebSocketBuilder};

pub use everwire_core::dropin::{
    Close, CloseError, EventSourceConfig, Failure, FailureKind, ReadyState, ReconnectConfig, Refusal, Retry,
    SendError,
};
