//! `cargo xtask serve`: the demo while one works on it. trunk rebuilds and reloads the page, beside a real server
//! that the page talks to.

use crate::setup::{self, Scope};
use crate::{build, demo, run, server::Server, workspace::Workspace};
use anyhow::Result;
use xshell::cmd;

/// Where `Trunk.toml` looks for the server.
const SERVER: &str = "127.0.0.1:8080";
/// Where it serves the page.
const PAGES: &str = "http://127.0.0.1:8088,http://localhost:8088";

/// Stays until Ctrl-C.
pub fn command(workspace: &Workspace) -> Result<()> {
    setup::ensure(workspace, &[Scope::Wasm, Scope::Trunk])?;
    build::demo::fetch(workspace)?;
    build::server::build(workspace)?;
    let server = Server::start(workspace, &["--listen", SERVER, "--allow-origin", PAGES])?;
    demo::end_with_us(&server)?;
    // trunk's proxy leaves the WebSocket's subprotocol out: the page talks to the server itself.
    let server = format!("http://{SERVER}");
    run::run(
        cmd!(workspace.shell, "trunk serve --offline").env("EVERWIRE_SERVER", server).env_remove("NO_COLOR"),
    )
}
