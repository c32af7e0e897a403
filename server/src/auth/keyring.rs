//! The keys of this moment: read at the start, and again when a file of them changes. What can't be read
//! then changes nothing, but for a line in the log. It knows no tokens.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

use super::keys::{BadKey, KeySources, Keys};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What tells one content of a file from another; none when there is no file.
type Stamp = (PathBuf, Option<(SystemTime, u64)>);

/// The files as they were when they were read last, and why that was of no use, if so.
struct Looked {
    stamps: Vec<Stamp>,
    failed: Option<BadKey>,
}

/// The keys that tokens are checked by.
pub struct Keyring {
    sources: KeySources,
    keys: RwLock<Arc<Keys>>,
    looked: Mutex<Looked>,
}

impl Keyring {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`BadKey`] when one of them can't be read, or is of no use.
    pub fn load(sources: KeySources) -> Result<Self, BadKey> {
        // Looked at before it is read: what changes in between is read once more.
        let stamps = stamps(&sources);
        let keys = Keys::load(&sources)?;
        let looked = Mutex::new(Looked { stamps, failed: None });
        Ok(Self { sources, keys: RwLock::new(Arc::new(keys)), looked })
    }

    pub(super) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the keys again if a file has changed since the last time, or could not be read then: what was in
    /// the way, such as its permissions, need not show in it. Answers whether others are in use now. Who has
    /// connected with a key that is gone stays until the token's time is over.
    ///
    /// # Errors
    /// [`BadKey`], once for each change; the keys that were there stay in use.
    pub fn reload(&self) -> Result<bool, BadKey> {
        let now = stamps(&self.sources);
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = looked.stamps != now;
        if !changed && looked.failed.is_none() {
            return Ok(false);
        }
        looked.stamps = now;
        match Keys::load(&self.sources) {
            Ok(keys) => {
                looked.failed = None;
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                Ok(true)
            }
            Err(error) if !changed && looked.failed.as_ref() == Some(&error) => Ok(false),
            Err(error) => {
                looked.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Looks after the files until `stop`.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let this = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || this.reload()).await {
                Ok(Ok(true)) => tracing::info!(keys = self.keys().len(), "the token keys have changed"),
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the token keys stay as they were"),
            }
        }
    }
}

fn stamps(sources: &KeySources) -> Vec<Stamp> {
    let stamp = |path: &std::path::Path| {
        let about = fs::metadata(path).ok();
        (path.to_owned(), about.and_then(|about| Some((about.modified().ok()?, about.len()))))
    };
    sources.files().map(stamp).collect()
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
