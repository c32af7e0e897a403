//! A rolling restart: two instances behind nginx are ended and started again, one after the other, while clients read
//! and publish through them. Nobody loses or repeats anything, and they come back spread over the drain's window.

use std::{sync::Arc, time::Duration};

use everwire_core::Transport;

use super::{
    client::{Client, assert_nothing_lost_or_repeated},
    instance::Instance,
    log::http,
    nginx::Nginx,
    redis_server::{Keeps, RedisServer},
    until,
};

const CLIENTS: usize = 200;
/// Those of them that publish, too.
const PUBLISHERS: usize = 20;
/// What clients of an instance that goes away are told: from when and until when to come back.
const WINDOW: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_and_repeats_nothing_and_makes_no_storm() {
    let redis = RedisServer::start(Keeps::Everything);
    let options = ["--drain-window", "4", "--retain-records", "100000", "--retain-bytes", "100000000"];
    let mut instances = [(); 2].map(|()| Instance::start(&redis.url(), &options));
    let nginx = Nginx::start([&instances[0], &instances[1]]).await;
    let transport = |n: usize| if n.is_multiple_of(2) { Transport::WebSocket } else { Transport::Sse };
    let clients: Vec<_> =
        (0..CLIENTS).map(|n| Client::start(&nginx.address, transport(n), "a", n as u64)).collect();
    let all_connected =
        async || until("all are connected", async || clients.iter().all(|c| c.seen.borrow().connected)).await;
    all_connected().await;

    let mut published = Vec::<Arc<str>>::new();
    let mut publish = || {
        let round = published.len() / PUBLISHERS;
        for (name, client) in clients.iter().take(PUBLISHERS).enumerate() {
            let text = format!("{name}.{round}");
            client.publish(text.clone());
            published.push(text.into());
        }
    };
    let opened = || clients.iter().map(|client| client.seen.borrow().opened.len()).sum::<usize>();
    for instance in &mut instances {
        publish();
        let before: Vec<_> = clients.iter().map(|client| client.seen.borrow().waits.len()).collect();
        let opened_before = opened();
        // Publishing goes on while it ends.
        let code = {
            let mut ended = std::pin::pin!(instance.terminate());
            loop {
                publish();
                tokio::select! {
                    code = ended.as_mut() => break code,
                    () = tokio::time::sleep(Duration::from_millis(100)) => {}
                }
            }
        };
        assert_eq!(code, Some(0), "it drained within its deadline");
        instance.restart();
        let ready = http().get(instance.url("/health/ready"));
        until("it is ready again", async || {
            ready.try_clone().expect("no body").send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        publish();
        all_connected().await;

        // What each was told, and has picked: counted, and not timed, for this machine may be slow.
        let waits: Vec<Duration> = clients
            .iter()
            .zip(before)
            .filter_map(|(client, before)| client.seen.borrow().waits.get(before).copied())
            .collect();
        // Some are told later than others that it is over, and have less left to wait then.
        assert!(waits.iter().all(|wait| wait <= WINDOW.end()), "{waits:?}");
        let window = (*WINDOW.end() - *WINDOW.start()).as_secs_f64();
        let rate = waits.len() as f64 / window;
        let mut seconds = [0_usize; 9];
        waits.iter().for_each(|wait| seconds[wait.as_millis() as usize / 500] += 1);
        for half in seconds {
            // Half a second of the window takes its share, give or take what chance does.
            assert!((half as f64) < rate * 0.5 * 2.0 + 8.0, "a storm: {seconds:?} at {rate:.0} a second");
        }
        let again = opened() - opened_before;
        assert!(again <= 2 * waits.len(), "{again} connects of {} clients", waits.len());
        eprintln!(
            "{} clients were told to come back within {window:.1} s ({rate:.0} a second); by half seconds {seconds:?}; \
             {again} connects",
            waits.len()
        );
    }
    until("all acknowledgements are there", async || {
        let acked: usize = clients.iter().map(|client| client.seen.borrow().acked).sum();
        acked == published.len()
    })
    .await;
    until("all have all", async || clients.iter().all(|c| c.seen.borrow().texts.len() >= published.len()))
        .await;
    assert_nothing_lost_or_repeated(&clients, &published);
    let order = clients[0].seen.borrow().texts.clone();
    assert!(
        clients.iter().all(|client| client.seen.borrow().texts == order),
        "invariant 3: one order for all"
    );
    for name in 0..PUBLISHERS {
        let of_one =
            order.iter().filter_map(|text| text.strip_prefix(&format!("{name}."))?.parse::<usize>().ok());
        assert!(of_one.is_sorted(), "invariant 3: of each publisher");
    }
    let sent_again: u64 = clients.iter().map(|client| client.seen.borrow().repeats).sum();
    eprintln!(
        "rolling restart of 2 instances, {CLIENTS} clients, {} records: lost 0, repeated 0 ({sent_again} kept from apps)",
        published.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_instance_is_killed_goes_on_at_the_other_one() {
    let redis = RedisServer::start(Keeps::Everything);
    let mut instances = [(); 2].map(|()| Instance::start(&redis.url(), &[]));
    let nginx = Nginx::start([&instances[0], &instances[1]]).await;
    let clients = [Transport::WebSocket, Transport::Sse, Transport::WebSocket, Transport::Sse];
    let clients: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(n, transport)| Client::start(&nginx.address, transport, "a", n as u64))
        .collect();
    let mut published = Vec::<Arc<str>>::new();
    for round in 0..6 {
        until("all are connected", async || clients.iter().all(|c| c.seen.borrow().connected)).await;
        for n in 0..10 {
            let text = format!("{round}.{n}");
            clients[n % clients.len()].publish(text.clone());
            published.push(text.into());
        }
        let instance = &mut instances[round % 2];
        instance.kill();
        instance.restart();
    }
    until("all have all", async || clients.iter().all(|c| c.seen.borrow().texts.len() >= published.len()))
        .await;
    assert_nothing_lost_or_repeated(&clients, &published);
}
