//! The demo as a person uses it: what is clicked and typed, and what is then to be seen.
//!
//! It must not know how the demo is made: the `data-testid` hooks are all there is.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::{
    browser::{Browser, SOON},
    wait::until,
};

/// The transports as the panel's buttons are named.
pub const TRANSPORTS: [&str; 5] = ["websocket", "sse", "eventsource", "longpoll", "poll"];

/// The selector of a hook.
pub fn hook(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

/// What the badge says.
#[derive(Clone, Debug, Deserialize)]
pub struct Badge {
    /// `connecting`, `connected`, `waiting`, `offline`, `closed`.
    pub state: String,
    /// The transport in use or being tried.
    pub transport: Option<String>,
    /// In words, for people.
    pub text: String,
}

/// One message as it is shown.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// Who wrote it.
    pub user: String,
    /// What it says.
    pub text: String,
    /// This browser wrote it.
    pub own: bool,
    /// `sent`, `pending` or `failed`.
    pub status: String,
}

/// The demo in a browser's current window.
#[derive(Clone, Debug)]
pub struct Demo {
    browser: Browser,
}

impl Demo {
    /// Opens the chat's room as a user of this name, and waits until it is connected.
    pub async fn join(browser: &Browser, origin: &str, room: &str, name: &str) -> Result<Self> {
        let demo = Self { browser: browser.clone() };
        browser.open(&format!("{origin}/#chat/{room}")).await?;
        browser.click(&hook("name-input")).await?;
        browser.keys(&hook("name-input"), &format!("{name}\u{e007}")).await?;
        demo.connected().await?;
        browser.element(&hook("composer")).await?;
        Ok(demo)
    }

    /// Opens the dashboard, and waits until it is connected.
    pub async fn dashboard(browser: &Browser, origin: &str) -> Result<Self> {
        let demo = Self { browser: browser.clone() };
        browser.open(&format!("{origin}/#dashboard")).await?;
        demo.connected().await?;
        Ok(demo)
    }

    /// The browser.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// What the badge says now.
    pub async fn badge(&self) -> Result<Badge> {
        let script = "const badge = document.querySelector(arguments[0]);
            return { state: badge.dataset.state, transport: badge.dataset.transport || null, text: badge.textContent };";
        Ok(serde_json::from_value(self.browser.run(script, vec![json!(hook("badge"))]).await?)?)
    }

    /// Waits for the badge to say a state.
    pub async fn state(&self, states: &[&str], deadline: Duration) -> Result<Badge> {
        let seen = || async {
            let badge = self.badge().await?;
            ensure!(states.contains(&badge.state.as_str()), "the badge says {badge:?}");
            Ok(Some(badge))
        };
        until(&format!("the badge says {}", states.join(" or ")), deadline, seen).await
    }

    /// Waits for the connection.
    pub async fn connected(&self) -> Result<Badge> {
        self.state(&["connected"], SOON).await
    }

    /// Opens the connection panel.
    pub async fn open_panel(&self) -> Result<()> {
        if !self.shows("panel").await? {
            self.browser.click(&hook("badge-open")).await?;
        }
        // It takes the focus once it is drawn; until then a key goes elsewhere.
        let focused =
            format!("document.querySelector('{}')?.contains(document.activeElement)", hook("panel"));
        self.browser.until("the panel has the focus", SOON, &focused).await
    }

    /// Closes the connection panel by the keyboard.
    pub async fn close_panel(&self) -> Result<()> {
        if self.shows("panel").await? {
            self.browser.keys_to_focus("\u{e00c}").await?;
        }
        let closed = || async { Ok((!self.shows("panel").await?).then_some(())) };
        until("the panel is closed", SOON, closed).await
    }

    /// Clicks something in the connection panel, and closes it again.
    pub async fn in_panel(&self, name: &str) -> Result<()> {
        self.open_panel().await?;
        self.browser.click(&hook(name)).await?;
        self.close_panel().await
    }

    /// Makes the panel force a transport, and waits until that is connected.
    pub async fn force(&self, transport: &str) -> Result<()> {
        self.in_panel(&format!("transport-{transport}")).await?;
        let there = || async {
            let badge = self.badge().await?;
            let there = badge.state == "connected" && badge.transport.as_deref() == Some(transport);
            ensure!(there, "the badge says {badge:?}");
            Ok(Some(()))
        };
        until(&format!("the badge says connected over {transport}"), SOON, there).await
    }

    /// Whether a hook is there, and to be seen.
    pub async fn shows(&self, name: &str) -> Result<bool> {
        let script = "return document.querySelector(arguments[0])?.checkVisibility() ?? false;";
        Ok(self.browser.run(script, vec![json!(hook(name))]).await? == json!(true))
    }

    /// The text of what is there by a hook.
    pub async fn text(&self, name: &str) -> Result<String> {
        let script = "return document.querySelector(arguments[0])?.textContent ?? null;";
        let text = self.browser.run(script, vec![json!(hook(name))]).await?;
        Ok(text.as_str().with_context(|| format!("nothing is there by the hook {name}"))?.to_owned())
    }

    /// Waits until the text of what is there by a hook holds another.
    pub async fn says(&self, name: &str, part: &str, deadline: Duration) -> Result<()> {
        let says = || async {
            let text = self.text(name).await?;
            ensure!(text.contains(part), "{name} says {text:?}");
            Ok(Some(()))
        };
        until(&format!("{name} says {part:?}"), deadline, says).await
    }

    /// Types a message and sends it by Enter.
    pub async fn send(&self, text: &str) -> Result<()> {
        self.browser.keys(&hook("composer"), &format!("{text}\u{e007}")).await
    }

    /// The messages that are shown, top to bottom.
    pub async fn messages(&self) -> Result<Vec<Message>> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(message => ({
            user: message.dataset.user ?? '',
            text: message.querySelector(arguments[1])?.textContent ?? '',
            own: message.dataset.own === 'true',
            status: message.dataset.status ?? '',
        }));";
        Ok(serde_json::from_value(
            self.browser.run(script, vec![json!(hook("message")), json!(hook("message-text"))]).await?,
        )?)
    }

    /// Waits for a message with this text, exactly one, that has this status.
    pub async fn message(&self, text: &str, status: &str, deadline: Duration) -> Result<Message> {
        let seen = || async {
            let mut messages = self.messages().await?;
            messages.retain(|message| message.text == text);
            ensure!(messages.len() == 1 && messages[0].status == status, "{messages:?}");
            Ok(messages.pop())
        };
        until(&format!("one message {text:?}, {status}"), deadline, seen).await
    }

    /// Who is in the room, by the list of members.
    pub async fn members(&self) -> Result<Vec<String>> {
        let script =
            "return [...document.querySelectorAll(arguments[0])].map(member => member.dataset.user);";
        Ok(serde_json::from_value(self.browser.run(script, vec![json!(hook("member"))]).await?)?)
    }

    /// A counter of the connection panel.
    pub async fn counter(&self, name: &str) -> Result<u64> {
        let text = self.text(&format!("counter-{name}")).await?;
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.parse().with_context(|| format!("counter {name}: {text:?}"))
    }
}
