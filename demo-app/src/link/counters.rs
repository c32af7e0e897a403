//! What has happened on the connection so far, in numbers.

use everwire::Stats;
use leptos::prelude::*;

use super::{Link, words};
use crate::format::{Unit, grouped, span};

/// A counter: its name in the page's hooks, its words, and where it is read.
type Counter = (&'static str, &'static str, fn(&Stats) -> u64);

const COUNTERS: [Counter; 6] = [
    ("counter-sent", "Sent", |stats| stats.acked),
    ("counter-received", "Received", |stats| stats.messages_received),
    ("counter-resumed", "Resumed", |stats| stats.resumes),
    ("counter-reconnects", "Reconnects", |stats| stats.reconnects.total()),
    ("counter-gaps", "Gaps", |stats| stats.gaps),
    ("counter-repeats", "Repeats dropped", |stats| stats.repeats),
];

/// The counters.
#[component]
pub fn Counters() -> impl IntoView {
    let link: Link = expect_context();
    let more = move || {
        let stats = link.connection.stats();
        let mut lines = vec![
            ("Bytes in", Unit::Bytes.text(stats.bytes_received as f64)),
            ("Bytes out", Unit::Bytes.text(stats.bytes_sent as f64)),
            ("Waiting for an ack", grouped(i64::try_from(stats.outbox_messages).unwrap_or(i64::MAX))),
        ];
        if let Some(time) = stats.time_to_detect {
            lines.push(("Found dead after", span(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))));
        }
        let line = |(name, value): (&'static str, String)| {
            view! {
                <div class="fact">
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            }
        };
        lines.into_iter().map(line).collect_view()
    };
    let causes = move || {
        let causes = words::causes(&link.connection.stats().reconnects);
        let texts: Vec<_> = causes.into_iter().map(|(cause, count)| format!("{cause} {count}")).collect();
        (!texts.is_empty()).then(|| {
            view! {
                <div class="fact">
                    <dt>"Reconnects by cause"</dt>
                    <dd>{texts.join(" · ")}</dd>
                </div>
            }
        })
    };
    view! {
        <section class="panel-section" aria-label="Counters">
            <h3>"Counters"</h3>
            <dl class="counters">
                {COUNTERS
                    .map(|(hook, name, read)| {
                        view! {
                            <div class="counter">
                                <dt>{name}</dt>
                                <dd data-testid=hook>{move || read(&link.connection.stats()).to_string()}</dd>
                            </div>
                        }
                    })}
            </dl>
            <dl class="facts">{more} {causes}</dl>
        </section>
    }
}
