//! The store that keeps its logs in Redis, for several instances at once: any of them takes in what any
//! client publishes, and hears of what the others took in.
//!
//! - A log is a Redis stream, and what changes it is one [script](scripts): offset, idempotency key,
//!   retention and the news of it happen at once or not at all.
//! - All of an instance goes over one connection, its [link](link::Link): questions, many at a time, and the
//!   news of all topics that it follows. Each topic has a [tail](tail::Tail) here, which all its readers share.
//! - What is heard only ever says that there is more. A hole in it, another life of the log, or a cursor that
//!   the tail knows nothing of is asked about: so news may be lost, and nothing else is.
//! - [Keeper](keeper) brings the link back, and compares what is known here with Redis now and then.

mod cursors;
mod keeper;
mod link;
mod members;
mod scripts;
mod shared;
mod tail;
mod topics;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, atomic::Ordering},
};

use everwire_protocol::{Epoch, From, HistoryRange, Position, Topic, limits};
use redis::{Client, Value};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Ephemeral, MemoryLimits, Result, Slot, Store, StoreError, Wakeup, Watch};
use crate::{
    auth::Secret,
    clock::Clock,
    log::{Appended, BatchLimit, NewRecord, Page, Read, Start},
    presence::Presence,
};
use scripts::{APPEND, Names, PAGE};
use shared::{Shared, no_log};
use tail::Local;
use topics::{Topics, lock};
use wire::Answer;

/// Where Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisOptions {
    /// `redis://[user:password@]host[:port][/db]`; it may hold a password.
    pub url: Secret,
    /// What all keys and channels begin with.
    pub prefix: String,
}

/// Logs in Redis.
pub struct RedisStore {
    shared: Arc<Shared>,
    _stop: DropGuard,
}

/// What is wrong with a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadUrl;

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected redis://[user:password@]host[:port][/db]")
    }
}

impl std::error::Error for BadUrl {}

impl RedisOptions {
    /// Checks the URL.
    ///
    /// # Errors
    /// [`BadUrl`], which repeats nothing of it: it may hold a password.
    pub fn check(&self) -> std::result::Result<(), BadUrl> {
        self.client().map(drop)
    }

    fn client(&self) -> std::result::Result<Client, BadUrl> {
        use redis::IntoConnectionInfo;
        let info = self.url.text().into_connection_info().map_err(|_| BadUrl)?;
        // News and answers over one connection are what the third version of its protocol is for.
        let settings = info.redis_settings().clone().set_protocol(redis::ProtocolVersion::RESP3);
        Client::open(info.set_redis_settings(settings)).map_err(|_| BadUrl)
    }
}

impl RedisStore {
    /// A store over a Redis, which need not be there yet. Must be called in a runtime.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn open(options: &RedisOptions, limits: MemoryLimits) -> std::result::Result<Self, BadUrl> {
        let shared = Arc::new(Shared {
            client: options.client()?,
            names: Names::new(&options.prefix),
            clock: Clock::default(),
            instance: Epoch::from_number(fastrand::u64(..)).as_str().into(),
            link: Mutex::default(),
            topics: Topics::new(limits.topics, limits.bytes),
            limits,
            wanted: Notify::new(),
            presence: Mutex::default(),
            present: Notify::new(),
            reads: Semaphore::new(shared::READS),
            refuses: Mutex::default(),
            listed: Mutex::default(),
        });
        let stop = CancellationToken::new();
        tokio::spawn(keeper::keep(Arc::clone(&shared), stop.clone()));
        Ok(Self { shared, _stop: stop.drop_guard() })
    }
}

impl Store for RedisStore {
    async fn append(&self, now: u64, topic: &Topic, new: NewRecord) -> Result<Appended> {
        let shared = &self.shared;
        let link = shared.link()?;
        shared.list_topic(&link, now, topic).await?;
        // A key is the publisher's own; no id has a `/`.
        let known = match (&new.id, &new.from) {
            (None, _) => String::new(),
            (Some(id), None) => id.to_string(),
            (Some(id), Some(from)) => format!("{id}/{from}"),
        };
        let keys = shared.limits.keys;
        let (count, age) = (keys.count.to_string(), keys.age.to_string());
        let (record, size) = wire::record(now, new.clone());
        let size = size.to_string();
        let arguments = [known.as_bytes(), count.as_bytes(), age.as_bytes(), size.as_bytes(), &record];
        let answer = shared.run::<(String, u64, u64, u8)>(&link, &APPEND, topic, now, &arguments).await?;
        let (epoch, offset, time, repeated) = answer;
        let epoch = Epoch::new(&epoch).map_err(|_| no_log())?;
        if repeated == 0
            && let Some(followed) = shared.topics.get(topic.as_str())
        {
            // Readers here see it now, even if the news of it are still on their way.
            shared.topics.change(&followed, |state| {
                let same = state.tail.known().is_some_and(|known| known.epoch == epoch);
                if same && state.tail.record(epoch, wire::entry_of(offset, time, new), followed.keep) {
                    state.watchers.mark_records();
                }
            });
        }
        Ok(Appended { position: Position { epoch, offset }, repeated: repeated != 0 })
    }

    async fn resolve(&self, now: u64, topic: &Topic, from: From) -> Result<Start> {
        let shared = &self.shared;
        let link = shared.link()?;
        if let Some(followed) = shared.topics.get(topic.as_str()) {
            shared.follow(&link, &followed).await?;
            shared.topics.change(&followed, |state| state.tail.expire(now, followed.keep.age));
        }
        let limit = BatchLimit { bytes: 0, records: 0 };
        let answer = shared.ask(&link, topic, now, None, limit, None).await?;
        Ok(answer.span().resolve(from))
    }

    /// Where Redis is away, a reader that is watching has nothing to read yet: it is marked when it is back.
    async fn read(&self, topic: &Topic, after: Position, limit: BatchLimit) -> Result<Read> {
        let shared = &self.shared;
        let followed = shared.topics.get(topic.as_str());
        let asked = async {
            if let Some(followed) = &followed {
                loop {
                    // Not in the `match`: the lock would be held while waiting.
                    let local = lock(&followed.state).tail.read(after, limit);
                    match local {
                        Local::Batch(batch) => return Ok(Read::Batch(batch)),
                        Local::UpToDate => return Ok(Read::UpToDate),
                        Local::Behind => shared.catch_up(followed, after).await?,
                        Local::Ask => break,
                    }
                }
            }
            let link = shared.link()?;
            let answer = shared.ask(&link, topic, shared.clock.now(), Some(after), limit, None).await?;
            Ok(answer.read(after, limit))
        };
        match (asked.await, followed) {
            (Err(error), Some(followed)) => {
                let mut state = lock(&followed.state);
                if state.watchers.is_empty() {
                    return Err(error);
                }
                // The next comparison with Redis marks it.
                state.owed = true;
                followed.followed_on.store(0, Ordering::Release);
                Ok(Read::UpToDate)
            }
            (asked, _) => asked,
        }
    }

    async fn history(&self, now: u64, topic: &Topic, range: HistoryRange, limit: u32) -> Result<Page> {
        let shared = &self.shared;
        let link = shared.link()?;
        let (side, offset) = match range {
            HistoryRange::Before(offset) => ("before", offset),
            HistoryRange::After(offset) => ("after", offset),
        };
        let words = [offset.to_string(), limit.min(limits::HISTORY).to_string()];
        let bytes = limits::BATCH_BYTES.to_string();
        let arguments = [side.as_bytes(), words[0].as_bytes(), words[1].as_bytes(), bytes.as_bytes()];
        let _one = shared.one_of_the_reads().await?;
        let values: Vec<Value> = shared.run(&link, &PAGE, topic, now, &arguments).await?;
        let Answer { epoch, top, oldest, mut entries } = wire::answer(values).ok_or_else(no_log)?;
        let farthest = entries.last().map(|entry| entry.record.offset);
        let more = match range {
            HistoryRange::Before(_) => {
                entries.reverse();
                farthest.map_or(limit == 0 && offset > oldest, |farthest| farthest > oldest)
            }
            HistoryRange::After(_) => farthest.map_or(limit == 0 && offset < top, |farthest| farthest < top),
        };
        Ok(Page { epoch, entries, more })
    }

    async fn send_ephemeral(&self, topic: &Topic, message: Ephemeral) -> Result<()> {
        let shared = &self.shared;
        let link = shared.link()?;
        let told = wire::ephemeral(&shared.instance, &message);
        let mut publish = redis::cmd("PUBLISH");
        let sent = publish.arg(shared.names.channel(topic)).arg(told);
        let sent = sent.query_async::<()>(&mut link.connection()).await;
        sent.map_err(|error| Shared::failed(&link, &error))?;
        if let Some(followed) = shared.topics.get(topic.as_str()) {
            shared.hand_out(&followed, message);
        }
        Ok(())
    }

    fn read_ephemeral(&self, topic: &Topic, after: u64) -> (Vec<Ephemeral>, u64) {
        let Some(followed) = self.shared.topics.get(topic.as_str()) else { return Default::default() };
        let state = lock(&followed.state);
        (state.ring.after(after).cloned().collect(), state.ring.top())
    }

    fn watch(&self, _now: u64, topic: &Topic, wakeup: &Arc<Wakeup>, slot: Slot) -> Result<Watch> {
        let keep = self.shared.limits.retention.of(topic);
        let (followed, id) = self.shared.topics.watch(topic, keep, wakeup, slot)?;
        self.shared.wanted.notify_one();
        let followed = Arc::downgrade(&followed);
        Ok(Watch::new(move || {
            if let Some(followed) = followed.upgrade() {
                followed.unwatch(id);
            }
        }))
    }

    fn wake(&self, topic: &Topic) {
        if let Some(followed) = self.shared.topics.get(topic.as_str()) {
            lock(&followed.state).watchers.mark_all();
        }
    }

    fn tick(&self, now: u64) {
        for followed in self.shared.topics.all() {
            self.shared.topics.change(&followed, |state| {
                state.tail.expire(now, followed.keep.age);
                state.ring.expire(now);
            });
        }
    }

    fn health(&self) -> Result<()> {
        self.shared.link()?;
        lock(&self.shared.refuses).clone().map_or(Ok(()), |why| Err(StoreError::Unavailable(why)))
    }

    fn share_presence(&self, presence: &Presence) {
        *lock(&self.shared.presence) = Some(presence.clone());
        self.shared.present.notify_one();
    }

    async fn list_members(&self, topic: &Topic) -> Result<()> {
        let shared = &self.shared;
        let link = shared.link()?;
        let followed = shared.topics.follow(topic, shared.limits.retention.of(topic))?;
        shared.follow(&link, &followed).await?;
        let mut asked = followed.asked.lock().await;
        if asked.listed_on == link.id { Ok(()) } else { shared.list(&link, &followed, &mut asked).await }
    }

    async fn put_once(&self, name: &str, value: Vec<u8>, life: u64) -> Result<bool> {
        let link = self.shared.link()?;
        let mut set = redis::cmd("SET");
        let set = set.arg(self.shared.names.once(name)).arg(value).arg("PX").arg(life);
        let done = set.query_async::<()>(&mut link.connection()).await;
        done.map_err(|error| Shared::failed(&link, &error))?;
        Ok(true)
    }

    async fn take_once(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let link = self.shared.link()?;
        let mut take = redis::cmd("GETDEL");
        let taken = take.arg(self.shared.names.once(name)).query_async(&mut link.connection()).await;
        taken.map_err(|error| Shared::failed(&link, &error))
    }
}
