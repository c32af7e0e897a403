//! The idempotency keys of the durable store: on disk alone, so that they outlive the process and cost no memory. The
//! window is that of the log in memory: so many publishes, so long (invariant 4).

use everwire_protocol::PublishId;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    database::{Result, unsigned},
    topic::Row,
};
use crate::log::KeyLimits;

/// A key is the publisher's own: an anonymous one has a name that no subject can have here.
fn publisher(from: Option<&str>) -> String {
    from.map_or_else(String::new, |from| format!("={from}"))
}

/// A key that is on disk.
pub struct Found {
    /// What its first publish got.
    pub offset: u64,
    /// It is over its age, and counts no more.
    pub over: bool,
}

/// What is known of a key.
pub fn find(
    connection: &Connection,
    topic: i64,
    from: Option<&str>,
    id: &PublishId,
    now: u64,
    limits: KeyLimits,
) -> Result<Option<Found>> {
    let query = "SELECT offset, time FROM keys WHERE topic = ? AND id = ? AND publisher = ?";
    let mut query = connection.prepare_cached(query)?;
    let found = |row: &rusqlite::Row<'_>| {
        let over = unsigned(row, 1)?.saturating_add(limits.age) <= now;
        Ok(Found { offset: unsigned(row, 0)?, over })
    };
    query.query_row(params![topic, id.as_str(), publisher(from)], found).optional()
}

/// Forgets a key.
pub fn remove(
    connection: &Connection,
    topic: i64,
    from: Option<&str>,
    id: &PublishId,
    row: &mut Row,
) -> Result<()> {
    let delete = "DELETE FROM keys WHERE topic = ? AND id = ? AND publisher = ?";
    let gone = connection.prepare_cached(delete)?.execute(params![topic, id.as_str(), publisher(from)])?;
    row.keys = row.keys.saturating_sub(gone as u64);
    Ok(())
}

/// Adds a key that is not there, and forgets those that have to make room; counts them in the row.
pub fn insert(
    connection: &Connection,
    topic: i64,
    from: Option<&str>,
    id: &PublishId,
    row: &mut Row,
    (offset, now): (u64, u64),
    limits: KeyLimits,
) -> Result<()> {
    let insert = "INSERT INTO keys (topic, id, publisher, offset, time) VALUES (?, ?, ?, ?, ?)";
    let values = params![topic, id.as_str(), publisher(from), offset as i64, now as i64];
    connection.prepare_cached(insert)?.execute(values)?;
    row.keys += 1;
    let delete = "DELETE FROM keys WHERE topic = ?1 AND offset =
        (SELECT min(offset) FROM keys WHERE topic = ?1)";
    while row.keys > limits.count as u64 && connection.prepare_cached(delete)?.execute([topic])? > 0 {
        row.keys -= 1;
    }
    Ok(())
}

/// Forgets what is over its age. Times never fall along a log, so those are the first by offset.
pub fn expire(connection: &Connection, topic: i64, row: &mut Row, now: u64, limits: KeyLimits) -> Result<()> {
    if row.keys == 0 {
        return Ok(());
    }
    let over = now.saturating_sub(limits.age) as i64;
    let first_kept = "SELECT offset FROM keys WHERE topic = ? AND time > ? ORDER BY offset LIMIT 1";
    let first_kept: Option<i64> = connection
        .prepare_cached(first_kept)?
        .query_row(params![topic, over], |row| row.get(0))
        .optional()?;
    let delete = "DELETE FROM keys WHERE topic = ? AND offset < ?";
    let gone = connection.prepare_cached(delete)?.execute(params![topic, first_kept.unwrap_or(i64::MAX)])?;
    row.keys = row.keys.saturating_sub(gone as u64);
    Ok(())
}
