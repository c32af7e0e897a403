//! An endpoint of somebody's own: checks signatures with the standard's library, answers as it is told, and keeps what
//! it got.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::Value;
use tokio::sync::watch;

/// 24 bytes.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A request: its id, its body, and what it was answered.
#[derive(Clone, Debug)]
pub struct Got {
    pub id: String,
    pub body: Value,
    pub status: u16,
}

pub struct Endpoint {
    pub url: String,
    answers: Mutex<VecDeque<u16>>,
    got: watch::Sender<Vec<Got>>,
}

impl Endpoint {
    pub async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let endpoint = Arc::new(Self { url, answers: Mutex::default(), got: watch::Sender::default() });
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&endpoint));
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    /// Answers so, in this order, and with 200 after that.
    pub fn answer(&self, statuses: &[u16]) {
        self.answers.lock().expect("no panic").extend(statuses);
    }

    /// Waits until it has got so many requests.
    pub async fn got(&self, count: usize) -> Vec<Got> {
        let mut seen = self.got.subscribe();
        let got = seen.wait_for(|got| got.len() >= count);
        let got = tokio::time::timeout(super::PATIENCE, got).await.expect("in time").expect("is there");
        got.clone()
    }
}

async fn take(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signer = standardwebhooks::Webhook::new(SECRET).expect("a secret");
    signer.verify(&body, &headers).expect("it is signed");
    let id = headers["webhook-id"].to_str().expect("text").to_owned();
    let status = endpoint.answers.lock().expect("no panic").pop_front().unwrap_or(200);
    let body = serde_json::from_slice(&body).expect("JSON");
    endpoint.got.send_modify(|got| got.push(Got { id, body, status }));
    StatusCode::from_u16(status).expect("a status")
}
