//! The npm packages that the build and the tests use: those of a folder, at its lockfile's versions.

use super::{Part, Scope};
use crate::{run, workspace::Workspace};
use anyhow::{Context, Result};
use std::path::Path;
use xshell::cmd;

/// The lockfile that the installed packages are of, kept beside them: npm itself would need a second to tell.
const STAMP: &str = "node_modules/.installed-from.json";

pub fn parts() -> Vec<Part> {
    vec![
        packages(
            Scope::Node,
            "npm packages",
            "wasm-opt 132 (what distributions ship corrupts the output), esbuild, tsc, axe-core and validators",
            "xtask/node",
        ),
        packages(
            Scope::Bundlers,
            "bundlers, runtimes and frameworks from npm",
            "what the packed npm package is tried with",
            "tests/npm",
        ),
    ]
}

/// The packages of a folder.
pub fn packages(scope: Scope, name: &str, why: &'static str, folder: &'static str) -> Part {
    Part {
        scope,
        name: name.to_owned(),
        why,
        optional: false,
        present: Box::new(move |workspace| {
            let folder_path = workspace.root.join(folder);
            let lock = std::fs::read(folder_path.join("package-lock.json")).ok()?;
            let installed = std::fs::read(folder_path.join(STAMP)).ok()?;
            (lock == installed).then(|| format!("as locked in {folder}/package-lock.json"))
        }),
        install: Box::new(move |workspace| install(workspace, &workspace.root.join(folder))),
    }
}

fn install(workspace: &Workspace, folder: &Path) -> Result<()> {
    workspace.which("npm").context("npm is not on PATH: install Node.js 20 or later")?;
    run::run(cmd!(workspace.shell, "npm ci --prefix {folder} --no-audit --no-fund"))?;
    std::fs::copy(folder.join("package-lock.json"), folder.join(STAMP))
        .context("noting what was installed")?;
    Ok(())
}
