//! Several instances over one Redis, as an operator runs them: the real binary, the real Redis, the real nginx, and
//! clients that are the real client core. A step of its own in `cargo xtask test`.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "../parts/binary.rs"]
mod binary;
mod client;
#[path = "../webhooks/endpoint.rs"]
#[allow(dead_code, reason = "the webhooks' own tests want more of it")]
mod endpoint;
mod examples;
mod instance;
mod kills;
mod log;
mod nginx;
#[path = "../parts/redis_server.rs"]
#[allow(dead_code, reason = "the store's own tests want more of it")]
mod redis_server;
mod rolling;
mod tickets;
mod webhooks;

use std::time::Duration;

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, looking).await.is_ok(), "waited too long: {what}");
}
