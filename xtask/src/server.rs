//! The real server as a child process: started, waited for until it listens, and ended when it is dropped.

use crate::{say, workspace::Workspace};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A loaded machine needs its time, a server that hangs must not hold up everything.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A running server.
pub struct Server {
    /// Where it listens, e.g. `http://127.0.0.1:8080`.
    pub url: String,
    child: Child,
}

impl Server {
    /// Starts `Workspace::server_bin` and waits until it says where it listens.
    pub fn start(workspace: &Workspace, arguments: &[&str]) -> Result<Self> {
        let binary = workspace.server_bin();
        say::command(format_args!("{} {}", binary.display(), arguments.join(" ")));
        let child = Command::new(&binary)
            .args(arguments)
            .current_dir(&workspace.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut server = Self { url: String::new(), child };
        server.url = server.listening()?;
        Ok(server)
    }

    /// The process id, for signals.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Result<()> {
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server ended: {status}");
        }
        Ok(())
    }

    fn listening(&mut self) -> Result<String> {
        let stdout = self.child.stdout.take().context("the server's output is piped")?;
        let (sender, receiver) = mpsc::channel();
        // Reads on to the end: a pipe that nobody reads would stop the server one day.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(url) = listening_on(&line) {
                    // The receiver may have given up: then nobody needs it.
                    let _ = sender.send(url.to_owned());
                }
            }
        });
        match receiver.recv_timeout(START_DEADLINE) {
            Ok(url) => Ok(url),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!("the server did not listen within {} s", START_DEADLINE.as_secs())
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                bail!("the server ended before it listened: {}", self.child.wait()?)
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listening_on(line: &str) -> Option<&str> {
    line.strip_prefix("everwire-server listening on ")?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_read_from_the_servers_line() {
        assert_eq!(
            listening_on("everwire-server listening on http://127.0.0.1:41234"),
            Some("http://127.0.0.1:41234")
        );
        assert_eq!(listening_on("something else"), None);
    }
}
