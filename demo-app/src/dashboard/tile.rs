//! A tile: one figure as it is now, and the shape of its last two minutes.

use leptos::prelude::*;

use super::{
    feed::Feed,
    metric::Metric,
    scale::{Axis, Frame},
    series::Sample,
};

/// What the small line shows, in milliseconds.
const SPARK: u64 = 120_000;
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 32.0;

/// The tile of a metric.
#[component]
pub fn Tile(metric: &'static Metric, feed: Feed) -> impl IntoView {
    let last = Memo::new(move |_| feed.series.with(|series| series.last().copied()));
    let parts = move || last.get().map(|sample| metric.unit.parts(metric.headline(&sample)));
    let figure = move || parts().map_or_else(|| "–".to_owned(), |(figure, _)| figure);
    let unit = move || parts().map(|(_, unit)| unit).unwrap_or_default();
    let note = move || last.get().map(|sample| metric.note(&sample)).unwrap_or_default();
    let spark = move || {
        feed.series.with(|series| {
            let to = series.last()?.time;
            let from = to.saturating_sub(SPARK);
            let recent: Vec<_> = series
                .samples()
                .filter(|sample| sample.time >= from)
                .map(|sample| Sample { figures: [metric.headline(sample), 0.0, 0.0], ..*sample })
                .collect();
            let highest = recent.iter().map(|sample| sample.figures[0]).fold(0.0, f64::max);
            let top = Axis::fitting(highest, metric.unit).top;
            let frame = Frame { from, to, top, width: WIDTH, height: HEIGHT };
            Some((frame.line(recent.iter(), 0), frame.area(recent.iter(), 0)))
        })
    };
    let spark = Memo::new(move |_| spark().unwrap_or_default());
    view! {
        <article class="tile" data-testid=format!("tile-{}", metric.id)>
            <h2 class="tile-title">{metric.title}</h2>
            <p class="tile-figure">
                <span class="tile-value">{figure}</span>
                <span class="tile-unit">{unit}</span>
            </p>
            <p class="tile-note">{note}</p>
            <svg
                class="spark"
                viewBox=format!("0 -2 {WIDTH} {}", HEIGHT + 4.0)
                preserveAspectRatio="none"
                aria-hidden="true"
            >
                <path class="area" d=move || spark.get().1 />
                <path class="line" data-line="0" d=move || spark.get().0 />
            </svg>
        </article>
    }
}
