//! `cargo xtask serve`: the demo while one works on it. trunk rebuilds and reloads the page, and passes what is meant
//! for the server on to a real one, as `Trunk.toml` says.

use crate::setup::{self, Scope};
use crate::{build, demo, run, server::Server, workspace::Workspace};
use anyhow::Result;
use xshell::cmd;

/// Where `Trunk.toml` looks for the server.
const SERVER: &str = "127.0.0.1:8080";
/// Where trunk serves the page, unlike its own default, which is the server's.
const PAGE: &str = "8081";

/// Stays until Ctrl-C.
pub fn command(workspace: &Workspace) -> Result<()> {
    setup::ensure(workspace, &[Scope::Wasm, Scope::Trunk])?;
    build::server::build(workspace)?;
    let origins = [format!("http://127.0.0.1:{PAGE}"), format!("http://localhost:{PAGE}")].join(",");
    let server = Server::start(workspace, &["--listen", SERVER, "--allow-origin", &origins])?;
    demo::end_with_us(&server)?;
    run::run(cmd!(workspace.shell, "trunk serve --offline --port {PAGE}").env_remove("NO_COLOR"))
}
