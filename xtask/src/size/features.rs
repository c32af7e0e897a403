//! What each optional feature of the client costs those who choose it: the module and its JavaScript together,
//! without any, with each alone, and with all. The features are those of the JavaScript surface's manifest.

use super::{measure::Size, minified, size_of};
use crate::{build::js, say, workspace::Workspace};
use anyhow::{Context, Result};

/// Builds the client once for each row, and prints the table. It is of wasm-bindgen's JavaScript, without the package's face.
pub fn report(workspace: &Workspace) -> Result<()> {
    let names = names(workspace)?;
    let minimal = measure(workspace, &[])?;
    let each = names.iter().map(|name| (format!("client with {name}"), vec![name.as_str()]));
    let all = (format!("client with all {}", names.len()), names.iter().map(String::as_str).collect());
    say::heading("what a feature costs, in bytes");
    say::line(format_args!("{:<50} {:>10} {:>10} {:>10} {:>10}", "client", "raw", "gzip", "brotli", "more"));
    say::line(format_args!("{:<50} {minimal}", "client, minimal"));
    for (title, features) in each.chain([all]) {
        let size = measure(workspace, &features)?;
        say::line(format_args!("{title:<50} {size} {:>10}", size.beyond(minimal)));
    }
    Ok(())
}

fn measure(workspace: &Workspace, features: &[&str]) -> Result<Size> {
    let out = workspace.target.join("size/features");
    js::bundle(workspace, features, &out)?;
    let mut size = size_of(&out.join(js::WASM))?;
    size += size_of(&minified(workspace, &out.join(js::GLUE))?)?;
    Ok(size)
}

/// The optional features, in the order of their names.
fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(workspace.root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata")?;
    let package = metadata.packages.into_iter().find(|package| package.name.as_str() == "everwire-js");
    let package = package.context("there is no package everwire-js")?;
    let mut names: Vec<_> = package.features.into_keys().filter(|name| name != "default").collect();
    names.sort();
    Ok(names)
}
