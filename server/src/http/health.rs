//! What an orchestrator asks: is the process alive, and should it get requests?

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};

use super::App;
use crate::store::Store;

pub fn routes<S: Store>(app: &Arc<App<S>>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready::<S>))
        .with_state(Arc::clone(app))
}

pub async fn live() -> &'static str {
    "ok\n"
}

/// Not ready once the server drains, and while its store takes nothing in: a load balancer sends clients elsewhere.
pub async fn ready<S: Store>(State(app): State<Arc<App<S>>>) -> Response {
    if app.drain.has_begun() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    match app.hub.store.health() {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            // What is wrong in detail is the operator's alone.
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the store takes nothing in\n").into_response()
        }
    }
}
