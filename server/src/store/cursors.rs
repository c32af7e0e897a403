//! What readers need that outlive their process, such as webhooks: where the logs end, cursors kept under the
//! reader's name, and who of several servers is the one that reads. It knows no reader.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Mutex, PoisonError},
};

use everwire_protocol::{Position, Topic};

use super::Result;

/// A store that keeps cursors beside its logs: they last as long as the logs do.
pub trait Cursors: Send + Sync + 'static {
    /// The topics that have a log, each with the position of its newest record.
    fn heads(&self) -> impl Future<Output = Result<Vec<(Topic, Position)>>> + Send;

    /// The cursors kept under a name; none when nothing was ever kept there.
    fn cursors(&self, reader: &str) -> impl Future<Output = Result<Option<Vec<(Topic, Position)>>>> + Send;

    /// Keeps cursors under a name, beside those of other topics. An empty list notes that the reader was there.
    fn keep_cursors(
        &self,
        reader: &str,
        moved: &[(Topic, Position)],
    ) -> impl Future<Output = Result<()>> + Send;

    /// Whether `holder` alone is the reader for so many milliseconds from now on. Ask again before they are over.
    fn lease(&self, reader: &str, holder: &str, millis: u64) -> impl Future<Output = Result<bool>> + Send;
}

/// Cursors in memory, for stores that lose their logs with the process too.
#[derive(Debug, Default)]
pub struct CursorShelf(Mutex<HashMap<String, HashMap<Topic, Position>>>);

impl CursorShelf {
    /// As [`Cursors::cursors`].
    #[must_use]
    pub fn get(&self, reader: &str) -> Option<Vec<(Topic, Position)>> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.get(reader).map(|kept| kept.iter().map(|(topic, at)| (topic.clone(), *at)).collect())
    }

    /// As [`Cursors::keep_cursors`].
    pub fn keep(&self, reader: &str, moved: &[(Topic, Position)]) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.entry(reader.to_owned()).or_default().extend(moved.iter().cloned());
    }
}
