//! What rustup adds to the toolchain: the wasm target, and the lint tools where the profile is a minimal one.

use super::{Part, Scope};
use crate::{run, workspace::Workspace};
use std::path::PathBuf;
use xshell::cmd;

const TARGET: &str = "wasm32-unknown-unknown";

pub fn parts() -> Vec<Part> {
    vec![
        Part {
            scope: Scope::Lint,
            name: "rustfmt and clippy".to_owned(),
            why: "the format and lint checks",
            optional: false,
            present: Box::new(|workspace| {
                let shell = &workspace.shell;
                run::ask(cmd!(shell, "cargo fmt --version"))?;
                run::ask(cmd!(shell, "cargo clippy --version"))
            }),
            install: Box::new(|workspace| {
                run::run(cmd!(workspace.shell, "rustup component add rustfmt clippy"))
            }),
        },
        Part {
            scope: Scope::Wasm,
            name: format!("target {TARGET}"),
            why: "the client and the demo are compiled to it",
            optional: false,
            present: Box::new(|workspace| {
                target_library(workspace)?.is_dir().then(|| "in the toolchain".to_owned())
            }),
            install: Box::new(|workspace| run::run(cmd!(workspace.shell, "rustup target add {TARGET}"))),
        },
        Part {
            scope: Scope::Wasm,
            name: "the standard library's source".to_owned(),
            why: "what npm users download is compiled with a standard library made for size",
            optional: false,
            present: Box::new(|workspace| {
                let source = sysroot(workspace)?.join("lib/rustlib/src/rust/library/Cargo.toml");
                source.is_file().then(|| "in the toolchain".to_owned())
            }),
            install: Box::new(|workspace| run::run(cmd!(workspace.shell, "rustup component add rust-src"))),
        },
    ]
}

/// Looked for in the toolchain itself: one that wasn't installed by rustup may have it just as well.
fn target_library(workspace: &Workspace) -> Option<PathBuf> {
    Some(sysroot(workspace)?.join("lib/rustlib").join(TARGET).join("lib"))
}

fn sysroot(workspace: &Workspace) -> Option<PathBuf> {
    run::ask(cmd!(workspace.shell, "rustc --print sysroot")).map(PathBuf::from)
}
