//! `cargo xtask pack`: the npm package. Each build of the JavaScript surface becomes a wasm module and its glue; esbuild
//! binds them to the TypeScript face, once for each entry; tsc writes the types; npm packs it all into a tarball.
//!
//! Every entry is bundled by itself, with `everwire-glue` and `everwire-wasm` standing for its own build: so the face is
//! one source, and no entry carries what another needs.

use super::{optimise, small};
use crate::setup::{self, Scope};
use crate::{run, say, workspace::Workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use xshell::cmd;

/// A build of the surface.
struct Module {
    name: &'static str,
    package: &'static str,
    features: &'static str,
    /// What the package calls the module.
    wasm: &'static str,
    /// What of the face stands for the glue, where the glue is not what the face talks to.
    host: Option<&'static str>,
}

const MODULES: &[Module] = &[
    Module {
        name: "client",
        package: "everwire-js-client",
        features: "",
        wasm: "everwire_bg.wasm",
        host: Some("host/glue.ts"),
    },
    Module {
        name: "full",
        package: "everwire-js",
        features: "indexeddb,log,tabs",
        wasm: "everwire_full_bg.wasm",
        host: None,
    },
    Module {
        name: "websocket",
        package: "everwire-js-websocket",
        features: "",
        wasm: "everwire_websocket_bg.wasm",
        host: Some("host/plain.ts"),
    },
    Module {
        name: "eventsource",
        package: "everwire-js-eventsource",
        features: "",
        wasm: "everwire_eventsource_bg.wasm",
        host: Some("host/plain.ts"),
    },
];

/// A bundle: its file in `dist`, its source, the build that it binds, and where the module comes from.
struct Bundle {
    out: &'static str,
    entry: &'static str,
    module: &'static str,
    source: &'static str,
}

const BUNDLES: &[Bundle] = &[
    Bundle { out: "client", entry: "client-entry", module: "client", source: "client" },
    Bundle { out: "client-inline", entry: "client-entry", module: "client", source: "inline" },
    Bundle { out: "full", entry: "full", module: "full", source: "full" },
    Bundle { out: "full-inline", entry: "full", module: "full", source: "full-inline" },
    Bundle { out: "websocket", entry: "websocket", module: "websocket", source: "websocket" },
    Bundle { out: "websocket-inline", entry: "websocket", module: "websocket", source: "inline" },
    Bundle { out: "eventsource", entry: "eventsource", module: "eventsource", source: "eventsource" },
    Bundle { out: "eventsource-inline", entry: "eventsource", module: "eventsource", source: "inline" },
];

/// Entries that only gather others, which stay files of their own: the client, and the drop-ins with their modules inside, so
/// that who doesn't use them has nothing of them.
const GATHERED: &[(&str, &str)] = &[("index", "client"), ("inline", "client-inline")];

/// What those gather beside the client.
const DROPINS: &str = "export { ReconnectingWebSocket } from \"./websocket-inline.js\";
export { ResumableEventSource } from \"./eventsource-inline.js\";
";

/// What a page downloads for each entry: its JavaScript and its module, as packed.
pub fn entries(workspace: &Workspace) -> Vec<(&'static str, [PathBuf; 2])> {
    let own = BUNDLES.iter().filter(|bundle| bundle.source == bundle.module);
    own.filter_map(|bundle| {
        let script = dist_file(workspace, &format!("{}.js", bundle.out));
        Some((bundle.out, [dist_file(workspace, module_of(bundle)?.wasm), script]))
    })
    .collect()
}

fn module_of(bundle: &Bundle) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.name == bundle.module)
}

/// Builds with what `setup` has to fetch for it, and says where the tarball is.
pub fn command(workspace: &Workspace) -> Result<()> {
    setup::ensure(workspace, &[Scope::Wasm, Scope::Node])?;
    let tarball = build(workspace)?;
    say::line(format_args!("packed {}", tarball.display()));
    Ok(())
}

/// Builds `pkg/dist` and the tarball, and returns where that is.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    workspace.once("pack", || build_anew(workspace))?;
    tarball(workspace)
}

fn build_anew(workspace: &Workspace) -> Result<()> {
    let (shell, dist) = (&workspace.shell, workspace.package().join("dist"));
    shell.remove_path(&dist)?;
    shell.create_dir(&dist)?;
    for module in MODULES {
        compile(workspace, module)?;
        shell.copy_file(
            built(workspace, module.name).join("module.wasm"),
            dist_file(workspace, module.wasm),
        )?;
    }
    for bundle in BUNDLES {
        bind(workspace, bundle)?;
    }
    for (out, client) in GATHERED {
        let gathered = format!("export * from \"./{client}.js\";\n{DROPINS}");
        shell.write_file(dist_file(workspace, &format!("{out}.js")), gathered)?;
    }
    let (tsc, project) = (workspace.node_module(".bin/tsc"), workspace.package().join("tsconfig.build.json"));
    run::run(cmd!(shell, "{tsc} -p {project}"))?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        shell.copy_file(workspace.root.join(licence), workspace.package())?;
    }
    let (package, out) = (workspace.package(), tarballs(workspace));
    shell.remove_path(&out)?;
    shell.create_dir(&out)?;
    run::run(cmd!(shell, "npm pack {package} --pack-destination {out} --ignore-scripts --loglevel=error"))
}

/// Compiles a module and makes it small, into a folder under `target/`. Its glue's second way to load it, which the face has no
/// use for and esbuild can't know so, is taken away.
fn compile(workspace: &Workspace, module: &Module) -> Result<()> {
    let Module { name, package, features, .. } = module;
    let (shell, out) = (&workspace.shell, built(workspace, name));
    let features: Vec<&str> = features.split(',').filter(|name| !name.is_empty()).collect();
    let compiled = small::compile(workspace, package, &features)?;
    shell.remove_path(&out)?;
    run::run(cmd!(
        shell,
        "wasm-bindgen {compiled} --target web --omit-default-module-path --no-typescript --out-name glue --out-dir {out}"
    ))?;
    let wasm = out.join("module.wasm");
    std::fs::rename(out.join("glue_bg.wasm"), &wasm).context("what wasm-bindgen put out")?;
    let glue = out.join("glue.js");
    let script = std::fs::read_to_string(&glue).context("what wasm-bindgen put out")?;
    std::fs::write(
        &glue,
        script.replace("export { initSync, __wbg_init as default }", "export { __wbg_init as default }"),
    )?;
    optimise::optimise(workspace, &wasm)
}

/// Binds a build to the face. Only wasm-bindgen's loader warns, of servers that don't know the module's type: it is left out.
fn bind(workspace: &Workspace, bundle: &Bundle) -> Result<()> {
    let Bundle { out, entry, module, source } = bundle;
    let (esbuild, sources) = (workspace.node_module(".bin/esbuild"), workspace.package().join("src"));
    let (entry, source) = (sources.join(format!("{entry}.ts")), sources.join(format!("source/{source}.ts")));
    let folder = built(workspace, module);
    let bytes = folder.join("module.wasm");
    let host = module_of(bundle).and_then(|module| module.host);
    let glue = host.map_or_else(|| folder.join("glue.js"), |host| sources.join(host));
    let out = dist_file(workspace, &format!("{out}.js"));
    run::run(cmd!(
        workspace.shell,
        "{esbuild} {entry} --bundle --format=esm --target=es2022 --minify --legal-comments=none --log-level=warning --pure:console.warn
         --alias:everwire-glue={glue} --alias:everwire-wasm={source} --alias:everwire-bytes={bytes}
         --loader:.wasm=base64 --outfile={out}"
    ))
}

/// Where a build's module and glue are put.
pub fn built(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target.join("pack").join(name)
}

fn tarballs(workspace: &Workspace) -> PathBuf {
    workspace.target.join("pack/tarball")
}

/// The one that was packed.
fn tarball(workspace: &Workspace) -> Result<PathBuf> {
    let files = workspace.shell.read_dir(tarballs(workspace))?;
    files.into_iter().next().context("npm has packed nothing")
}

fn dist_file(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.package().join("dist").join(Path::new(name))
}
