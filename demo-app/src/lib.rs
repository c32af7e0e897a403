//! The Everwire demo: a chat, a dashboard, and a panel that shows and shakes the connection.
//!
//! The modules that decide something ([`format`], [`route`], [`chat::log`], [`chat::outbox`],
//! [`chat::typing`], [`chat::linkify`], [`dashboard::series`], [`dashboard::scale`], [`link::words`],
//! [`link::timeline`]) are pure and tested natively; the others bind them to signals and to the page. The
//! client is used by its public API only, as any app would use it.

pub mod app;
pub mod browser;
pub mod chat;
pub mod dashboard;
pub mod format;
pub mod icon;
pub mod link;
pub mod route;
pub mod theme;
