//! The rows of the matrix: a fault each, by what breaks.
//!
//! They must not know which browser they run in, but for what its driver can't do.

mod links;
mod outbox;
mod page_life;
mod proxies;
mod readers;
mod servers;
mod tabs;

use std::{future::Future, pin::Pin, sync::Arc};

use anyhow::{Result, ensure};
use everwire_e2e::{engine::Engine, harness::Context};

use crate::report::Cell;

/// What a row comes to.
pub type Trying = Pin<Box<dyn Future<Output = Result<Vec<Cell>>>>>;

/// One fault.
#[derive(Clone, Copy)]
pub struct Row {
    /// A word for it, as tests are named.
    pub name: &'static str,
    /// What is done, as the table says it.
    pub about: &'static str,
    /// Where it can't be had, and why.
    pub not_in: &'static [(Engine, &'static str)],
    pub run: fn(Arc<Context>) -> Trying,
}

/// What the clients came to, where the first of them can't have missed the fault: or else there was none.
fn felt(cells: Vec<Cell>) -> Result<Vec<Cell>> {
    ensure!(
        cells.first().is_some_and(|cell| cell.detect.is_some()),
        "no link was lost by the fault: {cells:?}"
    );
    Ok(cells)
}

macro_rules! rows {
    ($($module:ident::$name:ident, $about:literal, not in $not_in:expr;)+) => {
        &[$(Row {
            name: stringify!($name),
            about: $about,
            not_in: &$not_in,
            run: |context| Box::pin(async move { $module::$name(&context).await }),
        }),+]
    };
}

const NO_FREEZE: &str = "its driver can freeze no tab";
const NO_CRASH: &str = "its driver can end no tab so";
const NO_OFFLINE: &str = "its driver can't take it offline";
const NO_BFCACHE: &str = "it keeps no page that has a connection open when it is left";

/// All of them, in the order of the table.
pub const ROWS: &[Row] = rows! {
    links::cut, "every connection is reset", not in [];
    links::black_hole, "every connection passes nothing any more, in both ways, and does not end", not in [];
    links::deaf, "the same from the server to the page only", not in [];
    links::mute, "the same from the page to the server only; recovered with the next ack", not in [];
    servers::restart, "the server is killed (`kill -9`) with its logs in memory, and started again", not in [];
    servers::drain, "the server is told to go (`SIGTERM`, four clients over WebSocket and one over each other transport), and another one takes its place", not in [];
    proxies::websocket_forbidden, "a proxy answers the upgrade with 403", not in [];
    proxies::websocket_reset, "a proxy resets the upgrade's connection", not in [];
    proxies::websocket_swallowed, "a proxy accepts the WebSocket and passes nothing", not in [];
    proxies::streams_gathered, "a proxy forbids WebSockets and holds event streams until they end", not in [];
    readers::slow, "the app takes nothing while 3,000 messages are published; they wait at the server", not in [];
    readers::token_renewed, "tokens last 4 s, and are replaced ahead of that; the links are well", not in [];
    readers::token_expired, "tokens last 4 s, and the app has no other before their end: the server ends the links", not in [];
    outbox::reload, "the page is reloaded with 1,000 publishes in its outbox; recovered once all are acked", not in [];
    tabs::ten_tabs, "ten tabs share one connection; the link is well", not in [];
    tabs::leader_closed, "the tab that has the connection of four is closed", not in [];
    tabs::leader_crashed, "the same tab crashes", not in [(Engine::Firefox, NO_CRASH), (Engine::WebKit, NO_CRASH)];
    page_life::hidden, "the tab is hidden for 5 s; the links are well", not in [];
    page_life::frozen, "the tab is frozen for 3 s", not in [(Engine::Firefox, NO_FREEZE), (Engine::WebKit, NO_FREEZE)];
    page_life::wake_up, "the tab is shown again after its connections have died without a word: found by the probe", not in [];
    page_life::asleep, "the whole browser stands still for 6 s, as in a machine that sleeps, and its connections die meanwhile", not in [];
    page_life::left_and_back, "the page is left and come back to from the back/forward cache", not in [(Engine::Firefox, NO_BFCACHE)];
    page_life::offline, "the browser is offline for 2 s", not in [(Engine::WebKit, NO_OFFLINE)];
};
