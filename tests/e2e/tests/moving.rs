//! One subscription moved from transport to transport in mid-stream: invariants 1, 2 and 3 across the moves.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    cases,
    harness::{Context, evidence},
    page::{self, Page, Run},
    wait::until,
};
use serde_json::json;

cases! {
    needs [server, javascript],
    180 => a_subscription_moves_between_transports_in_mid_stream_without_loss_or_repeats,
}

const MESSAGES: u64 = 10_000;
const BATCH: u64 = 100;
/// How far the publisher runs ahead: a move always falls into a stream that is being written.
const AHEAD: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(120);
/// Where each of the moves falls, and to which transport.
const MOVES: [(u64, &str); 3] = [(2_500, "sse"), (5_000, "longpoll"), (7_500, "websocket")];

async fn a_subscription_moves_between_transports_in_mid_stream_without_loss_or_repeats(
    context: &Context,
) -> Result<()> {
    let site = page::site()?;
    let directory = site.path().to_str().context("a path in UTF-8")?;
    let retention = ["--retain-records", "20000", "--retain-bytes", "100000000"];
    let server = context.server(&[&["--static", directory][..], &retention].concat()).await?;
    let page = Page::open(&context.browser().await?, &server.origin()).await?;
    let (client, topic) = ("mover", "e2e:moving");
    page.connect(client, &server.origin(), &["websocket"], json!({})).await?;
    page.subscribe(client, topic, "latest").await?;

    let mut moves = MOVES.into_iter().peekable();
    let (mut published, mut current) = (0, "websocket");
    while published < MESSAGES {
        let room = || async {
            let received = page.digest(client, topic).await?.received;
            Ok((received + AHEAD > published).then_some(received))
        };
        let received = until(&format!("the page has come near {published}"), PATIENCE, room).await?;
        server
            .publish(topic, (published + 1..=published + BATCH).map(|n| json!({ "run": "moves", "n": n })))
            .await?;
        published += BATCH;
        if let Some((_, transport)) = moves.next_if(|(at, _)| received >= *at) {
            page.connected(client, current, PATIENCE).await?;
            // Not waited for: messages are published while it moves.
            page.set_transports(client, &[transport]).await?;
            current = transport;
        }
    }
    let all = || async { Ok(Some(page.digest(client, topic).await?).filter(|got| got.received >= MESSAGES)) };
    let digest = until("the page has all messages", PATIENCE, all).await?;
    page.connected(client, "websocket", PATIENCE).await?;

    let mut used: Vec<String> = Vec::new();
    for change in page.states(client).await? {
        let transport = change.transport.filter(|_| change.state == "connected").unwrap_or_default();
        if !transport.is_empty() && used.last() != Some(&transport) {
            used.push(transport);
        }
    }
    evidence(&format!(
        "{}: {} received, {} repeated, {} gaps",
        used.join(" → "),
        digest.received,
        digest.repeats,
        digest.gaps.len()
    ));
    ensure!(used == ["websocket", "sse", "longpoll", "websocket"], "{used:?}");
    ensure!(digest.violation.is_none() && digest.failures.is_empty(), "{digest:?}");
    ensure!(digest.received == MESSAGES && digest.repeats == 0 && digest.gaps.is_empty(), "{digest:?}");
    let run = Run { first: 1, last: MESSAGES, count: MESSAGES };
    ensure!(digest.runs.get("moves") == Some(&run), "{digest:?}");
    Ok(())
}
