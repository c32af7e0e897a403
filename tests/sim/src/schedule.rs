//! What one run is like: drawn from its seed alone, so that the seed is the whole bug report.

use std::time::Duration;

use everwire_core::{Config, FlowConfig, OutboxConfig, Transport};
use everwire_server::log::Retention;
use fastrand::Rng;

use crate::pipe::Latency;

/// The world of one run.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// How many clients.
    pub clients: usize,
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
    /// The longest silence that the server allows itself, in milliseconds.
    pub heartbeat: u32,
    /// How a client is configured.
    pub config: Config,
    /// How late a client's timers fire at the most, in milliseconds (a throttled page).
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
        Self {
            clients: rng.usize(1..=4),
            topics: rng.usize(1..=3),
            length: rng.u64(5_000..=240_000),
            latency: Latency { min, max: min + jitter },
            fault_every: [700, 3_000, 10_000, 60_000][rng.usize(..4)],
            app_every: [20, 100, 500][rng.usize(..3)],
            retention: Retention {
                records: [8, 50, 1_000][rng.usize(..3)],
                age: [5_000, 60_000, 3_600_000][rng.usize(..3)],
                ..Retention::default()
            },
            heartbeat: [2_000, 25_000][rng.usize(..2)],
            config: Config {
                transports: transports(rng),
                outbox: OutboxConfig {
                    messages: if rng.bool() { 10 } else { 1_000 },
                    ..OutboxConfig::default()
                },
                flow: FlowConfig { messages, ..FlowConfig::default() },
                poll_interval: Duration::from_millis(rng.u64(200..=2_000)),
                ..Config::default()
            },
            timer_lateness: rarely(rng, 3_000),
            app_lag: rarely(rng, 5_000),
        }
    }
}

/// Some transports in some order, at least one.
pub fn transports(rng: &mut Rng) -> Vec<Transport> {
    let mut all = Transport::ALL.to_vec();
    // There are no other tabs here.
    all.retain(|transport| *transport != Transport::Tab);
    rng.shuffle(&mut all);
    if rng.bool() {
        all = Config::TRANSPORTS.to_vec();
    }
    let count = rng.usize(1..=all.len());
    all.truncate(count);
    all
}
