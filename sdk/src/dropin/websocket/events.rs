//! What a `ReconnectingWebSocket` tells, as a stream.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use everwire_core::dropin::Close;
use futures::Stream;
use wasm_bindgen::JsValue;

use super::{Message, ReconnectingWebSocket};
use crate::dropin::queue::{Feed, Queue};

/// What a WebSocket tells; `M` is what its messages come as.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketEvent<M = Message> {
    /// There is a link, for the first time or again.
    Open,
    /// A message.
    Message(M),
    /// Something failed; a close follows.
    Error,
    /// A link was lost, or could not be had, or all is over: [`Close::retry`] says which.
    Close(Close),
    /// So many events are missing here: the app had not taken 1,000 events, or 4 MiB, that waited before them. A WebSocket
    /// can't be told to wait.
    Missed(u64),
}

/// The events of a [`ReconnectingWebSocket`], until it is closed for good.
#[must_use = "a stream does nothing until it is polled"]
pub struct SocketEvents {
    pub(super) queue: Queue<SocketEvent>,
    /// The WebSocket lives as long as somebody listens.
    pub(super) _socket: ReconnectingWebSocket,
}

impl Stream for SocketEvents {
    type Item = SocketEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
        self.queue.poll(context)
    }
}

/// Puts an event where the app takes it from.
pub(super) fn feed(feed: &Feed<SocketEvent>, event: SocketEvent<JsValue>) {
    let is_final = matches!(&event, SocketEvent::Close(close) if close.is_final());
    if feed.is_full() && !is_final {
        let counted = feed.change_last(|last| match last {
            SocketEvent::Missed(events) => {
                *events += 1;
                true
            }
            _ => false,
        });
        if counted != Some(true) {
            feed.push(SocketEvent::Missed(1), 0);
        }
        return;
    }
    match event {
        SocketEvent::Message(data) => {
            let message = Message::from_js(data);
            let bytes = message.len();
            feed.push(SocketEvent::Message(message), bytes);
        }
        SocketEvent::Open => feed.push(SocketEvent::Open, 0),
        SocketEvent::Error => feed.push(SocketEvent::Error, 0),
        SocketEvent::Close(close) => feed.push(SocketEvent::Close(close), 0),
        SocketEvent::Missed(events) => feed.push(SocketEvent::Missed(events), 0),
    }
    if is_final {
        feed.end();
    }
}
