//! Cursors of readers that outlive the process, in the same file as the logs, and as durable.

use everwire_protocol::{Position, Topic};
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::{DurableStore, closing, database, topics::lock, writer::Job};
use crate::store::{Cursors, Result};

pub const TABLE: &str = "
    CREATE TABLE cursors (
        reader TEXT NOT NULL, topic TEXT NOT NULL, position TEXT NOT NULL, PRIMARY KEY (reader, topic)
    ) WITHOUT ROWID;
";
/// Stands in place of a topic for a reader that was there: no topic is called so.
const WAS_THERE: &str = "";

/// Writes cursors down.
pub fn keep(connection: &Connection, reader: &str, moved: &[(Topic, Position)]) -> database::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)")?;
    insert.execute(params![reader, WAS_THERE, ""])?;
    for (topic, position) in moved {
        insert.execute(params![reader, topic.as_str(), position.to_string()])?;
    }
    Ok(())
}

fn of(connection: &Connection, reader: &str) -> database::Result<Option<Vec<(Topic, Position)>>> {
    let mut query = connection.prepare_cached("SELECT topic, position FROM cursors WHERE reader = ?")?;
    let mut rows = query.query([reader])?;
    let (mut was_there, mut cursors) = (false, Vec::new());
    while let Some(row) = rows.next()? {
        let (topic, position) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        was_there = true;
        if topic != WAS_THERE {
            let topic = Topic::new(&topic).map_err(|_| database::damaged("a cursor's topic"))?;
            let position = position.parse().map_err(|_| database::damaged("a cursor's position"))?;
            cursors.push((topic, position));
        }
    }
    Ok(was_there.then_some(cursors))
}

/// One process has the directory, so there is one reader of each name.
impl Cursors for DurableStore {
    async fn heads(&self) -> Result<Vec<(Topic, Position)>> {
        let topics = self.topics.all().into_iter();
        Ok(topics
            .map(|(topic, shared)| {
                let row = lock(&shared).row;
                (topic, Position { epoch: row.epoch, offset: row.next - 1 })
            })
            .collect())
    }

    async fn cursors(&self, reader: &str) -> Result<Option<Vec<(Topic, Position)>>> {
        let reader = reader.to_owned();
        self.readers.ask(move |connection| of(connection, &reader)).await
    }

    async fn keep_cursors(&self, reader: &str, moved: &[(Topic, Position)]) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        let job = Job::KeepCursors { reader: reader.to_owned(), moved: moved.to_vec(), answer };
        let jobs = self.jobs.as_ref().ok_or_else(closing)?;
        jobs.send(job).await.map_err(|_| closing())?;
        answered.await.map_err(|_| closing())?
    }

    async fn lease(&self, _reader: &str, _holder: &str, _millis: u64) -> Result<bool> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use everwire_protocol::Epoch;

    use super::*;
    use crate::store::{DataOptions, Fsync, MemoryLimits};

    #[tokio::test]
    async fn cursors_are_there_after_a_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let options = DataOptions { directory: directory.path().to_owned(), fsync: Fsync::Always };
        let open = || DurableStore::open(&options, MemoryLimits::default()).expect("opens");
        let cursor = (
            Topic::new("a").expect("a topic"),
            Position { epoch: Epoch::new("e").expect("an epoch"), offset: 7 },
        );
        let store = open();
        store.keep_cursors("x", std::slice::from_ref(&cursor)).await.expect("is kept");
        drop(store);
        assert_eq!(open().cursors("x").await, Ok(Some(vec![cursor])));
    }
}
