//! The compiler as what npm users download needs it: the standard library built with the module, for size, and a panic that is
//! nothing but a trap. No other build is made so, because it takes an option that rustc has not called stable.
//!
//! It is in a folder of its own under `target/`, since what is built with that option is of no use to anything else.

use crate::{run, workspace::Workspace};
use anyhow::Result;
use std::path::PathBuf;
use xshell::cmd;

const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles a cdylib of the workspace, and returns its module, which wasm-bindgen takes next.
pub fn compile(workspace: &Workspace, package: &str, features: &[&str]) -> Result<PathBuf> {
    let (folder, features) = (workspace.target.join("small"), features.join(","));
    run::run(
        cmd!(
            workspace.shell,
            "cargo build --locked -p {package} --features={features} --target {TARGET} --profile wasm-release
             --target-dir {folder} -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size"
        )
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Zunstable-options -Cpanic=immediate-abort"),
    )?;
    Ok(folder.join(TARGET).join("wasm-release").join(format!("{}.wasm", package.replace('-', "_"))))
}
