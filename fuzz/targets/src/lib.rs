//! The fuzz targets: functions over bytes that panic when something does not hold that must. libFuzzer drives them
//! (`cargo xtask fuzz`), and a test replays the committed corpus over them on stable. They know no fuzzer.

#![allow(clippy::panic, reason = "how a target tells what it found")]

mod binary;
mod corpus;
mod event;
mod json;
mod request;
mod session;
mod sse;
mod text;

pub use binary::binary;
pub use corpus::{Unreadable, inputs};
pub use event::event;
pub use json::json;
pub use request::request;
pub use session::session;
pub use sse::sse;
pub use text::text;

/// What one target is called, and what it does with an input.
pub struct Target {
    /// Its name: that of its corpus and of its fuzzer.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "binary", run: binary },
    Target { name: "event", run: event },
    Target { name: "json", run: json },
    Target { name: "request", run: request },
    Target { name: "session", run: session },
    Target { name: "sse", run: sse },
    Target { name: "text", run: text },
];
