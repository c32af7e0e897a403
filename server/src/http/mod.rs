//! The endpoints: HTTP in, peers behind. What a subscription, a record or a refusal is, is decided below;
//! here it only gets its form.

mod admission;
mod body;
mod credentials;
mod door;
mod drain;
mod files;
mod health;
mod linger;
mod listen;
mod long;
mod operations;
pub mod origin;
pub mod params;
mod poll;
pub mod problem;
mod publish;
mod sse;
mod ticket;
pub mod tls;
mod topics;
mod trace;
mod ws;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use everwire_protocol::{
    Code, RetryWindow,
    http::{POLL_PATH, PUBLISH_PATH, SSE_PATH, TICKET_PATH, TOPICS_PATH, WS_PATH},
};
use tokio_util::task::TaskTracker;

use crate::{
    clock::Clock,
    counters::{Seat, Transport},
    guard::{Address, Place, Proxies},
    hub::{Hub, Refusal},
    metrics::Metrics,
    store::Store,
};

pub use door::Door;
pub use drain::{Drain, Draining};
pub use listen::{Limits as ListenLimits, serve};
pub use operations::OPENAPI;
use origin::Origins;
use problem::Problem;
use ticket::Tickets;

/// How the endpoints behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Most connections, of all transports.
    pub max_connections: u64,
    /// Longest life of a connection, before the jitter of a fifth.
    pub max_life: Duration,
    /// How long a client may take nothing.
    pub write_timeout: Duration,
    /// What clients are told when the server goes away.
    pub drain_window: RetryWindow,
    /// Whose pages may connect.
    pub origins: Origins,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// Whose word on where requests come from is taken.
    pub proxies: Proxies,
}

/// A connection's place among all, and among those of its address.
pub type TakenSeat = (Seat, Option<Place>);

/// What all endpoints share.
pub struct App<S> {
    /// What all peers share.
    pub hub: Arc<Hub<S>>,
    /// The time.
    pub clock: Clock,
    /// How the endpoints behave.
    pub settings: Settings,
    /// Begun when the server goes away: each connection then says so and ends.
    pub drain: Drain,
    /// All that has to end before the server has: connections, whatever they have become.
    pub tasks: TaskTracker,
    tickets: Tickets,
    sessions: AtomicU64,
    /// The operator was told that what floods the server may be a proxy.
    hinted: std::sync::Once,
}

impl<S: Store> App<S> {
    /// The endpoints' state over a hub. When `drain` begins, each connection says so and ends.
    #[must_use]
    pub fn new(hub: Arc<Hub<S>>, settings: Settings, drain: Drain) -> Self {
        Self {
            hub,
            clock: Clock::default(),
            settings,
            drain,
            tasks: TaskTracker::new(),
            tickets: Tickets::default(),
            sessions: AtomicU64::new(0),
            hinted: std::sync::Once::new(),
        }
    }

    /// The routes. `files` is what is served at `/`; `metrics` are there where clients may read them too.
    pub fn router(self: &Arc<Self>, files: Option<&Path>, metrics: Option<Arc<Metrics>>) -> Router {
        let origins = Arc::new(self.settings.origins.clone());
        let topic = |what| format!("{TOPICS_PATH}/{{topic}}/{what}");
        let metrics = match metrics {
            Some(metrics) => get(move || std::future::ready(operations::metrics(&metrics))),
            None => any(nothing_here),
        };
        let api = Router::new()
            .route(WS_PATH, get(ws::upgrade::<S>))
            .route(SSE_PATH, get(sse::answer::<S>).post(sse::answer::<S>))
            .route(POLL_PATH, get(poll::answer::<S>).post(poll::answer::<S>))
            .route(TICKET_PATH, post(ticket::trade::<S>))
            .route(PUBLISH_PATH, post(publish::publish::<S>))
            .route(&topic("history"), get(topics::history::<S>))
            .route(&topic("presence"), get(topics::presence::<S>))
            .route("/v1/{*rest}", any(nothing_here))
            .route(operations::METRICS_PATH, metrics)
            .route(operations::OPENAPI_PATH, get(operations::openapi))
            .layer(middleware::from_fn_with_state(Arc::clone(self), admission::layer::<S>))
            .layer(middleware::from_fn_with_state(origins, origin::layer))
            .with_state(Arc::clone(self));
        let router = api.merge(health::routes(self));
        let pages = match files {
            Some(directory) => Router::new().fallback_service(files::service(directory)),
            None => Router::new().fallback(nothing_here),
        };
        let pages = pages.layer(middleware::from_fn_with_state(Arc::clone(self), admission::layer::<S>));
        let router = router.fallback_service(pages);
        router
            .layer(middleware::from_fn_with_state(Arc::clone(&self.hub.counters), problem::layer))
            .layer(middleware::from_fn(trace::layer))
    }

    /// A name for a connection, for logs.
    fn session(&self) -> String {
        format!("s{}", self.sessions.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn seat(&self, transport: Transport, address: Option<Address>) -> Result<TakenSeat, Problem> {
        if self.drain.has_begun() {
            let retry_after = Some(self.settings.drain_window);
            let refusal = Refusal::new(Code::DRAINING, "the server is going away");
            return Err(Refusal { retry_after, ..refusal }.into());
        }
        let place = self.hub.guards.place_at(address)?;
        let seat = Seat::take(&self.hub.counters, transport, self.settings.max_connections);
        Ok((seat.map_err(|_| Door::full())?, place))
    }

    /// When a connection that begins now has to end: clients of one moment don't all come back at one.
    fn ends_at(&self, now: u64) -> u64 {
        let life = self.settings.max_life.as_millis() as u64;
        now.saturating_add(life * 4 / 5).saturating_add(fastrand::u64(0..=life * 2 / 5))
    }
}

async fn nothing_here() -> Response {
    axum::http::StatusCode::NOT_FOUND.into_response()
}
