//! The Everwire server, as a library: every topic is a log, every consumer is a cursor.
//!
//! From the inside out: [`log`] is one topic's log and pure; [`store`] keeps many, behind a trait;
//! [`presence`] knows who is where; [`guard`] bounds what one client may take; [`hub`] is what all connections share; [`peer`] is the protocol of one
//! consumer, without any I/O; [`http`] has the endpoints; [`server`] puts it all together by [`config`].

pub mod auth;
pub mod clock;
pub mod config;
pub mod counters;
pub mod guard;
pub mod histogram;
pub mod http;
pub mod hub;
pub mod jitter;
pub mod log;
pub mod metrics;
pub mod metrics_topics;
pub mod order;
pub mod peer;
pub mod presence;
pub mod server;
pub mod store;
pub mod text_file;
pub mod watched;
pub mod webhook;
