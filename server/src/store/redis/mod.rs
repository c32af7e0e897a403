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

mod keeper;
mod link;
mod members;
mod scripts;
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
use redis::{Client, RedisError, Script, Value};
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Ephemeral, MemoryLimits, Result, Slot, Store, StoreError, Wakeup, Watch};
use crate::{
    auth::Secret,
    clock::Clock,
    log::{Appended, BatchLimit, NewRecord, Page, Read, Span, Start},
    presence::Presence,
};
use link::{ANSWER_TIMEOUT, Link};
use scripts::{APPEND, Names, PAGE, READ};
use tail::Local;
use topics::{Followed, Topics, lock};
use wire::{Answer, Message};

/// Most reads that bring records at once, so that what is on its way here is bounded.
const READS: usize = 64;

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

/// What the store and its keeper share.
struct Shared {
    client: Client,
    names: Names,
    limits: MemoryLimits,
    clock: Clock,
    /// This instance's name, another one at each start.
    instance: Arc<str>,
    link: Mutex<Option<Link>>,
    topics: Topics,
    /// Something waits to be followed.
    wanted: Notify,
    presence: Mutex<Option<Presence>>,
    /// That is there now.
    present: Notify,
    reads: Semaphore,
    /// Why Redis takes nothing in, although it answers.
    refuses: Mutex<Option<String>>,
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
            reads: Semaphore::new(READS),
            refuses: Mutex::default(),
        });
        let stop = CancellationToken::new();
        tokio::spawn(keeper::keep(Arc::clone(&shared), stop.clone()));
        Ok(Self { shared, _stop: stop.drop_guard() })
    }
}

/// Redis is not there, or did not do what it was asked.
fn away() -> StoreError {
    StoreError::Unavailable("Redis is away".to_owned())
}

impl Shared {
    fn link(&self) -> Result<Link> {
        lock(&self.link).clone().filter(|link| !link.is_broken()).ok_or_else(away)
    }

    fn presence(&self) -> Option<Presence> {
        lock(&self.presence).clone()
    }

    /// What an error of Redis means to who asked. What it is in detail is the operator's alone.
    fn failed(link: &Link, error: &RedisError) -> StoreError {
        link.judge(error);
        tracing::warn!(%error, "Redis did not do what it was asked");
        StoreError::Unavailable("Redis did not answer as it should".to_owned())
    }

    /// Runs a script about a topic.
    async fn run<T: redis::FromRedisValue>(
        &self,
        link: &Link,
        script: &Script,
        topic: &Topic,
        now: u64,
        arguments: &[&[u8]],
    ) -> Result<T> {
        let keep = self.limits.retention.of(topic);
        let mut run = script.prepare_invoke();
        for key in self.names.log(topic) {
            run.key(key);
        }
        // 40 bits are enough for no two lives of one topic to meet, and cursors stay short.
        let epoch = Epoch::from_number((1 << 40) | (fastrand::u64(..) >> 24));
        run.arg(epoch.as_str()).arg(&*link.life).arg(u8::from(link.durable)).arg(self.names.channel(topic));
        run.arg(now).arg(keep.records).arg(keep.bytes).arg(keep.age);
        for argument in arguments {
            run.arg(*argument);
        }
        let mut connection = link.connection();
        // Beyond the answer's own deadline, for where its turn does not come.
        let answer = timeout(2 * ANSWER_TIMEOUT, run.invoke_async(&mut connection)).await;
        answer.map_err(|_| away())?.map_err(|error| Self::failed(link, &error))
    }

    async fn one_of_the_reads(&self) -> Result<SemaphorePermit<'_>> {
        let permit = timeout(ANSWER_TIMEOUT, self.reads.acquire()).await;
        permit.map_err(|_| away())?.map_err(|_| away())
    }

    /// Reads after a cursor. `reached` is how far the log is known to have been.
    async fn ask(
        &self,
        link: &Link,
        topic: &Topic,
        now: u64,
        after: Option<Position>,
        limit: BatchLimit,
        reached: Option<Position>,
    ) -> Result<Answer> {
        let _one = self.one_of_the_reads().await?;
        let words = |position: Option<Position>| {
            position.map_or_else(Default::default, |at| (at.epoch.to_string(), at.offset.to_string()))
        };
        let ((epoch, offset), (known_epoch, known)) = (words(after), words(reached));
        let offset = if offset.is_empty() { "0".to_owned() } else { offset };
        let (records, bytes) = (limit.records.to_string(), limit.bytes.to_string());
        let arguments = [&epoch, &offset, &records, &bytes, &known_epoch, &known].map(|text| text.as_bytes());
        let values: Vec<Value> = self.run(link, &READ, topic, now, &arguments).await?;
        wire::answer(values).ok_or_else(|| StoreError::Unavailable("Redis holds what is no log".to_owned()))
    }

    /// Makes sure that a topic's news are heard over this link, and that its tail was compared with Redis
    /// since. Many may ask for it at once; Redis is asked once.
    async fn follow(&self, link: &Link, followed: &Followed) -> Result<()> {
        if followed.followed_on.load(Ordering::Acquire) == link.id {
            return Ok(());
        }
        let mut asked = followed.asked.lock().await;
        if followed.followed_on.load(Ordering::Acquire) == link.id {
            return Ok(());
        }
        let mut connection = link.connection();
        let subscribed = connection.subscribe(self.names.channel(&followed.name)).await;
        subscribed.map_err(|error| Self::failed(link, &error))?;
        // First, so that what fails from here on is looked at again.
        followed.followed_on.store(link.id, Ordering::Release);
        let mut compared = self.compare(link, followed).await;
        if compared.is_ok() && asked.listed_on != 0 && asked.listed_on != link.id {
            compared = self.list(link, followed, &mut asked).await;
        }
        if compared.is_err() {
            followed.followed_on.store(0, Ordering::Release);
        }
        compared
    }

    /// Compares a tail with Redis, and takes in what is next.
    async fn compare(&self, link: &Link, followed: &Followed) -> Result<()> {
        let (end, known) = {
            let state = lock(&followed.state);
            (state.tail.end(), state.tail.known())
        };
        let limit = BatchLimit::default();
        let answer = self.ask(link, &followed.name, self.clock.now(), end, limit, known).await?;
        self.topics.change(followed, |state| {
            match end {
                Some(end) => state.tail.learn(end, &answer, followed.keep),
                None => {
                    state.tail.top(answer.epoch, answer.top);
                }
            }
            if std::mem::take(&mut state.owed) || state.tail.known() != known {
                state.mark_all();
            }
        });
        Ok(())
    }

    /// Brings the tail on by what is next: one question for all readers at its end.
    async fn catch_up(&self, followed: &Followed, from: Position) -> Result<()> {
        let _asked = followed.asked.lock().await;
        let end = lock(&followed.state).tail.end();
        if end != Some(from) {
            return Ok(());
        }
        let link = self.link()?;
        let (now, limit) = (self.clock.now(), BatchLimit::default());
        let answer = self.ask(&link, &followed.name, now, end, limit, None).await?;
        self.topics.change(followed, |state| state.tail.learn(from, &answer, followed.keep));
        Ok(())
    }

    /// What is told on a channel. Called by the connection itself, one message after another: it may not
    /// wait.
    fn heard(&self, channel: &[u8], message: Vec<u8>) {
        let Some(topic) = self.names.topic_of(channel) else { return };
        let Some(followed) = self.topics.get(topic) else { return };
        match wire::message(message) {
            Some(Message::Record(epoch, entry)) => self.topics.change(&followed, |state| {
                if state.tail.record(epoch, entry, followed.keep) {
                    state.mark_all();
                }
            }),
            Some(Message::Top(epoch, top)) => self.topics.change(&followed, |state| {
                if state.tail.top(epoch, top) {
                    state.mark_all();
                }
            }),
            // What this instance told was handed out when Redis had taken it.
            Some(Message::Ephemeral(instance, _)) if instance == *self.instance => {}
            Some(Message::Ephemeral(_, message)) => self.hand_out(&followed, message),
            Some(Message::Member { id, instance, member }) => {
                let told = self.presence().filter(|_| instance != self.instance);
                if told.is_some_and(|presence| presence.heard(&followed.name, &instance, &id, member)) {
                    lock(&followed.state).mark_all();
                }
            }
            // It says at least that there is something: the next look at the log finds out.
            None => tracing::warn!(topic, "something on the channel is no message"),
        }
    }

    fn hand_out(&self, followed: &Followed, message: Ephemeral) {
        let mut state = lock(&followed.state);
        if !state.watchers.is_empty() {
            state.ring.push(message);
            state.mark_all();
        }
    }
}

impl Answer {
    fn span(&self) -> Span {
        Span { epoch: self.epoch, oldest: self.oldest.max(1), next: self.top.saturating_add(1) }
    }

    fn read(self, after: Position, limit: BatchLimit) -> Read {
        if let Some(gap) = self.span().gap_after(after) {
            return Read::Gap(gap);
        }
        tail::batch(self.epoch, self.entries.into_iter(), limit, self.top).map_or(Read::UpToDate, Read::Batch)
    }
}

impl Store for RedisStore {
    async fn append(&self, now: u64, topic: &Topic, new: NewRecord) -> Result<Appended> {
        let shared = &self.shared;
        let link = shared.link()?;
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
        let no_log = |_| StoreError::Unavailable("Redis holds what is no log".to_owned());
        let epoch = Epoch::new(&epoch).map_err(no_log)?;
        if repeated == 0
            && let Some(followed) = shared.topics.get(topic.as_str())
        {
            // Readers here see it now, even if the news of it are still on their way.
            shared.topics.change(&followed, |state| {
                let same = state.tail.known().is_some_and(|known| known.epoch == epoch);
                if same && state.tail.record(epoch, wire::entry_of(offset, time, new), followed.keep) {
                    state.mark_all();
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
        let no_log = || StoreError::Unavailable("Redis holds what is no log".to_owned());
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
            lock(&followed.state).mark_all();
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
