//! A whole server: the parts put together, started, and brought to an end in order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Authorizer, Jwt, Keyring, Open, TokenRules},
    clock::Clock,
    config::{Config, METRICS_PATTERN, StoreKind},
    counters::Counters,
    http::{self, App, Settings},
    hub::Hub,
    log::Pattern,
    metrics_topics,
    presence::Presence,
    store::{DurableStore, MemoryStore, RedisStore, Store},
};

/// How often stores and presence do their housekeeping.
const TICK: Duration = Duration::from_secs(1);
/// Connections beyond those with a seat: for publishes, files, health, and for telling clients that the
/// server is full.
const SPARE_CONNECTIONS: usize = 1_000;

/// A running server.
pub struct Server {
    address: SocketAddr,
    counters: Arc<Counters>,
    drain: CancellationToken,
    drain_timeout: Duration,
    running: JoinHandle<()>,
}

impl Server {
    /// Starts a server over the store that the configuration names.
    ///
    /// # Errors
    /// As [`start_over`](Self::start_over), and when the store can't be opened.
    pub async fn start(config: Config) -> io::Result<Self> {
        match config.store_kind.clone() {
            StoreKind::Memory => {
                let store = MemoryStore::new(fastrand::u64(..), config.store.clone());
                Self::start_over(store, config).await
            }
            StoreKind::Redis(options) => {
                let store = RedisStore::open(&options, config.store.clone()).map_err(io::Error::other)?;
                Self::start_over(store, config).await
            }
            StoreKind::Data(options) => {
                let limits = config.store.clone();
                let opening = tokio::task::spawn_blocking(move || DurableStore::open(&options, limits));
                let store = opening.await?.map_err(io::Error::other)?;
                Self::start_over(store, config).await
            }
        }
    }

    /// Starts a server over a store.
    ///
    /// # Errors
    /// When the address can't be listened on, or the keys that tokens are checked by can't be read.
    pub async fn start_over<S: Store>(store: S, config: Config) -> io::Result<Self> {
        let listen = config.listen;
        let failed =
            |error: io::Error| io::Error::new(error.kind(), format!("can't listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr()?;
        let origins = match (address.ip().is_loopback(), config.trusts_this_machine()) {
            (true, true) => config.origins.clone().with_local().with_local_host(),
            (true, false) => config.origins.clone().with_local(),
            (false, _) => config.origins.clone(),
        };
        let drain = CancellationToken::new();
        let authorizer = authorizer(&config, &drain)?;

        let presence = Presence::new(config.presence_grace.as_millis() as u64, fastrand::u64(..))
            .with_most(config.max_members);
        let hub = Arc::new(Hub::new(store, presence, authorizer, config.rules));
        let settings = Settings {
            max_connections: config.max_connections,
            max_life: config.max_life,
            write_timeout: config.write_timeout,
            drain_window: config.drain_window,
            origins,
        };
        let app = Arc::new(App::new(Arc::clone(&hub), settings, drain.clone()));
        let counters = Arc::clone(&hub.counters);
        if config.metrics_topics {
            let publisher = metrics_topics::publish(Arc::clone(&hub), Clock::default(), drain.clone());
            tokio::spawn(publisher);
        }
        tokio::spawn(housekeeping(hub, drain.clone()));

        let limits = http::ListenLimits {
            connections: usize::try_from(config.max_connections).unwrap_or(usize::MAX >> 4)
                + SPARE_CONNECTIONS,
            write_timeout: config.write_timeout,
            // A stream ends itself after six fifths of it at the latest.
            answer_life: config.max_life * 5 / 4,
        };
        let router = app.router(config.static_dir.as_deref());
        let stop = drain.clone();
        let running = tokio::spawn(http::serve(listener, router, limits, app.tasks.clone(), stop));
        Ok(Self { address, counters, drain, drain_timeout: config.drain_timeout, running })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it counts of itself.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Drains: accepts no more, tells each client when to come back, and waits until all have gone; true
    /// when they had within the drain's timeout.
    pub async fn drain(self) -> bool {
        self.drain.cancel();
        tokio::time::timeout(self.drain_timeout, self.running).await.is_ok()
    }
}

/// Who decides on who may do what: tokens, where there are keys for them.
fn authorizer(config: &Config, stop: &CancellationToken) -> io::Result<Arc<dyn Authorizer>> {
    let read_only: Vec<Pattern> = METRICS_PATTERN.parse().into_iter().collect();
    let rights = config.anonymous_rights.clone();
    if config.keys.is_empty() {
        return Ok(Arc::new(Open::new(read_only).with_rights(rights)));
    }
    let keyring = Keyring::load(config.keys.clone()).map_err(io::Error::other)?;
    let keyring = Arc::new(keyring);
    tokio::spawn(Arc::clone(&keyring).watch(stop.clone()));
    let anonymous = config.anonymous.then_some(rights);
    Ok(Arc::new(Jwt::new(keyring, TokenRules { anonymous, read_only, ..config.tokens.clone() })))
}

async fn housekeeping<S: Store>(hub: Arc<Hub<S>>, stop: CancellationToken) {
    let clock = Clock::default();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => hub.tick(clock.now()),
            () = stop.cancelled() => return,
        }
    }
}
