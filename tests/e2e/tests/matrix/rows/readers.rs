//! The app is slow, or its token ends.

use anyhow::{Context as _, Result, bail, ensure};
use everwire_e2e::{harness::Context, wait::until};
use serde_json::json;

use super::felt;
use crate::{
    bench::{Bench, Fault, PATIENCE},
    judge,
    report::Cell,
};

const TRANSPORTS: [&str; 3] = ["websocket", "sse", "longpoll"];
/// More than a client lets wait.
const BURST: u64 = 3_000;
/// Fewer bytes than a message of it takes on any wire.
const LEAST: u64 = 20;
const KEEP: [&str; 4] = ["--retain-records", "20000", "--retain-bytes", "100000000"];
const SECRET: &str = "a secret of the tests, which is long enough";

/// While an app takes nothing, nothing piles up in its page: it stays at the server.
pub async fn slow(context: &Context) -> Result<Vec<Cell>> {
    let bench = Bench::with_clients(context, &KEEP, &TRANSPORTS, &json!({})).await?;
    let since = bench.page.now().await?;
    for client in bench.clients() {
        bench.page.pause(client, true).await?;
    }
    // What was under way when it was paused has come with it.
    bench.publish_further(5).await?;
    let mut before = Vec::new();
    for client in bench.clients() {
        before.push(bench.page.digest(client, judge::DOWN).await?.received);
    }
    let (next, passed) = (bench.next().await?, bench.proxy.counts().down);
    bench.traffic.burst(BURST).await?;
    bench.publish_further(20).await?;
    for (client, before) in bench.clients().iter().zip(before) {
        let got = bench.page.digest(client, judge::DOWN).await?.received;
        ensure!(got == before, "{client} got {} messages while it was paused", got - before);
    }
    let passed = bench.proxy.counts().down - passed;
    ensure!(passed < BURST * LEAST, "{passed} bytes went to the page for {BURST} messages that were to wait");
    let fault = Fault { since, end: Some(bench.page.now().await?), next };
    for client in bench.clients() {
        bench.page.pause(client, false).await?;
    }
    bench.recovered(&fault).await?;
    bench.judge(&fault).await
}

/// Tokens of a few seconds, each replaced ahead of its end.
pub async fn token_renewed(context: &Context) -> Result<Vec<Cell>> {
    let bench = with_tokens(context, false).await?;
    let fault = bench.fault(bench.page.now().await?).await?;
    bench.publish_further(120).await?;
    bench.recovered(&fault).await?;
    for client in bench.clients() {
        let tokens = bench.page.token_ends(client).await?.len();
        ensure!(tokens >= 3, "{client} has had {tokens} tokens, of four seconds each");
    }
    let mut cells = bench.judge(&fault).await?;
    let lost = cells.iter().find(|cell| cell.detect.is_some());
    if let Some(cell) = lost {
        bail!("a link was given up: {cell:?}, {}", bench.page.condition(&cell.transport).await?);
    }
    cells.iter_mut().for_each(|cell| cell.recover = None);
    Ok(cells)
}

/// The app has no new token when it is asked ahead, so the server ends the links; then it has one.
pub async fn token_expired(context: &Context) -> Result<Vec<Cell>> {
    let bench = with_tokens(context, true).await?;
    let since = *bench.page.token_ends(TRANSPORTS[0]).await?.first().context("a token")?;
    let past = || async { Ok((bench.page.now().await? > since).then_some(())) };
    until("the tokens' time is over", PATIENCE, past).await?;
    let fault = bench.fault(since).await?;
    bench.recovered(&fault).await?;
    felt(bench.judge(&fault).await?)
}

async fn with_tokens(context: &Context, careless: bool) -> Result<Bench> {
    let mut arguments = vec!["--token-secret", SECRET, "--token-leeway", "0", "--anonymous"];
    // All that is published comes from this one machine.
    arguments.extend(["--publish-rate", "0", "--request-rate", "0", "--connect-rate", "0"]);
    let config = json!({ "tokens": { "secret": SECRET, "life": 4, "careless": careless } });
    Bench::with_clients(context, &arguments, &TRANSPORTS, &config).await
}
