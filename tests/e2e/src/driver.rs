//! chromedriver as a child process, one per test binary.
//!
//! It must not know what its sessions do.

use std::{env, fs::File, os::unix::process::CommandExt, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

const START: Duration = Duration::from_secs(60);

/// A running chromedriver. Dropped, it takes the browsers that it started with it.
#[derive(Debug)]
pub struct Driver {
    url: String,
    child: Child,
}

impl Driver {
    /// Starts the chromedriver of the environment's `CHROMEDRIVER`, or of the path, on a free port.
    pub async fn start(log: &Path) -> Result<Self> {
        let program = env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let mut command = std::process::Command::new(&program);
        // A group of its own, browsers included, so that all of it can be ended by one id.
        command.arg("--port=0").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let mut child = Command::from(command)
            .spawn()
            .with_context(|| format!("starting {program:?}: set CHROMEDRIVER, or run `cargo xtask setup`"))?;
        let stdout = child.stdout.take().context("chromedriver's stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let port = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return Ok(port.trim_end_matches('.').parse::<u16>()?);
                }
            }
            bail!("chromedriver ended without listening")
        };
        let port = timeout(START, port).await.context("chromedriver does not say where it listens")??;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { url: format!("http://127.0.0.1:{port}"), child })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
