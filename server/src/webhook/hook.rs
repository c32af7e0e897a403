//! One webhook as a whole: finds its topics, has a reader for each in which there is something to read, keeps their
//! cursors, and leaves it all to another server that holds the lease.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use everwire_protocol::{From, Position, Topic};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    StartAt, Webhook,
    delivery::{BadEndpoint, Endpoint},
    reader::{Shared, read},
};
use crate::{
    clock::Clock,
    hub::Hub,
    store::{Cursors, Result, Store},
};

/// How often new topics are looked for, and cursors that moved are kept.
const LOOK: Duration = Duration::from_secs(1);
/// How long nobody else may take over once this server has said that it reads, in milliseconds.
const LEASE: u64 = 15_000;
/// How often it says so, and how often one that does not read asks.
const RENEW: Duration = Duration::from_secs(5);
/// Most topics that are read at once; others wait for their turn.
const READERS: usize = 1_024;

/// Cursors that moved since they were last kept.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<HashMap<Topic, Position>>);

impl Kept {
    pub fn moved(&self, topic: &Topic, cursor: Position) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.clone(), cursor);
    }

    fn take(&self) -> Vec<(Topic, Position)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// What could not be kept, unless it moved on meanwhile.
    fn put_back(&self, moved: Vec<(Topic, Position)>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (topic, cursor) in moved {
            kept.entry(topic).or_insert(cursor);
        }
    }
}

/// Runs a webhook until `stop`.
///
/// # Errors
/// [`BadEndpoint`] when its URL or its secret can't be used.
pub fn run<S: Store + Cursors>(
    hub: Arc<Hub<S>>,
    hook: Webhook,
    stop: CancellationToken,
) -> std::result::Result<impl Future<Output = ()> + Send, BadEndpoint> {
    let endpoint = Endpoint::new(&hook)?;
    let attempts = Semaphore::new(hook.concurrency);
    let shared =
        Arc::new(Shared { hub, hook, endpoint, clock: Clock::default(), attempts, kept: Kept::default() });
    Ok(async move {
        // Nobody else's name: a server that comes back is another one.
        let holder = format!("{:016x}", fastrand::u64(..));
        loop {
            if shared.leads(&holder).await {
                let mut hook = Running { shared: &shared, cursors: HashMap::new(), reading: HashSet::new() };
                if let Err(error) = hook.lead(&holder, &stop).await {
                    tracing::warn!(webhook = shared.hook.name, %error, "stopped for now");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(RENEW) => {}
            }
        }
    })
}

impl<S: Store + Cursors> Shared<S> {
    /// A store that does not answer leaves the matter open: then nobody leads.
    async fn leads(&self, holder: &str) -> bool {
        matches!(self.hub.store.lease(&self.hook.name, holder, LEASE).await, Ok(true))
    }

    async fn keep(&self) -> Result<()> {
        let moved = self.kept.take();
        if moved.is_empty() {
            return Ok(());
        }
        let kept = self.hub.store.keep_cursors(&self.hook.name, &moved).await;
        if kept.is_err() {
            self.kept.put_back(moved);
        }
        kept
    }

    /// The server's own topics only where the pattern asks for them; and no dead letters of one's own, which would
    /// come back for ever.
    fn takes(&self, topic: &Topic) -> bool {
        let asked = !topic.is_reserved() || self.hook.pattern.is_reserved();
        asked && self.hook.pattern.matches(topic) && *topic != self.hook.dead_letters
    }
}

/// A webhook while this server reads for it.
struct Running<'a, S> {
    shared: &'a Arc<Shared<S>>,
    /// Where the topics are that nobody reads just now.
    cursors: HashMap<Topic, Position>,
    reading: HashSet<Topic>,
}

impl<S: Store + Cursors> Running<'_, S> {
    /// Reads until `stop`, or until another server may.
    async fn lead(&mut self, holder: &str, stop: &CancellationToken) -> Result<()> {
        self.begin().await?;
        let mut readers = JoinSet::new();
        let ended = CancellationToken::new();
        let _guard = ended.clone().drop_guard();
        let (mut look, mut renew) = (interval(LOOK), interval(RENEW));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = renew.tick() => if !self.shared.leads(holder).await {
                    // Somebody else may read by the time that this one is sure.
                    break;
                },
                Some(done) = readers.join_next() => if let Ok((topic, cursor)) = done {
                    self.reading.remove(&topic);
                    self.cursors.insert(topic, cursor);
                },
                _ = look.tick() => {
                    // A store that does not answer now may with the next look; what moved meanwhile stays to be kept.
                    let looked = async {
                        self.shared.keep().await?;
                        self.look(&mut readers, &ended).await
                    };
                    if let Err(error) = looked.await {
                        tracing::warn!(webhook = self.shared.hook.name, %error, "can't look for topics");
                    }
                }
            }
        }
        ended.cancel();
        while readers.join_next().await.is_some() {}
        self.shared.keep().await
    }

    /// Where it was, or where a new one starts.
    async fn begin(&mut self) -> Result<()> {
        // Of an earlier time as the reader: another server has moved on since.
        self.shared.kept.take();
        let store = &self.shared.hub.store;
        let name = &self.shared.hook.name;
        let cursors = match store.cursors(name).await? {
            Some(cursors) => cursors,
            None => {
                let heads = store.heads().await?.into_iter();
                let mut mine: Vec<_> = heads.filter(|(topic, _)| self.shared.takes(topic)).collect();
                if self.shared.hook.start == StartAt::Earliest {
                    let now = self.shared.clock.now();
                    for (topic, cursor) in &mut mine {
                        *cursor = store.resolve(now, topic, From::Earliest).await?.position;
                    }
                }
                store.keep_cursors(name, &mine).await?;
                mine
            }
        };
        self.cursors = cursors.into_iter().collect();
        Ok(())
    }

    /// Has a reader for each topic that was written to since it was last read.
    async fn look(
        &mut self,
        readers: &mut JoinSet<(Topic, Position)>,
        stop: &CancellationToken,
    ) -> Result<()> {
        for (topic, head) in self.shared.hub.store.heads().await? {
            if self.reading.len() >= READERS {
                return Ok(());
            }
            if !self.shared.takes(&topic) || self.reading.contains(&topic) {
                continue;
            }
            let cursor = match self.cursors.get(&topic) {
                Some(cursor) if *cursor == head => continue,
                Some(cursor) => *cursor,
                // It came into being after the webhook did: what it has lost since is told.
                None => {
                    let cursor = Position { epoch: head.epoch, offset: 0 };
                    self.shared.kept.moved(&topic, cursor);
                    cursor
                }
            };
            self.reading.insert(topic.clone());
            readers.spawn(read(Arc::clone(self.shared), topic, cursor, stop.clone()));
        }
        Ok(())
    }
}
