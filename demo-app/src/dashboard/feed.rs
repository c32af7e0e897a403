//! Feeds a series from its topic for as long as the page is open. The log itself is the history: opening
//! asks for the last ten minutes, and a cut is made up for from the cursor.

use everwire::{Event, From};
use futures::future::abortable;
use leptos::{prelude::*, task::spawn_local};

use super::{
    metric::{Figures, Metric},
    series::Series,
};
use crate::link::Link;

/// A sample a second, for ten minutes.
const HISTORY: u32 = 600;

/// What a chart shows.
#[derive(Clone, Copy)]
pub struct Feed {
    /// The samples.
    pub series: RwSignal<Series>,
    /// Why there are none and will be none.
    pub refused: RwSignal<Option<String>>,
}

/// Subscribes to a metric until the owner goes.
#[must_use]
pub fn feed(link: Link, metric: &'static Metric) -> Feed {
    let feed = Feed { series: RwSignal::default(), refused: RwSignal::new(None) };
    let mut subscription = link.client().subscribe::<Figures>(metric.topic).from(From::Last(HISTORY)).open();
    let (task, handle) = abortable(async move {
        while let Some(batch) = subscription.next_batch().await {
            let mut failure = None;
            feed.series.update(|series| {
                for event in batch {
                    match event {
                        Event::Message(message) => match message.data {
                            Ok(figures) => series.push(message.time, metric.read(&figures)),
                            Err(_) => series.hole(),
                        },
                        Event::Gap(_) => series.hole(),
                        Event::Failed(error) => failure = Some(error.to_string()),
                        _ => {}
                    }
                }
            });
            if failure.is_some() {
                feed.refused.set(failure);
            }
        }
    });
    spawn_local(async move {
        // Aborted or ended: either way the subscription is dropped with the task.
        let _ = task.await;
    });
    on_cleanup(move || handle.abort());
    feed
}
