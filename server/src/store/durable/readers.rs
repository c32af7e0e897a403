//! Reading from disk without stopping the runtime: a few connections beside the one that writes, each used on a thread
//! for blocking work. They see what is committed, and nothing else.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::database;
use crate::store::{Result, StoreError};

/// Most reads at once: disks do no more at a time, and threads are dear.
const READERS: usize = 4;

/// The connections that read.
pub struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Semaphore,
}

/// For an operator, not for clients: it names files.
pub fn unavailable(error: &rusqlite::Error) -> StoreError {
    tracing::error!(%error, "reading from disk failed");
    StoreError::Unavailable("it can't read from its disk".to_owned())
}

impl Readers {
    pub fn new(path: PathBuf) -> Self {
        Self { path, idle: Arc::default(), permits: Semaphore::new(READERS) }
    }

    /// Asks the disk. Waits for its turn, and for the answer.
    pub async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> database::Result<T> + Send + 'static,
    ) -> Result<T> {
        let _permit = self.permits.acquire().await;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let asked = tokio::task::spawn_blocking(move || {
            let ready = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = ready.map_or_else(|| database::open_reader(&path), Ok)?;
            let answer = ask(&connection)?;
            // One that failed is not used again.
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(answer)
        });
        match asked.await {
            Ok(answer) => answer.map_err(|error| unavailable(&error)),
            Err(_) => Err(StoreError::Unavailable("it is being closed".to_owned())),
        }
    }
}
