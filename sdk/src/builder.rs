//! What may be chosen before a client starts.

use std::{pin::Pin, rc::Rc};

use everwire_core::{Config, Transport};
use everwire_protocol::ClientId;

use crate::{
    Client, OutboxStore,
    address::Address,
    driver::{Driver, TokenProvider},
    name::random_client_id,
    outbox, platform,
};

#[cfg(feature = "tabs")]
use crate::tabs::{self, Upstream};

/// A client about to start; made by [`Client::builder`].
#[must_use = "nothing starts before `connect`"]
pub struct Builder {
    url: String,
    config: Config,
    client_id: Option<ClientId>,
    token: Option<TokenProvider>,
    outbox: Option<outbox::Start>,
    #[cfg(feature = "tabs")]
    scope: Option<String>,
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            config: Config::default(),
            client_id: None,
            token: None,
            outbox: None,
            #[cfg(feature = "tabs")]
            scope: None,
        }
    }

    /// Who knows the access token: asked before each connect, and when the server says that a token is too
    /// old. `None` goes on without one; an error is a failed attempt, retried with backoff.
    ///
    /// A provider that holds a [`Client`] of its own keeps that one from ever closing by itself.
    pub fn token<F, R, E>(mut self, provider: F) -> Self
    where
        F: Fn() -> R + 'static,
        R: Future<Output = Result<Option<String>, E>> + 'static,
    {
        self.config.has_token = true;
        self.token = Some(Rc::new(move || {
            let asked = provider();
            let answer: Pin<Box<dyn Future<Output = _>>> = Box::pin(async { asked.await.map_err(|_| ()) });
            answer
        }));
        self
    }

    /// Which transports may be used, the preferred one first. Default: WebSocket, SSE, long poll.
    pub fn transports(mut self, transports: impl Into<Vec<Transport>>) -> Self {
        self.config.transports = transports.into();
        self
    }

    /// What this client tells others of itself in presence, e.g. a display name.
    pub fn info(mut self, info: impl Into<String>) -> Self {
        self.config.info = Some(info.into());
        self
    }

    /// Who this client is. By default 128 random bits, anew for each client. Keep one over reloads, and in secret,
    /// to stay the same member of a topic's presence.
    pub fn client_id(mut self, client_id: ClientId) -> Self {
        self.client_id = Some(client_id);
        self
    }

    /// Keeps what is published, and has no outcome yet, in a store that outlives the page: the next client that
    /// starts with it sends what this one could not. What becomes of that tells
    /// [`Client::outbox_events`]. Connecting waits up to a second for what the store has, so that it goes out first.
    pub fn persist_outbox(mut self, store: impl OutboxStore) -> Self {
        self.config.outbox.persist = true;
        self.outbox = Some(Box::new(|driver| outbox::start(store, driver)));
        self
    }

    /// Shares one connection with the other tabs of this origin that name the same server and the same scope: each
    /// tab has its own client as before, and one of them has the connection for all. When that one goes, another takes
    /// over, without loss or repeats. A tab that finds no other to share with, or a browser that lacks what it takes
    /// (Web Locks and `BroadcastChannel`; not in insecure contexts), works alone.
    ///
    /// The connection has the token and the [`info`](Self::info) of the tab that leads. So the scope has to tell apart
    /// who may not share: give it the user's id. In presence the tabs of a scope are one member.
    #[cfg(feature = "tabs")]
    pub fn share_tabs(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Every other choice: deadlines, backoff, limits.
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Starts the client. It connects in the background, and goes on trying.
    #[must_use = "the client closes when the last handle to it is dropped"]
    pub fn connect(self) -> Client {
        #[cfg(feature = "tabs")]
        let scope = self.scope;
        let Self { url, config, client_id, token, outbox, .. } = self;
        let address = Address::new(&url, platform::origin);
        let client_id = client_id.unwrap_or_else(random_client_id);
        #[cfg(feature = "tabs")]
        if let Some(scope) = scope {
            return Client::new(tabs::start(&scope, Upstream { address, config, client_id, token }, outbox));
        }
        let driver = Driver::new(address, config, client_id, token, outbox);
        driver.start();
        Client::new(driver)
    }
}
