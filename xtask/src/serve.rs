//! `cargo xtask serve`: the demo while one works on it. trunk rebuilds and reloads the page, and passes what is meant
//! for the server on to a real one, as `Trunk.toml` says.

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
    run::run(cmd!(workspace.shell, "trunk serve --offline").env_remove("NO_COLOR"))
}
