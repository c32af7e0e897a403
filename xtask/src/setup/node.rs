//! The npm packages that the build and the tests use: `xtask/node/package.json`, at its lockfile's versions.

use super::{Part, Scope};
use crate::{run, workspace::Workspace};
use anyhow::{Context, Result};
use xshell::cmd;

/// The lockfile that the installed packages are of, kept beside them: npm itself would need a second to tell.
const STAMP: &str = "node_modules/.installed-from.json";

pub fn part() -> Part {
    Part {
        scope: Scope::Node,
        name: "npm packages".to_owned(),
        why: "wasm-opt 132 (what distributions ship corrupts the output), esbuild, axe-core and validators",
        optional: false,
        present: Box::new(|workspace| {
            let lock = std::fs::read(workspace.node().join("package-lock.json")).ok()?;
            let installed = std::fs::read(workspace.node().join(STAMP)).ok()?;
            (lock == installed).then(|| "as locked in xtask/node/package-lock.json".to_owned())
        }),
        install: Box::new(install),
    }
}

fn install(workspace: &Workspace) -> Result<()> {
    let node = workspace.node();
    workspace.which("npm").context("npm is not on PATH: install Node.js 20 or later")?;
    run::run(cmd!(workspace.shell, "npm ci --prefix {node} --no-audit --no-fund"))?;
    std::fs::copy(node.join("package-lock.json"), node.join(STAMP)).context("noting what was installed")?;
    Ok(())
}
