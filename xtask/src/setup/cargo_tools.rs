//! Tools that cargo installs, each at exactly one version, into the checkout's own `.tools/`.
//!
//! They are compiled with little optimisation: they run for seconds and are compiled for minutes
//! (docs/decisions/003-demo-build.md has the times).

use super::{Part, Scope};
use crate::{run, workspace::Workspace};
use anyhow::Result;
use xshell::cmd;

/// 0.22 wants a newer rustc than the workspace does.
const TRUNK: &str = "0.21.14";

const GECKODRIVER: &str = "0.37.1";

/// One tool to install.
struct Tool {
    package: &'static str,
    version: String,
    /// It and every other executable of the package that is used here.
    executables: &'static [&'static str],
    /// Further arguments of `cargo install`.
    options: &'static [&'static str],
    opt_level: &'static str,
}

pub fn parts(workspace: &Workspace) -> Result<Vec<Part>> {
    let wasm_bindgen = Tool {
        package: "wasm-bindgen-cli",
        version: workspace.locked_version("wasm-bindgen")?,
        executables: &["wasm-bindgen", "wasm-bindgen-test-runner"],
        options: &[],
        opt_level: "1",
    };
    let trunk = Tool {
        package: "trunk",
        version: TRUNK.to_owned(),
        executables: &["trunk"],
        // Without TLS and the update check: it serves and proxies plain HTTP here, and downloads nothing.
        options: &["--no-default-features"],
        opt_level: "0",
    };
    let geckodriver = Tool {
        package: "geckodriver",
        version: GECKODRIVER.to_owned(),
        executables: &["geckodriver"],
        options: &[],
        opt_level: "0",
    };
    Ok(vec![
        part(Scope::Wasm, "it must be of exactly the version that Cargo.lock has", wasm_bindgen),
        part(Scope::Trunk, "it builds and serves the demo", trunk),
        part(Scope::Matrix, "it drives Firefox in the fault matrix", geckodriver),
    ])
}

fn part(scope: Scope, why: &'static str, tool: Tool) -> Part {
    let name = format!("{} {}", tool.package, tool.version);
    let tool = std::rc::Rc::new(tool);
    let wanted = tool.clone();
    Part {
        scope,
        name,
        why,
        optional: false,
        present: Box::new(move |workspace| wanted.present(workspace)),
        install: Box::new(move |workspace| tool.install(workspace)),
    }
}

impl Tool {
    /// The user's own installation serves as well, when its version is the right one.
    fn present(&self, workspace: &Workspace) -> Option<String> {
        for name in self.executables {
            let path = workspace.which(name)?;
            let answer = run::ask(cmd!(workspace.shell, "{path} --version"))?;
            if answer.split_whitespace().nth(1) != Some(self.version.as_str()) {
                return None;
            }
        }
        Some(workspace.which(self.executables.first()?)?.display().to_string())
    }

    fn install(&self, workspace: &Workspace) -> Result<()> {
        let Self { package, version, options, opt_level, .. } = self;
        let options = options.iter();
        let root = workspace.tools();
        // A folder of its own: a second try goes on where the first one stopped.
        let target = workspace.target.join("tools");
        run::run(
            cmd!(
                workspace.shell,
                "cargo install --locked {package} --version ={version} {options...} --force --root {root}"
            )
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level),
        )?;
        Ok(workspace.shell.remove_path(target)?)
    }
}
