//! `kill -9` of a server that keeps its logs in memory, and a restart: every subscriber is told of the lost history
//! by a gap with reason `epoch` (invariant 1), and publishes that were not acked take effect once (invariant 4). And
//! the end in order: SIGTERM.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    cases,
    harness::{Context, evidence},
    page::{self, Gap, Page, Run, TRANSPORTS},
    proxy::{Cut, Proxy, Way},
    wait::until,
};
use serde_json::{Value, json};

cases! {
    needs [server, javascript],
    120 => after_kill_9_every_subscriber_gets_an_epoch_gap_and_then_the_new_messages,
    120 => a_server_that_is_told_to_go_sends_its_clients_to_the_next_one,
    120 => publishes_not_acked_before_kill_9_arrive_once_in_the_new_life,
}

const PATIENCE: Duration = Duration::from_secs(60);
const TOPIC: &str = "e2e:restart";

fn run(name: &str, numbers: std::ops::RangeInclusive<u64>) -> Vec<Value> {
    numbers.map(|n| json!({ "run": name, "n": n })).collect()
}

fn quick() -> Value {
    json!({ "backoffMax": 500, "pollInterval": 500 })
}

async fn after_kill_9_every_subscriber_gets_an_epoch_gap_and_then_the_new_messages(
    context: &Context,
) -> Result<()> {
    let site = page::site()?;
    let directory = site.path().to_str().context("a path in UTF-8")?;
    let mut server = context.server(&["--static", directory]).await?;
    let browser = context.browser().await?;
    // Two windows of one browser with a client per transport, as a reader with two tabs has them.
    let mut windows = Vec::new();
    for number in 0..2 {
        let window = if number == 0 { browser.window().await? } else { browser.new_window().await? };
        let page = Page::open(&browser, &server.origin()).await?;
        // A browser opens six connections to a host for all its windows: half of the transports in each.
        let clients = TRANSPORTS.into_iter().enumerate().filter(|(index, _)| index % 2 == number);
        let clients: Vec<&str> = clients.map(|(_, transport)| transport).collect();
        for transport in &clients {
            page.connect(transport, &server.origin(), &[transport], quick()).await?;
            page.subscribe(transport, TOPIC, "latest").await?;
        }
        windows.push((window, page, clients));
    }

    server.publish(TOPIC, run("before", 1..=50)).await?;
    for (window, page, clients) in &windows {
        browser.turn_to(window).await?;
        for client in clients {
            let got = || async { Ok((page.digest(client, TOPIC).await?.received == 50).then_some(())) };
            until(&format!("{client} has what was before"), PATIENCE, got).await?;
        }
    }
    server.kill().await?;
    server.restart().await?;
    server.publish(TOPIC, run("after", 1..=50)).await?;

    for (window, page, clients) in &windows {
        browser.turn_to(window).await?;
        for client in clients {
            let got =
                || async { Ok(Some(page.digest(client, TOPIC).await?).filter(|got| got.received >= 100)) };
            let digest = until(&format!("{client} has what came after"), PATIENCE, got).await?;
            evidence(&format!("{client}: 50 received, {:?}, {} received", digest.gaps, digest.received - 50));
            ensure!(lost_from(&digest.gaps) == [51], "{client}: {digest:?}");
            ensure!(digest.violation.is_none() && digest.failures.is_empty(), "{client}: {digest:?}");
            let all = Run { first: 1, last: 50, count: 50 };
            ensure!(digest.runs["before"] == all && digest.runs["after"] == all, "{client}: {digest:?}");
        }
    }
    Ok(())
}

async fn a_server_that_is_told_to_go_sends_its_clients_to_the_next_one(context: &Context) -> Result<()> {
    let site = page::site()?;
    let directory = site.path().to_str().context("a path in UTF-8")?;
    let arguments = ["--static", directory, "--drain-window", "2"];
    let (mut old, new) = (context.server(&arguments).await?, context.server(&arguments).await?);
    let proxy = Proxy::start(Some(old.address())).await?;
    let page = Page::open(&context.browser().await?, &proxy.origin()).await?;
    for transport in TRANSPORTS {
        page.connect(transport, &proxy.origin(), &[transport], quick()).await?;
        page.subscribe(transport, TOPIC, "latest").await?;
    }
    old.publish(TOPIC, run("old", 1..=10)).await?;
    for client in TRANSPORTS {
        let got = || async { Ok((page.digest(client, TOPIC).await?.received == 10).then_some(())) };
        until(&format!("{client} has what the old server has"), PATIENCE, got).await?;
    }

    proxy.set_upstream(new.address());
    let end = old.terminate().await?;
    ensure!(end.success(), "the old server ended with {end}");
    new.publish(TOPIC, run("new", 1..=10)).await?;
    for client in TRANSPORTS {
        let got = || async { Ok(Some(page.digest(client, TOPIC).await?).filter(|got| got.received >= 20)) };
        let digest = until(&format!("{client} has what the new server has"), PATIENCE, got).await?;
        let states = page.states(client).await?;
        let mut reasons: Vec<&str> = states.iter().map(|change| change.reason.as_str()).collect();
        reasons.dedup();
        evidence(&format!("{client}: {}, {:?}", reasons.join(", "), digest.gaps));
        ensure!(lost_from(&digest.gaps) == [11], "{client}: {digest:?}");
        ensure!(digest.violation.is_none() && digest.repeats == 0, "{client}: {digest:?}");
        ensure!(digest.runs["new"] == Run { first: 1, last: 10, count: 10 }, "{client}: {digest:?}");
        // A poll may fall between the word and the end.
        ensure!(client == "poll" || reasons.contains(&"drain"), "{client} was not told: {states:?}");
    }
    Ok(())
}

async fn publishes_not_acked_before_kill_9_arrive_once_in_the_new_life(context: &Context) -> Result<()> {
    let site = page::site()?;
    let directory = site.path().to_str().context("a path in UTF-8")?;
    let mut server = context.server(&["--static", directory]).await?;
    let proxy = Proxy::start(Some(server.address())).await?;
    let page = Page::open(&context.browser().await?, &proxy.origin()).await?;
    // Over a WebSocket, and by POST where the transport takes none. None of them subscribes to anything.
    let publishers = ["websocket", "sse", "longpoll"];
    for client in publishers {
        page.connect(client, &proxy.origin(), &[client], quick()).await?;
        page.publish(client, &topic(client), run(client, 1..=5)).await?;
        let acked = || async { Ok((page.outcomes(client).await?.acked.len() == 5).then_some(())) };
        until(&format!("{client} has its first acks"), PATIENCE, acked).await?;
    }

    // These reach the server, which takes them: but no ack comes back.
    proxy.stop(&[Way::Down]);
    for client in publishers {
        page.publish(client, &topic(client), run(client, 6..=15)).await?;
        let taken = || async { Ok((numbers(&server, client).await?.len() >= 6).then_some(())) };
        until(&format!("the old server has what {client} sent"), PATIENCE, taken).await?;
    }
    server.kill().await?;
    for client in publishers {
        page.publish(client, &topic(client), run(client, 16..=20)).await?;
    }
    // The acks that are on their way are lost with their connections.
    proxy.cut(Cut::Rst);
    let none = || async { Ok((proxy.counts().open == 0).then_some(())) };
    until("every connection is cut", PATIENCE, none).await?;
    proxy.flow();
    server.restart().await?;

    for client in publishers {
        let acked = || async { Ok(Some(page.outcomes(client).await?).filter(|seen| seen.acked.len() >= 20)) };
        let outcomes = until(&format!("{client} has all its acks"), PATIENCE, acked).await?;
        ensure!(outcomes.acked.len() == 20 && outcomes.failed.is_empty(), "{client}: {outcomes:?}");
        let numbers = numbers(&server, client).await?;
        evidence(&format!("{client}: published 6 to 20 without an ack, the new life has {numbers:?}"));
        ensure!(numbers == (6..=20).collect::<Vec<u64>>(), "{client}: {numbers:?}");
    }
    Ok(())
}

/// Where the gaps begin, each of them an epoch's whole rest.
fn lost_from(gaps: &[Gap]) -> Vec<u64> {
    gaps.iter().filter(|gap| gap.to.is_none() && gap.reason == "epoch").map(|gap| gap.from).collect()
}

fn topic(client: &str) -> String {
    format!("e2e:publishes:{client}")
}

/// The numbers in the log of what a client published.
async fn numbers(server: &everwire_e2e::server::Server, client: &str) -> Result<Vec<u64>> {
    let answer = server.get(&format!("/v1/poll?topic={}&cursor=earliest&timeout=0", topic(client))).await?;
    let messages = answer["messages"].as_array().context("messages")?;
    messages.iter().map(|message| message["data"]["n"].as_u64().context("a number")).collect()
}
