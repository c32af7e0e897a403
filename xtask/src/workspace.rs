//! Where things are: the workspace's folders, the tools that it fetched, and the versions it is pinned to.

use anyhow::{Context, Result, anyhow};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use xshell::Shell;

/// The folders of this checkout, and a shell that stands in its root with the fetched tools first on its `PATH`.
pub struct Workspace {
    /// The root of the checkout.
    pub root: PathBuf,
    /// Cargo's target directory, wherever the user has put it.
    pub target: PathBuf,
    /// Runs commands in the root.
    pub shell: Shell,
    /// What this process has built already.
    built: RefCell<BTreeSet<&'static str>>,
}

impl Workspace {
    /// Finds the workspace that this program was built from.
    pub fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.parent().context("xtask stands in a folder of the workspace")?.to_owned();
        let metadata = cargo_metadata::MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .no_deps()
            .exec()
            .context("cargo metadata")?;
        let shell = Shell::new()?;
        shell.change_dir(&root);
        let workspace = Self {
            root,
            target: metadata.target_directory.into_std_path_buf(),
            shell,
            built: RefCell::default(),
        };
        workspace.shell.set_var("PATH", with_first(&[workspace.tools_bin()])?);
        Ok(workspace)
    }

    /// Where `setup` installs cargo tools: in the checkout, so that nobody's own tools are replaced, and outside
    /// of `target/`, so that `cargo clean` doesn't cost minutes.
    pub fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }

    /// The executables among those.
    pub fn tools_bin(&self) -> PathBuf {
        self.tools().join("bin")
    }

    /// The folder with the npm manifest of the tools.
    pub fn node(&self) -> PathBuf {
        self.root.join("xtask/node")
    }

    /// A file of an installed npm package.
    pub fn node_module(&self, path: &str) -> PathBuf {
        self.node().join("node_modules").join(path)
    }

    /// npm's `wasm-opt`. Never the one on `PATH`: Debian's 108 corrupts today's output without an error.
    pub fn wasm_opt(&self) -> PathBuf {
        self.node_module(".bin/wasm-opt")
    }

    /// The built demo.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// The built JavaScript surface.
    pub fn js_dist(&self) -> PathBuf {
        self.target.join("js")
    }

    /// The folder of the npm package.
    pub fn package(&self) -> PathBuf {
        self.root.join("pkg")
    }

    /// The server's executable (release).
    pub fn server_bin(&self) -> PathBuf {
        self.target.join("release").join(format!("everwire-server{}", std::env::consts::EXE_SUFFIX))
    }

    /// Runs `build` unless this process has done so under that name: several steps want the same output, and
    /// trunk and wasm-opt start from nothing each time.
    pub fn once(&self, name: &'static str, build: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.built.borrow().contains(name) {
            return Ok(());
        }
        build()?;
        self.built.borrow_mut().insert(name);
        Ok(())
    }

    /// The version of `package` in Cargo.lock.
    pub fn locked_version(&self, package: &str) -> Result<String> {
        let lock = self.shell.read_file("Cargo.lock")?;
        locked_version(&lock, package).ok_or_else(|| anyhow!("Cargo.lock has no package {package}"))
    }

    /// The executable of that name, as a command in this workspace would find it.
    pub fn which(&self, name: &str) -> Option<PathBuf> {
        let path = self.shell.var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_executable(file))
    }
}

/// The `PATH` with `folders` before all others.
pub fn with_first(folders: &[PathBuf]) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(folders.iter().cloned().chain(std::env::split_paths(&path)))?)
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"').map(str::to_owned)
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file() || file.with_extension("exe").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.126\"\n\n\
                        [[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.76\"\n";

    #[test]
    fn the_locked_version_is_of_exactly_that_package() {
        assert_eq!(locked_version(LOCK, "wasm-bindgen").as_deref(), Some("0.2.126"));
        assert_eq!(locked_version(LOCK, "wasm-bindgen-futures").as_deref(), Some("0.4.76"));
        assert_eq!(locked_version(LOCK, "wasm"), None);
    }

    #[test]
    fn what_was_built_is_not_built_again_and_what_failed_is() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.once("page", || Err(anyhow!("no compiler"))).is_err());
        assert!(workspace.once("page", || Ok(())).is_ok());
        assert!(workspace.once("page", || Err(anyhow!("asked again"))).is_ok());
    }

    #[test]
    fn fetched_tools_come_before_the_users_own() {
        let path = with_first(&[PathBuf::from("first"), PathBuf::from("second")]).unwrap();
        let folders: Vec<_> = std::env::split_paths(&path).take(2).collect();
        assert_eq!(folders, [PathBuf::from("first"), PathBuf::from("second")]);
    }
}
