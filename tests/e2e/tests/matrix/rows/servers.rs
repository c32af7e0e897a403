//! The server dies, or goes in order.

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{harness::Context, page::TRANSPORTS, wait::until};
use serde_json::json;

use crate::{
    bench::{Bench, Fault, PATIENCE},
    judge,
    report::Cell,
};

/// Further clients over WebSocket, for which a browser has connections enough.
const MORE: [&str; 3] = ["websocket 2", "websocket 3", "websocket 4"];

pub async fn restart(context: &Context) -> Result<Vec<Cell>> {
    let mut bench = Bench::with_clients(context, &[], &TRANSPORTS, &json!({ "pollInterval": 500 })).await?;
    bench.traffic.pause().await;
    let since = bench.page.now().await?;
    bench.server.kill().await?;
    bench.server.restart().await?;
    let fault = Fault { end: Some(bench.page.now().await?), ..bench.fault(since).await? };
    bench.traffic.begin_anew(bench.server.publisher()).await;
    bench.recovered(&fault).await?;
    one_epoch_gap_each(&bench).await?;
    bench.judge(&fault).await
}

pub async fn drain(context: &Context) -> Result<Vec<Cell>> {
    let arguments = ["--drain-window", "2"];
    let mut bench =
        Bench::with_clients(context, &arguments, &TRANSPORTS, &json!({ "pollInterval": 500 })).await?;
    for client in MORE {
        bench.join(client, &["websocket"], &json!({})).await?;
    }
    bench.under_way().await?;
    bench.traffic.pause().await;
    let next = context.server(&arguments).await?;
    let since = bench.page.now().await?;
    bench.proxy.set_upstream(next.address());
    let ended = bench.server.terminate().await?;
    ensure!(ended.success(), "the server ended with {ended}");
    bench.server = next;
    let fault = bench.fault(since).await?;
    bench.traffic.begin_anew(bench.server.publisher()).await;
    bench.recovered(&fault).await?;
    one_epoch_gap_each(&bench).await?;

    // The slowest of those over one transport stands for them.
    let mut cells: Vec<Cell> = Vec::new();
    for mut cell in bench.judge(&fault).await? {
        cell.transport = cell.transport.split(' ').next().unwrap_or_default().to_owned();
        match cells.iter_mut().find(|other| other.transport == cell.transport) {
            Some(other) => other.add(&cell),
            None => cells.push(cell),
        }
    }
    Ok(cells)
}

/// A log in memory goes with its server: every reader is told so, once.
async fn one_epoch_gap_each(bench: &Bench) -> Result<()> {
    for client in bench.clients() {
        let gap = || async {
            let digest = bench.page.digest(client, judge::DOWN).await?;
            let gap = digest.gaps.first().context("no gap yet")?;
            ensure!(
                digest.gaps.len() == 1 && gap.reason == "epoch" && gap.to.is_none(),
                "{client}: {digest:?}"
            );
            Ok(Some(()))
        };
        until(&format!("{client} is told of the lost log"), PATIENCE, gap).await?;
    }
    Ok(())
}
