//! Where the things under test lie, and where what is left of a run goes. What the environment does not name is
//! built first, so that a test never runs against yesterday's binary.
//!
//! It must not know what the things do.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result, anyhow, ensure};

/// The workspace's root.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).unwrap_or(here).to_owned()
    })
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |target| root().join(target))
}

/// Where logs, screenshots and downloads of the tests go: `target/e2e/…`. The directory is there on return.
pub fn out(name: &str) -> Result<PathBuf> {
    let directory = target().join("e2e").join(name);
    fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    Ok(directory)
}

/// The server's binary: `EVERWIRE_SERVER_BIN`, or a debug build.
pub fn server() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&BUILT, "EVERWIRE_SERVER_BIN", || {
        cargo(&["build", "--package", "everwire-server"])?;
        Ok(target().join("debug/everwire-server"))
    })
}

/// The JavaScript surface as wasm-bindgen makes it for `--target web`, `everwire.js` and `everwire_bg.wasm`:
/// `EVERWIRE_JS_DIR`, or a build with all that the matrix uses.
pub fn javascript() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&BUILT, "EVERWIRE_JS_DIR", || {
        let (triple, profile) = ("wasm32-unknown-unknown", "wasm-release");
        let features = "--features=indexeddb,tabs";
        cargo(&["build", "--package", "everwire-js", features, "--target", triple, "--profile", profile])?;
        let wasm = target().join(triple).join(profile).join("everwire_js.wasm");
        let directory = out("js")?;
        let mut command = Command::new("wasm-bindgen");
        command.args(["--target", "web", "--out-name", "everwire", "--out-dir"]).args([&directory, &wasm]);
        run(&mut command)?;
        Ok(directory)
    })
}

/// The built demo: `EVERWIRE_DIST`, or a release build by trunk.
pub fn demo() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&BUILT, "EVERWIRE_DIST", || {
        let directory = out("dist")?;
        let mut command = Command::new("trunk");
        // trunk reads NO_COLOR as a flag of its own, and takes only true and false for a value.
        command.args(["build", "--offline", "--release", "--dist"]).arg(&directory).env_remove("NO_COLOR");
        run(command.current_dir(root()))?;
        Ok(directory)
    })
}

/// axe-core's script: `EVERWIRE_AXE`, or what `cargo xtask setup` has installed.
pub fn axe() -> Result<PathBuf> {
    if let Some(path) = env::var_os("EVERWIRE_AXE") {
        return Ok(path.into());
    }
    let path = root().join("xtask/node/node_modules/axe-core/axe.min.js");
    ensure!(path.is_file(), "axe-core is not installed: run `cargo xtask setup`");
    Ok(path)
}

/// The plain pages of these tests.
pub fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pages")
}

fn once(
    built: &OnceLock<Result<PathBuf, String>>,
    variable: &str,
    build: impl FnOnce() -> Result<PathBuf>,
) -> Result<PathBuf> {
    let path = built.get_or_init(|| {
        let path = env::var_os(variable).map_or_else(build, |path| Ok(root().join(path)));
        let path = path.and_then(|path| {
            ensure!(path.exists(), "{} is not there", path.display());
            Ok(path)
        });
        path.map_err(|error| format!("{variable} is not set, or is wrong: {error:#}"))
    });
    path.clone().map_err(|error| anyhow!(error))
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).args(arguments).current_dir(root()))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
