//! The server's own figures, published every second to topics like any other: what the demo's dashboard
//! shows. The payloads are JSON objects of numbers:
//!
//! | topic | payload |
//! | --- | --- |
//! | `metrics:cpu` | `process`: % of one core; `machine`: % of all cores |
//! | `metrics:memory` | `process`, `machine_used`, `machine_total`: bytes |
//! | `metrics:connections` | `websocket`, `sse`, `poll`: open now |
//! | `metrics:messages` | `in`: published by clients, `out`: sent to clients, a second |

use std::{sync::Arc, time::Duration};

use everwire_protocol::{Payload, Topic};
use serde_json::json;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    counters::{Counters, Transport},
    hub::Hub,
    log::NewRecord,
    store::Store,
};

const INTERVAL: Duration = Duration::from_secs(1);

/// Publishes until `stop`.
pub async fn publish<S: Store>(hub: Arc<Hub<S>>, clock: Clock, stop: CancellationToken) {
    let mut figures = Figures::new();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let now = clock.now();
        for (name, value) in figures.read(now, &hub.counters) {
            let Ok(topic) = Topic::new(name) else { continue };
            let payload = Payload::json(value.to_string());
            let new = NewRecord { payload, key: None, from: None, id: None };
            if let Err(error) = hub.store.append(now, &topic, new).await {
                tracing::warn!(%error, name, "can't publish the server's own figures");
            }
        }
    }
}

/// Where the figures come from, and what they were the last time.
struct Figures {
    system: System,
    process: Option<Pid>,
    read_at: Option<u64>,
    messages: (u64, u64),
}

impl Figures {
    fn new() -> Self {
        Self {
            system: System::new(),
            process: sysinfo::get_current_pid().ok(),
            read_at: None,
            messages: (0, 0),
        }
    }

    fn read(&mut self, now: u64, counters: &Counters) -> [(&'static str, serde_json::Value); 4] {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        if let Some(pid) = self.process {
            let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
            self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        }
        let process = self.process.and_then(|pid| self.system.process(pid));
        let (messages_in, messages_out) = (counters.messages_in(), counters.messages_out());
        let elapsed = self.read_at.map_or(0, |before| now.saturating_sub(before));
        let rate = |now: u64, before: u64| {
            // The first reading has nothing to compare with.
            let messages = (now - before) as f64;
            if elapsed == 0 { 0.0 } else { tenth(messages * 1000.0 / elapsed as f64) }
        };
        let rates = (rate(messages_in, self.messages.0), rate(messages_out, self.messages.1));
        self.read_at = Some(now);
        self.messages = (messages_in, messages_out);
        [
            (
                "metrics:cpu",
                json!({
                    "process": tenth(process.map_or(0.0, |process| process.cpu_usage().into())),
                    "machine": tenth(self.system.global_cpu_usage().into()),
                }),
            ),
            (
                "metrics:memory",
                json!({
                    "process": process.map_or(0, sysinfo::Process::memory),
                    "machine_used": self.system.used_memory(),
                    "machine_total": self.system.total_memory(),
                }),
            ),
            (
                "metrics:connections",
                json!({
                    "websocket": counters.connections(Transport::WebSocket),
                    "sse": counters.connections(Transport::Sse),
                    "poll": counters.connections(Transport::Poll),
                }),
            ),
            ("metrics:messages", json!({ "in": rates.0, "out": rates.1 })),
        ]
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
