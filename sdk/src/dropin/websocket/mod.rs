//! `ReconnectingWebSocket`: the members of the platform's `WebSocket`, and a link that comes back.

mod builder;
mod events;
mod message;
mod part;

use std::rc::Rc;

use everwire_core::dropin::{CloseError, ReadyState, SendError};
use wasm_bindgen::JsValue;
use web_sys::BinaryType;

use super::host::Host;

pub use builder::WebSocketBuilder;
pub use events::{SocketEvent, SocketEvents};
pub use message::Message;
use part::Part;

/// A WebSocket to any server that connects again when it has lost its link.
///
/// ```no_run
/// use std::time::Duration;
///
/// use everwire::dropin::{Message, ReconnectingWebSocket, SocketEvent};
/// use futures::StreamExt;
///
/// async fn echo() -> Result<(), everwire::dropin::SendError> {
///     let (socket, mut events) = ReconnectingWebSocket::builder("wss://example.com/echo")
///         .heartbeat(Some("ping".into()), Duration::from_secs(25), Duration::from_secs(10))
///         .open();
///     socket.send("hello")?; // now, or when there is a link
///     while let Some(event) = events.next().await {
///         match event {
///             SocketEvent::Open => println!("connected"),
///             SocketEvent::Message(Message::Text(text)) => println!("{text}"),
///             SocketEvent::Message(_) => println!("something else"),
///             SocketEvent::Error => {}
///             SocketEvent::Close(close) => println!("lost: {}, and then {:?}", close.code, close.retry),
///             SocketEvent::Missed(events) => println!("this loop was too slow for {events} events"),
///         }
///     }
///     Ok(())
/// }
/// ```
///
/// - **`readyState`** is `Connecting` while it waits and tries, and `Closed` only when it is over.
/// - **`open`** comes each time that there is a link, **`close`** each time that one was lost or could not be had, with
///   what follows; **`error`** comes before a close that was not clean. The last event is a final close.
/// - **`send`** keeps messages until there is a link, in order and within limits. A WebSocket has no acks, so what was sent on a
///   link that then dies may be lost: for more than that, use a [`Client`](crate::Client) and its server.
/// - **`close`** is final.
///
/// While the browser is offline nothing is tried, and when it is online again, at once. A link is probed then, and when the page
/// wakes up; that takes a [heartbeat](WebSocketBuilder::heartbeat) with a message that the server answers. Without
/// one, a link that has lived through a time offline is replaced, since it is most likely dead, and nothing would tell.
/// A page that goes into the back/forward cache, or is frozen, closes its link, and opens one when it is back. A hidden page
/// stops trying after ten failures in a row, until it is seen.
///
/// Clones are handles to the same WebSocket. When the last one and the [`SocketEvents`] are dropped, it is closed.
#[derive(Clone)]
pub struct ReconnectingWebSocket(Rc<Host<Part>>);

impl ReconnectingWebSocket {
    /// A WebSocket to `url`: absolute, or relative to the page, with the scheme of WebSockets or of HTTP.
    pub fn builder(url: &str) -> WebSocketBuilder {
        WebSocketBuilder::new(url)
    }

    /// What it does now.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.0.look(|part| part.machine.ready_state())
    }

    /// The absolute URL of the last attempt; empty before the first one.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.look(|part| part.url.clone())
    }

    /// The subprotocol that the server has chosen; empty without a link.
    #[must_use]
    pub fn protocol(&self) -> String {
        self.0.look(|part| part.web().map(web_sys::WebSocket::protocol).unwrap_or_default())
    }

    /// The extensions that the server has chosen; empty without a link.
    #[must_use]
    pub fn extensions(&self) -> String {
        self.0.look(|part| part.web().map(web_sys::WebSocket::extensions).unwrap_or_default())
    }

    /// Bytes that were given to [`send`](Self::send) and that the network has not got: what waits for a link, and what the
    /// browser holds. Those of messages that never got a link stay counted when it is closed.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.0.look(|part| {
            let held = part.web().map_or(0, web_sys::WebSocket::buffered_amount);
            part.machine.buffered() + held as usize
        })
    }

    /// What binary messages come as. Default: `ArrayBuffer`s, which are [`Message::Bytes`].
    #[must_use]
    pub fn binary_type(&self) -> BinaryType {
        self.0.look(|part| part.binary_type)
    }

    /// Changes what binary messages come as from now on.
    pub fn set_binary_type(&self, binary_type: BinaryType) {
        self.0.look(|part| {
            part.binary_type = binary_type;
            if let Some(socket) = part.web() {
                socket.set_binary_type(binary_type);
            }
        });
    }

    /// Sends a text (`&str`, `String`) or bytes (`&[u8]`, `Vec<u8>`), now or when there is a link.
    ///
    /// # Errors
    /// [`SendError::Full`] when it can neither be sent nor kept, [`SendError::Closed`] after [`close`](Self::close).
    pub fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = message.into();
        let bytes = message.len();
        self.send_value(message.into_js(), bytes)
    }

    /// The same for a value of JavaScript: a string, an `ArrayBuffer`, a view of one, or a `Blob`. `bytes` is its size, by which it
    /// is counted while it waits.
    ///
    /// # Errors
    /// The same.
    pub fn send_value(&self, value: JsValue, bytes: usize) -> Result<(), SendError> {
        self.0.input(|part, _| part.machine.send(value, bytes))
    }

    /// Closes for good: nothing connects again, and what waits is not sent. A code is 1000, or from 3000 to 4999. The last event
    /// follows later.
    ///
    /// # Errors
    /// When the standard allows no such code or reason; then nothing has changed.
    pub fn close(&self, code: Option<u16>, reason: &str) -> Result<(), CloseError> {
        self.0.input(|part, now| part.machine.close(now, code, reason))
    }

    /// Gives up the link, or the wait for one, and connects at once.
    pub fn reconnect(&self) {
        self.0.input(|part, now| part.machine.reconnect(now));
    }
}
