//! Tabs that share one connection.

use anyhow::{Result, ensure};
use everwire_e2e::{harness::Context, wait::until};
use serde_json::{Value, json};

use super::felt;
use crate::{
    bench::{Bench, PATIENCE},
    report::Cell,
};

/// The first tab: it was there alone.
const LEADER: &str = "tab 1";

fn shared() -> Value {
    json!({ "shareTabs": "ada" })
}

pub async fn ten_tabs(context: &Context) -> Result<Vec<Cell>> {
    let bench = tabs(context, 10).await?;
    let fault = bench.fault(bench.page.now().await?).await?;
    bench.recovered(&fault).await?;
    let mut cells = one(bench.judge(&fault).await?, "tab (10 of them)");
    ensure!(bench.proxy.counts().websockets == 1, "{:?}", bench.proxy.counts());
    cells.iter_mut().for_each(|cell| (cell.detect, cell.recover) = (None, None));
    Ok(cells)
}

pub async fn leader_closed(context: &Context) -> Result<Vec<Cell>> {
    let mut bench = tabs(context, 4).await?;
    let since = bench.page.now().await?;
    bench.close_tab(LEADER).await?;
    after_the_leader(&bench, since).await
}

pub async fn leader_crashed(context: &Context) -> Result<Vec<Cell>> {
    let mut bench = tabs(context, 4).await?;
    let since = bench.page.now().await?;
    bench.crash_tab(LEADER).await?;
    after_the_leader(&bench, since).await
}

async fn after_the_leader(bench: &Bench, since: f64) -> Result<Vec<Cell>> {
    let fault = bench.fault(since).await?;
    bench.recovered(&fault).await?;
    let cells = felt(one(bench.judge(&fault).await?, "tab (3 that stay)"))?;
    one_connection(bench).await?;
    Ok(cells)
}

fn name(number: usize) -> String {
    format!("tab {number}")
}

async fn tabs(context: &Context, count: usize) -> Result<Bench> {
    let mut bench = Bench::start(context, &[]).await?;
    for number in 1..=count {
        bench.join_in_tab(&name(number), &shared()).await?;
        if number == 1 {
            bench.under_way().await?;
        }
    }
    bench.under_way().await?;
    one_connection(&bench).await?;
    for client in bench.clients() {
        bench.turn_to(client).await?;
        bench.page.connected(client, "tab", PATIENCE).await?;
    }
    Ok(bench)
}

/// A tab that was quicker than the leader's word had one of its own for a while.
async fn one_connection(bench: &Bench) -> Result<()> {
    let one = || async {
        let counts = bench.proxy.counts();
        ensure!(counts.websockets == 1, "{counts:?}");
        Ok(Some(()))
    };
    until("there is one connection for all tabs", PATIENCE, one).await
}

/// The slowest stands for all.
fn one(cells: Vec<Cell>, transport: &str) -> Vec<Cell> {
    let mut all: Option<Cell> = None;
    for cell in cells {
        match &mut all {
            Some(all) => all.add(&cell),
            none => *none = Some(Cell { transport: transport.to_owned(), ..cell }),
        }
    }
    all.into_iter().collect()
}
