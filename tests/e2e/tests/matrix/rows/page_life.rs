//! What happens to the page: it is hidden, frozen, left; the network or the machine goes away under it.

use std::time::Duration;

use anyhow::{Result, ensure};
use everwire_e2e::{harness::Context, proxy::Way};
use serde_json::json;
use tokio::time::sleep;

use super::{
    felt,
    links::{HEARTBEAT, quick},
};
use crate::{
    bench::{Bench, Fault},
    report::Cell,
};

const TRANSPORTS: [&str; 3] = ["websocket", "sse", "longpoll"];
const BOTH: [Way; 2] = [Way::Down, Way::Up];
/// How long a wake-up on a dead socket may go unnoticed, in milliseconds: what the project promises.
const NOTICED_WITHIN: f64 = 3_500.0;

async fn bench(context: &Context) -> Result<Bench> {
    Bench::with_clients(context, &[], &TRANSPORTS, &json!({})).await
}

/// The links hold, whatever the browser does to the page's timers.
pub async fn hidden(context: &Context) -> Result<Vec<Cell>> {
    let bench = bench(context).await?;
    let fault = bench.fault(bench.page.now().await?).await?;
    bench.page.browser().hide().await?;
    bench.publish_further(50).await?;
    bench.page.browser().show().await?;
    bench.last_event("visibilitychange").await?;
    let mut cells = bench.judge(&fault).await?;
    let lost = cells.iter().find(|cell| cell.detect.is_some());
    ensure!(lost.is_none(), "a link was given up: {lost:?}");
    cells.iter_mut().for_each(|cell| cell.recover = None);
    Ok(cells)
}

pub async fn frozen(context: &Context) -> Result<Vec<Cell>> {
    let bench = bench(context).await?;
    bench.page.browser().freeze(true).await?;
    let next = bench.next().await?;
    bench.publish_further(30).await?;
    bench.page.browser().freeze(false).await?;
    let end = Some(bench.last_event("resume").await?.at);
    let fault = Fault { since: bench.last_event("freeze").await?.at, end, next };
    bench.recovered(&fault).await?;
    felt(bench.judge(&fault).await?)
}

/// With the defaults of client and server: only the probe can find out so soon. Where there is nothing to ping on,
/// it is a new request in place of the old, and the link is not lost at all.
pub async fn wake_up(context: &Context) -> Result<Vec<Cell>> {
    let bench = bench(context).await?;
    bench.page.browser().hide().await?;
    bench.proxy.freeze(&BOTH);
    let next = bench.next().await?;
    bench.publish_further(20).await?;
    bench.page.browser().show().await?;
    let fault = Fault { since: bench.last_event("visibilitychange").await?.at, end: None, next };
    bench.recovered(&fault).await?;
    let cells = felt(bench.judge(&fault).await?)?;
    let late =
        cells.iter().find(|cell| cell.detect.or(cell.recover).is_none_or(|time| time > NOTICED_WITHIN));
    ensure!(late.is_none(), "later than {NOTICED_WITHIN} ms: {late:?}");
    Ok(cells)
}

pub async fn asleep(context: &Context) -> Result<Vec<Cell>> {
    let bench = Bench::with_clients(context, &HEARTBEAT, &TRANSPORTS, &quick()).await?;
    let browser = bench.page.browser();
    browser.sleep()?;
    bench.proxy.freeze(&BOTH);
    let next = bench.next().await?;
    // It is the fault itself that lasts so long.
    sleep(Duration::from_secs(6)).await;
    browser.wake()?;
    let fault = Fault { since: bench.page.now().await?, end: None, next };
    bench.recovered(&fault).await?;
    felt(bench.judge(&fault).await?)
}

pub async fn left_and_back(context: &Context) -> Result<Vec<Cell>> {
    let bench = bench(context).await?;
    let browser = bench.page.browser();
    browser.open(&format!("{}/away.html", bench.proxy.origin())).await?;
    let next = bench.next().await?;
    bench.publish_further(20).await?;
    browser.back().await?;
    let shown = bench.last_event("pageshow").await?;
    ensure!(shown.persisted == Some(true), "the page was not kept: {shown:?}");
    let fault = Fault { since: bench.last_event("pagehide").await?.at, end: Some(shown.at), next };
    bench.recovered(&fault).await?;
    felt(bench.judge(&fault).await?)
}

pub async fn offline(context: &Context) -> Result<Vec<Cell>> {
    let bench = bench(context).await?;
    let browser = bench.page.browser();
    let since = bench.page.now().await?;
    browser.set_offline(true).await?;
    let fault = bench.fault(since).await?;
    bench.publish_further(20).await?;
    browser.set_offline(false).await?;
    let fault = Fault { end: Some(bench.last_event("online").await?.at), ..fault };
    bench.recovered(&fault).await?;
    felt(bench.judge(&fault).await?)
}
