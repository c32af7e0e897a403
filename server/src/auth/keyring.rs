//! The keys of this moment: read at the start, and again when a file of them changes. What can't be read
//! then changes nothing, but for a line in the log. It knows no tokens.

use std::{path::Path, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::keys::{BadKey, KeySources, Keys};
use crate::watched::Watched;

/// The keys that tokens are checked by.
pub struct Keyring(Arc<Watched<Keys, BadKey>>);

impl Keyring {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`BadKey`] when one of them can't be read, or is of no use.
    pub fn load(sources: KeySources) -> Result<Self, BadKey> {
        let files = sources.files().map(Path::to_owned).collect();
        Ok(Self(Arc::new(Watched::load(files, move || Keys::load(&sources))?)))
    }

    pub(super) fn keys(&self) -> Arc<Keys> {
        self.0.current()
    }

    /// Reads the keys again if a file has changed, as [`Watched::reload`] does. Who has connected with a key that is
    /// gone stays until the token's time is over.
    ///
    /// # Errors
    /// [`BadKey`], once for each change; the keys that were there stay in use.
    pub fn reload(&self) -> Result<bool, BadKey> {
        self.0.reload()
    }

    /// Looks after the files until `stop`.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let tell = |keys: Result<Arc<Keys>, BadKey>| match keys {
            Ok(keys) => tracing::info!(keys = keys.len(), "the token keys have changed"),
            Err(error) => tracing::warn!(%error, "the token keys stay as they were"),
        };
        Arc::clone(&self.0).watch(stop, tell).await;
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
