//! `cargo xtask bench`: what is measured, and not tested. One file per benchmark.

mod browser;
mod server;

use crate::workspace::Workspace;
use anyhow::Result;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// The client in a page beside other clients; writes docs/performance.md.
    Browser(browser::Args),
    /// The server under load beside nchan and socket.io; writes docs/performance-server.md.
    Server(server::Args),
}

/// Runs one benchmark.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    match &args.what {
        What::Browser(args) => browser::command(workspace, args),
        What::Server(args) => server::command(workspace, args),
    }
}
