//! Child processes that bring children of their own: each is a group, ended as a whole by one id, whatever becomes
//! of the test that started it.
//!
//! It must not know what the processes are.

use std::{
    os::unix::process::CommandExt,
    process::Stdio,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdout, Command};

/// The groups that live, for an end that drops nothing.
static LIVING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A process, and all that it starts. Killed when dropped.
#[derive(Debug)]
pub struct Group {
    id: Pid,
    child: Child,
}

impl Group {
    /// Starts the process, with its standard output to be read.
    pub fn spawn(mut command: std::process::Command) -> Result<Self> {
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = Command::from(command).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let id = id.context("a process id")?;
        LIVING.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        Ok(Self { id, child })
    }

    /// Its standard output, once.
    pub fn stdout(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().context("the standard output was taken")
    }

    /// Waits until the process itself has ended.
    pub async fn ended(&mut self) -> Result<()> {
        self.child.wait().await?;
        Ok(())
    }

    /// Stops all of it where it stands, as a machine does that falls asleep.
    pub fn stop(&self) -> Result<()> {
        Ok(kill_process_group(self.id, Signal::STOP)?)
    }

    /// Lets it go on.
    pub fn go_on(&self) -> Result<()> {
        Ok(kill_process_group(self.id, Signal::CONT)?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        LIVING.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| *id != self.id);
        // It may have ended by itself.
        let _ = kill_process_group(self.id, Signal::KILL);
    }
}

/// Kills every group: the terminal's interrupt does not reach them.
pub fn end_all() {
    for id in LIVING.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = kill_process_group(id, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;
    use crate::wait::until;

    #[tokio::test]
    async fn a_dropped_group_takes_its_grandchildren_along() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]);
        let mut group = Group::spawn(command).expect("there is a shell");
        let mut lines = BufReader::new(group.stdout().expect("not taken yet")).lines();
        let grandchild = lines.next_line().await.expect("readable").expect("a line");
        let state = || std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
        assert!(!state().is_empty());
        drop(group);
        // Gone, or a zombie until somebody waits for it.
        let gone = || async { Ok((state().is_empty() || state().contains(") Z ")).then_some(())) };
        until("the grandchild has ended", Duration::from_secs(10), gone).await.expect("it ends");
    }
}
