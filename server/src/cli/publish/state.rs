//! How far a job has come, in a file: what is sent again after a cut goes out under the keys of the first time, and
//! what was acknowledged is not sent at all. It knows no server.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use everwire_protocol::{NameError, PublishId};
use everwire_server::text_file;
use serde::{Deserialize, Serialize};

/// Most bytes of a state file.
const FILE_BYTES: u64 = 4_096;

/// A job: one input, sent once. Each of its lines has an idempotency key that nobody can foresee who does not have the
/// file, as [`PublishId`] asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Job {
    /// Its name, at the beginning of every key.
    name: String,
    secret: String,
    /// How many lines were acknowledged, and what the last of them hashes to.
    done: u64,
    last: Option<String>,
}

impl Job {
    /// A new one, with nothing done.
    pub fn new() -> io::Result<Self> {
        let mut chance = [0; 24];
        getrandom::fill(&mut chance).map_err(|error| io::Error::other(error.to_string()))?;
        let (name, secret) = chance.split_at(8);
        Ok(Self { name: hex(name), secret: hex(secret), done: 0, last: None })
    }

    /// How many lines were acknowledged.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Whether the line before the first that is not done is the one that it was.
    pub fn follows(&self, line: &str) -> bool {
        self.last.as_deref().is_none_or(|last| last == digest(line))
    }

    /// Notes that lines are done, up to this number, counted from 1, which reads so.
    pub fn advance(&mut self, number: u64, line: &str) {
        self.done = number;
        self.last = Some(digest(line));
    }

    /// The key of a line.
    ///
    /// # Errors
    /// Where somebody has changed the file by hand.
    pub fn key(&self, number: u64) -> Result<PublishId, NameError> {
        let proof = hmac_sha256::HMAC::mac(number.to_le_bytes(), &self.secret);
        PublishId::new(&format!("{}.{number}.{}", self.name, hex(&proof[..8])))
    }
}

/// Where a job is kept.
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The job that is kept there, or a new one that is kept there from now on.
    ///
    /// # Errors
    /// When the file can't be read or written, or is no state of a job.
    pub fn load(&self) -> io::Result<Job> {
        match text_file::read(&self.0, FILE_BYTES) {
            Ok(text) => serde_json::from_str(&text).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let job = Job::new()?;
                self.save(&job)?;
                Ok(job)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts the job in the place of what was there, whole or not at all.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn save(&self, job: &Job) -> io::Result<()> {
        let beside = self.0.with_added_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(serde_json::to_string(job).map_err(io::Error::other)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(beside, &self.0)
    }
}

fn digest(line: &str) -> String {
    hex(&hmac_sha256::Hash::hash(line.as_bytes())[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_kept_goes_on_with_the_same_keys() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = StateFile::new(&directory.path().join("job"));
        let mut job = file.load().expect("a new one");
        assert_eq!(job.done(), 0);
        assert!(job.follows("anything"), "nothing is done");
        job.advance(7, "seven");
        file.save(&job).expect("is kept");
        let again = file.load().expect("the same");
        assert_eq!(again, job);
        assert!(again.follows("seven") && !again.follows("another"));
        assert_eq!(again.key(8).expect("a key"), job.key(8).expect("a key"));
        assert_ne!(Job::new().expect("a job").key(8), job.key(8));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("job");
        for text in
            ["", "{}", "[1]", r#"{"name":"a","secret":"b","done":-1,"last":null}"#, &" ".repeat(5_000)]
        {
            fs::write(&path, text).expect("writes");
            assert!(StateFile::new(&path).load().is_err(), "{text}");
        }
        let odd = r#"{"name":"a b","secret":"b","done":1,"last":null}"#;
        fs::write(&path, odd).expect("writes");
        assert!(StateFile::new(&path).load().expect("reads").key(1).is_err());
    }
}
