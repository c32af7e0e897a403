//! What a run found, for people and for programs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tally::Tally;

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How many subscribers there were.
    pub connections: usize,
    /// How fast they came, up to the word that the subscription stands.
    pub connects_per_second: f64,
    /// Resident bytes of the server per connection, idle and before anything was published.
    pub idle_bytes: Option<f64>,
    /// The same after all phases: buffers that were needed once and stayed.
    pub used_bytes: Option<f64>,
    /// What the hold found.
    pub idle: Option<Idle>,
    /// The bursts, one after another.
    pub bursts: Vec<Phase>,
    /// The evenly paced publishes.
    pub paced: Option<Phase>,
    /// Connections that ended.
    pub closed: usize,
    /// Why the first one did.
    pub why: Option<String>,
}

/// Connections that were held and heard no message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Idle {
    /// How long.
    pub seconds: f64,
    /// The longest that one of them heard nothing at all, in seconds.
    pub longest_silence: f64,
    /// CPU time of the server, per cent of one core.
    pub cpu_percent: Option<f64>,
}

/// Messages that were published, and what came of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Messages that came in, at all subscribers together.
    pub deliveries: u64,
    /// Those that never did.
    pub lost: u64,
    /// Those that came again.
    pub repeated: u64,
    /// From the first publish to the last delivery.
    pub seconds: f64,
    /// Of the whole phase.
    pub deliveries_per_second: f64,
    /// CPU time of the server per delivery, in microseconds.
    pub cpu_per_delivery: Option<f64>,
    /// Half came sooner, in milliseconds from publish to delivery.
    pub p50: f64,
    /// All but one in a hundred did.
    pub p99: f64,
    /// All but one in a thousand did.
    pub p999: f64,
    /// The last one.
    pub worst: f64,
}

impl Phase {
    /// `began` is when the first was published, and `missing` what had not come when patience ended.
    pub fn new(tally: &Tally, began: u64, missing: u64, cpu: Option<u64>) -> Self {
        let seconds = tally.last.saturating_sub(began) as f64 / 1e6;
        let deliveries = tally.deliveries as f64;
        let late = |quantile| tally.latency.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            deliveries: tally.deliveries,
            lost: tally.lost + missing,
            repeated: tally.repeated,
            seconds,
            deliveries_per_second: if seconds > 0.0 { deliveries / seconds } else { 0.0 },
            cpu_per_delivery: cpu.filter(|_| tally.deliveries > 0).map(|cpu| cpu as f64 / deliveries),
            p50: late(0.5),
            p99: late(0.99),
            p999: late(0.999),
            worst: tally.latency.max() as f64 / 1e3,
        }
    }
}

impl Report {
    /// Whether everything came, once, and every connection stayed.
    pub fn is_clean(&self) -> bool {
        let clean = |phase: &Phase| phase.lost == 0 && phase.repeated == 0;
        self.closed == 0 && self.bursts.iter().chain(&self.paced).all(clean)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "connections  {}, {:.0}/s", self.connections, self.connects_per_second)?;
        if let Some(bytes) = self.idle_bytes {
            writeln!(f, "memory       {:.1} KiB a connection when idle", bytes / 1024.0)?;
        }
        if let Some(idle) = &self.idle {
            write!(f, "idle         {:.0} s, longest silence {:.1} s", idle.seconds, idle.longest_silence)?;
            match idle.cpu_percent {
                Some(cpu) => writeln!(f, ", CPU {cpu:.1} %")?,
                None => writeln!(f)?,
            }
        }
        self.bursts.iter().try_for_each(|burst| writeln!(f, "burst        {burst}"))?;
        self.paced.iter().try_for_each(|paced| writeln!(f, "paced        {paced}"))?;
        if let Some(bytes) = self.used_bytes {
            writeln!(f, "memory       {:.1} KiB a connection in the end", bytes / 1024.0)?;
        }
        match &self.why {
            Some(why) => writeln!(f, "closed       {} ({why})", self.closed),
            None => writeln!(f, "closed       {}", self.closed),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deliveries, lost, repeated, seconds, deliveries_per_second, .. } = self;
        write!(
            f,
            "{deliveries} deliveries in {seconds:.2} s, {deliveries_per_second:.0}/s; p50 {:.1} ms, p99 {:.1} ms, \
             p99.9 {:.1} ms; lost {lost}, repeated {repeated}",
            self.p50, self.p99, self.p999
        )?;
        match self.cpu_per_delivery {
            Some(cpu) => write!(f, "; CPU {cpu:.2} µs a delivery"),
            None => Ok(()),
        }
    }
}
