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

/// No longer ready once the server drains: a load balancer sends clients elsewhere.
pub async fn ready<S: Store>(State(app): State<Arc<App<S>>>) -> Response {
    if app.drain.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response()
    } else {
        "ok\n".into_response()
    }
}
