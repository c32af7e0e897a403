//! What a run does, as its caller writes it.

use std::net::SocketAddr;

use clap::Parser;

use crate::dialect::{Server, Transport};

/// Connects subscribers to a push server, publishes to them, and reports what came through and what it cost.
///
/// The phases are, in this order and on the same connections: idle (`--hold`), bursts (`--bursts`), and
/// evenly paced publishes (`--paced`).
#[derive(Clone, Debug, Parser)]
#[command(name = "everwire-load", version)]
pub struct Options {
    /// Where the server listens
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub address: SocketAddr,

    /// Which server it is
    #[arg(long, value_enum, default_value_t = Server::Everwire)]
    pub server: Server,

    /// How subscribers connect
    #[arg(long, value_enum, default_value_t = Transport::Websocket)]
    pub transport: Transport,

    /// The server's process: its CPU time and memory are reported (Linux)
    #[arg(long)]
    pub pid: Option<u32>,

    /// Subscribers
    #[arg(long, default_value_t = 1_000)]
    pub connections: usize,

    /// Topics: subscribers are dealt out among them, and publishers go round
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub topics: u32,

    /// Publishers, each on a connection of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub publishers: u16,

    /// Bytes of a payload, at least 32
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(32..=60_000))]
    pub payload: u32,

    /// Connections begun in a second; 0 for as many as go
    #[arg(long, default_value_t = 0)]
    pub ramp: u32,

    /// Connections that may be on their way at once
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    pub opening: u32,

    /// Connections from one address; the next ones come from the next address of 127.0.0.0/8
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=28_000))]
    pub per_address: u32,

    /// Seconds to wait before memory is looked at, so that what the start cost is gone
    #[arg(long, default_value_t = 2)]
    pub settle: u64,

    /// Seconds to be idle
    #[arg(long, default_value_t = 0)]
    pub hold: u64,

    /// Bursts, each begun when the one before has arrived
    #[arg(long, default_value_t = 0)]
    pub bursts: u32,

    /// Publishes of a burst, back to back: all in flight at once
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub burst: u32,

    /// Seconds of evenly paced publishes
    #[arg(long, default_value_t = 0)]
    pub paced: u64,

    /// Those in a second, of each publisher
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,

    /// Seconds that deliveries may be late before they are lost
    #[arg(long, default_value_t = 30)]
    pub patience: u64,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Fail when anything was lost or repeated, or a connection ended
    #[arg(long)]
    pub check: bool,
}
