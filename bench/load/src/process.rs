//! What a server costs, from `/proc`: CPU time and resident memory of a process and its children.

use std::fs;

use anyhow::{Context, Result};

/// A server's process, with its children (nginx keeps its connections in one).
#[derive(Clone, Debug)]
pub struct Process {
    pids: Vec<u32>,
}

/// What it has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time of all its threads, in microseconds.
    pub cpu: u64,
    /// Resident bytes.
    pub resident: u64,
}

impl Process {
    /// The process with this id, and the children that it has now.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn new(pid: u32) -> Result<Self> {
        let mut pids = vec![pid];
        let mut at = 0;
        while let Some(pid) = pids.get(at).copied() {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            at += 1;
        }
        let process = Self { pids };
        process.usage()?;
        Ok(process)
    }

    /// What it has used up to now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn usage(&self) -> Result<Usage> {
        let mut usage = Usage::default();
        for pid in &self.pids {
            let read = |what: &str| {
                fs::read_to_string(format!("/proc/{pid}/{what}"))
                    .with_context(|| format!("the server's process {pid} is gone"))
            };
            usage.cpu += cpu_of_stat(&read("stat")?).context("an unknown form of /proc/PID/stat")?;
            usage.resident +=
                resident_of_statm(&read("statm")?).context("an unknown form of /proc/PID/statm")?;
        }
        Ok(usage)
    }
}

/// User and system time stand at 14 and 15; the name before them may hold spaces and parentheses.
fn cpu_of_stat(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks * 1_000_000 / rustix::param::clock_ticks_per_second())
}

fn resident_of_statm(statm: &str) -> Option<u64> {
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// As many file handles as the system lets this process have; answers how many that is.
pub fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // It is not worth failing for: the connections that don't fit will say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let ticks = rustix::param::clock_ticks_per_second();
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 0 0 0 0 30 12 5 5 20 0 1 0 100 0 0";
        assert_eq!(cpu_of_stat(stat), Some(42 * 1_000_000 / ticks));
    }

    #[test]
    fn this_process_is_there_and_resident() {
        let usage = Process::new(std::process::id()).unwrap().usage().unwrap();
        assert!(usage.resident > 100_000, "{usage:?}");
    }
}
