//! What the server counts of itself: the source of `metrics:connections` and `metrics:messages`, and of a
//! metrics endpoint later. Plain numbers that anybody may read at any time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use everwire_protocol::Code;

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
}

/// The counters of one server.
#[derive(Debug, Default)]
pub struct Counters {
    connections: [AtomicU64; 3],
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    /// What was refused.
    pub refusals: Refusals,
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

    pub(crate) fn count_in(&self, messages: u64) {
        self.messages_in.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn count_out(&self, messages: u64) {
        self.messages_out.fetch_add(messages, Ordering::Relaxed);
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
        if counters.all_connections() > max { Err(Code::TOO_MANY_CONNECTIONS) } else { Ok(seat) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.counters.connections[self.transport as usize].fetch_sub(1, Ordering::AcqRel);
    }
}
