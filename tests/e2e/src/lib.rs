//! What the end-to-end tests stand on: the real server as a process, real browsers, and a proxy between them
//! that cuts, stalls and refuses as told.
//!
//! It must not know: any crate of the workspace. It speaks to the shipped binaries and files only, as users do.

pub mod artifacts;
pub mod browser;
pub mod demo;
pub mod driver;
pub mod events;
pub mod harness;
pub mod page;
pub mod proxy;
pub mod server;
pub mod wait;
