//! Packages of the system, where it is one of Debian's kind.
//!
//! It must not know what they are for.

use crate::{run, workspace::Workspace};
use anyhow::{Result, bail};
use xshell::cmd;

/// The distributions whose packages are known here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    Debian,
    Ubuntu,
}

/// What this system is; `None` where its packages are not known.
pub fn system(workspace: &Workspace) -> Option<System> {
    workspace.which("apt-get")?;
    of_release(&std::fs::read_to_string("/etc/os-release").unwrap_or_default())
}

/// Installs packages, as root or by sudo.
pub fn install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let shell = &workspace.shell;
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

fn of_release(os_release: &str) -> Option<System> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_matches('"').to_owned())
    };
    let id = value("ID=").unwrap_or_default();
    let like = value("ID_LIKE=").unwrap_or_default();
    let is = |name: &str| id == name || like.split(' ').any(|word| word == name);
    if is("ubuntu") {
        Some(System::Ubuntu)
    } else if is("debian") {
        Some(System::Debian)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_ubuntu_and_what_is_like_them_are_known() {
        assert_eq!(of_release("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n"), Some(System::Debian));
        assert_eq!(of_release("ID=ubuntu\nID_LIKE=debian\n"), Some(System::Ubuntu));
        assert_eq!(of_release("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), Some(System::Ubuntu));
    }

    #[test]
    fn an_unknown_system_has_no_packages() {
        assert_eq!(of_release("ID=fedora\n"), None);
        assert_eq!(of_release(""), None);
    }
}
