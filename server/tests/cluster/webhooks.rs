//! A webhook of two instances: one of them sends, and when it is killed the other goes on from the cursors.

use std::io::Write;

use super::{
    endpoint::{Endpoint, Got, SECRET},
    instance::Instance,
    log::http,
    redis_server::{Keeps, RedisServer},
};

/// Publishes these numbers, in turn at each of the instances that are there.
async fn publish(instances: &[Instance], numbers: std::ops::RangeInclusive<u64>) {
    let http = http();
    for number in numbers {
        let instance = &instances[number as usize % instances.len()];
        super::until("it is taken in", async || {
            let body = format!(r#"{{"topic":"order:a","data":{number}}}"#);
            let request = http.post(instance.url("/v1/publish")).header("content-type", "application/json");
            let answer = request.header("idempotency-key", number.to_string()).body(body).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }
}

/// The numbers that arrived, each where it did first; what came again has the id that it had.
fn arrived(got: &[Got]) -> Vec<u64> {
    let mut seen: Vec<(u64, &str)> = Vec::new();
    for one in got {
        let number = one.body["data"]["data"].as_u64().expect("a number");
        match seen.iter().find(|(other, _)| *other == number) {
            Some((_, id)) => assert_eq!(*id, one.id, "the same message"),
            None => seen.push((number, &one.id)),
        }
    }
    seen.into_iter().map(|(number, _)| number).collect()
}

/// How many messages an instance has delivered.
async fn delivered(instance: &Instance) -> u64 {
    let answer = http().get(instance.url("/metrics")).send().await.expect("answers");
    let text = answer.text().await.expect("a body");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("everwire_webhook_messages_total{outcome=\"delivered\"} "));
    line.expect("it counts them").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_instances_one_sends_and_the_other_goes_on_when_it_is_killed() {
    let (redis, endpoint) = (RedisServer::start(Keeps::Everything), Endpoint::start().await);
    let mut file = tempfile::NamedTempFile::with_suffix(".toml").expect("a file");
    let url = &endpoint.url;
    let hook = format!(
        "[[webhook]]\nname = \"orders\"\npattern = \"order:*\"\nurl = \"{url}\"\nsecret = \"{SECRET}\"\n\
         from = \"earliest\"\nallow-private = true\n"
    );
    file.write_all(hook.as_bytes()).expect("writes");
    let path = file.path().to_str().expect("text");
    let mut instances = Vec::from([(); 2].map(|()| Instance::start(&redis.url(), &["--config", path])));
    publish(&instances, 1..=20).await;
    let got = endpoint.got(20).await;
    assert_eq!(arrived(&got), (1..=20).collect::<Vec<_>>());

    let mut counts = Vec::new();
    super::until("the last answer is counted", async || {
        counts.clear();
        for instance in &instances {
            counts.push(delivered(instance).await);
        }
        counts.iter().sum::<u64>() == 20
    })
    .await;
    assert!(counts.contains(&0), "one of them sends: {counts:?}");
    let sender = counts.iter().position(|count| *count > 0).expect("one sent");
    instances.remove(sender).kill();
    publish(&instances, 21..=40).await;
    super::until("the other goes on", async || arrived(&endpoint.got(0).await).len() == 40).await;
    assert_eq!(
        arrived(&endpoint.got(0).await),
        (1..=40).collect::<Vec<_>>(),
        "in order, and nothing missing"
    );
}
