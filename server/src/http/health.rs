//! What an orchestrator asks: is the process alive, and should it get requests?

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::App;
use crate::store::Store;

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
