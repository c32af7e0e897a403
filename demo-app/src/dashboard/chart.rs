//! A streaming line chart in SVG: ten minutes of samples, holes drawn as holes, a value read by pointer or
//! by keyboard. Why there is no chart library: `docs/decisions/002-charts.md`.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    html,
    prelude::*,
};

use super::{
    feed::Feed,
    metric::Metric,
    scale::{Axis, Frame},
    series::{Sample, Series},
};
use crate::browser::{self, SizeWatch};

const HEIGHT: f64 = 184.0;
/// Room for the figures of the axis.
const LEFT: f64 = 56.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;
/// Samples that Page Up and Page Down move by: a minute.
const PAGE: usize = 60;

/// The chart of a metric.
#[component]
pub fn Chart(metric: &'static Metric, feed: Feed) -> impl IntoView {
    let series = feed.series;
    let place = NodeRef::<html::Div>::new();
    let width = RwSignal::new(480.0);
    let watch = StoredValue::new_local(None);
    Effect::new(move |_| {
        if let Some(place) = place.get() {
            let measured = place.clone();
            let resized = move || width.set(f64::from(measured.client_width()).max(160.0));
            watch.set_value(SizeWatch::new(&[&place], resized));
        }
    });
    let axis = Memo::new(move |_| {
        let lines = metric.lines.len();
        series.with(|series| Axis::sparing(series.highest(lines), series.usually_highest(lines), metric.unit))
    });
    let frame = Memo::new(move |_| {
        let (from, to) = series.with(|series| series.span().unwrap_or((0, super::series::WINDOW)));
        Frame {
            from,
            to,
            top: axis.get().top,
            width: width.get() - LEFT - 8.0,
            height: HEIGHT - TOP - BOTTOM,
        }
    });
    let empty = Memo::new(move |_| series.with(|series| series.last().is_none()));
    // The moment that is read, and not its index: samples move on under it.
    let read = RwSignal::new(None::<u64>);
    let reading = Memo::new(move |_| {
        let time = read.get()?;
        series.with(|series| series.nearest(time).map(|(index, sample)| (index, *sample)))
    });

    let point = move |event: PointerEvent| {
        if let Some(place) = place.get_untracked() {
            let x = f64::from(event.client_x()) - place.get_bounding_client_rect().left() - LEFT;
            read.set(Some(frame.get_untracked().time(x)));
        }
    };
    let key = move |event: KeyboardEvent| {
        let moved = series.with_untracked(|series| step(series, read.get_untracked(), &event.key()));
        if let Some(moved) = moved {
            event.prevent_default();
            read.set(moved);
        }
    };
    let spoken = move || {
        let Some((_, sample)) = reading.get() else { return "Arrow keys read values".to_owned() };
        metric.reading(&browser::zone().hours_minutes_seconds(sample.time), &sample)
    };
    view! {
        <div
            class="chart"
            node_ref=place
            data-testid=format!("chart-{}", metric.id)
            role="slider"
            tabindex="0"
            aria-label=format!("{} over the last ten minutes", metric.title)
            aria-valuemin="0"
            aria-valuemax=move || series.with(|series| series.samples().len().saturating_sub(1)).to_string()
            aria-valuenow=move || {
                let last = || series.with(|series| series.samples().len().saturating_sub(1));
                reading.get().map_or_else(last, |(index, _)| index).to_string()
            }
            aria-valuetext=spoken
            on:pointermove=point
            on:pointerdown=point
            on:pointerleave=move |_| read.set(None)
            on:keydown=key
            on:blur=move |_| read.set(None)
        >
            <svg width=move || width.get().to_string() height=HEIGHT.to_string() aria-hidden="true">
                <g transform=format!("translate({LEFT} {TOP})")>
                    <Show when=move || !empty.get()><Grid axis frame metric /></Show>
                    <Holes series frame />
                    <path class="area" d=move || series.with(|s| frame.get().area(s.samples(), 0)) />
                    {(0..metric.lines.len())
                        .rev()
                        .map(|line| {
                            view! {
                                <path
                                    class="line"
                                    data-line=line.to_string()
                                    d=move || series.with(|s| frame.get().line(s.samples(), line))
                                />
                            }
                        })
                        .collect_view()}
                    <Towers series frame metric />
                    <Guide reading=reading.into() frame metric />
                </g>
            </svg>
            <Tip reading=reading.into() frame metric />
            <Show when=move || empty.get()>
                <p class="chart-empty">"Waiting for the first figures …"</p>
            </Show>
        </div>
    }
}

/// Where a key moves the reading. None for a key that doesn't.
fn step(series: &Series, read: Option<u64>, key: &str) -> Option<Option<u64>> {
    let last = series.samples().len().checked_sub(1)?;
    let now = read.and_then(|time| series.nearest(time)).map_or(last, |(index, _)| index);
    let index = match key {
        "ArrowLeft" | "ArrowDown" => now.saturating_sub(1),
        "ArrowRight" | "ArrowUp" => now + 1,
        "PageDown" => now.saturating_sub(PAGE),
        "PageUp" => now + PAGE,
        "Home" => 0,
        "End" => last,
        "Escape" if read.is_some() => return Some(None),
        _ => return None,
    };
    Some(series.get(index.min(last)).map(|sample| sample.time))
}

#[component]
fn Grid(axis: Memo<Axis>, frame: Memo<Frame>, metric: &'static Metric) -> impl IntoView {
    let figures = move || {
        let frame = frame.get();
        let tick = move |figure: f64| {
            let y = frame.y(figure).round();
            view! {
                <line class="grid" x1="0" x2=frame.width.to_string() y1=y.to_string() y2=y.to_string() />
                <text class="tick" x="-8" y=y.to_string() dy="0.32em" text-anchor="end">
                    {metric.unit.text(figure)}
                </text>
            }
        };
        axis.get().ticks().map(tick).collect_view()
    };
    let minutes = move || {
        let frame = frame.get();
        let every = if frame.width < 360.0 { 4 * 60_000 } else { 2 * 60_000 };
        let first = frame.from.next_multiple_of(every);
        let tick = move |time: u64| {
            let x = frame.x(time);
            // A label that would be cut at the edge is left out.
            (x > 16.0 && x < frame.width - 16.0).then(|| {
                view! {
                    <text class="tick" x=format!("{x:.1}") y=(frame.height + 16.0).to_string() text-anchor="middle">
                        {browser::zone().hours_minutes(time)}
                    </text>
                }
            })
        };
        (first..=frame.to).step_by(every as usize).map(tick).collect_view()
    };
    view! {
        {figures}
        {minutes}
    }
}

/// Shades the time for which there is nothing.
#[component]
fn Holes(series: RwSignal<Series>, frame: Memo<Frame>) -> impl IntoView {
    let holes = Memo::new(move |_| {
        series.with(|series| {
            let pairs = series.samples().zip(series.samples().skip(1));
            pairs
                .filter(|(_, next)| next.after_hole)
                .map(|(last, next)| (last.time, next.time))
                .collect::<Vec<_>>()
        })
    });
    move || {
        let frame = frame.get();
        let draw = move |(from, to): (u64, u64)| {
            let (x, end) = (frame.x(from), frame.x(to));
            view! {
                <rect
                    class="hole"
                    x=format!("{x:.1}")
                    y="0"
                    width=format!("{:.1}", (end - x).max(1.0))
                    height=frame.height.to_string()
                />
            }
        };
        holes.get().into_iter().map(draw).collect_view()
    }
}

/// Marks the moments that go beyond the top.
#[component]
fn Towers(series: RwSignal<Series>, frame: Memo<Frame>, metric: &'static Metric) -> impl IntoView {
    let path = move || {
        let frame = frame.get();
        let beyond =
            |sample: &&Sample| sample.figures.iter().take(metric.lines.len()).any(|f| *f > frame.top * 1.01);
        let mark = |sample: &Sample| format!("M{:.1} -6l4 6h-8z", frame.x(sample.time));
        series.with(|series| series.samples().filter(beyond).map(mark).collect::<String>())
    };
    view! { <path class="tower" d=path /> }
}

/// The line through the sample that is read, and its points.
#[component]
fn Guide(
    reading: Signal<Option<(usize, Sample)>>,
    frame: Memo<Frame>,
    metric: &'static Metric,
) -> impl IntoView {
    move || {
        reading.get().map(|(_, sample)| {
            let frame = frame.get();
            let x = format!("{:.1}", frame.x(sample.time));
            let points = (0..metric.lines.len()).map(|line| {
                let y = format!("{:.1}", frame.y(sample.figures[line]));
                view! { <circle class="point" data-line=line.to_string() cx=x.clone() cy=y r="4" /> }
            });
            let points = points.collect_view();
            view! {
                <line class="guide" x1=x.clone() x2=x y1="0" y2=frame.height.to_string() />
                {points}
            }
        })
    }
}

/// What is read, in words, beside the line.
#[component]
fn Tip(
    reading: Signal<Option<(usize, Sample)>>,
    frame: Memo<Frame>,
    metric: &'static Metric,
) -> impl IntoView {
    move || {
        reading.get().map(|(_, sample)| {
            let frame = frame.get();
            let x = frame.x(sample.time);
            let side = if x > frame.width / 2.0 { "left" } else { "right" };
            let line = move |(line, name): (usize, &&'static str)| {
                view! {
                    <span class="tip-line">
                        <span class="swatch" data-line=line.to_string()></span>
                        {*name}
                        <b>{metric.unit.text(sample.figures[line])}</b>
                    </span>
                }
            };
            view! {
                <div class="tip" data-side=side style=format!("left: {:.0}px", x + LEFT) aria-hidden="true">
                    <time>{browser::zone().hours_minutes_seconds(sample.time)}</time>
                    {metric.lines.iter().enumerate().map(line).collect_view()}
                </div>
            }
        })
    }
}
