//! Who is on which topic by which instance: told to the others, heard of them, and forgotten with an
//! instance that died. Presence itself knows what it means; here it only goes through Redis.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use everwire_protocol::{Member, Topic};
use futures::future::join_all;
use redis::RedisResult;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Result,
    link::Link,
    scripts::MEMBER,
    shared::Shared,
    topics::{Asked, Followed, lock},
    wire,
};
use crate::presence::{Presence, Told};

/// How long after its last sign of life an instance is taken for alive, and its members with it.
pub const INSTANCE_LIFE: Duration = Duration::from_secs(15);
/// How often the instances that members are by are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often all members of this instance are told again, and how long what was told holds.
const AGAIN: Duration = Duration::from_secs(600);
const HOLDS: Duration = Duration::from_secs(3600);
/// Members that are told of at once.
const AT_ONCE: usize = 256;

/// Tells and hears over a link, as long as it lasts. Ends when Redis gave no secret to share.
pub async fn share(shared: &Shared, link: &Link) {
    let presence = loop {
        match shared.presence() {
            Some(presence) => break presence,
            None => shared.present.notified().await,
        }
    };
    let secret = match secret(shared, link).await {
        Ok(secret) => secret,
        Err(error) => return tracing::warn!(%error, "can't share who is where"),
    };
    tokio::select! {
        () = tell_all(shared, link, &presence, secret) => {}
        () = look_all(shared, link, &presence) => {}
    }
}

/// The secret of all instances: whoever is first makes it.
async fn secret(shared: &Shared, link: &Link) -> RedisResult<[u8; 16]> {
    let mut chance = [0_u8; 16];
    let no_chance = |_| (redis::ErrorKind::Client, "the system has no chance to make a secret of");
    getrandom::fill(&mut chance).map_err(no_chance)?;
    let (mut connection, name) = (link.connection(), shared.names.secret());
    redis::cmd("SET").arg(&name).arg(&chance).arg("NX").query_async::<()>(&mut connection).await?;
    let secret: Vec<u8> = redis::cmd("GET").arg(&name).query_async(&mut connection).await?;
    secret.try_into().map_err(|_| (redis::ErrorKind::Client, "the secret is none").into())
}

/// Returns when something could not be told.
async fn tell_all(shared: &Shared, link: &Link, presence: &Presence, secret: [u8; 16]) {
    let mut again = interval(AGAIN);
    loop {
        tokio::select! {
            () = presence.changed() => {}
            // At once for the first time: Redis may have forgotten it all.
            _ = again.tick() => presence.share(secret),
        }
        loop {
            let told = presence.take_untold(AT_ONCE);
            if told.is_empty() {
                break;
            }
            let all = join_all(told.iter().map(|told| tell(shared, link, told))).await;
            if let Some(error) = all.into_iter().find_map(RedisResult::err) {
                link.judge(&error);
                presence.still_untold(told);
                return tracing::warn!(%error, "can't tell the other instances who is here");
            }
        }
    }
}

async fn tell(shared: &Shared, link: &Link, (topic, id, member): &Told) -> RedisResult<()> {
    let mut run = MEMBER.prepare_invoke();
    run.key(shared.names.members(topic)).arg(shared.names.channel(topic)).arg(&*shared.instance).arg(&**id);
    run.arg(member.as_ref().map(wire::member).unwrap_or_default()).arg(HOLDS.as_millis() as u64);
    run.invoke_async(&mut link.connection()).await
}

/// Looks for instances that have died, again and again.
async fn look_all(shared: &Shared, link: &Link, presence: &Presence) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        for instance in presence.instances() {
            match is_alive(shared, link, &instance).await {
                Ok(true) => {}
                Ok(false) => forget(shared, link, presence, &instance).await,
                Err(error) => link.judge(&error),
            }
        }
    }
}

async fn is_alive(shared: &Shared, link: &Link, instance: &str) -> RedisResult<bool> {
    // After Redis was away all instances have to come back first.
    if link.since.elapsed() < INSTANCE_LIFE {
        return Ok(true);
    }
    redis::cmd("EXISTS").arg(shared.names.instance(instance)).query_async(&mut link.connection()).await
}

async fn forget(shared: &Shared, link: &Link, presence: &Presence, instance: &Arc<str>) {
    let gone = presence.forget_instance(instance);
    tracing::info!(%instance, members = gone.len(), "an instance is gone, and its members with it");
    for (topic, id) in gone {
        if let Some(followed) = shared.topics.get(topic.as_str()) {
            lock(&followed.state).watchers.mark_all();
        }
        if let Err(error) = drop_field(shared, link, &topic, &id, instance).await {
            link.judge(&error);
        }
    }
}

async fn drop_field(
    shared: &Shared,
    link: &Link,
    topic: &Topic,
    id: &str,
    instance: &str,
) -> RedisResult<()> {
    let mut drop = redis::cmd("HDEL");
    let drop = drop.arg(shared.names.members(topic)).arg(format!("{id} {instance}"));
    drop.query_async(&mut link.connection()).await
}

impl Shared {
    /// Asks who is on a topic elsewhere. What is told of it is heard already, so nothing is missed.
    pub(super) async fn list(&self, link: &Link, followed: &Followed, asked: &mut Asked) -> Result<()> {
        let Some(presence) = self.presence() else { return Ok(()) };
        let failed = |error| Self::failed(link, &error);
        let topic = &followed.name;
        presence.begin_list(topic);
        let mut all = redis::cmd("HGETALL");
        let all = all.arg(self.names.members(topic)).query_async(&mut link.connection()).await;
        let all: HashMap<Vec<u8>, Vec<u8>> = all.map_err(failed)?;
        let mut list: Vec<(Arc<str>, Member)> = Vec::new();
        for (field, value) in all {
            let (Some((_, instance)), Some(member)) = (wire::member_field(&field), wire::read_member(&value))
            else {
                continue;
            };
            if instance != self.instance {
                list.push((instance, member));
            }
        }
        let instances: HashSet<_> = list.iter().map(|(instance, _)| Arc::clone(instance)).collect();
        for instance in instances {
            if !is_alive(self, link, &instance).await.map_err(failed)? {
                for (_, member) in list.iter().filter(|(by, _)| *by == instance) {
                    drop_field(self, link, topic, &member.id, &instance).await.map_err(failed)?;
                }
                list.retain(|(by, _)| *by != instance);
            }
        }
        asked.listed_on = link.id;
        if presence.end_list(topic, list) {
            lock(&followed.state).watchers.mark_all();
        }
        Ok(())
    }
}
