//! The dashboard: the server's real figures as they come, and the last ten minutes of them.

mod chart;
mod feed;
pub mod metric;
pub mod scale;
pub mod series;
mod table;
mod tile;

use everwire::State;
use leptos::prelude::*;

use self::{
    chart::Chart,
    feed::{Feed, feed},
    metric::{METRICS, Metric},
    table::Table,
    tile::Tile,
};
use crate::{
    browser,
    icon::{Icon, Shape},
    link::Link,
};

const AS_TABLES: &str = "everwire.tables";

/// The page.
#[component]
pub fn DashboardPage() -> impl IntoView {
    let feeds = METRICS.each_ref().map(feed);
    let pairs = move || METRICS.iter().zip(feeds);
    let tables = RwSignal::new(browser::stored(AS_TABLES).as_deref() == Some("yes"));
    let toggle = move |_| {
        tables.update(|tables| *tables = !*tables);
        browser::store(AS_TABLES, if tables.get_untracked() { "yes" } else { "no" });
    };
    view! {
        <div class="dashboard">
            <header class="dashboard-head">
                <div>
                    <h1>"Dashboard"</h1>
                    <Freshness feed=feeds[0] />
                </div>
                <button
                    class="button"
                    data-testid="table-toggle"
                    aria-pressed=move || tables.get().to_string()
                    on:click=toggle
                >
                    {move || view! { <Icon shape=if tables.get() { Shape::Chart } else { Shape::Table } /> }}
                    {move || if tables.get() { "Show charts" } else { "Show tables" }}
                </button>
            </header>
            <div class="tiles">
                {pairs().map(|(metric, feed)| view! { <Tile metric feed /> }).collect_view()}
            </div>
            <div class="charts">
                {pairs().map(|(metric, feed)| view! { <Card metric feed tables /> }).collect_view()}
            </div>
        </div>
    }
}

/// How fresh the figures are, in one line.
#[component]
fn Freshness(feed: Feed) -> impl IntoView {
    let link: Link = expect_context();
    let connected = Memo::new(move |_| link.connection.status().state == State::Connected);
    let words = move || {
        let last = feed.series.with(|series| series.last().map(|sample| sample.time));
        match (connected.get(), last) {
            (true, None) => "Asking for the last ten minutes …".to_owned(),
            (false, None) => "Not connected. The last ten minutes come with the connection.".to_owned(),
            (true, Some(_)) => "Live, every second, with the last ten minutes".to_owned(),
            (false, Some(time)) => {
                let time = browser::zone().hours_minutes_seconds(time);
                format!("Stopped at {time}. What is missed meanwhile is fetched from the log.")
            }
        }
    };
    view! { <p class="freshness" data-stale=move || (!connected.get()).to_string()>{words}</p> }
}

#[component]
fn Card(metric: &'static Metric, feed: Feed, tables: RwSignal<bool>) -> impl IntoView {
    let title = format!("chart-title-{}", metric.id);
    let titled_by = title.clone();
    view! {
        <section class="card" aria-labelledby=titled_by>
            <header class="card-head">
                <h2 id=title>{metric.title}</h2>
                <ul class="legend" aria-label="Lines">
                    {metric
                        .lines
                        .iter()
                        .enumerate()
                        .map(|(line, name)| {
                            view! {
                                <li>
                                    <span class="swatch" data-line=line.to_string() aria-hidden="true"></span>
                                    {*name}
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            </header>
            {move || match feed.refused.get() {
                Some(why) => view! { <p class="chart-empty">"Not available: " {why} "."</p> }.into_any(),
                None if tables.get() => view! { <Table metric feed /> }.into_any(),
                None => view! { <Chart metric feed /> }.into_any(),
            }}
        </section>
    }
}
