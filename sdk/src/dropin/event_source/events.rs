//! What a `ResumableEventSource` tells, as a stream.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use everwire_core::dropin::Failure;
use futures::Stream;

use super::ResumableEventSource;
use crate::dropin::queue::Queue;

/// What an event source tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// There is a stream, for the first time or again.
    Open,
    /// An event of the stream.
    Message(StreamMessage),
    /// The stream was lost, or there was none to be had. Unless it is [fatal](Failure::is_fatal), it is asked for again.
    Error(Failure),
}

/// An event of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamMessage {
    /// Its type: the `event` field, or `message`.
    pub event: String,
    /// Its `data` lines, joined by line feeds.
    pub data: String,
    /// The id of the last event that had one, this one or one before. Shared by all that have the same: a long one is not
    /// multiplied by a stream of short events.
    pub last_event_id: Rc<str>,
}

/// The events of a [`ResumableEventSource`], until it has failed for good. While 1,000 events wait here, or 4 MiB, the stream is
/// not read on, and nothing is lost.
#[must_use = "a stream does nothing until it is polled"]
pub struct Events {
    pub(super) queue: Queue<StreamEvent>,
    /// The event source lives as long as somebody listens.
    pub(super) source: ResumableEventSource,
}

impl Stream for Events {
    type Item = StreamEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        let event = self.queue.poll(context);
        if self.queue.is_half_empty() && self.source.0.look(|part| part.full) {
            self.source.0.input(|part, now| part.drained(now));
        }
        event
    }
}

impl StreamEvent {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Message(message) => message.event.len() + message.data.len() + message.last_event_id.len(),
            _ => 0,
        }
    }
}
