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
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 5] = [Self::WebSocket, Self::Sse, Self::EventSource, Self::LongPoll, Self::Poll];

    /// Its name: `websocket`, `sse`, `eventsource`, `longpoll` or `poll`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::EventSource => "eventsource",
            Self::LongPoll => "longpoll",
            Self::Poll => "poll",
        }
    }

    /// Whether each exchange is a request and its answer.
    pub(crate) const fn is_poll(self) -> bool {
        matches!(self, Self::LongPoll | Self::Poll)
    }

    /// Whether the subscriptions travel in a request, so that a changed set is a new request.
    pub(crate) const fn is_stateless(self) -> bool {
        !matches!(self, Self::WebSocket)
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
        f.write_str("not a transport: expected websocket, sse, eventsource, longpoll or poll")
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
