//! Chromium and its driver, from the system's packages: `CHROME` and `CHROMEDRIVER` point at others.

use super::{Part, Scope};
use crate::{run, workspace::Workspace};
use anyhow::{Result, bail};
use std::path::PathBuf;
use xshell::cmd;

const CHROMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

pub fn part() -> Part {
    Part {
        scope: Scope::Browser,
        name: "Chromium and chromedriver".to_owned(),
        why: "the tests of the transports and the end-to-end tests run in it",
        present: Box::new(|workspace| {
            let (chrome, driver) = (chrome(workspace)?, chromedriver(workspace)?);
            Some(format!("{} and {}", chrome.display(), driver.display()))
        }),
        install: Box::new(install),
    }
}

/// The browser: `CHROME`, or the first that is on `PATH`.
pub fn chrome(workspace: &Workspace) -> Option<PathBuf> {
    pointed_at("CHROME").or_else(|| CHROMES.iter().find_map(|name| workspace.which(name)))
}

/// Its driver: `CHROMEDRIVER`, or the one on `PATH`.
pub fn chromedriver(workspace: &Workspace) -> Option<PathBuf> {
    pointed_at("CHROMEDRIVER").or_else(|| workspace.which("chromedriver"))
}

fn pointed_at(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file())
}

fn install(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let packages = match (workspace.which("apt-get"), packages(&release)) {
        (Some(_), Some(packages)) => packages,
        _ => bail!(
            "this system's packages are not known here. Install Chromium (or Chrome) and the chromedriver of \
             the same version, and set CHROME and CHROMEDRIVER to their paths where they are not on PATH"
        ),
    };
    let root = run::ask(cmd!(shell, "id -u")).is_some_and(|id| id == "0");
    let (program, lead): (&str, &[&str]) = match (root, workspace.which("sudo")) {
        (true, _) => ("apt-get", &[]),
        (false, Some(_)) => ("sudo", &["--preserve-env=DEBIAN_FRONTEND", "apt-get"]),
        (false, None) => bail!("neither root nor sudo. Ask for: apt-get install {}", packages.join(" ")),
    };
    // A fresh machine may be busy with updates of its own: wait for those, and not for ever.
    let wait = "DPkg::Lock::Timeout=120";
    let apt = |arguments: &[&str]| {
        run::run(
            cmd!(shell, "{program} {lead...} -o {wait} {arguments...}")
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// What the distribution calls them; `None` for one that isn't known.
fn packages(os_release: &str) -> Option<&'static [&'static str]> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_matches('"').to_owned())
    };
    let id = value("ID=").unwrap_or_default();
    let like = value("ID_LIKE=").unwrap_or_default();
    if id == "ubuntu" || like.split(' ').any(|word| word == "ubuntu") {
        Some(&["chromium-browser", "chromium-chromedriver"])
    } else if id == "debian" || like.split(' ').any(|word| word == "debian") {
        Some(&["chromium", "chromium-driver"])
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_ubuntu_have_different_names_for_it() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n";
        let ubuntu = "ID=ubuntu\nID_LIKE=debian\n";
        let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        assert_eq!(packages(debian).unwrap(), ["chromium", "chromium-driver"]);
        assert_eq!(packages(ubuntu).unwrap(), ["chromium-browser", "chromium-chromedriver"]);
        assert_eq!(packages(mint), packages(ubuntu));
    }

    #[test]
    fn an_unknown_system_gets_no_packages() {
        assert_eq!(packages("ID=fedora\n"), None);
        assert_eq!(packages(""), None);
    }
}
