//! The simulation: the real client core against the real server log and peers, over a seeded network in
//! virtual time, judged by a reference model.
//!
//! A run is drawn from one number. When an invariant breaks, that number is the bug report, and
//! `cargo xtask sim --seed N` plays it again, with `--trace` step by step.

#![allow(missing_docs, reason = "private to the workspace; the modules say what they are for")]
#![allow(clippy::print_stdout, reason = "the trace of a run goes there")]

mod app;
mod books;
mod calendar;
mod carrier;
mod chaos;
mod client;
mod connection;
mod fault;
mod life;
mod machine;
pub mod members;
pub mod model;
mod network;
mod page;
mod pipe;
pub mod reading;
mod report;
mod request;
mod schedule;
mod server;
mod serving;
mod store;
mod tab;
mod tabs;
mod tokens;
pub mod truth;
mod world;

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

pub use report::Report;
pub use world::{World, topics};

/// Runs the world of one seed.
///
/// # Errors
/// The broken invariant, the time, and how to play it again.
pub fn run(seed: u64, trace: bool) -> Result<Report, String> {
    World::new(seed, trace)
        .and_then(World::run)
        .map_err(|broken| format!("seed {seed}, {broken}\nreplay: cargo xtask sim --seed {seed} --trace"))
}

/// Runs the worlds of many seeds on all cores: what they amounted to, and what was broken.
#[must_use]
pub fn run_many(seeds: Range<u64>) -> (Report, Vec<String>) {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        let mut done = (Report::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return done;
            }
            match run(seed, false) {
                Ok(report) => done.0 += report,
                Err(broken) => done.1.push(broken),
            }
        }
    };
    let mut all = (Report::default(), Vec::new());
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            match worker.join() {
                Ok((report, broken)) => {
                    all.0 += report;
                    all.1.extend(broken);
                }
                Err(_) => all.1.push("a run panicked; its message is above".to_owned()),
            }
        }
    });
    all
}
