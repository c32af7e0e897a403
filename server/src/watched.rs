//! What is made of files, and made again when one of them changes: the keys that tokens are checked by, the certificate.
//! What can't be made then changes nothing, and is told once. It knows neither keys nor certificates.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What tells one content of a file from another; none when there is no file.
type Stamp = Option<(SystemTime, u64)>;

type Make<T, E> = Box<dyn Fn() -> Result<T, E> + Send + Sync>;

/// What is made of the files of this moment.
pub struct Watched<T, E> {
    files: Vec<PathBuf>,
    make: Make<T, E>,
    current: RwLock<Arc<T>>,
    looked: Mutex<Looked<E>>,
}

/// The files as they were when they were read last, and why that was of no use, if so.
struct Looked<E> {
    stamps: Vec<Stamp>,
    failed: Option<E>,
}

impl<T, E> Watched<T, E>
where
    T: Send + Sync + 'static,
    E: Clone + PartialEq + Send + 'static,
{
    /// Makes it.
    ///
    /// # Errors
    /// That of `make`.
    pub fn load(
        files: Vec<PathBuf>,
        make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        // Looked at before they are read: what changes in between is read once more.
        let looked = Mutex::new(Looked { stamps: stamps(&files), failed: None });
        let current = RwLock::new(Arc::new(make()?));
        Ok(Self { files, make: Box::new(make), current, looked })
    }

    /// What there is now.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes it again if a file has changed since the last time, or was of no use then: what was in the way, such
    /// as its permissions, need not show in it. Answers whether there is another one now.
    ///
    /// # Errors
    /// That of `make`, once for each change; what was there stays.
    pub fn reload(&self) -> Result<bool, E> {
        let now = stamps(&self.files);
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = looked.stamps != now;
        if !changed && looked.failed.is_none() {
            return Ok(false);
        }
        looked.stamps = now;
        match (self.make)() {
            Ok(made) => {
                looked.failed = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
                Ok(true)
            }
            Err(error) if !changed && looked.failed.as_ref() == Some(&error) => Ok(false),
            Err(error) => {
                looked.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Looks after the files until `stop`, and tells of each change: of what was made, or why nothing was.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken, tell: impl Fn(Result<Arc<T>, E>)) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let this = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || this.reload()).await {
                Ok(Ok(true)) => tell(Ok(self.current())),
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => tell(Err(error)),
            }
        }
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let about = fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    files.iter().map(stamp).collect()
}
