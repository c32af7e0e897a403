//! What one run is like: drawn from its seed alone, so that the seed is the whole bug report.

use std::time::Duration;

use everwire_core::{Config, FlowConfig, OutboxConfig, Overflow, Transport};
use everwire_server::{log::Retention, store::MemoryLimits};
use fastrand::Rng;

use crate::{pipe::Latency, tabs::with_tab};

/// The world of one run.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// How many clients.
    pub clients: usize,
    /// They are tabs of one origin, which share a connection.
    pub has_tabs: bool,
    /// The delay of every channel between tabs.
    pub channels: Latency,
    /// How many topics.
    pub topics: usize,
    /// How long things happen before the network heals, in virtual milliseconds.
    pub length: u64,
    /// The delay of every pipe.
    pub latency: Latency,
    /// How often something breaks: the mean time between faults, in milliseconds.
    pub fault_every: u64,
    /// How often an app does something, in milliseconds.
    pub app_every: u64,
    /// What the server keeps of each topic.
    pub retention: Retention,
    /// The memory of all logs, in bytes. Where it is short, idempotency keys go early, so apps publish without.
    pub memory: usize,
    /// How many publishes a second the server takes from where the clients are; none when it counts none.
    pub publish_rate: Option<u32>,
    /// The longest silence that the server allows itself, in milliseconds.
    pub heartbeat: u32,
    /// The longest life of a connection, in milliseconds.
    pub longest_life: u64,
    /// How long tokens last at the most, in milliseconds; none when nobody is asked for one.
    pub token_life: Option<u64>,
    /// How a client is configured.
    pub config: Config,
    /// How late a client's timers fire at the most, in milliseconds.
    pub timer_lateness: u64,
    /// The app takes messages off its queue this slowly at the most, in milliseconds; 0 at once.
    pub app_lag: u64,
}

impl Schedule {
    /// Draws a world.
    #[must_use]
    pub fn draw(rng: &mut Rng) -> Self {
        let min = rng.u64(1..=50);
        let most = [20, 200, 2_000][rng.usize(..3)];
        let jitter = rng.u64(0..=most);
        let rarely = |rng: &mut Rng, value: u64| if rng.u8(..4) == 0 { rng.u64(1..=value) } else { 0 };
        let messages = if rng.bool() { 20 } else { 1_000 };
        let length = [20_000, 80_000, 80_000, 400_000][rng.usize(..4)];
        let token_life = (rng.u8(..3) == 0).then(|| [20_000, 60_000, 300_000][rng.usize(..3)]);
        let crowded = rng.u8(..16) == 0;
        let has_tabs = rng.u8(..6) == 0;
        let transports = transports(rng, token_life.is_some());
        Self {
            clients: if has_tabs { rng.usize(2..=6) } else { rng.usize(1..=4) },
            has_tabs,
            channels: Latency { min: 0, max: [2, 50, 1_000][rng.usize(..3)] },
            topics: rng.usize(1..=3),
            length: rng.u64(length / 4..=length),
            latency: Latency { min, max: min + jitter },
            fault_every: [700, 3_000, 10_000, 60_000][rng.usize(..4)],
            app_every: [20, 100, 500][rng.usize(..3)],
            retention: Retention {
                records: [8, 50, 1_000][rng.usize(..3)],
                age: [5_000, 60_000, 3_600_000][rng.usize(..3)],
                ..Retention::default()
            },
            memory: if crowded { 32 * 1024 } else { MemoryLimits::default().bytes },
            publish_rate: (rng.u8(..4) == 0).then(|| [5, 50][rng.usize(..2)]),
            heartbeat: [2_000, 25_000][rng.usize(..2)],
            longest_life: if rng.u8(..4) == 0 { 20_000 } else { 3_600_000 },
            token_life,
            config: Config {
                transports: if has_tabs { with_tab(transports) } else { transports },
                has_token: token_life.is_some(),
                outbox: OutboxConfig {
                    messages: if rng.bool() { 10 } else { 1_000 },
                    overflow: if rng.u8(..4) == 0 { Overflow::DropOldest } else { Overflow::RefuseNew },
                    persist: rng.bool(),
                    ..OutboxConfig::default()
                },
                flow: FlowConfig { messages, ..FlowConfig::default() },
                // What failed in one tab too often is tried there again before the world has to have settled.
                remember: Duration::from_secs(if has_tabs || rng.u8(..3) == 0 { 20 } else { 30 * 60 }),
                poll_interval: Duration::from_millis(rng.u64(200..=2_000)),
                ..Config::default()
            },
            timer_lateness: rarely(rng, 3_000),
            app_lag: rarely(rng, 5_000),
        }
    }

    /// Whether the store is short of memory.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.memory < MemoryLimits::default().bytes
    }
}

/// Some transports in some order, at least one.
pub fn transports(rng: &mut Rng, with_token: bool) -> Vec<Transport> {
    let mut all = Transport::ALL.to_vec();
    // Frames over a channel between tabs go to no server, and an `EventSource` sends no token.
    all.retain(|t| *t != Transport::Tab && !(with_token && *t == Transport::EventSource));
    rng.shuffle(&mut all);
    if rng.bool() {
        all = Config::TRANSPORTS.to_vec();
    }
    let count = rng.usize(1..=all.len());
    all.truncate(count);
    all
}
