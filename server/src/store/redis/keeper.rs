//! What keeps the store and Redis together: the link is made and made again, all that is followed is
//! followed on each new one, and tails are compared with Redis now and then, for news can be lost. It knows
//! no reader.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use redis::RedisError;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Result,
    link::Link,
    members,
    shared::{Shared, away},
    topics::{Followed, lock},
};
use crate::jitter;

/// How often Redis is asked for a sign of life, and what is idle is looked for.
const BEAT: Duration = Duration::from_secs(1);
/// Within how many beats all tails are compared: what a lost message can cost at the most.
const ROUND: usize = 20;
/// Topics that Redis is asked about at once.
const AT_ONCE: usize = 64;
/// The longest wait for another try, before the jitter.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Runs until `stop`.
pub async fn keep(shared: Arc<Shared>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = for_ever(&shared) => {}
    }
    if let Some(link) = lock(&shared.link).take() {
        link.give_up();
    }
}

async fn for_ever(shared: &Arc<Shared>) {
    let mut tries: u32 = 0;
    for id in 1.. {
        match begin(shared, id).await {
            Ok(link) => {
                tracing::info!(durable = link.durable, "connected to Redis");
                tries = 0;
                *lock(&shared.link) = Some(link.clone());
                tokio::select! {
                    () = link.broken() => {}
                    () = beat(shared, &link) => {}
                    () = follow_wanted(shared, &link) => {}
                    () = compare_all(shared, &link) => {}
                    () = members::share(shared, &link) => {}
                }
                link.give_up();
                *lock(&shared.link) = None;
                tracing::warn!("the connection to Redis is lost");
            }
            // Once is enough to be told.
            Err(error) if tries == 0 => tracing::warn!(%error, "can't connect to Redis"),
            Err(error) => tracing::debug!(%error, "can't connect to Redis"),
        }
        let wait = jitter::full(tries, FIRST_WAIT, LONGEST_WAIT);
        tries = tries.saturating_add(1);
        sleep(wait).await;
    }
}

/// Makes a link, and has all followed on it before anybody uses it: a Redis that lost what was seen here is
/// found out before anything more is written to it.
async fn begin(shared: &Arc<Shared>, id: u64) -> Result<Link> {
    let heard = {
        let shared = Arc::downgrade(shared);
        move |channel: &[u8], message| {
            if let Some(shared) = shared.upgrade() {
                shared.heard(channel, message);
            }
        }
    };
    let link = Link::connect(&shared.client, id, heard).await.map_err(|error| told(&error))?;
    sign_of_life(shared, &link).await.map_err(|error| told(&error))?;
    let watched: Vec<_> = shared.topics.all();
    follow_all(shared, &link, watched).await?;
    if link.is_broken() { Err(away()) } else { Ok(link) }
}

/// Errors of connecting go to the operator alone.
fn told(error: &RedisError) -> super::StoreError {
    super::StoreError::Unavailable(error.to_string())
}

async fn follow_all(shared: &Shared, link: &Link, topics: Vec<Arc<Followed>>) -> Result<()> {
    let all = stream::iter(topics).map(Ok);
    all.try_for_each_concurrent(AT_ONCE, async |followed| shared.follow(link, &followed).await).await
}

/// Says that this instance is alive, which also shows whether Redis is.
async fn sign_of_life(shared: &Shared, link: &Link) -> std::result::Result<(), RedisError> {
    let mut set = redis::cmd("SET");
    let life = members::INSTANCE_LIFE.as_millis() as u64;
    let set = set.arg(shared.names.instance(&shared.instance)).arg(1).arg("PX").arg(life);
    set.query_async(&mut link.connection()).await
}

/// Returns when Redis gives no sign of life.
async fn beat(shared: &Shared, link: &Link) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        let refuses = match sign_of_life(shared, link).await {
            Ok(()) => None,
            Err(error) if error.is_connection_dropped() || error.is_timeout() => {
                return tracing::warn!(%error, "Redis gives no sign of life");
            }
            Err(error) => {
                link.judge(&error);
                Some(error.to_string())
            }
        };
        *lock(&shared.refuses) = refuses;
        retire(shared, link).await;
    }
}

/// Follows what is wanted, and again what failed before.
async fn follow_wanted(shared: &Shared, link: &Link) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.wanted.notified() => {}
            _ = beats.tick() => {}
        }
        let mut wanted = shared.topics.all();
        wanted.retain(|followed| followed.followed_on.load(Ordering::Acquire) != link.id);
        if let Err(error) = follow_all(shared, link, wanted).await {
            tracing::debug!(%error, "can't follow all that is wanted");
            // Not at once again, whoever wants it.
            beats.tick().await;
        }
    }
}

/// Compares all tails with Redis, a part of them at each beat.
async fn compare_all(shared: &Shared, link: &Link) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let all = shared.topics.all();
        let part = all.len().div_ceil(ROUND).max(1);
        let mut parts = all.chunks(part);
        for _ in 0..ROUND {
            beats.tick().await;
            let part = parts.next().unwrap_or_default().iter().map(Ok);
            let compared = stream::iter(part).try_for_each_concurrent(AT_ONCE, async |followed| {
                if followed.followed_on.load(Ordering::Acquire) == link.id {
                    shared.compare(link, followed).await?;
                }
                Ok::<(), super::StoreError>(())
            });
            if let Err(error) = compared.await {
                tracing::debug!(%error, "can't compare all topics");
            }
        }
    }
}

/// Follows no longer what nobody reads.
async fn retire(shared: &Shared, link: &Link) {
    for followed in shared.topics.idle() {
        // Who wants it meanwhile waits, and then follows it anew.
        let mut asked = followed.asked.lock().await;
        followed.followed_on.store(0, Ordering::Release);
        let channel = shared.names.channel(&followed.name);
        if let Err(error) = link.connection().unsubscribe(channel).await {
            return link.judge(&error);
        }
        asked.listed_on = 0;
        if shared.topics.forget_idle(&followed)
            && let Some(presence) = shared.presence()
        {
            presence.forget_elsewhere(&followed.name);
        }
    }
}
