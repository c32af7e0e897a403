//! What the store and its keeper share: the link, the topics that are followed, how Redis is asked about
//! them, and what is done with what is heard. It knows no connection of a client, only readers to mark.

use std::sync::{Arc, Mutex, atomic::Ordering};

use everwire_protocol::{Epoch, Position, Topic};
use redis::{Client, RedisError, Script, Value};
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{
    cursors::Listed,
    link::{ANSWER_TIMEOUT, Link},
    scripts::{Names, READ},
    tail,
    topics::{Followed, Topics, lock},
    wire::{self, Answer, Message},
};
use crate::{
    clock::Clock,
    log::{BatchLimit, Read, Span},
    presence::Presence,
    store::{Ephemeral, MemoryLimits, Result, StoreError},
};

/// Most reads that bring records at once, so that what is on its way here is bounded.
pub const READS: usize = 64;

/// What the store and its keeper share.
pub struct Shared {
    pub client: Client,
    pub names: Names,
    pub limits: MemoryLimits,
    pub clock: Clock,
    /// This instance's name, another one at each start.
    pub instance: Arc<str>,
    pub link: Mutex<Option<Link>>,
    pub topics: Topics,
    /// Something waits to be followed.
    pub wanted: Notify,
    pub presence: Mutex<Option<Presence>>,
    /// That is there now.
    pub present: Notify,
    pub reads: Semaphore,
    /// Why Redis takes nothing in, although it answers.
    pub refuses: Mutex<Option<String>>,
    /// Topics that are known to be listed.
    pub listed: Mutex<Listed>,
}

/// Redis is not there, or did not do what it was asked.
pub fn away() -> StoreError {
    StoreError::Unavailable("Redis is away".to_owned())
}

/// What Redis holds under a topic's keys was not written by this store.
pub fn no_log() -> StoreError {
    StoreError::Unavailable("Redis holds what is no log".to_owned())
}

impl Shared {
    pub fn link(&self) -> Result<Link> {
        lock(&self.link).clone().filter(|link| !link.is_broken()).ok_or_else(away)
    }

    pub fn presence(&self) -> Option<Presence> {
        lock(&self.presence).clone()
    }

    /// What an error of Redis means to who asked. What it is in detail is the operator's alone.
    pub fn failed(link: &Link, error: &RedisError) -> StoreError {
        link.judge(error);
        tracing::warn!(%error, "Redis did not do what it was asked");
        StoreError::Unavailable("Redis did not answer as it should".to_owned())
    }

    /// Runs a script about a topic.
    pub async fn run<T: redis::FromRedisValue>(
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

    pub async fn one_of_the_reads(&self) -> Result<SemaphorePermit<'_>> {
        let permit = timeout(ANSWER_TIMEOUT, self.reads.acquire()).await;
        permit.map_err(|_| away())?.map_err(|_| away())
    }

    /// Reads after a cursor. `reached` is how far the log is known to have been.
    pub async fn ask(
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
        wire::answer(values).ok_or_else(no_log)
    }

    /// Makes sure that a topic's news are heard over this link, and that its tail was compared with Redis
    /// since. Many may ask for it at once; Redis is asked once.
    pub async fn follow(&self, link: &Link, followed: &Followed) -> Result<()> {
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
    pub async fn compare(&self, link: &Link, followed: &Followed) -> Result<()> {
        let (end, known) = {
            let state = lock(&followed.state);
            (state.tail.end(), state.tail.known())
        };
        let limit = BatchLimit::default();
        let answer = self.ask(link, &followed.name, self.clock.now(), end, limit, known).await?;
        self.topics.change(followed, |state| {
            let mut news = state.tail.top(answer.epoch, answer.top);
            if let Some(end) = end {
                state.tail.learn(end, &answer, followed.keep);
                news |= state.tail.known() != known;
            }
            if std::mem::take(&mut state.owed) || news {
                state.watchers.mark_all();
            }
        });
        Ok(())
    }

    /// Brings the tail on by what is next: one question for all readers at its end.
    pub async fn catch_up(&self, followed: &Followed, from: Position) -> Result<()> {
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
    pub fn heard(&self, channel: &[u8], message: Vec<u8>) {
        let Some(topic) = self.names.topic_of(channel) else { return };
        let Some(followed) = self.topics.get(topic) else { return };
        match wire::message(message) {
            Some(Message::Record(epoch, entry)) => self.topics.change(&followed, |state| {
                if state.tail.record(epoch, entry, followed.keep) {
                    state.watchers.mark_records();
                }
            }),
            Some(Message::Top(epoch, top)) => self.topics.change(&followed, |state| {
                if state.tail.top(epoch, top) {
                    state.watchers.mark_all();
                }
            }),
            // What this instance told was handed out when Redis had taken it.
            Some(Message::Ephemeral(instance, _)) if instance == *self.instance => {}
            Some(Message::Ephemeral(_, message)) => self.hand_out(&followed, message),
            Some(Message::Member { id, instance, member }) => {
                let told = self.presence().filter(|_| instance != self.instance);
                if told.is_some_and(|presence| presence.heard(&followed.name, &instance, &id, member)) {
                    lock(&followed.state).watchers.mark_all();
                }
            }
            // It says at least that there is something: the next look at the log finds out.
            None => tracing::warn!(topic, "something on the channel is no message"),
        }
    }

    pub fn hand_out(&self, followed: &Followed, message: Ephemeral) {
        let mut state = lock(&followed.state);
        if !state.watchers.is_empty() {
            state.ring.push(message);
            state.watchers.mark_all();
        }
    }
}

impl Answer {
    pub fn span(&self) -> Span {
        Span { epoch: self.epoch, oldest: self.oldest.max(1), next: self.top.saturating_add(1) }
    }

    pub fn read(self, after: Position, limit: BatchLimit) -> Read {
        if let Some(gap) = self.span().gap_after(after) {
            return Read::Gap(gap);
        }
        tail::batch(self.epoch, self.entries.into_iter(), limit, self.top).map_or(Read::UpToDate, Read::Batch)
    }
}
