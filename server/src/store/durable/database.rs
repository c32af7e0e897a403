//! The durable store's tables, and what is asked of them. It knows SQL and no topic in memory; what it reads is checked,
//! for files can be damaged.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use everwire_protocol::{Epoch, Topic};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::{
    home::OpenError,
    topic::{FACTS, Fact, NeedFacts, OnDisk, Row},
};
use crate::log::Entry;

/// `EVRW`: marks the file as ours.
const APPLICATION: i32 = 0x4556_5257;
/// The version of the tables. A server reads its own and no other.
const FORMAT: i32 = 1;
/// Nobody else has the file, so a wait is for our own checkpoints.
const BUSY: Duration = Duration::from_secs(10);

const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE topics (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL, next INTEGER NOT NULL,
        oldest INTEGER NOT NULL, bytes INTEGER NOT NULL, time INTEGER NOT NULL, keys INTEGER NOT NULL
    );
    CREATE TABLE records (
        topic INTEGER NOT NULL, offset INTEGER NOT NULL, time INTEGER NOT NULL, record BLOB NOT NULL,
        PRIMARY KEY (topic, offset)
    ) WITHOUT ROWID;
    CREATE TABLE keys (
        topic INTEGER NOT NULL, id TEXT NOT NULL, publisher TEXT NOT NULL, offset INTEGER NOT NULL,
        time INTEGER NOT NULL, PRIMARY KEY (topic, id, publisher)
    ) WITHOUT ROWID;
    CREATE INDEX keys_by_offset ON keys (topic, offset, time);
";

pub type Result<T> = rusqlite::Result<T>;

/// Opens the database that writes; makes it where there is none.
pub fn open(path: &Path) -> std::result::Result<Connection, OpenError> {
    let fail = |error: rusqlite::Error| OpenError(format!("data file {}: {error}", path.display()));
    let mut connection = Connection::open(path).map_err(fail)?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, format) =
        (number("application_id").map_err(fail)?, number("user_version").map_err(fail)?);
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(fail)?;
    match (application, format) {
        (APPLICATION, FORMAT) => {}
        (APPLICATION, other) => {
            return Err(OpenError(format!(
                "data file {}: it is of format {other}, and this server reads format {FORMAT}",
                path.display()
            )));
        }
        (0, 0) if tables == 0 => create(&mut connection).map_err(fail)?,
        _ => return Err(OpenError(format!("data file {}: it is not Everwire's", path.display()))),
    }
    set_up(&connection).map_err(fail)?;
    let check = |row: &SqlRow<'_>| row.get::<_, String>(0);
    // Looks at the tables' own consistency, and not at every page: that would take as long as reading it all.
    let schema = connection.query_row("PRAGMA quick_check('topics')", [], check).map_err(fail)?;
    if schema != "ok" {
        return Err(OpenError(format!("data file {}: it is damaged: {schema}", path.display())));
    }
    Ok(connection)
}

fn create(connection: &mut Connection) -> Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn set_up(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What a burst has grown the log to is given back.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Opens it once more, to read beside the one that writes.
pub fn open_reader(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    set_up(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// The next commits are on disk when they are answered, or in the system's hands only.
pub fn sync_commits(connection: &Connection, sync: bool) -> Result<()> {
    connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "NORMAL" })
}

pub fn meta(connection: &Connection, name: &str) -> Result<Option<String>> {
    let mut query = connection.prepare_cached("SELECT value FROM meta WHERE name = ?")?;
    query.query_row([name], |row| row.get(0)).optional()
}

pub fn set_meta(connection: &Connection, name: &str, value: &str) -> Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?, ?)")?;
    insert.execute([name, value]).map(drop)
}

/// What is there can't be what we wrote.
pub fn damaged(what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Null, what.into())
}

/// SQLite's numbers have a sign, and none of ours is below 0.
pub fn unsigned(row: &SqlRow<'_>, index: usize) -> Result<u64> {
    u64::try_from(row.get::<_, i64>(index)?).map_err(|_| damaged("a negative number"))
}

/// All topics, those that were written to last first.
pub fn topics(connection: &Connection) -> Result<Vec<(Topic, Row)>> {
    let query = "SELECT name, id, epoch, next, oldest, bytes, time, keys,
            (SELECT min(offset) FROM records WHERE topic = id),
            (SELECT max(offset) FROM records WHERE topic = id)
        FROM topics ORDER BY time DESC";
    let mut query = connection.prepare(query)?;
    let mut rows = query.query([])?;
    let mut topics = Vec::new();
    while let Some(row) = rows.next()? {
        let name = Topic::new(&row.get::<_, String>(0)?).map_err(|_| damaged("a topic's name"))?;
        let epoch = Epoch::new(&row.get::<_, String>(2)?).map_err(|_| damaged("an epoch"))?;
        let [next, oldest, bytes] = [unsigned(row, 3)?, unsigned(row, 4)?, unsigned(row, 5)?];
        let ends: (Option<i64>, Option<i64>) = (row.get(8)?, row.get(9)?);
        let expected =
            if oldest < next { (Some(oldest as i64), Some(next as i64 - 1)) } else { (None, None) };
        if oldest == 0 || oldest > next || ends != expected {
            return Err(damaged(&format!("{name} says {oldest} to before {next}, and has {ends:?}")));
        }
        let (time, keys) = (unsigned(row, 6)?, unsigned(row, 7)?);
        topics.push((name, Row { id: Some(row.get(1)?), epoch, next, oldest, bytes, time, keys }));
    }
    Ok(topics)
}

/// The topic's number on disk, where it is entered if it is new.
pub fn enter(connection: &Connection, name: &Topic, row: &Row) -> Result<i64> {
    if let Some(id) = row.id {
        return Ok(id);
    }
    let insert =
        "INSERT INTO topics (name, epoch, next, oldest, bytes, time, keys) VALUES (?, ?, 1, 1, 0, 0, 0)";
    connection.prepare_cached(insert)?.insert(params![name.as_str(), row.epoch.as_str()])
}

/// Writes down what a topic has become, and removes the records before its oldest.
pub fn settle(connection: &Connection, id: i64, row: &Row, evicted: bool) -> Result<()> {
    if evicted {
        let delete = "DELETE FROM records WHERE topic = ? AND offset < ?";
        connection.prepare_cached(delete)?.execute(params![id, row.oldest as i64])?;
    }
    let update =
        "UPDATE topics SET epoch = ?, next = ?, oldest = ?, bytes = ?, time = ?, keys = ? WHERE id = ?";
    let numbers = [row.next, row.oldest, row.bytes, row.time, row.keys].map(|number| number as i64);
    let [next, oldest, bytes, time, keys] = numbers;
    let values = params![row.epoch.as_str(), next, oldest, bytes, time, keys, id];
    connection.prepare_cached(update)?.execute(values).map(drop)
}

pub fn insert(connection: &Connection, id: i64, entry: &Entry) -> Result<()> {
    let insert = "INSERT INTO records (topic, offset, time, record) VALUES (?, ?, ?, ?)";
    let (offset, time) = (entry.record.offset as i64, entry.record.time as i64);
    connection.prepare_cached(insert)?.execute(params![id, offset, time, &entry.encoded[..]]).map(drop)
}

/// Removes all that there is of a topic.
pub fn forget(connection: &Connection, id: i64) -> Result<()> {
    for delete in [
        "DELETE FROM records WHERE topic = ?",
        "DELETE FROM keys WHERE topic = ?",
        "DELETE FROM topics WHERE id = ?",
    ] {
        connection.prepare_cached(delete)?.execute([id])?;
    }
    Ok(())
}

/// The facts of records that follow one another from an offset on.
pub fn facts(connection: &Connection, need: NeedFacts) -> Result<Vec<Fact>> {
    let query =
        "SELECT time, length(record) FROM records WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?";
    let mut query = connection.prepare_cached(query)?;
    let fact = |row: &SqlRow<'_>| Ok(Fact { time: unsigned(row, 0)?, bytes: row.get(1)? });
    query.query_map(params![need.topic, need.from as i64, FACTS as i64], fact)?.collect()
}

/// Records of a range, up to the limit; one at least, where there is one.
pub fn read(connection: &Connection, what: &OnDisk) -> Result<Vec<Arc<Entry>>> {
    let query = if what.newest_first {
        "SELECT offset, record FROM records WHERE topic = ? AND offset >= ? AND offset < ? ORDER BY offset DESC LIMIT ?"
    } else {
        "SELECT offset, record FROM records WHERE topic = ? AND offset >= ? AND offset < ? ORDER BY offset LIMIT ?"
    };
    let mut query = connection.prepare_cached(query)?;
    let limit = what.limit.records.max(1) as i64;
    let mut rows = query.query(params![what.topic, what.from as i64, what.to as i64, limit])?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let encoded = row.get_ref(1)?.as_blob().map_err(|_| damaged("a record is no bytes"))?;
        bytes += encoded.len();
        if bytes > what.limit.bytes && !entries.is_empty() {
            break;
        }
        let entry = Entry::decode(unsigned(row, 0)?, Bytes::copy_from_slice(encoded));
        entries.push(Arc::new(entry.map_err(|_| damaged("a record can't be read"))?));
    }
    Ok(entries)
}
