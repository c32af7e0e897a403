//! Feeds a series from its topic for as long as the page is open. The log itself is the history: opening
//! asks for the last ten minutes, and a cut is made up for from the cursor.

use everwire::{Event, From};
use everwire_leptos::use_batches;
use leptos::prelude::*;

use super::{
    metric::{Figures, Metric},
    series::Series,
};

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
pub fn feed(metric: &'static Metric) -> Feed {
    let feed = Feed { series: RwSignal::default(), refused: RwSignal::new(None) };
    use_batches(
        move |client| client.subscribe::<Figures>(metric.topic).from(From::Last(HISTORY)),
        move |batch| feed.take(metric, batch),
    );
    feed
}

impl Feed {
    fn take(&self, metric: &Metric, batch: Vec<Event<Figures>>) {
        let mut failure = None;
        self.series.update(|series| {
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
            self.refused.set(failure);
        }
    }
}
