//! A topic as a list of entries.

use std::sync::Arc;

use everwire::{Error, Event, From};
use leptos::prelude::*;
use serde::de::DeserializeOwned;

use crate::{
    batches::use_batches,
    entries::{Entries, Entry},
};

/// How a topic is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicOptions {
    /// Where to start. Default: with what is written from now on.
    pub from: From,
    /// How many entries are kept, the newest. Default 1,000.
    pub keep: usize,
    /// Keep only the newest message per key of those that wait to be drawn. Default: no.
    pub conflate: bool,
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self { from: From::default(), keep: 1_000, conflate: false }
    }
}

/// Where a topic is in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// The server has not answered yet.
    #[default]
    Opening,
    /// It is read.
    Open,
    /// It ended for good.
    Failed(Error),
}

/// A topic that is read. Each reading is tracked.
pub struct TopicHandle<T: Send + Sync + 'static> {
    entries: RwSignal<Entries<T>>,
    phase: RwSignal<Phase>,
}

impl<T: Send + Sync + 'static> Clone for TopicHandle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for TopicHandle<T> {}

impl<T: Send + Sync + 'static> TopicHandle<T> {
    /// What is kept, oldest first: for `<For>`, with [`Entry::key`].
    #[must_use]
    pub fn entries(&self) -> Vec<Arc<Entry<T>>> {
        self.entries.with(Entries::list)
    }

    /// The newest entry.
    #[must_use]
    pub fn last(&self) -> Option<Arc<Entry<T>>> {
        self.entries.with(Entries::last)
    }

    /// How many older entries were let go to keep to [`TopicOptions::keep`].
    #[must_use]
    pub fn trimmed(&self) -> u64 {
        self.entries.with(Entries::trimmed)
    }

    /// Where it is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }
}

/// Reads a topic until the owner goes. When the name is a signal and changes, the list begins anew; when the client
/// is [replaced](crate::ClientHandle::replace), it goes on where it is.
///
/// # Panics
/// As [`use_client`](crate::use_client).
pub fn use_topic<T>(topic: impl Into<Signal<String>>, options: TopicOptions) -> TopicHandle<T>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    let topic = topic.into();
    let entries = RwSignal::new(Entries::new(options.keep));
    let phase = RwSignal::new(Phase::Opening);
    let reading = StoredValue::new(None);
    use_batches(
        move |client| {
            let name = topic.get();
            if reading.with_value(|reading| reading.as_ref() != Some(&name)) {
                if reading.with_value(Option::is_some) {
                    entries.update(Entries::clear);
                }
                reading.set_value(Some(name.clone()));
            }
            phase.set(Phase::Opening);
            let from = entries.with_untracked(Entries::position).map_or(options.from, From::Position);
            client.subscribe::<T>(&name).from(from).conflate(options.conflate)
        },
        move |batch| take(batch, entries, phase),
    );
    TopicHandle { entries, phase }
}

/// Applies a batch; each signal that it concerns changes once.
fn take<T: Send + Sync + 'static>(
    batch: Vec<Event<T>>,
    signal: RwSignal<Entries<T>>,
    phase: RwSignal<Phase>,
) {
    let mut now = None;
    signal.maybe_update(|entries| {
        let mut changed = false;
        for event in batch {
            match event {
                Event::Message(message) => {
                    entries.push_message(message);
                    changed = true;
                }
                Event::Gap(gap) => {
                    entries.push_gap(gap);
                    changed = true;
                }
                Event::Subscribed { position, .. } => {
                    entries.goes_on_at(position);
                    now = Some(Phase::Open);
                }
                Event::Failed(error) => now = Some(Phase::Failed(error)),
                _ => {}
            }
        }
        changed
    });
    if let Some(now) = now.filter(|now| phase.with_untracked(|before| before != now)) {
        phase.set(now);
    }
}
