//! The recorder page: clients of the JavaScript surface in a browser, told what to do and asked what they got.
//!
//! It must not know the surface's names: `pages/lab.js` does.

mod seen;

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    artifacts,
    browser::{Browser, SOON},
    wait::until,
};

pub use seen::{Change, Digest, Gap, Outcomes, PageEvent, Place, Range, Recovery, Run, Sent};

/// The client's transports, by their names.
pub const TRANSPORTS: [&str; 5] = ["websocket", "sse", "eventsource", "longpoll", "poll"];

/// What the server is to serve: the pages beside the JavaScript surface.
pub fn site() -> Result<TempDir> {
    let site = tempfile::tempdir()?;
    for source in [artifacts::pages(), artifacts::javascript()?] {
        copy(&source, site.path())?;
    }
    Ok(site)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.is_dir() {
            fs::create_dir_all(to.join(&name))?;
            copy(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// The page in the browser's current window.
#[derive(Clone, Debug)]
pub struct Page {
    browser: Browser,
}

impl Page {
    /// Loads the page from a server, or a proxy before it, that serves [`site`].
    pub async fn open(browser: &Browser, origin: &str) -> Result<Self> {
        browser.open(&format!("{origin}/recorder.html")).await?;
        browser.until("the page has loaded the client", SOON, "window.lab").await?;
        Ok(Self { browser: browser.clone() })
    }

    /// The browser that shows it.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Makes a client; without transports it has its own. `config` holds what is not to be at its default, in
    /// milliseconds where it is a time.
    pub async fn connect(&self, client: &str, url: &str, transports: &[&str], config: Value) -> Result<()> {
        self.call("connect", json!([client, url, transports, config])).await.map(drop)
    }

    /// Subscribes a client, and waits until the server has taken it.
    pub async fn subscribe(&self, client: &str, topic: &str, from: &str) -> Result<()> {
        self.ask_to_subscribe(client, topic, from).await?;
        let stands = || async { Ok(self.digest(client, topic).await?.offset) };
        until(&format!("{client} is subscribed to {topic}"), SOON, stands).await.map(drop)
    }

    /// Subscribes a client, and goes on at once.
    pub async fn ask_to_subscribe(&self, client: &str, topic: &str, from: &str) -> Result<()> {
        self.call("subscribe", json!([client, topic, from])).await.map(drop)
    }

    /// Changes a client's transports.
    pub async fn set_transports(&self, client: &str, transports: &[&str]) -> Result<()> {
        self.call("setTransports", json!([client, transports])).await.map(drop)
    }

    /// Publishes messages, and goes on at once: [`Page::outcomes`] tells what became of them.
    pub async fn publish(&self, client: &str, topic: &str, messages: Vec<Value>) -> Result<()> {
        self.call("publish", json!([client, topic, messages])).await.map(drop)
    }

    /// Makes a client publish 1, 2, 3 … to a topic, one in so many milliseconds.
    pub async fn keep_publishing(&self, client: &str, topic: &str, interval: u64) -> Result<()> {
        self.call("keepPublishing", json!([client, topic, interval])).await.map(drop)
    }

    /// Makes a client publish so many more of the same at once, and goes on.
    pub async fn publish_more(&self, client: &str, topic: &str, count: u64) -> Result<()> {
        self.call("publishMore", json!([client, topic, count])).await.map(drop)
    }

    /// Pauses a client's subscriptions, or lets them go on.
    pub async fn pause(&self, client: &str, pause: bool) -> Result<()> {
        self.call(if pause { "pause" } else { "resume" }, json!([client])).await.map(drop)
    }

    /// When the time of each token that a client has had is over, on the page's clock.
    pub async fn token_ends(&self, client: &str) -> Result<Vec<f64>> {
        Ok(serde_json::from_value(self.call("tokenEnds", json!([client])).await?)?)
    }

    /// How many publishes the page's database of that name keeps.
    pub async fn stored(&self, database: &str) -> Result<u64> {
        let stored = self.browser.run_async("return lab.stored(args[0]);", vec![json!(database)]).await?;
        stored.as_u64().context("a number")
    }

    /// Loads the page anew: what it held is gone.
    pub async fn reload(&self) -> Result<()> {
        self.browser.client().refresh().await?;
        self.browser.until("the page has loaded the client again", SOON, "window.lab").await
    }

    /// A client's counters.
    pub async fn stats(&self, client: &str) -> Result<Value> {
        self.call("stats", json!([client])).await
    }

    /// Ends [`Page::keep_publishing`] of all clients.
    pub async fn stop_publishing(&self) -> Result<()> {
        self.call("stopPublishing", json!([])).await.map(drop)
    }

    /// What a client has published in turn.
    pub async fn sent(&self, client: &str) -> Result<Vec<Sent>> {
        Ok(serde_json::from_value(self.call("sent", json!([client])).await?)?)
    }

    /// How a client came through what happened at that moment; it is back with that message of the topic.
    pub async fn recovery(&self, client: &str, since: f64, topic: &str, back: &Place) -> Result<Recovery> {
        Ok(serde_json::from_value(self.call("recovery", json!([client, since, topic, back])).await?)?)
    }

    /// What happened to the page, the oldest first.
    pub async fn events(&self) -> Result<Vec<PageEvent>> {
        Ok(serde_json::from_value(self.call("pageEvents", json!([])).await?)?)
    }

    /// What a subscription has got so far.
    pub async fn digest(&self, client: &str, topic: &str) -> Result<Digest> {
        Ok(serde_json::from_value(self.call("digest", json!([client, topic])).await?)?)
    }

    /// The states that a client has been in, the oldest first.
    pub async fn states(&self, client: &str) -> Result<Vec<Change>> {
        Ok(serde_json::from_value(self.call("states", json!([client])).await?)?)
    }

    /// What became of a client's publishes.
    pub async fn outcomes(&self, client: &str) -> Result<Outcomes> {
        Ok(serde_json::from_value(self.call("outcomes", json!([client])).await?)?)
    }

    /// What a client is at, in words for a failure's message: its last states, and its counters.
    pub async fn condition(&self, client: &str) -> Result<String> {
        let states = self.states(client).await?;
        let stats = self.stats(client).await?;
        Ok(format!("{:?} {stats} at {:.0}", &states[states.len().saturating_sub(4)..], self.now().await?))
    }

    /// Waits until a client is connected, over this transport.
    pub async fn connected(&self, client: &str, transport: &str, deadline: Duration) -> Result<()> {
        let connected = || async {
            let states = self.states(client).await?;
            let last = states.last().context("no state yet")?;
            let there = last.state == "connected" && last.transport.as_deref() == Some(transport);
            ensure!(there, "{client} is {last:?}");
            Ok(Some(()))
        };
        until(&format!("{client} is connected over {transport}"), deadline, connected).await
    }

    /// The page's clock, in milliseconds since the Unix epoch.
    pub async fn now(&self) -> Result<f64> {
        self.call("now", json!([])).await?.as_f64().context("a time")
    }

    async fn call(&self, function: &str, arguments: Value) -> Result<Value> {
        let script = "return window.lab[arguments[0]](...arguments[1]) ?? null;";
        let answer = self.browser.run(script, vec![json!(function), arguments]).await;
        answer.with_context(|| format!("the page's {function}"))
    }
}
