//! Cursors in Redis of readers that outlive an instance, and the lease by which one instance at a time is the reader.

use std::{collections::HashMap, sync::LazyLock};

use everwire_protocol::{Epoch, Position, Topic};
use redis::{Cmd, Pipeline, Script};
use tokio::time::timeout;

use super::{
    RedisStore,
    link::{ANSWER_TIMEOUT, Link},
    shared::{Shared, away},
    topics::lock,
};
use crate::store::{Cursors, Result};

/// How long an instance counts on it that a topic it has listed is listed still, in milliseconds.
const LISTED: u64 = 60_000;
/// Topics asked about at a time.
const CHUNK: usize = 500;
/// Stands in place of a topic for a reader that was there: no topic is called so.
const WAS_THERE: &str = "";

static LEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local holder = redis.call('GET', KEYS[1])
         if holder and holder ~= ARGV[1] then return 0 end
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
         return 1",
    )
});

/// The topics that this instance has listed, and when.
pub type Listed = HashMap<Topic, u64>;

impl Shared {
    /// Makes sure that a topic is among those that have a log, before it has one.
    pub async fn list_topic(&self, link: &Link, now: u64, topic: &Topic) -> Result<()> {
        if lock(&self.listed).get(topic).is_some_and(|at| now < at.saturating_add(LISTED)) {
            return Ok(());
        }
        self.answered::<()>(link, redis::cmd("SADD").arg(self.names.topics()).arg(topic.as_str())).await?;
        let mut listed = lock(&self.listed);
        if listed.len() >= self.limits.topics {
            listed.clear();
        }
        listed.insert(topic.clone(), now);
        Ok(())
    }

    async fn answered<T: redis::FromRedisValue>(&self, link: &Link, command: &Cmd) -> Result<T> {
        let mut connection = link.connection();
        let answer = timeout(2 * ANSWER_TIMEOUT, command.query_async(&mut connection)).await;
        answer.map_err(|_| away())?.map_err(|error| Self::failed(link, &error))
    }
}

impl Cursors for RedisStore {
    async fn heads(&self) -> Result<Vec<(Topic, Position)>> {
        let shared = &self.shared;
        let link = shared.link()?;
        let mut list = redis::cmd("SMEMBERS");
        let names: Vec<String> = shared.answered(&link, list.arg(shared.names.topics())).await?;
        let topics: Vec<Topic> = names.iter().filter_map(|name| Topic::new(name).ok()).collect();
        let mut heads = Vec::with_capacity(topics.len());
        for chunk in topics.chunks(CHUNK) {
            let mut ask = Pipeline::new();
            for topic in chunk {
                let [state, ..] = shared.names.log(topic);
                ask.cmd("HMGET").arg(state).arg("epoch").arg("top");
            }
            let mut connection = link.connection();
            let states = timeout(2 * ANSWER_TIMEOUT, ask.query_async(&mut connection)).await;
            let states: Vec<(Option<String>, Option<u64>)> =
                states.map_err(|_| away())?.map_err(|error| Shared::failed(&link, &error))?;
            let mut gone = redis::cmd("SREM");
            gone.arg(shared.names.topics());
            let mut some_gone = false;
            for (topic, state) in chunk.iter().zip(states) {
                match state {
                    (Some(epoch), Some(offset)) => {
                        heads.extend(
                            Epoch::new(&epoch).map(|epoch| (topic.clone(), Position { epoch, offset })),
                        );
                    }
                    // Whoever is about to write to it has listed it just now, or will again.
                    _ if !lock(&shared.listed).contains_key(topic) => {
                        gone.arg(topic.as_str());
                        some_gone = true;
                    }
                    _ => {}
                }
            }
            if some_gone {
                shared.answered::<()>(&link, &gone).await?;
            }
        }
        Ok(heads)
    }

    async fn cursors(&self, reader: &str) -> Result<Option<Vec<(Topic, Position)>>> {
        let shared = &self.shared;
        let mut get = redis::cmd("HGETALL");
        let get = get.arg(shared.names.cursors(reader));
        let kept: HashMap<String, String> = shared.answered(&shared.link()?, get).await?;
        if kept.is_empty() {
            return Ok(None);
        }
        let cursor = |(topic, at): (&String, &String)| Some((Topic::new(topic).ok()?, at.parse().ok()?));
        Ok(Some(kept.iter().filter_map(cursor).collect()))
    }

    async fn keep_cursors(&self, reader: &str, moved: &[(Topic, Position)]) -> Result<()> {
        let shared = &self.shared;
        let mut set = redis::cmd("HSET");
        set.arg(shared.names.cursors(reader)).arg(WAS_THERE).arg("");
        for (topic, position) in moved {
            set.arg(topic.as_str()).arg(position.to_string());
        }
        shared.answered(&shared.link()?, &set).await
    }

    async fn lease(&self, reader: &str, holder: &str, millis: u64) -> Result<bool> {
        let shared = &self.shared;
        let link = shared.link()?;
        let mut run = LEASE.prepare_invoke();
        run.key(shared.names.lease(reader)).arg(holder).arg(millis);
        let mut connection = link.connection();
        let answer = timeout(2 * ANSWER_TIMEOUT, run.invoke_async::<u8>(&mut connection)).await;
        let answer = answer.map_err(|_| away())?.map_err(|error| Shared::failed(&link, &error))?;
        Ok(answer == 1)
    }
}
