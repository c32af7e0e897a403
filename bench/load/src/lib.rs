//! A load tool for push servers: thousands of subscribers on one thread, publishers beside them, and a report
//! of what came through, how late, and what it cost the server.
//!
//! It speaks to Everwire and to the servers that Everwire is compared with, all by the same means: see
//! [`dialect`] for what differs. It knows Everwire's protocol, and nothing of its server's code.

mod answer;
pub mod dialect;
pub mod options;
pub mod process;
mod publisher;
pub mod report;
mod run;
mod stamp;
mod subscriber;
mod swarm;
mod tally;
mod websocket;

pub use run::run;
