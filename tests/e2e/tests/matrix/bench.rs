//! What a row is tried on: a server behind the proxy, a page with clients that read a stream and publish one each.
//!
//! It must not know what is done to them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use everwire_e2e::{
    harness::Context,
    page::{self, Page, PageEvent, Recovery},
    proxy::Proxy,
    server::Server,
    wait::until,
};
use fantoccini::wd::WindowHandle;
use serde_json::Value;
use tempfile::TempDir;

use crate::{judge, report::Cell, traffic::Traffic};

/// How long anything may take before a row is given up.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// How often a client publishes, in milliseconds.
const PUBLISH_EVERY: u64 = 200;
/// So many messages each way show that a client is under way.
const UNDER_WAY: u64 = 3;

/// What happened, by the page's clock.
pub struct Fault {
    /// When.
    pub since: f64,
    /// From when on clients could have been back, where that is later.
    pub end: Option<f64>,
    /// The place in the stream of what is published first while it is in effect: [`Bench::next`].
    pub next: usize,
}

/// All of it; ends when it is dropped.
pub struct Bench {
    pub server: Server,
    pub proxy: Proxy,
    pub page: Page,
    pub traffic: Traffic,
    clients: Vec<String>,
    /// Of clients that have a tab of their own.
    tabs: BTreeMap<String, WindowHandle>,
    _site: TempDir,
}

impl Bench {
    /// A server with these further arguments, the page, and the stream.
    pub async fn start(context: &Context, arguments: &[&str]) -> Result<Self> {
        let site = page::site()?;
        let directory = site.path().to_str().context("a path in UTF-8")?;
        let server = context.server(&[&["--static", directory][..], arguments].concat()).await?;
        let proxy = Proxy::start(Some(server.address())).await?;
        let page = Page::open(&context.browser().await?, &proxy.origin()).await?;
        let traffic = Traffic::start(server.publisher(), judge::DOWN);
        Ok(Self { server, proxy, page, traffic, clients: Vec::new(), tabs: BTreeMap::new(), _site: site })
    }

    /// The same, with a client for each of these transports that is under way.
    pub async fn with_clients(
        context: &Context,
        arguments: &[&str],
        transports: &[&'static str],
        config: &Value,
    ) -> Result<Self> {
        let mut bench = Self::start(context, arguments).await?;
        for transport in transports {
            bench.join(transport, &[transport], config).await?;
        }
        bench.under_way().await?;
        Ok(bench)
    }

    /// A further client, that reads and publishes. Without transports it has its own.
    pub async fn join(&mut self, client: &str, transports: &[&str], config: &Value) -> Result<()> {
        self.page.connect(client, &self.proxy.origin(), transports, config.clone()).await?;
        self.page.ask_to_subscribe(client, judge::DOWN, "latest").await?;
        self.page.keep_publishing(client, &judge::up(client), PUBLISH_EVERY).await?;
        self.clients.push(client.to_owned());
        Ok(())
    }

    /// The same in a tab of its own.
    pub async fn join_in_tab(&mut self, client: &str, config: &Value) -> Result<()> {
        let browser = self.page.browser().clone();
        if !self.tabs.is_empty() {
            let tab = browser.client().new_window(true).await?.handle;
            browser.turn_to(&tab).await?;
            Page::open(&browser, &self.proxy.origin()).await?;
        }
        self.tabs.insert(client.to_owned(), browser.window().await?);
        self.join(client, &[], config).await
    }

    /// Ends the client and its tab.
    pub async fn close_tab(&mut self, client: &str) -> Result<()> {
        self.turn_to(client).await?;
        self.page.browser().client().close_window().await?;
        self.forget(client).await
    }

    /// Ends the client by a crash of its tab.
    pub async fn crash_tab(&mut self, client: &str) -> Result<()> {
        self.turn_to(client).await?;
        self.page.browser().crash().await?;
        self.forget(client).await
    }

    /// Turns to another client than one that is no more.
    async fn forget(&mut self, client: &str) -> Result<()> {
        self.tabs.remove(client);
        self.clients.retain(|other| other != client);
        let next = self.clients.first().context("another client")?;
        self.turn_to(next).await
    }

    /// From now on the client's tab is asked, if it has one.
    pub async fn turn_to(&self, client: &str) -> Result<()> {
        match self.tabs.get(client) {
            Some(tab) => self.page.browser().turn_to(tab).await,
            None => Ok(()),
        }
    }

    /// Its clients' names.
    pub fn clients(&self) -> &[String] {
        &self.clients
    }

    /// Waits until every client has read some and published some.
    pub async fn under_way(&self) -> Result<()> {
        for client in &self.clients {
            self.turn_to(client).await?;
            let under_way = || async {
                let read = self.page.digest(client, judge::DOWN).await?.received;
                let acked =
                    self.page.sent(client).await?.iter().filter(|sent| sent.position.is_some()).count();
                ensure!(read >= UNDER_WAY && acked as u64 >= UNDER_WAY, "{}", self.condition(client).await?);
                Ok(Some(()))
            };
            until(&format!("{client} is under way"), PATIENCE, under_way).await?;
        }
        Ok(())
    }

    /// Waits until so many messages more have been published, whoever gets them.
    pub async fn publish_further(&self, messages: usize) -> Result<()> {
        let before = self.traffic.acked().await?.len();
        let more = || async { Ok((self.traffic.acked().await?.len() >= before + messages).then_some(())) };
        until("more is published", PATIENCE, more).await
    }

    /// The fault that happened at that moment, and is in effect: whoever has what is published from now on is back.
    pub async fn fault(&self, since: f64) -> Result<Fault> {
        Ok(Fault { since, end: None, next: self.next().await? })
    }

    /// The place in the stream of what is published next.
    pub async fn next(&self) -> Result<usize> {
        Ok(self.traffic.acked().await?.len())
    }

    /// Waits until every client is back.
    pub async fn recovered(&self, fault: &Fault) -> Result<()> {
        self.publish_further(UNDER_WAY as usize).await?;
        for client in &self.clients {
            self.turn_to(client).await?;
            let recovered = || async {
                let recovery = self.recovery(client, fault).await?;
                ensure!(recovery.back.is_some(), "{recovery:?}, {}", self.condition(client).await?);
                Ok(Some(()))
            };
            until(&format!("{client} is back"), PATIENCE, recovered).await?;
        }
        Ok(())
    }

    async fn recovery(&self, client: &str, fault: &Fault) -> Result<Recovery> {
        let acked = self.traffic.acked().await?;
        let next = acked.get(fault.next).context("something was published since")?;
        self.page.recovery(client, fault.since, judge::DOWN, next).await
    }

    /// The last thing of that name that happened to the page.
    pub async fn last_event(&self, name: &str) -> Result<PageEvent> {
        let happened =
            || async { Ok(self.page.events().await?.into_iter().rev().find(|event| event.name == name)) };
        until(&format!("the page gets {name}"), PATIENCE, happened).await
    }

    /// Ends the streams, waits for the rest of them, and judges every client.
    pub async fn judge(&self, fault: &Fault) -> Result<Vec<Cell>> {
        for client in &self.clients {
            self.turn_to(client).await?;
            self.page.stop_publishing().await?;
        }
        self.traffic.pause().await;
        let published = self.traffic.acked().await?;
        let lost_logs = self.traffic.lost_logs().await;
        let mut cells = Vec::new();
        for client in &self.clients {
            self.turn_to(client).await?;
            let down = judge::down(&self.page, client, &published).await?;
            let up = judge::up_again(&self.page, client, &self.server).await?;
            let recovery = self.recovery(client, fault).await?;
            let from = recovery.noticed.unwrap_or(fault.since).max(fault.end.unwrap_or(fault.since));
            let cell = Cell {
                transport: client.clone(),
                detect: recovery.noticed.map(|noticed| noticed - fault.since),
                recover: recovery.back.map(|back| back - from),
                gaps: down.gaps,
                published: down.published + up.published,
                lost: down.lost + up.lost,
                repeated: down.repeated + up.repeated,
            };
            let reason = recovery.reason.as_deref().unwrap_or("nothing");
            ensure!(cell.is_clean(), "{cell:?} ({reason}), {}", self.condition(client).await?);
            // What a gap tells does not count as lost: so there must be a reason for each.
            ensure!(
                cell.gaps == lost_logs,
                "{client} was told of gaps where {lost_logs} logs were lost: {down:?}"
            );
            cells.push(cell);
        }
        Ok(cells)
    }

    async fn condition(&self, client: &str) -> Result<String> {
        self.page.condition(client).await
    }
}
