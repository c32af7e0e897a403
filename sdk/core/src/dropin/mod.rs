//! A `WebSocket` and an `EventSource` that come back by themselves, for any server: each a pure state machine like
//! [`Session`](crate::Session), and on the same pieces. They know nothing of Everwire's protocol, and nothing of what is
//! in a message.
//!
//! Both are driven alike. Tell what happened by a `handle_*` method or a call of the app, each with the time; then carry out
//! [`WebSocket::poll_output`] or [`EventSource::poll_output`] until there is none, and come back when `poll_timeout` says.

mod attempts;
mod event_source;
mod websocket;

pub use attempts::{ReconnectConfig, Retry};
pub use event_source::{
    EventSource, EventSourceConfig, EventSourceEvent, EventSourceOutput, Failure, FailureKind, Refusal,
};
pub use websocket::{
    Close, CloseError, Heartbeat, SendError, WebSocket, WebSocketConfig, WebSocketEvent, WebSocketOutput,
};

/// What a drop-in does now, in the words of the standards' `readyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// Connecting, or waiting to connect again.
    Connecting,
    /// Connected.
    Open,
    /// The app has closed it, and the other side has not answered that yet. An event source is never in it.
    Closing,
    /// Closed, for good.
    Closed,
}
