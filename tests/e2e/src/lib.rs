//! What the end-to-end tests stand on: the real server as a process, real browsers, and a proxy between them
//! that cuts, stalls and refuses as told.
//!
//! It must not know: any crate of the workspace. It speaks to the shipped binaries and files only, as users do.
//!
//! `cargo xtask test --only e2e` builds what is tested and runs all of it; `cargo test -p everwire-e2e --test cuts`
//! runs one binary, and builds what the environment does not name (see [`artifacts`]). Logs, and what a failing
//! test's windows showed, are in `target/e2e/TEST/`. `EVERWIRE_SEED=7` cuts at other moments than usual.

pub mod artifacts;
pub mod browser;
pub mod demo;
pub mod driver;
pub mod engine;
pub mod events;
pub mod harness;
pub mod life;
pub mod page;
pub mod processes;
pub mod proxy;
pub mod server;
pub mod wait;
