//! The client in Leptos' context: one for all components below, and another one when the app says so.

use everwire::{Client, Publishing};
use leptos::prelude::*;
use serde::Serialize;

use crate::{Connection, connection};

/// The client that [`provide_client`] put into the context; what all components below use.
#[derive(Clone, Copy)]
pub struct ClientHandle {
    client: RwSignal<Client, LocalStorage>,
    pub(crate) connection: Connection,
}

impl ClientHandle {
    /// The client. Tracked: whoever reads it in an effect or a view runs again when it is
    /// [replaced](Self::replace).
    #[must_use]
    pub fn get(&self) -> Client {
        self.client.get()
    }

    /// The client, untracked: for event handlers.
    #[must_use]
    pub fn get_untracked(&self) -> Client {
        self.client.get_untracked()
    }

    /// Goes on with another client, for instance as another user. Open topics go on where they are with the new
    /// one, without loss or repeats; the old one closes when nobody else holds it.
    pub fn replace(&self, client: Client) {
        self.client.set(client);
    }

    /// Publishes a value as JSON. See [`everwire::Client::publish`].
    #[must_use = "dropping it sends it: nobody learns what became of it"]
    pub fn publish<T: Serialize + ?Sized>(&self, topic: &str, value: &T) -> Publishing {
        self.get_untracked().publish(topic, value)
    }
}

/// Provides a client to the current component and all below it. It lives as long as the component does.
pub fn provide_client(client: Client) -> ClientHandle {
    let client = RwSignal::new_local(client);
    let handle = ClientHandle { client, connection: connection::follow(client) };
    provide_context(handle);
    handle
}

/// The client of the nearest [`provide_client`] above.
///
/// # Panics
/// When no component above has provided one: a mistake of the program, found at its first run.
#[must_use]
pub fn use_client() -> ClientHandle {
    expect_context()
}
