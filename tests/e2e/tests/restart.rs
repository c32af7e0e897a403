//! `kill -9` of a server that keeps its logs in memory, and a restart: publishes that were not acked take effect once
//! (invariant 4). What subscribers see of it is in the matrix.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    cases,
    harness::{Context, evidence},
    page::{self, Page},
    proxy::{Cut, Proxy, Way},
    wait::until,
};
use serde_json::{Value, json};

cases! {
    needs [server, javascript],
    120 => publishes_not_acked_before_kill_9_arrive_once_in_the_new_life,
}

const PATIENCE: Duration = Duration::from_secs(60);

fn run(name: &str, numbers: std::ops::RangeInclusive<u64>) -> Vec<Value> {
    numbers.map(|n| json!({ "run": name, "n": n })).collect()
}

fn quick() -> Value {
    json!({ "backoffMax": 500, "pollInterval": 500 })
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

fn topic(client: &str) -> String {
    format!("e2e:publishes:{client}")
}

/// The numbers in the log of what a client published.
async fn numbers(server: &everwire_e2e::server::Server, client: &str) -> Result<Vec<u64>> {
    let answer = server.get(&format!("/v1/poll?topic={}&cursor=earliest&timeout=0", topic(client))).await?;
    let messages = answer["messages"].as_array().context("messages")?;
    messages.iter().map(|message| message["data"]["n"].as_u64().context("a number")).collect()
}
