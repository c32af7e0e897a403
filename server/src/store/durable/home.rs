//! The directory of a durable store: that it is one, that no other process has it, and whether it is the same one as
//! last time or a copy that was put back. It knows no records.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// The database in the directory.
const DATABASE: &str = "everwire.db";
/// Locked while a process has the directory; holds the number of the last run.
const LOCK: &str = "everwire.lock";
/// Put there by whoever restored the directory from a backup.
const RESTORED: &str = "RESTORED";

/// Why a directory can't be used, for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError(pub String);

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OpenError {}

/// A directory that this process has for itself, as long as this lives.
#[derive(Debug)]
pub struct Home {
    directory: PathBuf,
    lock: File,
}

impl Home {
    /// Makes the directory if need be, and locks it.
    pub fn take(directory: &Path) -> Result<Self, OpenError> {
        let fail = |what: &str, error: &io::Error| {
            OpenError(format!("data directory {}: {what}: {error}", directory.display()))
        };
        make(directory).map_err(|error| fail("it can't be made", &error))?;
        let found = fs::read_dir(directory).map_err(|error| fail("it can't be read", &error))?;
        let mut strangers = Vec::new();
        for entry in found {
            let name = entry.map_err(|error| fail("it can't be read", &error))?.file_name();
            strangers.push(name.to_string_lossy().into_owned());
        }
        if !strangers.iter().any(|name| name == DATABASE) {
            // A file system of its own brings `lost+found`.
            strangers.retain(|name| name != LOCK && name != RESTORED && name != "lost+found");
            if let Some(stranger) = strangers.first() {
                return Err(OpenError(format!(
                    "data directory {}: it holds {stranger:?} and no store: give the server a directory of its own",
                    directory.display()
                )));
            }
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let lock = options.open(directory.join(LOCK));
        let lock = lock.map_err(|error| fail("it can't be locked", &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { directory: directory.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError(format!(
                "data directory {}: another process has it. One server has a directory for itself",
                directory.display()
            ))),
            Err(TryLockError::Error(error)) => Err(fail("it can't be locked", &error)),
        }
    }

    /// Where the database is.
    pub fn database(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    /// Whether somebody has said that this was restored from a backup.
    pub fn is_restored(&self) -> bool {
        self.directory.join(RESTORED).exists()
    }

    /// The last run that had this directory, as far as it can be known.
    pub fn last_run(&mut self) -> u64 {
        let mut text = String::new();
        let read = self.lock.rewind().and_then(|()| (&self.lock).take(32).read_to_string(&mut text));
        read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
    }

    /// A run has begun, and the database knows it: what was restored is known to be.
    pub fn begin_run(&mut self, run: u64) -> io::Result<()> {
        self.lock.rewind()?;
        self.lock.set_len(0)?;
        self.lock.write_all(run.to_string().as_bytes())?;
        self.lock.sync_all()?;
        match fs::remove_file(self.directory.join(RESTORED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What tells this database file from a copy of it; the same text as long as the file is the same.
    pub fn identity(&self) -> String {
        let Ok(metadata) = fs::metadata(self.database()) else { return String::new() };
        let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        format!("{}:{}", inode(&metadata), born.map_or(0, |born| born.as_nanos()))
    }

    /// What tells this start of the machine from another, where the system says so.
    pub fn boot() -> String {
        fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Closing it would do, were there no child of this process that has it open too until it runs its program.
        let _ = self.lock.unlock();
    }
}

/// Makes a directory that a power cut does not take away again. What is in it, SQLite sees to.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory)?;
    // Not every system can sync a directory, and those that can't have no need to.
    if let Some(Ok(parent)) = directory.canonicalize()?.parent().map(File::open) {
        let _ = parent.sync_all();
    }
    Ok(())
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}
