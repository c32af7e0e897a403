//! What happens to a page besides what is in it: it is hidden and shown, frozen, left and come back to; the network
//! goes and comes; the machine sleeps. Each by what its browser's driver offers for it.
//!
//! It must not know any page.

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Extension, SOON},
    engine::Engine,
};

impl Browser {
    /// Puts the window that is driven out of sight, by another tab in front of it; nothing can be asked of its page
    /// until [`Browser::show`].
    pub async fn hide(&self) -> Result<()> {
        let mut aside = self.aside.lock().await;
        ensure!(aside.hidden.is_none(), "a window is hidden already");
        aside.hidden = Some(self.window().await?);
        if self.engine() == Engine::WebKit {
            // Its driver turns to tabs without showing them.
            return Ok(self.client().minimize_window().await?);
        }
        let front = match aside.front.take() {
            Some(front) => front,
            None => self.client().new_window(true).await?.handle,
        };
        self.turn_to(&front).await?;
        aside.front = Some(front);
        Ok(())
    }

    /// Shows what [`Browser::hide`] has hidden. The other tab stays: closing it would hide this one again for a moment.
    pub async fn show(&self) -> Result<()> {
        let Some(hidden) = self.aside.lock().await.hidden.take() else { bail!("no window is hidden") };
        if self.engine() == Engine::WebKit {
            self.client().maximize_window().await?;
        } else {
            self.turn_to(&hidden).await?;
        }
        self.until("the page is seen again", SOON, "document.visibilityState === 'visible'").await
    }

    /// Freezes the page, or lets it run again, as a browser does with a tab that has long been hidden. Chromium only.
    pub async fn freeze(&self, freeze: bool) -> Result<()> {
        let state = if freeze { "frozen" } else { "active" };
        self.devtools("Page.setWebLifecycleState", json!({ "state": state })).await.map(drop)
    }

    /// Kills the page's process. Chromium only.
    pub async fn crash(&self) -> Result<()> {
        // There is nobody left to say that it is done.
        let _ = self.devtools("Page.crash", json!({})).await;
        Ok(())
    }

    /// Takes the network away from the page, or gives it back. Not with WebKitGTK, whose driver has nothing for it.
    pub async fn set_offline(&self, offline: bool) -> Result<()> {
        match self.engine() {
            Engine::Chromium => {
                let network = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
                self.devtools("Network.emulateNetworkConditions", network).await.map(drop)
            }
            Engine::Firefox => {
                self.of_browser(true).await?;
                let set = self.run("Services.io.offline = arguments[0];", vec![json!(offline)]).await;
                self.of_browser(false).await?;
                set.map(drop)
            }
            Engine::WebKit => bail!("there is no such switch"),
        }
    }

    /// Whether scripts of Firefox are run in the browser itself, or in the page.
    async fn of_browser(&self, browser: bool) -> Result<Value> {
        let context = json!({ "context": if browser { "chrome" } else { "content" } });
        Ok(self.client().issue_cmd(Extension { path: "moz/context", body: context }).await?)
    }

    /// Goes back to the page before.
    pub async fn back(&self) -> Result<()> {
        Ok(self.client().back().await?)
    }

    /// Stops the browser where it stands, as a machine does that falls asleep. Nothing can be asked of it until
    /// [`Browser::wake`].
    pub fn sleep(&self) -> Result<()> {
        self.driver.group().stop()
    }

    /// Lets the browser go on.
    pub fn wake(&self) -> Result<()> {
        self.driver.group().go_on()
    }
}
