//! What several instances are tested with, from the system's packages: `REDIS_SERVER`, `NGINX` and `HAPROXY` point at
//! others. The tests start their own, in directories and at sockets and ports of their own: the services that a package
//! may bring along are nothing to them.

use super::{Part, Scope, apt};
use anyhow::{Result, bail};
use std::path::PathBuf;

use crate::workspace::Workspace;

/// Where Debian has what is no command for everybody.
const SBIN: &str = "/usr/sbin";

pub fn parts() -> Vec<Part> {
    let one = |name: &'static str, variable: &'static str, package: &'static str, why| Part {
        scope: Scope::Cluster,
        name: name.to_owned(),
        why,
        optional: false,
        present: Box::new(move |workspace| Some(find(workspace, name, variable)?.display().to_string())),
        install: Box::new(move |workspace| install(workspace, package, variable)),
    };
    vec![
        one(
            "redis-server",
            "REDIS_SERVER",
            "redis-server",
            "the store of several instances is tested with it",
        ),
        one("nginx", "NGINX", "nginx", "several instances are tested behind it"),
        one("haproxy", "HAPROXY", "haproxy", "its example configuration is checked by it"),
    ]
}

/// The variables that tell the tests where these are.
pub fn variables(workspace: &Workspace) -> Vec<(&'static str, PathBuf)> {
    let all = [("redis-server", "REDIS_SERVER"), ("nginx", "NGINX"), ("haproxy", "HAPROXY")];
    all.into_iter()
        .filter_map(|(name, variable)| Some((variable, find(workspace, name, variable)?)))
        .collect()
}

fn find(workspace: &Workspace, name: &str, variable: &str) -> Option<PathBuf> {
    let pointed_at = std::env::var_os(variable).map(PathBuf::from);
    let in_sbin = PathBuf::from(SBIN).join(name);
    pointed_at.or_else(|| workspace.which(name)).or(Some(in_sbin)).filter(|path| path.is_file())
}

fn install(workspace: &Workspace, package: &'static str, variable: &str) -> Result<()> {
    match apt::system(workspace) {
        Some(_) => apt::install(workspace, &[package]),
        None => bail!(
            "this system's packages are not known here. Install {package}, or set {variable} to its path"
        ),
    }
}
