//! `kill -9` under load, of an instance and of Redis itself: what was acknowledged is there, once. A few rounds;
//! `EVERWIRE_KILL_ROUNDS` says how many.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    instance::Instance,
    log::{Ack, check, publish, read_all},
    redis_server::{Keeps, RedisServer},
};

const PUBLISHERS: usize = 8;
/// So that the log holds all that a test publishes.
const KEEP_ALL: [&str; 4] = ["--retain-records", "10000000", "--retain-bytes", "1000000000"];

fn rounds() -> usize {
    std::env::var("EVERWIRE_KILL_ROUNDS").map_or(5, |rounds| rounds.parse().expect("a number"))
}

/// So many acknowledgements more.
async fn take(acks: &mut UnboundedReceiver<Ack>, count: usize, all: &mut Vec<Ack>) {
    for _ in 0..count {
        let ack = tokio::time::timeout(super::PATIENCE, acks.recv()).await;
        all.push(ack.expect("publishing goes on").expect("publishers publish"));
    }
}

/// Kills something, so many times, while two instances are published to.
async fn kill_under_load(what: &str, mut kill: impl FnMut(usize, &mut [Instance; 2], &mut RedisServer)) {
    let mut redis = RedisServer::start(Keeps::Everything);
    let mut instances = [(); 2].map(|()| Instance::start(&redis.url(), &KEEP_ALL));
    let addresses: Vec<_> = instances.iter().map(|instance| instance.address.clone()).collect();
    let (sender, mut acks) = unbounded_channel();
    let publishers: Vec<_> =
        (0..PUBLISHERS).map(|name| tokio::spawn(publish(name, addresses.clone(), sender.clone()))).collect();
    drop(sender);
    let mut all = Vec::new();
    take(&mut acks, PUBLISHERS, &mut all).await;
    for round in 0..rounds() {
        // At any moment: in the middle of what is under way.
        take(&mut acks, fastrand::usize(20..120), &mut all).await;
        kill(round, &mut instances, &mut redis);
        // What was on its way to the test when it was killed, and some of what came after.
        take(&mut acks, 2 * PUBLISHERS, &mut all).await;
    }
    acks.close();
    while let Some(ack) = acks.recv().await {
        all.push(ack);
    }
    for publisher in publishers {
        publisher.await.expect("no publisher failed");
    }
    let log = read_all(&addresses[0]).await;
    assert_eq!(log, read_all(&addresses[1]).await, "both instances tell the same");
    check(&log, &all);
    let (rounds, acked, records) = (rounds(), all.len(), log.len());
    eprintln!("{rounds} × kill -9 of {what}: {acked} acknowledged, {records} in the log, lost 0, repeated 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_an_instance_loses_and_repeats_nothing() {
    kill_under_load("an instance", |round, instances, _| {
        let instance = &mut instances[round % 2];
        instance.kill();
        instance.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_redis_loses_and_repeats_nothing() {
    kill_under_load("Redis", |_, _, redis| {
        redis.kill();
        redis.restart();
    })
    .await;
}
