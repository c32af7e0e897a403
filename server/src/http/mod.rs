//! The endpoints: HTTP in, peers behind. What a subscription, a record or a refusal is, is decided below;
//! here it only gets its form.

mod body;
mod credentials;
mod files;
mod health;
mod linger;
mod listen;
mod long;
pub mod origin;
pub mod params;
mod poll;
pub mod problem;
mod publish;
mod sse;
mod ticket;
mod topics;
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
    Router,
    extract::Request,
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use everwire_protocol::{
    Code, RetryWindow,
    http::{POLL_PATH, PUBLISH_PATH, SSE_PATH, TICKET_PATH, TOPICS_PATH, WS_PATH},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::trace::TraceLayer;

use crate::{
    clock::Clock,
    counters::{Seat, Transport},
    hub::{Hub, Refusal},
    store::Store,
};

pub use listen::{Limits as ListenLimits, serve};
use origin::Origins;
use problem::Problem;
use ticket::Tickets;

/// When a client that found the server full should come back.
const FULL_RETRY: RetryWindow = RetryWindow { min: 2_000, max: 15_000 };

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
}

/// What all endpoints share.
pub struct App<S> {
    /// What all peers share.
    pub hub: Arc<Hub<S>>,
    /// The time.
    pub clock: Clock,
    /// How the endpoints behave.
    pub settings: Settings,
    /// Cancelled when the server goes away: each connection then says so and ends.
    pub drain: CancellationToken,
    /// All that has to end before the server has: connections, whatever they have become.
    pub tasks: TaskTracker,
    tickets: Tickets,
    sessions: AtomicU64,
}

impl<S: Store> App<S> {
    /// The endpoints' state over a hub. When `drain` is cancelled, each connection says so and ends.
    #[must_use]
    pub fn new(hub: Arc<Hub<S>>, settings: Settings, drain: CancellationToken) -> Self {
        Self {
            hub,
            clock: Clock::default(),
            settings,
            drain,
            tasks: TaskTracker::new(),
            tickets: Tickets::default(),
            sessions: AtomicU64::new(0),
        }
    }

    /// The routes. `files` is what is served at `/`.
    pub fn router(self: &Arc<Self>, files: Option<&Path>) -> Router {
        let origins = Arc::new(self.settings.origins.clone());
        let topic = |what| format!("{TOPICS_PATH}/{{topic}}/{what}");
        let api = Router::new()
            .route(WS_PATH, get(ws::upgrade::<S>))
            .route(SSE_PATH, get(sse::answer::<S>).post(sse::answer::<S>))
            .route(POLL_PATH, get(poll::answer::<S>).post(poll::answer::<S>))
            .route(TICKET_PATH, post(ticket::trade::<S>))
            .route(PUBLISH_PATH, post(publish::publish::<S>))
            .route(&topic("history"), get(topics::history::<S>))
            .route(&topic("presence"), get(topics::presence::<S>))
            .route("/v1/{*rest}", any(nothing_here))
            .layer(middleware::from_fn_with_state(origins, origin::layer))
            .with_state(Arc::clone(self));
        let health = Router::new()
            .route("/health/live", get(health::live))
            .route("/health/ready", get(health::ready::<S>))
            .with_state(Arc::clone(self));
        let router = api.merge(health);
        let router = match files {
            Some(directory) => router.fallback_service(files::service(directory)),
            None => router.fallback(nothing_here),
        };
        // The path alone: a query string may hold what is in no log.
        let span = |request: &Request| tracing::info_span!("request", method = %request.method(), path = request.uri().path());
        router
            .layer(middleware::from_fn(problem::layer))
            .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
    }

    /// A name for a connection, for logs.
    fn session(&self) -> String {
        format!("s{}", self.sessions.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn seat(&self, transport: Transport) -> Result<Seat, Problem> {
        if self.drain.is_cancelled() {
            let retry_after = Some(self.settings.drain_window);
            let refusal = Refusal::new(Code::DRAINING, "the server is going away");
            return Err(Refusal { retry_after, ..refusal }.into());
        }
        Seat::take(&self.hub.counters, transport, self.settings.max_connections).map_err(|code| {
            let refusal = Refusal::new(code, "the server has no room for another connection");
            Refusal { retry_after: Some(FULL_RETRY), ..refusal }.into()
        })
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
