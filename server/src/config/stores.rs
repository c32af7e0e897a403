//! The options about where logs are kept. It knows no store that is open.

use super::{ConfigError, Options, StoreKind};
use crate::store::{DataOptions, RedisOptions};

/// Which store is asked for: one of them, or none.
pub(super) fn kind(options: &Options) -> Result<StoreKind, ConfigError> {
    match (data(options)?, redis(options)?) {
        (None, None) => Ok(StoreKind::Memory),
        (Some(data), None) => Ok(StoreKind::Data(data)),
        (None, Some(redis)) => Ok(StoreKind::Redis(redis)),
        (Some(_), Some(_)) => {
            Err(ConfigError("data: logs are kept in a directory or in Redis, and both are given".to_owned()))
        }
    }
}

fn data(options: &Options) -> Result<Option<DataOptions>, ConfigError> {
    let Some(directory) = options.data.clone() else {
        // Whoever asks for it believes that something is written to disk.
        let told = "fsync: it says how a data directory is written, and there is none: give --data too";
        return if options.fsync.is_some() { Err(ConfigError(told.to_owned())) } else { Ok(None) };
    };
    if directory.as_os_str().is_empty() {
        return Err(ConfigError("data: it names no directory".to_owned()));
    }
    let fsync = options.fsync.unwrap_or_default().into();
    Ok(Some(DataOptions { directory, fsync }))
}

fn redis(options: &Options) -> Result<Option<RedisOptions>, ConfigError> {
    let Some(url) = options.redis.clone() else { return Ok(None) };
    let prefix = options.redis_prefix.clone().unwrap_or_else(|| "everwire".to_owned());
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
    Ok(Some(options))
}
