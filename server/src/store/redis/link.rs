//! One connection to Redis, and what is true as long as it lasts: which life of Redis is at its other end, and
//! whether that one keeps what it acknowledged over a restart. Another connection is another link, so that
//! nothing is ever told to a Redis that was started anew as if it were the old one. It knows no topics.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, PushInfo, PushKind, RedisError, RedisResult, Value,
    aio::MultiplexedConnection,
};
use tokio_util::sync::CancellationToken;

/// How long Redis may take to let somebody in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long Redis may take to answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// Most questions that are under way at once; more wait.
const CONCURRENCY: usize = 1_024;
/// Commands that are written together.
const PIPELINE: usize = 256;

/// A connection.
#[derive(Clone)]
pub struct Link {
    /// No other link of this instance has the same.
    pub id: u64,
    /// Names the life of the Redis at the other end.
    pub life: Arc<str>,
    /// Whether that one loses nothing that it acknowledged when it is started anew.
    pub durable: bool,
    /// When it was made.
    pub since: Instant,
    connection: MultiplexedConnection,
    /// Cancelled when it is over.
    broken: CancellationToken,
}

impl Link {
    /// Connects. What is told on subscribed channels goes to `heard`, as channel and message, in order.
    pub async fn connect(
        client: &Client,
        id: u64,
        heard: impl Fn(&[u8], Vec<u8>) + Send + Sync + 'static,
    ) -> RedisResult<Self> {
        let broken = CancellationToken::new();
        let over = broken.clone();
        let push = move |PushInfo { kind, data }: PushInfo| {
            match kind {
                PushKind::Disconnection => over.cancel(),
                // What still comes over a link that is over would come out of turn.
                PushKind::Message if !over.is_cancelled() => {
                    let mut data = data.into_iter();
                    if let (Some(Value::BulkString(channel)), Some(Value::BulkString(message))) =
                        (data.next(), data.next())
                    {
                        heard(&channel, message);
                    }
                }
                _ => {}
            }
            Ok::<(), ()>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_concurrency_limit(CONCURRENCY)
            .set_pipeline_buffer_size(PIPELINE)
            .set_push_sender(push);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        // One that is still reading its files refuses this, and what it would tell of itself is not true yet.
        redis::cmd("PING").query_async::<()>(&mut connection).await?;
        let info: String = redis::cmd("INFO").query_async(&mut connection).await?;
        let info = Info::read(&info);
        if info.loading || info.role != "master" {
            let why = "this Redis is still reading its files, or is a replica of another one";
            return Err(RedisError::from((ErrorKind::Client, why)));
        }
        let fsync = redis::cmd("CONFIG").arg("GET").arg("appendfsync").query_async(&mut connection).await;
        let fsync: HashMap<String, String> = match fsync {
            Err(error) if error.is_io_error() => return Err(error),
            // Managed ones may not tell: then it is not known to keep everything.
            told => told.unwrap_or_default(),
        };
        let always = fsync.get("appendfsync").is_some_and(|value| value == "always");
        let durable = info.appends && always && !info.was_replica;
        Ok(Self { id, life: info.run_id.into(), durable, since: Instant::now(), connection, broken })
    }

    /// To ask something. Questions of all go over one connection, and wait for each other's answers in no
    /// way.
    pub fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// It is over; or, at the next look, will be.
    pub fn give_up(&self) {
        self.broken.cancel();
    }

    /// Whether it is over.
    pub fn is_broken(&self) -> bool {
        self.broken.is_cancelled()
    }

    /// Waits until it is over.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Whether an error says that this link is of no more use.
    pub fn judge(&self, error: &RedisError) {
        // A timeout alone may be a slow disk: the heartbeat decides about that.
        let lost = error.is_connection_dropped() && !error.is_timeout();
        // A master that became a replica, or is reading its files anew.
        let demoted = matches!(error.code(), Some("READONLY" | "LOADING" | "MASTERDOWN"));
        if lost || demoted {
            self.give_up();
        }
    }
}

/// What Redis says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Info {
    run_id: String,
    role: String,
    /// It reads its files, and does not say of itself then what it says later.
    loading: bool,
    /// It writes to an append-only file.
    appends: bool,
    /// It was a replica, and may never have got what its master acknowledged last.
    was_replica: bool,
}

impl Info {
    fn read(text: &str) -> Self {
        let mut info = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.trim_end().split_once(':')) {
            match name {
                "run_id" => value.clone_into(&mut info.run_id),
                "loading" => info.loading = value != "0",
                "role" => value.clone_into(&mut info.role),
                "aof_enabled" => info.appends = value == "1",
                "master_replid2" => info.was_replica = value.bytes().any(|byte| byte != b'0'),
                _ => {}
            }
        }
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_says_of_itself_is_read() {
        let text = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n\r\n# Persistence\r\naof_enabled:1\r\n\
                    # Replication\r\nrole:master\r\nmaster_replid2:0000\r\n";
        let info = Info { run_id: "abc".into(), role: "master".into(), appends: true, ..Info::default() };
        assert_eq!(Info::read(text), info);
        assert!(Info::read("master_replid2:00a0\r\n").was_replica && Info::read("loading:1\r\n").loading);
        assert_eq!(Info::read("nothing of use"), Info::default());
    }
}
