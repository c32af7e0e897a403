//! What the server counts of itself: the source of `metrics:connections` and `metrics:messages`, and of the
//! [metrics](crate::metrics) for Prometheus. Plain numbers that anybody may read at any time; counting one costs an
//! atomic addition, and happens once for all that is sent together.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use everwire_protocol::{Code, GapReason};

use crate::histogram::Histogram;

/// What was refused, by code.
#[derive(Debug)]
pub struct Refusals {
    /// One for each of [`Code::ALL`], in its order, and one for all others.
    counts: Vec<AtomicU64>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { counts: std::iter::repeat_with(AtomicU64::default).take(Code::ALL.len() + 1).collect() }
    }
}

impl Refusals {
    /// How often each code was told to a client, since the start: also those that never were.
    pub fn iter(&self) -> impl Iterator<Item = (Code, u64)> {
        Code::ALL.iter().copied().zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// How often a code was told to a client, since the start.
    #[must_use]
    pub fn of(&self, code: Code) -> u64 {
        self.iter().find(|(of, _)| *of == code).map_or(0, |(_, count)| count)
    }

    pub(crate) fn count(&self, code: Code) {
        let place = Code::ALL.iter().position(|of| *of == code).unwrap_or(Code::ALL.len());
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// A stream of server-sent events.
    Sse,
    /// A poll that is held.
    Poll,
    /// Requests that are answered at once, such as publishes. They have no seat.
    Request,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::WebSocket, Self::Sse, Self::Poll, Self::Request];

    /// Those that hold a connection.
    pub const HELD: [Self; 3] = [Self::WebSocket, Self::Sse, Self::Poll];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::Poll => "poll",
            Self::Request => "request",
        }
    }
}

/// The counters of one server.
#[derive(Debug, Default)]
pub struct Counters {
    connections: [AtomicU64; 4],
    opened: [AtomicU64; 4],
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_in: [AtomicU64; 4],
    bytes_out: [AtomicU64; 4],
    gaps: [AtomicU64; 2],
    subscriptions: AtomicU64,
    /// What was refused.
    pub refusals: Refusals,
    /// How long publishes took, from the frame or request to its answer.
    pub publishes: Histogram,
    /// How old the first record of a batch was when a reader that was up to date took it for its socket.
    pub fan_out: Histogram,
    /// What became of messages to webhooks.
    pub webhooks: Webhooks,
}

/// What became of messages to webhooks, since the start.
#[derive(Debug, Default)]
pub struct Webhooks {
    /// Taken by their endpoints.
    pub delivered: AtomicU64,
    /// Attempts that failed, and were to be made again.
    pub retried: AtomicU64,
    /// Given up, and recorded among the dead letters.
    pub dead: AtomicU64,
}

impl Counters {
    /// Messages that clients have published, since the start.
    #[must_use]
    pub fn messages_in(&self) -> u64 {
        self.messages_in.load(Ordering::Relaxed)
    }

    /// Messages that were sent to clients, once per client, since the start.
    #[must_use]
    pub fn messages_out(&self) -> u64 {
        self.messages_out.load(Ordering::Relaxed)
    }

    /// Connections that are open now.
    #[must_use]
    pub fn connections(&self, transport: Transport) -> u64 {
        self.connections[transport as usize].load(Ordering::Relaxed)
    }

    /// Connections that are open now, of all transports.
    #[must_use]
    pub fn all_connections(&self) -> u64 {
        self.connections.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Connections that were opened since the start.
    #[must_use]
    pub fn opened(&self, transport: Transport) -> u64 {
        self.opened[transport as usize].load(Ordering::Relaxed)
    }

    /// Bytes of messages and bodies that came in since the start, without what the transport adds.
    #[must_use]
    pub fn bytes_in(&self, transport: Transport) -> u64 {
        self.bytes_in[transport as usize].load(Ordering::Relaxed)
    }

    /// Bytes of messages and bodies that were sent since the start, without what the transport adds.
    #[must_use]
    pub fn bytes_out(&self, transport: Transport) -> u64 {
        self.bytes_out[transport as usize].load(Ordering::Relaxed)
    }

    /// Gaps that readers were told of since the start.
    #[must_use]
    pub fn gaps(&self, reason: GapReason) -> u64 {
        self.gaps[gap_index(reason)].load(Ordering::Relaxed)
    }

    /// Subscriptions that stand now.
    #[must_use]
    pub fn subscriptions(&self) -> u64 {
        self.subscriptions.load(Ordering::Relaxed)
    }

    pub(crate) fn count_bytes_in(&self, transport: Transport, bytes: usize) {
        self.bytes_in[transport as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_bytes_out(&self, transport: Transport, bytes: usize) {
        self.bytes_out[transport as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_gap(&self, reason: GapReason) {
        self.gaps[gap_index(reason)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_in(&self, messages: u64) {
        self.messages_in.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn count_out(&self, messages: u64) {
        self.messages_out.fetch_add(messages, Ordering::Relaxed);
    }
}

fn gap_index(reason: GapReason) -> usize {
    match reason {
        GapReason::Evicted => 0,
        GapReason::Epoch => 1,
    }
}

/// One subscription among those that stand. Dropped, it stands no more.
#[derive(Debug)]
pub(crate) struct Standing(Arc<Counters>);

impl Standing {
    pub fn count(counters: &Arc<Counters>) -> Self {
        counters.subscriptions.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.0.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection's place among those that the server has room for. Dropped, it is free again.
#[derive(Debug)]
pub struct Seat {
    counters: Arc<Counters>,
    transport: Transport,
}

impl Seat {
    /// Takes a place.
    ///
    /// # Errors
    /// [`Code::TOO_MANY_CONNECTIONS`] when `max` are taken.
    pub fn take(counters: &Arc<Counters>, transport: Transport, max: u64) -> Result<Self, Code> {
        counters.connections[transport as usize].fetch_add(1, Ordering::AcqRel);
        let seat = Self { counters: Arc::clone(counters), transport };
        // Counted first, looked at second: two that come at once can't both take the last place.
        if counters.all_connections() > max {
            return Err(Code::TOO_MANY_CONNECTIONS);
        }
        counters.opened[transport as usize].fetch_add(1, Ordering::Relaxed);
        Ok(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.counters.connections[self.transport as usize].fetch_sub(1, Ordering::AcqRel);
    }
}
