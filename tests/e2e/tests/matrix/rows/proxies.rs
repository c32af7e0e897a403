//! Something on the way understands HTTP, and means well: the client has to find the transport that passes.

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    harness::Context,
    proxy::{Habits, WebSockets},
};
use serde_json::json;

use crate::{bench::Bench, report::Cell};

const CLIENT: &str = "default order";

pub async fn websocket_forbidden(context: &Context) -> Result<Vec<Cell>> {
    arrive(context, Habits { websockets: WebSockets::Forbid, ..Habits::default() }, "sse").await
}

pub async fn websocket_reset(context: &Context) -> Result<Vec<Cell>> {
    arrive(context, Habits { websockets: WebSockets::Reset, ..Habits::default() }, "sse").await
}

pub async fn websocket_swallowed(context: &Context) -> Result<Vec<Cell>> {
    arrive(context, Habits { websockets: WebSockets::Swallow, ..Habits::default() }, "sse").await
}

pub async fn streams_gathered(context: &Context) -> Result<Vec<Cell>> {
    arrive(
        context,
        Habits { websockets: WebSockets::Forbid, gathers_streams: true, ..Habits::default() },
        "longpoll",
    )
    .await
}

/// A client with the default order of transports: detected is what does not pass when the one that does is tried.
async fn arrive(context: &Context, habits: Habits, over: &str) -> Result<Vec<Cell>> {
    let mut bench = Bench::start(context, &[]).await?;
    bench.proxy.set_habits(habits);
    let since = bench.page.now().await?;
    let fault = bench.fault(since).await?;
    bench.join(CLIENT, &[], &json!({})).await?;
    bench.under_way().await?;
    let states = bench.page.states(CLIENT).await?;
    let tried = states.iter().find(|change| change.transport.as_deref() == Some(over));
    let tried = tried.with_context(|| format!("{over} was not tried: {states:?}"))?.at;
    let connected = states.iter().find(|change| change.state == "connected").context("it is connected")?;
    ensure!(connected.transport.as_deref() == Some(over), "connected over another one: {states:?}");

    let mut cells = bench.judge(&fault).await?;
    for cell in &mut cells {
        cell.transport = format!("→ {over}");
        cell.detect = Some(tried - since);
        cell.recover = Some(connected.at - tried);
    }
    Ok(cells)
}
