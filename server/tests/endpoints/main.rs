//! The server over real sockets: one module per endpoint, a server of its own per test.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod browser;
mod described;
mod drain;
mod files;
mod guards;
mod metrics;
mod operations;
mod poll;
mod presence;
mod publish;
mod sse;
mod support;
mod tls;
mod tokens;
mod topics;
mod ws;
mod ws_limits;
