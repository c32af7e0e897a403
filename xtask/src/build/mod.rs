//! Builds what ships: the demo's page, the JavaScript surface, the server. One way for each, used by every command,
//! so that what is measured, tested and shown is the same thing.

pub mod demo;
pub mod js;
pub mod optimise;
pub mod pack;
pub mod server;
pub mod small;
