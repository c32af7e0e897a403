//! What may be chosen, and the defaults. Plain data: nothing here acts.

use std::time::Duration;

use crate::Transport;

/// A page that nobody sees stops trying after this many failures in a row, until it is seen again.
pub const HIDDEN_FAILURES: u32 = 10;

/// How a [`Session`](crate::Session) behaves. Every field has the default of the design.
///
/// ```
/// use everwire_core::{Config, Transport};
///
/// let config = Config { transports: vec![Transport::Sse], ..Config::default() };
/// assert_eq!(config.outbox.messages, 1_000);
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// Which transports may be used, the preferred one first. Default: WebSocket, SSE, long poll. An empty
    /// list stands for the default one; one named twice counts once.
    pub transports: Vec<Transport>,
    /// What this client tells others of itself in presence. Cut at
    /// [`INFO_BYTES`](everwire_protocol::limits::INFO_BYTES).
    pub info: Option<String>,
    /// Whether there is somebody to answer [`Output::FetchToken`](crate::Output::FetchToken).
    pub has_token: bool,
    /// How long a transport may take to its welcome before the next one is started beside it. Default 2 s.
    pub head_start: Duration,
    /// How long a transport may take to its welcome before it is given up. Default 10 s.
    pub connect_timeout: Duration,
    /// How long the token provider may take. Default 10 s.
    pub token_timeout: Duration,
    /// How long after a failure to try again.
    pub backoff: BackoffConfig,
    /// A link this old is healthy: failures before it are forgotten. Default 5 s.
    pub healthy_after: Duration,
    /// What worked is tried first on a reconnect, and alone for two rounds unless it hangs, for this long.
    /// After the same time on another transport than the preferred one, that one is tried in the
    /// background, and taken over when it works. Default 30 min.
    pub remember: Duration,
    /// What worked on an earlier page, and how long ago that was. Tried first while that is less than
    /// [`remember`](Self::remember).
    pub remembered: Option<(Transport, Duration)>,
    /// How long beyond the server's heartbeat interval silence is borne. Default 10 s.
    pub heartbeat_grace: Duration,
    /// How long the answer to a probe may take. Default 3 s.
    pub probe_timeout: Duration,
    /// How often the round-trip time is measured over a WebSocket. A link on which that has had no answer for
    /// two intervals is dead, even where it still brings something. Default 25 s.
    pub ping_interval: Duration,
    /// A timer that fires this late means that the page slept: the link is probed before it is judged.
    /// Default 2 s.
    pub late_timer: Duration,
    /// How long the answer to a history or presence question, or to a publish over HTTP, may take.
    /// Default 10 s.
    pub request_timeout: Duration,
    /// What waits to be published.
    pub outbox: OutboxConfig,
    /// What waits to be taken by the app, per topic.
    pub flow: FlowConfig,
    /// How long the server may hold a long poll. Rounded down to seconds. Default 25 s.
    pub poll_wait: Duration,
    /// The interval of [`Transport::Poll`]. Default 2 s.
    pub poll_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transports: Self::TRANSPORTS.to_vec(),
            info: None,
            has_token: false,
            head_start: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(10),
            token_timeout: Duration::from_secs(10),
            backoff: BackoffConfig::default(),
            healthy_after: Duration::from_secs(5),
            remember: Duration::from_secs(30 * 60),
            remembered: None,
            heartbeat_grace: Duration::from_secs(10),
            probe_timeout: Duration::from_secs(3),
            ping_interval: Duration::from_secs(25),
            late_timer: Duration::from_secs(2),
            request_timeout: Duration::from_secs(10),
            outbox: OutboxConfig::default(),
            flow: FlowConfig::default(),
            poll_wait: Duration::from_secs(25),
            poll_interval: Duration::from_secs(2),
        }
    }
}

impl Config {
    /// The default order of transports.
    pub const TRANSPORTS: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::LongPoll];
}

/// When to try again: the first time within `first`, then within `min(max, base · 2^n)`, always at a moment
/// picked at random from zero up, so that clients that failed together don't come back together.
#[derive(Clone, Copy, Debug)]
pub struct BackoffConfig {
    /// The first retry comes within this. Default 500 ms.
    pub first: Duration,
    /// What is doubled with each failure. Default 500 ms.
    pub base: Duration,
    /// No retry waits longer. Default 20 s.
    pub max: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            base: Duration::from_millis(500),
            max: Duration::from_secs(20),
        }
    }
}

/// The limits of the outbox.
#[derive(Clone, Copy, Debug)]
pub struct OutboxConfig {
    /// How many publishes may wait for their ack. Default 1,000.
    pub messages: usize,
    /// How many bytes of payload and key together. Default 1 MiB.
    pub bytes: usize,
    /// How long each may wait. Default 5 min.
    pub max_age: Duration,
    /// What happens to a publish for which there is no room.
    pub overflow: Overflow,
    /// Whether there is somebody to keep publishes over a reload: then each is told by
    /// [`Output::Save`](crate::Output::Save), and by [`Output::Forget`](crate::Output::Forget) once it has its
    /// outcome. Not by default.
    pub persist: bool,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            messages: 1_000,
            bytes: 1024 * 1024,
            max_age: Duration::from_secs(5 * 60),
            overflow: Overflow::RefuseNew,
            persist: false,
        }
    }
}

/// What a full outbox does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The new publish is refused: [`PublishError::OutboxFull`](crate::PublishError::OutboxFull).
    RefuseNew,
    /// The oldest publishes expire to make room.
    DropOldest,
}

/// How much may wait for the app, per topic, before the topic is paused. It goes on when the app has taken
/// down to half.
#[derive(Clone, Copy, Debug)]
pub struct FlowConfig {
    /// Messages. Default 1,000.
    pub messages: usize,
    /// Bytes of payload. Default 4 MiB.
    pub bytes: usize,
}

impl Default for FlowConfig {
    fn default() -> Self {
        Self { messages: 1_000, bytes: 4 * 1024 * 1024 }
    }
}
