//! Compares what was published with what came: nothing may be lost but what a gap has told, and nothing may come twice.
//!
//! It must not know what happened in between.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use everwire_e2e::{
    page::{Page, Place},
    server::Server,
    wait::until,
};

use crate::bench::PATIENCE;

/// The topic that all clients read.
pub const DOWN: &str = "matrix:down";

/// The topic that a client publishes to.
pub fn up(client: &str) -> String {
    format!("matrix:up:{}", client.replace(' ', "-"))
}

/// What became of one stream.
#[derive(Debug)]
pub struct Verdict {
    pub published: u64,
    pub lost: u64,
    pub repeated: u64,
    pub gaps: u64,
}

/// Waits until a client has all that was published since it subscribed, and judges what it has.
pub async fn down(page: &Page, client: &str, published: &[Place]) -> Result<Verdict> {
    let last = published.last().context("something was published")?;
    let all = || async {
        let digest = page.digest(client, DOWN).await?;
        ensure!(digest.has_reached(last), "{digest:?} before {last:?}, {}", page.condition(client).await?);
        Ok(Some(digest))
    };
    let digest = until(&format!("{client} has all messages"), PATIENCE, all).await?;
    ensure!(digest.violation.is_none() && digest.failures.is_empty(), "{client}: {digest:?}");
    let (due, lost) = digest.held_to(published).context("it was subscribed")?;
    Ok(Verdict { published: due, lost, repeated: digest.repeats, gaps: digest.gaps.len() as u64 })
}

/// Waits until all that a client has published has its outcome, and judges what is in the log.
pub async fn up_again(page: &Page, client: &str, server: &Server) -> Result<Verdict> {
    let settled = || async {
        let sent = page.sent(client).await?;
        let open = sent.iter().filter(|one| one.at.is_none()).count();
        ensure!(open == 0, "{open} of {} without an outcome, {}", sent.len(), page.condition(client).await?);
        Ok(Some(sent))
    };
    let sent = until(&format!("{client} has all its acks"), PATIENCE, settled).await?;
    let (epoch, log) = log(server, &up(client)).await?;
    ensure!(log.is_sorted(), "{client}: out of order: {log:?}");
    let logged: BTreeSet<u64> = log.iter().copied().collect();
    let mut lost = 0;
    for one in &sent {
        if let Some(error) = &one.error {
            bail!("{client}: {} was not taken: {error}", one.n);
        }
        // What an earlier life of the log had taken has gone with it.
        let position = one.position.as_deref().and_then(Place::parse).context("a position")?;
        if position.epoch == epoch && !logged.contains(&one.n) {
            lost += 1;
        }
    }
    let repeated = (log.len() - logged.len()) as u64;
    Ok(Verdict { published: sent.len() as u64, lost, repeated, gaps: 0 })
}

/// The numbers in a topic's log, and its epoch.
pub async fn log(server: &Server, topic: &str) -> Result<(String, Vec<u64>)> {
    let (mut cursor, mut numbers) = ("earliest".to_owned(), Vec::new());
    loop {
        let answer = server.get(&format!("/v1/poll?topic={topic}&cursor={cursor}&timeout=0")).await?;
        let messages = answer["messages"].as_array().context("messages")?;
        answer["cursor"].as_str().context("a cursor")?.clone_into(&mut cursor);
        if messages.is_empty() {
            let place = Place::parse(&cursor).context("a position")?;
            return Ok((place.epoch, numbers));
        }
        for message in messages {
            numbers.push(message["data"]["n"].as_u64().context("a number")?);
        }
    }
}

/// How many of 1 to `last` a log lacks, and how many it has again; an error when they are out of order.
pub fn numbers(log: &[u64], last: u64) -> Result<(u64, u64)> {
    ensure!(log.is_sorted(), "out of order: {log:?}");
    let different: BTreeSet<u64> = log.iter().copied().collect();
    let lost = (1..=last).filter(|n| !different.contains(n)).count();
    Ok((lost as u64, (log.len() - different.len()) as u64))
}
