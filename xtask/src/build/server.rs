//! The server's executable, in release: a debug build would make the figures on the dashboard a lie.

use crate::{run, workspace::Workspace};
use anyhow::Result;
use xshell::cmd;

/// Builds `Workspace::server_bin`.
pub fn build(workspace: &Workspace) -> Result<()> {
    workspace.once("server", || {
        run::run(cmd!(workspace.shell, "cargo build --locked --release -p everwire-server"))
    })
}
