//! A browser behind WebDriver: windows, sizes, keys, and what is kept of a page when a test fails. What only some
//! browsers can do is in [`crate::life`].
//!
//! It must not know any page.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    wd::{WebDriverCompatibleCommand, WindowHandle},
};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    driver::Driver,
    engine::{Engine, Pace},
    wait::until,
};

/// How long a page may take for what needs no network fault to pass first. Generous: two slow cores.
pub const SOON: Duration = Duration::from_secs(30);
const START: Duration = Duration::from_secs(60);

/// The window that is out of sight, and the one that can be put in front of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aside {
    pub(crate) hidden: Option<WindowHandle>,
    pub(crate) front: Option<WindowHandle>,
}

/// One browser with a fresh profile and a driver of its own. A clone is the same browser, and the last one that is
/// dropped ends it.
#[derive(Clone, Debug)]
pub struct Browser {
    client: Client,
    engine: Engine,
    version: String,
    pub(crate) aside: Arc<Mutex<Aside>>,
    pub(crate) driver: Arc<Driver>,
    profile: Arc<TempDir>,
}

impl Browser {
    /// Starts a browser; its driver's log goes to the file.
    pub async fn start(engine: Engine, pace: Pace, log: &Path) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let driver = Driver::start(engine, profile.path(), log).await?;
        let Value::Object(capabilities) = engine.capabilities(&profile.path().join("profile"), pace) else {
            bail!("capabilities are an object")
        };
        let mut builder = ClientBuilder::rustls()?;
        builder.capabilities(capabilities);
        let connecting = timeout(START, builder.connect(driver.url()));
        let starting = || format!("starting {engine}");
        let client = connecting.await.with_context(starting)?.with_context(starting)?;
        let capabilities = client.capabilities();
        let version = capabilities.and_then(|known| known.get("browserVersion")).map(text);
        Ok(Self {
            client,
            engine,
            version: version.unwrap_or_default(),
            aside: Arc::default(),
            driver: Arc::new(driver),
            profile: Arc::new(profile),
        })
    }

    /// What it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Its version, as it says itself.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The WebDriver client, for what has no method here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where it and its driver put their files; gone with it.
    pub fn temporary(&self) -> &Path {
        self.profile.path()
    }

    /// Ends the browser.
    pub async fn close(self) -> Result<()> {
        Ok(self.client.close().await?)
    }

    /// Loads a page.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.client.goto(url).await.with_context(|| format!("opening {url}"))
    }

    /// Opens a further window and turns to it.
    pub async fn new_window(&self) -> Result<WindowHandle> {
        let window = self.client.new_window(false).await?.handle;
        self.turn_to(&window).await?;
        Ok(window)
    }

    /// The window that is being driven.
    pub async fn window(&self) -> Result<WindowHandle> {
        Ok(self.client.window().await?)
    }

    /// Drives that window from now on.
    pub async fn turn_to(&self, window: &WindowHandle) -> Result<()> {
        Ok(self.client.switch_to_window(window.clone()).await?)
    }

    /// Runs the body of a function with `arguments` in the page and returns what it returns.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        Ok(self.client.execute(script, arguments).await?)
    }

    /// Runs the body of an async function in the page and returns what it resolves to.
    pub async fn run_async(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async (...args) => {{ {script} }})(...[...arguments].slice(0, -1))
               .then(value => done({{ value }}), error => done({{ error: String(error?.stack ?? error) }}));"
        );
        let mut answer = self.client.execute_async(&script, arguments).await?;
        ensure!(answer["error"].is_null(), "the page's script failed: {}", answer["error"]);
        Ok(answer["value"].take())
    }

    /// Waits until an expression is true in the page.
    pub async fn until(&self, what: &str, deadline: Duration, expression: &str) -> Result<()> {
        let script = format!("return !!({expression});");
        let holds = || async { Ok((self.run(&script, vec![]).await? == Value::Bool(true)).then_some(())) };
        match until(what, deadline, holds).await {
            Err(error) => Err(error.context(format!("never true in the page: {expression}"))),
            fine => fine,
        }
    }

    /// Waits for an element.
    pub async fn element(&self, css: &str) -> Result<Element> {
        let find = || async { Ok(Some(self.client.find(Locator::Css(css)).await?)) };
        until(&format!("an element {css}"), SOON, find).await
    }

    /// Clicks an element as soon as it can be clicked.
    pub async fn click(&self, css: &str) -> Result<()> {
        let click = || async {
            self.client.find(Locator::Css(css)).await?.click().await?;
            Ok(Some(()))
        };
        until(&format!("a click on {css}"), SOON, click).await
    }

    /// Types into an element, after what it holds.
    pub async fn keys(&self, css: &str, keys: &str) -> Result<()> {
        Ok(self.element(css).await?.send_keys(keys).await?)
    }

    /// Types to whatever has the focus.
    pub async fn keys_to_focus(&self, keys: &str) -> Result<()> {
        Ok(self.client.active_element().await?.send_keys(keys).await?)
    }

    /// A command of the Chrome DevTools Protocol, which Chromium alone speaks.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        let command =
            Extension { path: "goog/cdp/execute", body: json!({ "cmd": command, "params": parameters }) };
        Ok(self.client.issue_cmd(command).await?)
    }

    /// Sets the size of the page in CSS pixels, which may be smaller than any window.
    pub async fn set_viewport(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }

    /// Sets what the reader prefers, e.g. `prefers-color-scheme` to `dark`.
    pub async fn set_preference(&self, feature: &str, value: &str) -> Result<()> {
        let features = json!({ "features": [{ "name": feature, "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Writes what the window shows.
    pub async fn screenshot(&self, file: &Path) -> Result<()> {
        let png = self.client.screenshot().await?;
        tokio::fs::write(file, png).await.with_context(|| format!("writing {}", file.display()))
    }

    /// What the consoles have got since it was last asked for, a line each. Only Chromium's driver tells.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries =
            self.client.issue_cmd(Extension { path: "se/log", body: json!({ "type": "browser" }) }).await?;
        let line = |entry: &Value| format!("{} {}", text(&entry["level"]), text(&entry["message"]));
        Ok(entries.as_array().into_iter().flatten().map(line).collect())
    }

    /// Keeps what helps to understand a failure: of each window a screenshot and its text, and the consoles.
    pub async fn keep(&self, directory: &Path, name: &str) -> Result<()> {
        for (index, window) in self.client.windows().await?.iter().enumerate() {
            self.turn_to(window).await?;
            self.screenshot(&directory.join(format!("{name}-{index}.png"))).await?;
            let source = self.client.source().await?;
            tokio::fs::write(directory.join(format!("{name}-{index}.html")), source).await?;
        }
        if self.engine == Engine::Chromium {
            let console = self.console().await?.join("\n");
            tokio::fs::write(directory.join(format!("{name}-console.txt")), console).await?;
        }
        Ok(())
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A command of a driver's own.
#[derive(Debug)]
pub(crate) struct Extension {
    pub(crate) path: &'static str,
    pub(crate) body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(
        &self,
        base: &Url,
        session: Option<&str>,
    ) -> std::result::Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
