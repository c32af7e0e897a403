//! The same figures as a table, for who can't see a chart or wants the numbers.

use leptos::prelude::*;

use super::{feed::Feed, metric::Metric, series::Sample};
use crate::browser;

/// A row for this much time, in milliseconds.
const EVERY: u64 = 10_000;

/// The table of a metric.
#[component]
pub fn Table(metric: &'static Metric, feed: Feed) -> impl IntoView {
    let rows = Memo::new(move |_| feed.series.with(|series| series.thinned(EVERY)));
    let zone = browser::zone();
    let row = move |sample: Sample| {
        let figures = sample.figures.into_iter().take(metric.lines.len());
        view! {
            <tr>
                <th scope="row">{zone.hours_minutes_seconds(sample.time)}</th>
                {figures.map(|figure| view! { <td>{metric.unit.text(figure)}</td> }).collect_view()}
            </tr>
            {sample
                .after_hole
                .then(|| {
                    view! {
                        <tr class="table-hole">
                            <td colspan=(metric.lines.len() + 1).to_string()>"nothing was measured here"</td>
                        </tr>
                    }
                })}
        }
    };
    view! {
        <div
            class="table-place"
            data-testid=format!("chart-table-{}", metric.id)
            tabindex="0"
            role="region"
            aria-label=format!("{} as a table, newest first", metric.title)
        >
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Time"</th>
                        {metric.lines.iter().map(|name| view! { <th scope="col">{*name}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>
                    <For each=move || rows.get() key=|sample| (sample.time, sample.after_hole) children=row />
                </tbody>
            </table>
        </div>
    }
}
