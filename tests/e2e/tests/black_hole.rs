//! A connection through which bytes stop, without a close: the client finds out by its own deadline (invariant 6:
//! every wait has one) and recovers without loss.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    cases,
    harness::{Context, evidence},
    page::{self, Change, Page, Run, TRANSPORTS},
    proxy::{Proxy, Way},
    wait::until,
};
use serde_json::json;

cases! {
    needs [server, javascript],
    120 => a_black_holed_connection_is_noticed_by_its_deadline_and_nothing_is_lost,
    120 => a_connection_that_is_deaf_in_one_way_is_noticed_too,
    120 => publishes_into_a_connection_that_only_brings_heartbeats_arrive_once,
}

const TOPIC: &str = "e2e:hole";
const PATIENCE: Duration = Duration::from_secs(60);
/// The server's heartbeat and the client's grace on top of it, in milliseconds.
const HEARTBEAT: f64 = 1_000.0;
const GRACE: f64 = 10_000.0;
/// How long the server may hold a poll: no byte comes meanwhile, so the deadline is later by that.
const POLL_WAIT: f64 = 2_000.0;
/// What two busy cores may add.
const SLACK: f64 = 8_000.0;

async fn a_black_holed_connection_is_noticed_by_its_deadline_and_nothing_is_lost(
    context: &Context,
) -> Result<()> {
    freeze(context, &TRANSPORTS, &[Way::Down, Way::Up]).await
}

async fn a_connection_that_is_deaf_in_one_way_is_noticed_too(context: &Context) -> Result<()> {
    freeze(context, &TRANSPORTS, &[Way::Down]).await
}

async fn freeze(context: &Context, transports: &[&str], ways: &[Way]) -> Result<()> {
    let site = page::site()?;
    let directory = site.path().to_str().context("a path in UTF-8")?;
    let server = context.server(&["--static", directory, "--heartbeat", "1"]).await?;
    let proxy = Proxy::start(Some(server.address())).await?;
    let page = Page::open(&context.browser().await?, &proxy.origin()).await?;
    let config =
        json!({ "heartbeatGrace": GRACE, "pollWait": POLL_WAIT, "pollInterval": 500, "backoffMax": 500 });
    for client in transports {
        page.connect(client, &proxy.origin(), &[client], config.clone()).await?;
        page.subscribe(client, TOPIC, "latest").await?;
    }
    let numbers = |numbers: std::ops::RangeInclusive<u64>| numbers.map(|n| json!({ "run": "hole", "n": n }));
    server.publish(TOPIC, numbers(1..=20)).await?;
    received(&page, transports, 20).await?;

    let frozen = page.now().await?;
    proxy.freeze(ways);
    server.publish(TOPIC, numbers(21..=40)).await?;
    received(&page, transports, 40).await?;
    for client in transports {
        let states = page.states(client).await?;
        let mut after = states.iter().filter(|change| change.at > frozen);
        let noticed: &Change = after.next().with_context(|| format!("{client} noticed nothing"))?;
        let back = after.find(|change| change.state == "connected").context("connected again")?;
        let digest = page.digest(client, TOPIC).await?;
        evidence(&format!(
            "{client}: {ways:?} silent, noticed after {:.1} s ({}), connected after {:.1} s, {} received, {} repeated, {} gaps",
            (noticed.at - frozen) / 1_000.0,
            noticed.reason,
            (back.at - frozen) / 1_000.0,
            digest.received,
            digest.repeats,
            digest.gaps.len(),
        ));
        let by_deadline = ["silent", "unanswered", "connect-timeout"].contains(&noticed.reason.as_str());
        ensure!(by_deadline, "{client}: {states:?}");
        let within = HEARTBEAT + GRACE + SLACK + if client.ends_with("poll") { POLL_WAIT } else { 0.0 };
        ensure!(noticed.at - frozen <= within, "{client}: later than {within} ms: {states:?}");
        ensure!(
            digest.violation.is_none() && digest.gaps.is_empty() && digest.repeats == 0,
            "{client}: {digest:?}"
        );
        ensure!(digest.runs["hole"] == Run { first: 1, last: 40, count: 40 }, "{client}: {digest:?}");
    }
    Ok(())
}

/// The way to the server is dead, the way back is not: heartbeats go on coming, so it is not by silence that the
/// client finds out.
async fn publishes_into_a_connection_that_only_brings_heartbeats_arrive_once(
    context: &Context,
) -> Result<()> {
    let site = page::site()?;
    let directory = site.path().to_str().context("a path in UTF-8")?;
    let server = context.server(&["--static", directory, "--heartbeat", "1"]).await?;
    let proxy = Proxy::start(Some(server.address())).await?;
    let page = Page::open(&context.browser().await?, &proxy.origin()).await?;
    let publishers = ["websocket", "sse", "longpoll"];
    let topic = |client: &str| format!("{TOPIC}:{client}");
    let numbers =
        |numbers: std::ops::RangeInclusive<u64>| numbers.map(|n| json!({ "run": "hole", "n": n })).collect();
    for client in publishers {
        let config = json!({ "pingInterval": 2_000, "pollWait": POLL_WAIT, "backoffMax": 500 });
        page.connect(client, &proxy.origin(), &[client], config).await?;
        page.subscribe(client, &topic(client), "latest").await?;
        page.publish(client, &topic(client), numbers(1..=5)).await?;
    }
    let acked = async |client: &str, count: usize| {
        let acked = || async { Ok((page.outcomes(client).await?.acked.len() == count).then_some(())) };
        until(&format!("{client} has {count} acks"), PATIENCE, acked).await
    };
    for client in publishers {
        acked(client, 5).await?;
    }
    proxy.freeze(&[Way::Up]);
    let frozen = page.now().await?;
    for client in publishers {
        page.publish(client, &topic(client), numbers(6..=10)).await?;
    }
    for client in publishers {
        acked(client, 10).await?;
        evidence(&format!(
            "{client}: [Up] silent, acks after {:.1} s",
            (page.now().await? - frozen) / 1_000.0
        ));
        let got = || async {
            let digest = page.digest(client, &topic(client)).await?;
            ensure!(digest.received >= 10, "{digest:?}");
            Ok(Some(digest))
        };
        let digest = until(&format!("{client} has its own messages"), PATIENCE, got).await?;
        ensure!(
            digest.violation.is_none() && digest.repeats == 0 && digest.gaps.is_empty(),
            "{client}: {digest:?}"
        );
        ensure!(digest.runs["hole"] == Run { first: 1, last: 10, count: 10 }, "{client}: {digest:?}");
    }
    Ok(())
}

async fn received(page: &Page, clients: &[&str], count: u64) -> Result<()> {
    for client in clients {
        let all = || async {
            let digest = page.digest(client, TOPIC).await?;
            ensure!(digest.received >= count, "{digest:?}");
            Ok(Some(()))
        };
        until(&format!("{client} has {count} messages"), PATIENCE, all).await?;
    }
    Ok(())
}
