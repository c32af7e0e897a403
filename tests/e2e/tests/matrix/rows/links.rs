//! The connection breaks, or only seems to be one.

use anyhow::Result;
use everwire_e2e::{
    harness::Context,
    page::TRANSPORTS,
    proxy::{Cut, Way},
    wait::until,
};
use serde_json::{Value, json};

use super::felt;
use crate::{
    bench::{Bench, PATIENCE},
    report::Cell,
};

/// So that silence is found in seconds and not in half a minute: the matrix's table names these.
pub const HEARTBEAT: [&str; 2] = ["--heartbeat", "1"];

pub fn quick() -> Value {
    json!({ "heartbeatGrace": 2_000, "pingInterval": 2_000, "pollWait": 2_000, "pollInterval": 500 })
}

pub async fn cut(context: &Context) -> Result<Vec<Cell>> {
    let bench = Bench::with_clients(context, &[], &TRANSPORTS, &json!({})).await?;
    let since = bench.page.now().await?;
    bench.proxy.cut(Cut::Rst);
    let fault = bench.fault(since).await?;
    bench.recovered(&fault).await?;
    felt(bench.judge(&fault).await?)
}

pub async fn black_hole(context: &Context) -> Result<Vec<Cell>> {
    freeze(context, &[Way::Down, Way::Up]).await
}

pub async fn deaf(context: &Context) -> Result<Vec<Cell>> {
    freeze(context, &[Way::Down]).await
}

async fn freeze(context: &Context, ways: &[Way]) -> Result<Vec<Cell>> {
    let bench = Bench::with_clients(context, &HEARTBEAT, &TRANSPORTS, &quick()).await?;
    let since = bench.page.now().await?;
    bench.proxy.freeze(ways);
    let fault = bench.fault(since).await?;
    bench.recovered(&fault).await?;
    felt(bench.judge(&fault).await?)
}

/// Messages go on coming; what is published goes nowhere.
pub async fn mute(context: &Context) -> Result<Vec<Cell>> {
    let bench = Bench::with_clients(context, &HEARTBEAT, &["websocket", "sse", "longpoll"], &quick()).await?;
    let since = bench.page.now().await?;
    let mut before = Vec::new();
    for client in bench.clients() {
        before.push(bench.page.sent(client).await?.len());
    }
    bench.proxy.freeze(&[Way::Up]);
    let fault = bench.fault(since).await?;
    let mut back = Vec::new();
    for (client, before) in bench.clients().iter().zip(before) {
        let acked = || async {
            let sent = bench.page.sent(client).await?;
            Ok(sent.iter().skip(before).find_map(|one| one.at.filter(|_| one.position.is_some())))
        };
        back.push(until(&format!("{client} has acks again"), PATIENCE, acked).await?);
    }
    let mut cells = felt(bench.judge(&fault).await?)?;
    for (cell, back) in cells.iter_mut().zip(back) {
        cell.recover = Some(back - cell.detect.map_or(since, |detect| since + detect));
    }
    Ok(cells)
}
