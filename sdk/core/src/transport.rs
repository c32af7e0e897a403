//! The ways to a server, and their names.

use std::{fmt, str::FromStr};

/// A way to reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// A WebSocket speaking the binary codec.
    WebSocket,
    /// Server-Sent Events over a `fetch` stream: takes headers, so tokens work.
    Sse,
    /// Server-Sent Events over the platform's `EventSource`: no headers, no request body.
    EventSource,
    /// Requests that the server holds until there is something.
    LongPoll,
    /// Requests at a fixed interval, answered at once.
    Poll,
    /// A channel to the tab that has the connection, speaking the binary codec. Never in the default order.
    Tab,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 6] =
        [Self::WebSocket, Self::Sse, Self::EventSource, Self::LongPoll, Self::Poll, Self::Tab];

    /// Its name: `websocket`, `sse`, `eventsource`, `longpoll`, `poll` or `tab`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::EventSource => "eventsource",
            Self::LongPoll => "longpoll",
            Self::Poll => "poll",
            Self::Tab => "tab",
        }
    }

    /// Whether each exchange is a request and its answer.
    pub(crate) const fn is_poll(self) -> bool {
        matches!(self, Self::LongPoll | Self::Poll)
    }

    /// Whether frames go both ways, so that what is asked needs no request of its own.
    pub(crate) const fn has_frames(self) -> bool {
        matches!(self, Self::WebSocket | Self::Tab)
    }

    /// Whether the subscriptions travel in a request, so that a changed set is a new request.
    pub(crate) const fn is_stateless(self) -> bool {
        !self.has_frames()
    }
}

/// Some of the transports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transports(u8);

impl Transports {
    /// Whether a transport is one of them.
    #[must_use]
    pub const fn contains(self, transport: Transport) -> bool {
        self.0 & (1 << transport as u8) != 0
    }

    /// Whether it is none of them.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Transport> {
        Transport::ALL.into_iter().filter(move |transport| self.contains(*transport))
    }

    pub(crate) fn insert(&mut self, transport: Transport) {
        self.0 |= 1 << transport as u8;
    }

    pub(crate) fn remove(&mut self, transport: Transport) {
        self.0 &= !(1 << transport as u8);
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text names no transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownTransport;

impl fmt::Display for UnknownTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a transport: expected websocket, sse, eventsource, longpoll, poll or tab")
    }
}

impl std::error::Error for UnknownTransport {}

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(name: &str) -> Result<Self, UnknownTransport> {
        Self::ALL.into_iter().find(|transport| transport.as_str() == name).ok_or(UnknownTransport)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_went() {
        for transport in Transport::ALL {
            assert_eq!(transport.as_str().parse(), Ok(transport));
        }
        assert_eq!("carrier-pigeon".parse::<Transport>(), Err(UnknownTransport));
    }
}
