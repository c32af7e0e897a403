//! The connection as signals: what it is doing, how long until the next try, and its counters.

use std::time::Duration;

use everwire::{Client, Stats, Status};
use futures::{StreamExt, future::abortable};
use leptos::{leptos_dom::helpers::set_interval_with_handle, prelude::*, task::spawn_local};

use crate::use_client;

/// How often counters and the countdown are read.
const TICK: Duration = Duration::from_millis(500);

/// The connection. Each reading is tracked.
#[derive(Clone, Copy)]
pub struct Connection {
    client: RwSignal<Client, LocalStorage>,
    status: RwSignal<Status>,
    retry_in: RwSignal<Option<u64>>,
    stats: RwSignal<Stats>,
}

impl Connection {
    /// What it is doing, and why.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// Whole seconds to the next try, rounded up, so that a countdown ends with 1; none when it waits for none.
    #[must_use]
    pub fn retry_in(&self) -> Option<u64> {
        self.retry_in.get()
    }

    /// Its counters, read twice a second. They begin anew when the client is replaced.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats.get()
    }

    /// Calls back with the status now and at each change, one by one: a signal shows only the last of those that come
    /// at once, which is too little for a log. Ends with the owner.
    pub fn on_change(&self, changed: impl FnMut(Status) + 'static) {
        let client = self.client;
        let changed = StoredValue::new_local(changed);
        Effect::new(move |_| {
            let mut changes = client.get().state();
            let (task, running) = abortable(async move {
                while let Some(status) = changes.next().await {
                    if changed.try_update_value(|changed| changed(status)).is_none() {
                        break;
                    }
                }
            });
            spawn_local(async move {
                let _ = task.await;
            });
            on_cleanup(move || running.abort());
        });
    }

    fn read(&self) {
        // An interval may fire once more after its owner is gone.
        let Some(status) = self.status.try_get_untracked() else { return };
        let retry_in = status.retry_in().map(|left| left.as_millis().div_ceil(1000) as u64);
        set_if_other(self.retry_in, retry_in);
        set_if_other(self.stats, self.client.with_untracked(Client::stats));
    }
}

fn set_if_other<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|now| *now != value) {
        signal.set(value);
    }
}

/// The connection of the nearest [`provide_client`](crate::provide_client) above.
///
/// # Panics
/// As [`use_client`].
#[must_use]
pub fn use_connection() -> Connection {
    use_client().connection
}

/// Follows a client until the owner goes.
pub(crate) fn follow(client: RwSignal<Client, LocalStorage>) -> Connection {
    let (status, stats) = client.with_untracked(|client| (client.status(), client.stats()));
    let connection = Connection {
        client,
        status: RwSignal::new(status),
        retry_in: RwSignal::new(None),
        stats: RwSignal::new(stats),
    };
    connection.on_change(move |status| {
        connection.status.set(status);
        connection.read();
    });
    if let Ok(ticking) = set_interval_with_handle(move || connection.read(), TICK) {
        on_cleanup(move || ticking.clear());
    }
    connection
}
