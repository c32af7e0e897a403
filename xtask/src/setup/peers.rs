//! The servers that Everwire's is compared with: nginx with nchan from the system's packages, socket.io from npm.

use super::{Part, Scope, apt, node};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::Path;

/// Where Debian and Ubuntu put it.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

pub fn parts() -> Vec<Part> {
    vec![
        Part {
            scope: Scope::Peers,
            name: "nginx and nchan".to_owned(),
            why: "the server is compared with them",
            optional: true,
            present: Box::new(|workspace| {
                let nginx = workspace.which("nginx")?;
                Path::new(NCHAN).exists().then(|| format!("{} and {NCHAN}", nginx.display()))
            }),
            install: Box::new(install),
        },
        node::packages(Scope::Peers, "socket.io", "the server is compared with it", "bench/load/peers"),
    ]
}

fn install(workspace: &Workspace) -> Result<()> {
    if apt::system(workspace).is_none() {
        bail!("this system's packages are not known here. Install nginx with the nchan module");
    }
    apt::install(workspace, &["nginx-light", "libnginx-mod-nchan"])
}
