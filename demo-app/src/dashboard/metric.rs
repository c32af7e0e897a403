//! Which figures there are, and how each is shown. Pure.

use std::collections::HashMap;

use super::series::{FIGURES, Sample};
use crate::format::Unit;

/// The payload of a `metrics:*` record: figures by their names.
pub type Figures = HashMap<String, f64>;

/// One topic of figures, its tile and its chart.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in the page's hooks.
    pub id: &'static str,
    /// Its topic.
    pub topic: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// The figures that are kept, by their names in the payload, at most [`FIGURES`].
    pub keys: &'static [&'static str],
    /// The first of them that are drawn, in words.
    pub lines: &'static [&'static str],
}

/// All of them, in the order of the page.
pub const METRICS: [Metric; 4] = [
    Metric {
        id: "cpu",
        topic: "metrics:cpu",
        title: "CPU",
        unit: Unit::Percent,
        keys: &["process", "machine"],
        lines: &["server", "machine"],
    },
    Metric {
        id: "memory",
        topic: "metrics:memory",
        title: "Memory",
        unit: Unit::Bytes,
        keys: &["process", "machine_used", "machine_total"],
        lines: &["server"],
    },
    Metric {
        id: "connections",
        topic: "metrics:connections",
        title: "Connections",
        unit: Unit::Count,
        keys: &["websocket", "sse", "poll"],
        lines: &["WebSocket", "SSE", "poll"],
    },
    Metric {
        id: "messages",
        topic: "metrics:messages",
        title: "Messages",
        unit: Unit::PerSecond,
        keys: &["out", "in"],
        lines: &["out", "in"],
    },
];

impl Metric {
    /// The figures of a payload, in order; one that is missing or no number is 0.
    #[must_use]
    pub fn read(&self, figures: &Figures) -> [f64; FIGURES] {
        let mut read = [0.0; FIGURES];
        for (slot, key) in read.iter_mut().zip(self.keys) {
            *slot = figures.get(*key).copied().filter(|figure| figure.is_finite()).unwrap_or_default();
        }
        read
    }

    /// The one figure that its tile shows.
    #[must_use]
    pub fn headline(&self, sample: &Sample) -> f64 {
        match self.unit {
            Unit::Count => sample.figures.iter().take(self.lines.len()).sum(),
            _ => sample.figures[0],
        }
    }

    /// What its tile says beside it.
    #[must_use]
    pub fn note(&self, sample: &Sample) -> String {
        let [first, second, third] = sample.figures.map(|figure| self.unit.text(figure));
        match self.id {
            "cpu" => format!("of one core · machine {second}"),
            "memory" => format!("machine {second} of {third}"),
            "connections" => format!("{first} WebSocket · {second} SSE · {third} poll"),
            _ => format!("out to readers · {second} in"),
        }
    }

    /// A sample in words: `14:05:09: server 1.2 %, machine 14 %`.
    #[must_use]
    pub fn reading(&self, time: &str, sample: &Sample) -> String {
        let lines = self.lines.iter().zip(sample.figures);
        let figures: Vec<_> =
            lines.map(|(name, figure)| format!("{name} {}", self.unit.text(figure))).collect();
        format!("{time}: {}", figures.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_by_names_and_what_is_missing_is_zero() {
        let figures =
            Figures::from([("machine".into(), 14.0), ("other".into(), 9.0), ("process".into(), f64::NAN)]);
        assert_eq!(METRICS[0].read(&figures), [0.0, 14.0, 0.0]);
    }

    #[test]
    fn tiles_and_readings_are_sentences() {
        let sample = Sample { time: 0, figures: [2.0, 1.0, 0.0], after_hole: false };
        assert_eq!(METRICS[2].headline(&sample), 3.0);
        assert_eq!(METRICS[2].note(&sample), "2 WebSocket · 1 SSE · 0 poll");
        assert_eq!(METRICS[0].headline(&sample), 2.0);
        assert_eq!(METRICS[0].reading("14:05:09", &sample), "14:05:09: server 2\u{a0}%, machine 1\u{a0}%");
    }

    #[test]
    fn no_metric_keeps_more_figures_than_a_sample_holds() {
        for metric in &METRICS {
            assert!(metric.keys.len() <= FIGURES && metric.lines.len() <= metric.keys.len(), "{}", metric.id);
        }
    }
}
