//! Each metric's name, unit, help and labels.

use std::{fmt::Error, sync::atomic::Ordering};

use everwire_protocol::GapReason;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

use super::Sources;
use crate::{counters::Transport, histogram::Histogram};

type Done = Result<(), Error>;

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Done {
        let mut out = Writer(encoder);
        self.connections(&mut out)?;
        self.traffic(&mut out)?;
        self.refused(&mut out)?;
        self.webhooks(&mut out)?;
        self.store(&mut out)?;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        let mut build = out.0.encode_descriptor("build", "The server's version", None, MetricType::Info)?;
        build.encode_info(&version)
    }
}

impl Sources {
    fn connections(&self, out: &mut Writer<'_>) -> Done {
        let counters = &self.counters;
        let open = Transport::HELD.map(|transport| (transport.name(), counters.connections(transport)));
        out.gauges("connections", "Connections that are open", "transport", &open)?;
        let opened = Transport::HELD.map(|transport| (transport.name(), counters.opened(transport)));
        out.counters("connections_opened", "Connections that were opened", None, "transport", &opened)?;
        out.gauge(
            "subscriptions",
            "Topics that connections read, each connection's for itself",
            None,
            counters.subscriptions(),
        )
    }

    fn traffic(&self, out: &mut Writer<'_>) -> Done {
        let counters = &self.counters;
        out.counter("messages_received", "Messages that clients have published", counters.messages_in())?;
        out.counter(
            "messages_sent",
            "Messages that were sent to clients, once for each client",
            counters.messages_out(),
        )?;
        let bytes = Some(&Unit::Bytes);
        let received = [Transport::WebSocket, Transport::Request]
            .map(|transport| (transport.name(), counters.bytes_in(transport)));
        let help = "Bytes of messages and bodies that came in, without what the transport adds";
        out.counters("received", help, bytes, "transport", &received)?;
        let sent = Transport::ALL.map(|transport| (transport.name(), counters.bytes_out(transport)));
        let help = "Bytes of messages and bodies that were sent, without what the transport adds";
        out.counters("sent", help, bytes, "transport", &sent)?;
        let help = "From a publish to its answer, in the server";
        out.histogram("publish_duration", help, &counters.publishes)?;
        let help =
            "Age of the first record of each batch when a connection that was up to date took it to send it";
        out.histogram("fanout_lag", help, &counters.fan_out)
    }

    fn refused(&self, out: &mut Writer<'_>) -> Done {
        let refusals: Vec<_> =
            self.counters.refusals.iter().map(|(code, count)| (code.name(), count)).collect();
        out.counters(
            "refusals",
            "What was refused, by the code that the client was told",
            None,
            "code",
            &refusals,
        )?;
        let gaps = [("evicted", GapReason::Evicted), ("epoch", GapReason::Epoch)];
        let gaps = gaps.map(|(name, reason)| (name, self.counters.gaps(reason)));
        out.counters("gaps", "Gaps that readers were told of", None, "reason", &gaps)
    }

    fn webhooks(&self, out: &mut Writer<'_>) -> Done {
        let webhooks = &self.counters.webhooks;
        let counts = [
            ("delivered", &webhooks.delivered),
            ("failed", &webhooks.retried),
            ("dead_letter", &webhooks.dead),
        ];
        let counts = counts.map(|(name, count)| (name, count.load(Ordering::Relaxed)));
        let help = "Messages to webhooks that were delivered or given up, and attempts that failed and were made again";
        out.counters("webhook_messages", help, None, "outcome", &counts)
    }

    fn store(&self, out: &mut Writer<'_>) -> Done {
        let figures = (self.store)();
        if let Some(topics) = figures.topics {
            out.gauge("topics", "Topics that the store holds", None, topics)?;
        }
        if let Some(bytes) = figures.bytes {
            out.gauge("store", "About how many bytes the logs take", Some(&Unit::Bytes), bytes)?;
        }
        if let Some(evicted) = figures.evicted {
            out.counter("records_evicted", "Records that retention removed", evicted)?;
        }
        let times = &self.times;
        let operations = [
            ("append", &times.append),
            ("resolve", &times.resolve),
            ("read", &times.read),
            ("history", &times.history),
        ];
        let help = "How long the store took to answer; of reads one in sixteen is timed";
        out.histograms("store_operation_duration", help, "operation", &operations)
    }
}

/// Writes one metric after another.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: u64) -> Done {
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?)
    }

    fn gauges(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) -> Done {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        values.iter().try_for_each(|(of, value)| {
            ConstGauge::new(*value).encode(family.encode_family(&[(label, *of)])?)
        })
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Done {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        label: &str,
        values: &[(&str, u64)],
    ) -> Done {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        values.iter().try_for_each(|(of, value)| {
            ConstCounter::new(*value).encode(family.encode_family(&[(label, *of)])?)
        })
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> Done {
        let seen = histogram.snapshot();
        let unit = Some(&Unit::Seconds);
        let mut metric = self.0.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(seen.sum, seen.count, &seen.buckets, None)
    }

    fn histograms(&mut self, name: &str, help: &str, label: &str, all: &[(&str, &Histogram)]) -> Done {
        let unit = Some(&Unit::Seconds);
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        all.iter().try_for_each(|(of, histogram)| {
            let seen = histogram.snapshot();
            let labels = [(label, *of)];
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                seen.sum,
                seen.count,
                &seen.buckets,
                None,
            )
        })
    }
}
