//! What operators and their tools read: the metrics, and the description of this interface. It knows no topics.

use std::sync::Arc;

use axum::{
    Router,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::get,
};

use super::{App, health};
use crate::{
    metrics::{self, Metrics},
    store::Store,
};

/// Where the metrics are.
pub const METRICS_PATH: &str = "/metrics";
/// Where the description is.
pub const OPENAPI_PATH: &str = "/openapi.json";

/// The description of all HTTP endpoints, in OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// The metrics of this moment.
pub fn metrics(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => {
            ([(CONTENT_TYPE, metrics::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The description.
pub async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], OPENAPI)
}

impl<S: Store> App<S> {
    /// All that an address for operators alone serves: metrics and health.
    pub fn operations(self: &Arc<Self>, of: Arc<Metrics>) -> Router {
        Router::new()
            .route(METRICS_PATH, get(move || std::future::ready(metrics(&of))))
            .merge(health::routes(self))
    }
}
