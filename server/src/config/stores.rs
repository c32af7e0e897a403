//! Where logs are kept, as the options say. It knows no store.

use std::path::PathBuf;

use super::{ConfigError, FsyncOption, StoreKind};
use crate::{
    auth::Secret,
    store::{DataOptions, RedisOptions},
};

pub(super) fn kind(
    data: Option<PathBuf>,
    fsync: Option<FsyncOption>,
    redis: Option<Secret>,
    prefix: Option<String>,
) -> Result<StoreKind, ConfigError> {
    match (data, redis) {
        (Some(_), Some(_)) => Err(ConfigError("data and redis: logs are kept in one place".to_owned())),
        (None, Some(url)) if fsync.is_none() => in_redis(url, prefix),
        (data, _) => in_directory(data, fsync),
    }
}

fn in_redis(url: Secret, prefix: Option<String>) -> Result<StoreKind, ConfigError> {
    let prefix = prefix.unwrap_or_else(|| "everwire".to_owned());
    // Braces would be taken for the hash tag of a cluster.
    if prefix.is_empty()
        || prefix.len() > 64
        || !prefix.bytes().all(|b| b.is_ascii_graphic() && b != b'{' && b != b'}')
    {
        let why = "expected 1 to 64 visible characters without braces";
        return Err(ConfigError(format!("redis-prefix {prefix:?}: {why}")));
    }
    let options = RedisOptions { url, prefix };
    options.check().map_err(|error| ConfigError(format!("redis: {error}")))?;
    Ok(StoreKind::Redis(options))
}

fn in_directory(data: Option<PathBuf>, fsync: Option<FsyncOption>) -> Result<StoreKind, ConfigError> {
    let Some(directory) = data else {
        // Whoever asks for it believes that something is written to disk.
        let told = "fsync: it says how a data directory is written, and there is none: give --data too";
        return if fsync.is_some() { Err(ConfigError(told.to_owned())) } else { Ok(StoreKind::Memory) };
    };
    if directory.as_os_str().is_empty() {
        return Err(ConfigError("data: it names no directory".to_owned()));
    }
    let fsync = fsync.unwrap_or_default().into();
    Ok(StoreKind::Data(DataOptions { directory, fsync }))
}
