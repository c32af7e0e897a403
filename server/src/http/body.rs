//! Request bodies, read whole and within their limit.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use bytes::Bytes;
use everwire_protocol::{Code, limits};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::problem::Problem;

/// Reads a body of at most [`limits::FRAME_BYTES`], which may take so long to come.
pub async fn read(body: Body, timeout: Duration) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(Code::TOO_LARGE, format!("the body is over {} bytes", limits::FRAME_BYTES));
    if body.size_hint().lower() > limits::FRAME_BYTES as u64 {
        // Said so beforehand: not waited for.
        return Err(too_large());
    }
    let limited = Limited::new(body, limits::FRAME_BYTES);
    match tokio::time::timeout(timeout, limited.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::BAD_REQUEST, "the body can't be read")),
        Err(_) => Err(Problem::new(Code::TIMEOUT, "the body did not come in time")),
    }
}

/// The media type of the body, where the client names one.
pub fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}
