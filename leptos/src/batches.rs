//! Feeds a closure from a subscription, batch by batch, for as long as the owner lives. Everything else here that
//! reads a topic stands on it.

use everwire::{Client, Event, Subscribe};
use futures::future::abortable;
use leptos::{prelude::*, task::spawn_local};

use crate::use_client;

/// Opens the subscription that `subscribe` makes, and calls `take` with each batch of its events, in order, from then
/// on: never with an empty one. What `take` changes in one call is drawn once.
///
/// `subscribe` runs in an effect: it runs again, and the subscription before is ended, when a signal that it reads
/// changes, or when the client is [replaced](crate::ClientHandle::replace). For going on in the same topic it
/// starts [from the position](everwire::From::Position) that was reached.
///
/// ```no_run
/// use everwire_leptos::{Event, From, use_batches};
/// use leptos::prelude::*;
///
/// /// The newest load of a machine, as published on `load:NAME`.
/// fn use_load(machine: Signal<String>) -> ReadSignal<Option<f64>> {
///     let (load, set_load) = signal(None);
///     use_batches(
///         move |client| client.subscribe::<f64>(&format!("load:{}", machine.get())).from(From::Last(1)),
///         move |batch| {
///             for event in batch {
///                 if let Event::Message(message) = event {
///                     set_load.set(message.data.ok());
///                 }
///             }
///         },
///     );
///     load
/// }
/// ```
///
/// # Panics
/// As [`use_client`].
pub fn use_batches<T: 'static>(
    subscribe: impl Fn(&Client) -> Subscribe<T> + 'static,
    take: impl FnMut(Vec<Event<T>>) + 'static,
) {
    let client = use_client();
    let take = StoredValue::new_local(take);
    Effect::new(move |_| {
        let mut subscription = subscribe(&client.get()).open();
        let (task, running) = abortable(async move {
            while let Some(batch) = subscription.next_batch().await {
                // Gone with its owner: then this task is about to be, too.
                if take.try_update_value(|take| take(batch)).is_none() {
                    break;
                }
            }
        });
        spawn_local(async move {
            // Aborted or ended: either way the subscription is dropped with the task.
            let _ = task.await;
        });
        on_cleanup(move || running.abort());
    });
}
