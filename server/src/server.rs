//! A whole server: the parts put together, started, and brought to an end in order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    auth::{Authorizer, Jwt, Keyring, Open, TokenRules},
    clock::Clock,
    config::{Config, METRICS_PATTERN, StoreKind},
    counters::Counters,
    guard::{Guards, Proxies},
    http::{self, App, Door, Drain, Settings, tls::Certificate},
    hub::Hub,
    log::Pattern,
    metrics::Metrics,
    metrics_topics,
    presence::Presence,
    store::{Cursors, DurableStore, Measured, MemoryStore, RedisStore, Store},
    webhook,
};

/// How often stores and presence do their housekeeping.
const TICK: Duration = Duration::from_secs(1);
/// Connections beyond those with a seat: for publishes, files, health, and for telling clients that the
/// server is full.
const SPARE_CONNECTIONS: usize = 1_000;
/// Connections to the address for operators.
const OPERATIONS_CONNECTIONS: usize = 64;
/// How long those who ask there may hold up the end.
const OPERATIONS_END: Duration = Duration::from_secs(3);
/// Longest life of an answer there.
const OPERATIONS_LIFE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    secure: bool,
    counters: Arc<Counters>,
    drain: Drain,
    drain_timeout: Duration,
    running: JoinHandle<()>,
    /// Operators may look on until the end: dropped, theirs is near too.
    operations: DropGuard,
    operators: Option<JoinHandle<()>>,
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
            StoreKind::Data(options) => {
                let limits = config.store.clone();
                let opening = tokio::task::spawn_blocking(move || DurableStore::open(&options, limits));
                let store = opening.await?.map_err(io::Error::other)?;
                Self::start_over(store, config).await
            }
            StoreKind::Redis(options) => {
                let store = RedisStore::open(&options, config.store.clone()).map_err(io::Error::other)?;
                Self::start_over(store, config).await
            }
        }
    }

    /// Starts a server over a store.
    ///
    /// # Errors
    /// When the address can't be listened on, or the keys that tokens are checked by can't be read.
    pub async fn start_over<S: Store + Cursors>(store: S, config: Config) -> io::Result<Self> {
        let listener = bind(config.listen).await?;
        let address = listener.local_addr()?;
        let apart = config.metrics_listen.filter(|_| !config.metrics_here());
        let operators = match apart {
            Some(listen) => Some(bind(listen).await?),
            None => None,
        };
        let origins = match (address.ip().is_loopback(), config.trusts_this_machine()) {
            (true, true) => config.origins.clone().with_local().with_local_host(),
            (true, false) => config.origins.clone().with_local(),
            (false, _) => config.origins.clone(),
        };
        let drain = Drain::default();
        let authorizer = authorizer(&config, drain.token())?;

        let trusting = address.ip().is_loopback() && config.trusts_this_machine();
        let guards = Guards::new(&config.guards.limits(trusting));
        let store = Measured::new(store);
        let presence = Presence::new(config.presence_grace.as_millis() as u64, fastrand::u64(..))
            .with_most(config.max_members);
        let hub = Hub::new(store, presence, authorizer, config.rules.clone()).with_guards(guards);
        let hub = Arc::new(hub);
        let metrics = Arc::new(Metrics::new(&hub));
        let settings = Settings {
            max_connections: config.max_connections,
            max_life: config.max_life,
            write_timeout: config.write_timeout,
            drain_window: config.drain_window,
            origins,
            body_timeout: config.body_timeout,
            proxies: config.proxies.clone(),
        };
        let app = Arc::new(App::new(Arc::clone(&hub), settings, drain.clone()));
        let counters = Arc::clone(&hub.counters);
        if config.metrics_topics {
            let publisher =
                metrics_topics::publish(Arc::clone(&hub), Clock::default(), drain.token().clone());
            tokio::spawn(publisher);
        }
        for hook in config.webhooks.clone() {
            let name = hook.name.clone();
            let failed = |error| io::Error::other(format!("webhook {name}: {error}"));
            app.tasks.spawn(webhook::run(Arc::clone(&hub), hook, drain.token().clone()).map_err(failed)?);
        }
        let door = Arc::new(Door {
            guards: Arc::clone(&hub.guards),
            proxies: config.proxies.clone(),
            counters: Arc::clone(&counters),
            clock: Clock::default(),
        });
        tokio::spawn(housekeeping(hub, drain.token().clone()));

        let limits = http::ListenLimits {
            connections: usize::try_from(config.max_connections).unwrap_or(usize::MAX >> 4)
                + SPARE_CONNECTIONS,
            header_timeout: config.header_timeout,
            write_timeout: config.write_timeout,
            // A stream ends itself after six fifths of it at the latest.
            answer_life: config.max_life * 5 / 4,
        };
        let tls = acceptor(&config, drain.token())?;
        let secure = tls.is_some();
        let operations = CancellationToken::new();
        let metrics_address = operators.as_ref().map(TcpListener::local_addr).transpose()?;
        let operators = operators.map(|listener| {
            let router = app.operations(Arc::clone(&metrics));
            let (counters, stop) = (Arc::clone(&counters), operations.clone());
            tokio::spawn(serve_operators(listener, router, counters, limits, stop))
        });
        let here = config.metrics_here().then_some(metrics);
        let router = app.router(config.static_dir.as_deref(), here);
        let stop = drain.token().clone();
        let running =
            tokio::spawn(http::serve(listener, router, (door, tls, limits), app.tasks.clone(), stop));
        Ok(Self {
            address,
            metrics_address,
            secure,
            counters,
            drain,
            drain_timeout: config.drain_timeout,
            running,
            operations: operations.drop_guard(),
            operators,
        })
    }

    /// Where clients find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.address)
    }

    /// Where it listens for operators, if that is an address of its own.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
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
        self.drain.begin();
        let ended = tokio::time::timeout(self.drain_timeout, self.running).await.is_ok();
        drop(self.operations);
        if let Some(operators) = self.operators {
            // They hold the store too, and whoever opens it next waits for that.
            let _ = tokio::time::timeout(OPERATIONS_END, operators).await;
        }
        ended
    }
}

async fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let failed =
        |error: io::Error| io::Error::new(error.kind(), format!("can't listen on {listen}: {error}"));
    TcpListener::bind(listen).await.map_err(failed)
}

/// How clients are greeted, where that is by TLS.
fn acceptor(config: &Config, stop: &CancellationToken) -> io::Result<Option<TlsAcceptor>> {
    let Some(files) = &config.tls else { return Ok(None) };
    let certificate = Arc::new(Certificate::load(files.clone()).map_err(io::Error::other)?);
    tokio::spawn(Arc::clone(&certificate).watch(stop.clone()));
    certificate.acceptor().map(Some).map_err(io::Error::other)
}

/// The address for operators: few connections, and none of them for long.
async fn serve_operators(
    listener: TcpListener,
    router: Router,
    counters: Arc<Counters>,
    limits: http::ListenLimits,
    stop: CancellationToken,
) {
    let limits =
        http::ListenLimits { connections: OPERATIONS_CONNECTIONS, answer_life: OPERATIONS_LIFE, ..limits };
    let (guards, proxies) = (Arc::default(), Proxies::default());
    let door = Arc::new(Door { guards, proxies, counters, clock: Clock::default() });
    http::serve(listener, router, (door, None, limits), TaskTracker::new(), stop).await;
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
