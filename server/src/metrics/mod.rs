//! What the server counts, as Prometheus reads it. All numbers are taken when they are asked for: counting them
//! costs what [`counters`](crate::counters) cost, and nothing is done here while nobody asks. It knows no socket
//! and no HTTP.
//!
//! Names follow Prometheus' conventions: `everwire_`, base units, `_total` for what only grows. Labels have few values
//! that are known beforehand; a topic or a subject is never one.

mod collector;
mod process;

use std::{fmt, sync::Arc};

use prometheus_client::{encoding::prometheus_text, registry::Registry};

use crate::{
    counters::Counters,
    hub::Hub,
    store::{Figures, Measured, Store, Times},
};

/// The media type of [`Metrics::text`].
pub use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// Where the numbers come from.
struct Sources {
    counters: Arc<Counters>,
    times: Arc<Times>,
    /// Of the store, whichever it is.
    store: Box<dyn Fn() -> Figures + Send + Sync>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

/// All metrics of one server.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Metrics {
    /// The metrics of a hub and its store.
    #[must_use]
    pub fn new<S: Store>(hub: &Arc<Hub<Measured<S>>>) -> Self {
        let (counters, times) = (Arc::clone(&hub.counters), Arc::clone(hub.store.times()));
        let hub = Arc::clone(hub);
        let sources = Sources { counters, times, store: Box::new(move || hub.store.figures()) };
        let mut registry = Registry::default();
        registry.sub_registry_with_prefix("everwire").register_collector(Box::new(sources));
        registry.register_collector(Box::new(process::Process::default()));
        Self(registry)
    }

    /// All of them at this moment, in Prometheus' text format.
    ///
    /// # Errors
    /// None that is known: writing to a text does not fail.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.0)?;
        Ok(text)
    }
}
