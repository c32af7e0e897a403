//! `cargo xtask demo`: from a fresh clone to a URL that chats.

use crate::setup::{self, Scope};
use crate::{build, say, server::Server, workspace::Workspace};
use anyhow::{Context, Result};
use std::net::TcpListener;
use std::process::{Command, Stdio};

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Args {
    /// Build the page as it would be shipped: small, optimised, and slower to build.
    #[arg(long)]
    release: bool,
    /// The port to listen on. When it is taken, and wasn't asked for, a free one is used.
    #[arg(long)]
    port: Option<u16>,
}

const PORT: u16 = 8080;

/// Builds, starts, prints the URL, and stays until Ctrl-C.
pub fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut scopes = vec![Scope::Wasm, Scope::Trunk];
    if args.release {
        scopes.push(Scope::Node);
    }
    setup::ensure(workspace, &scopes)?;
    say::heading("the page");
    build::demo::build(workspace, args.release)?;
    say::heading("the server");
    build::server::build(workspace)?;
    let listen = format!("127.0.0.1:{}", args.port.unwrap_or_else(free_port));
    let dist = workspace.dist().display().to_string();
    let server = Server::start(workspace, &["--listen", &listen, "--static", &dist])?;
    end_with_us(&server)?;
    say::heading(format_args!("The demo is at {}", server.url));
    say::line("Open it in two windows and chat. The badge shows the connection, and lets you cut it.");
    say::line("Ctrl-C stops it.");
    server.wait()
}

/// The usual port, or any free one when something is there already.
fn free_port() -> u16 {
    if TcpListener::bind(("127.0.0.1", PORT)).is_ok() {
        return PORT;
    }
    say::line(format_args!("Port {PORT} is taken: the system picks another."));
    0
}

/// Ctrl-C reaches the server, too; `kill` of this process would not. Either way it drains, and we wait for it.
pub fn end_with_us(server: &Server) -> Result<()> {
    let id = server.id().to_string();
    ctrlc::set_handler(move || {
        // It fails only where the server has gone already.
        let _ = Command::new("kill").args(["-TERM", &id]).stderr(Stdio::null()).status();
    })
    .context("listening for Ctrl-C")
}
