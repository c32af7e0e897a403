//! One topic of one webhook: read by cursor, and each message delivered before the next. It knows not who else reads.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use everwire_protocol::{Payload, Position, PublishId, Topic};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    Webhook,
    delivery::{Endpoint, Outcome},
    hook::Kept,
    message::Message,
    retry,
};
use crate::{
    clock::Clock,
    hub::Hub,
    log::{BatchLimit, Entry, NewRecord, Read},
    store::{Store, StoreError, Wakeup},
};

/// A topic in which nothing is written for so long is given up by its reader, so that the store may forget it; the
/// webhook looks from time to time whether there is something again.
const IDLE: Duration = Duration::from_secs(60);
/// How long a store that does not answer is left alone.
const STORE_WAIT: Duration = Duration::from_secs(1);
/// Few at a time: delivery is what takes long.
const LIMIT: BatchLimit = BatchLimit { bytes: 1 << 20, records: 64 };

/// What the readers of one webhook share.
pub(super) struct Shared<S> {
    pub hub: Arc<Hub<S>>,
    pub hook: Webhook,
    pub endpoint: Endpoint,
    pub clock: Clock,
    /// As many as there may be attempts at once.
    pub attempts: Semaphore,
    pub kept: Kept,
}

/// Reads on until it is told to stop, or there is nothing to read for long. The cursor moves only past what was
/// delivered, or recorded among the dead letters.
pub(super) async fn read<S: Store>(
    shared: Arc<Shared<S>>,
    topic: Topic,
    mut cursor: Position,
    stop: CancellationToken,
) -> (Topic, Position) {
    let ended = stop.cancelled();
    let work = async {
        let wakeup = Wakeup::new();
        let Ok(_watch) = shared.hub.store.watch(shared.clock.now(), &topic, &wakeup, 0) else { return };
        loop {
            let _ = wakeup.take();
            match shared.hub.store.read(&topic, cursor, LIMIT).await {
                Ok(Read::UpToDate) => {
                    if tokio::time::timeout(IDLE, wakeup.marked()).await.is_err() {
                        return;
                    }
                }
                Ok(Read::Batch(batch)) => {
                    for entry in &batch.entries {
                        let at = Position { epoch: cursor.epoch, offset: entry.record.offset };
                        shared.record(&topic, at, entry).await;
                        cursor = at;
                        shared.kept.moved(&topic, cursor);
                    }
                }
                Ok(Read::Gap(gap)) => {
                    if let Ok(message) = Message::gap(shared.clock.now(), &topic, &gap) {
                        shared.deliver(&topic, gap.position, message).await;
                    }
                    cursor = gap.position;
                    shared.kept.moved(&topic, cursor);
                }
                Err(error) => {
                    tracing::warn!(webhook = shared.hook.name, %topic, %error, "can't read");
                    sleep(STORE_WAIT).await;
                }
            }
        }
    };
    tokio::select! {
        // What was under way is delivered again by whoever goes on from the cursor.
        () = ended => {}
        () = work => {}
    }
    (topic, cursor)
}

impl<S: Store> Shared<S> {
    async fn record(&self, topic: &Topic, at: Position, entry: &Entry) {
        match Message::record(topic, at, &entry.record) {
            Ok(message) => self.deliver(topic, at, message).await,
            Err(error) => {
                tracing::error!(webhook = self.hook.name, %topic, %error, "a record is not what its kind says")
            }
        }
    }

    /// Tries until the message is delivered, refused, or too old.
    async fn deliver(&self, topic: &Topic, at: Position, message: Message) {
        let since = Instant::now();
        let mut failed = 0;
        let why = loop {
            let outcome = match self.attempts.acquire().await {
                Ok(_permit) => self.endpoint.attempt(&message).await,
                Err(_) => return,
            };
            failed += 1;
            match outcome {
                Outcome::Delivered => {
                    self.hub.counters.webhooks.delivered.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Outcome::Refused { why } => break why,
                Outcome::Failed { why, asked } => {
                    let wait = retry::wait(failed, asked);
                    if since.elapsed() + wait > self.hook.give_up_after {
                        break why;
                    }
                    self.hub.counters.webhooks.retried.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(webhook = self.hook.name, %topic, %at, failed, ?wait, why, "will try again");
                    sleep(wait).await;
                }
            }
        };
        self.hub.counters.webhooks.dead.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(webhook = self.hook.name, %topic, %at, attempts = failed, why, "not delivered");
        self.bury(topic, at, &message, failed, &why).await;
    }

    /// Records what could not be delivered, once, however often it is tried.
    async fn bury(&self, topic: &Topic, at: Position, message: &Message, attempts: u32, why: &str) {
        let letter = Letter {
            webhook: &self.hook.name,
            topic: topic.as_str(),
            position: at.to_string(),
            attempts,
            reason: why,
            id: &message.id,
            message: serde_json::from_str(&message.body).ok(),
        };
        let Some(text) = letter.text(self.hub.rules.limits.payload as usize) else { return };
        let new = NewRecord {
            payload: Payload::json(text),
            key: None,
            from: None,
            id: PublishId::new(&message.id).ok(),
        };
        loop {
            let appended =
                self.hub.store.append(self.clock.now(), &self.hook.dead_letters, new.clone()).await;
            match appended {
                Ok(_) => return,
                Err(StoreError::TooManyTopics | StoreError::Unavailable(_)) => sleep(STORE_WAIT).await,
            }
        }
    }
}

/// What the dead letters' topic says of a message.
#[derive(Serialize)]
struct Letter<'a> {
    webhook: &'a str,
    topic: &'a str,
    position: String,
    attempts: u32,
    reason: &'a str,
    id: &'a str,
    message: Option<&'a RawValue>,
}

impl Letter<'_> {
    /// As JSON of at most so many bytes; a message that is too long is left out: its position tells which it was.
    fn text(mut self, most: usize) -> Option<String> {
        let whole = serde_json::to_string(&self).ok()?;
        if whole.len() <= most {
            return Some(whole);
        }
        self.message = None;
        serde_json::to_string(&self).ok()
    }
}
