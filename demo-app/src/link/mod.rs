//! The connection as the app sees it: the one client, and signals that follow its status and its counters.
//! Badge, panel, chat and dashboard read them; nobody else watches the client.

pub mod badge;
mod counters;
pub mod panel;
mod picker;
mod server;
pub mod timeline;
pub mod words;

use std::{sync::Arc, time::Duration};

use everwire::{Client, Config, State, Stats, Status, Transport};
use futures::StreamExt;
use gloo_timers::{callback::Interval, future::TimeoutFuture};
use leptos::{prelude::*, task::spawn_local};

use self::timeline::{Timeline, Tone};
use crate::browser;

/// Where the server is: by default where the page comes from. Another one is named when the app is built,
/// with `EVERWIRE_SERVER=http://127.0.0.1:8080 trunk serve`.
pub const SERVER: &str = match option_env!("EVERWIRE_SERVER") {
    Some(server) => server,
    None => "",
};
/// How often counters and countdown are read, in milliseconds.
const TICK: u32 = 500;
/// A demo is looked at from near: its round-trip time is fresher than a working app needs it.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// The connection.
#[derive(Clone, Copy)]
pub struct Link {
    client: StoredValue<Client, LocalStorage>,
    /// Rises when the client is another one.
    life: StoredValue<u32>,
    /// What it is doing.
    pub status: RwSignal<Status>,
    /// Seconds to the next try, while it waits for one.
    pub left: RwSignal<Option<u64>>,
    /// Its counters.
    pub stats: RwSignal<Stats>,
    /// What happened last.
    pub timeline: RwSignal<Timeline>,
    /// The transport that the user wants; none leaves the choice to the client.
    pub choice: RwSignal<Option<Transport>>,
    /// The user has put the page offline.
    pub kept_offline: RwSignal<bool>,
    /// The panel is shown.
    pub panel_open: RwSignal<bool>,
}

impl Link {
    /// Connects to the [`SERVER`].
    #[must_use]
    pub fn connect(name: Option<&str>) -> Self {
        let client = client(name, None);
        let link = Self {
            status: RwSignal::new(client.status()),
            stats: RwSignal::new(client.stats()),
            client: StoredValue::new_local(client),
            life: StoredValue::new(0),
            left: RwSignal::new(None),
            timeline: RwSignal::default(),
            choice: RwSignal::new(None),
            kept_offline: RwSignal::new(false),
            panel_open: RwSignal::new(false),
        };
        link.follow();
        // Owned by whoever connects: it stops with them.
        StoredValue::new_local(Interval::new(TICK, move || link.read()));
        link
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.get_value()
    }

    /// Goes on as somebody of another name. What a client tells others of itself is fixed when it connects, so
    /// this is another client; the old one stays until what it was asked to publish is published.
    pub fn rename(&self, name: &str) {
        let new = client(Some(name), self.choice.get_untracked());
        new.go_offline(self.kept_offline.get_untracked());
        let old = self.client();
        self.client.set_value(new);
        self.life.update_value(|life| *life += 1);
        self.follow();
        spawn_local(async move {
            while old.stats().outbox_messages > 0 {
                TimeoutFuture::new(TICK).await;
            }
        });
    }

    /// Uses one transport, or leaves the choice to the client.
    pub fn choose(&self, choice: Option<Transport>) {
        self.choice.set(choice);
        self.client().set_transports(transports(choice));
    }

    /// Cuts the connection; the client brings it back.
    pub fn cut(&self) {
        self.note(Tone::Plain, "Cut", "you pulled the wire");
        self.client().cut();
    }

    /// Keeps the client offline, or lets it go.
    pub fn keep_offline(&self, offline: bool) {
        self.kept_offline.set(offline);
        self.client().go_offline(offline);
    }

    /// Puts something into the timeline.
    pub fn note(&self, tone: Tone, what: &str, why: &str) {
        self.timeline.update(|timeline| timeline.add(browser::now(), tone, what, why));
    }

    fn follow(&self) {
        let link = *self;
        let life = self.life.get_value();
        let mut changes = self.client().state();
        spawn_local(async move {
            while let Some(status) = changes.next().await {
                if link.life.get_value() != life {
                    break;
                }
                link.changed(status);
            }
        });
    }

    fn changed(&self, status: Status) {
        let over = status.transport.map(words::transport).unwrap_or_default();
        let (tone, what) = match status.state {
            State::Connected => (Tone::Good, format!("Connected over {over}")),
            State::Connecting => (Tone::Plain, format!("Connecting over {over}")),
            State::Waiting => (Tone::Bad, words::state(State::Waiting, seconds(&status))),
            State::Offline | State::Closed => (Tone::Bad, words::state(status.state, None)),
        };
        let why: Arc<str> = match status.state {
            State::Connected => "".into(),
            _ => words::reason(status.reason).into(),
        };
        self.note(tone, &what, &why);
        self.status.set(status);
        self.read();
    }

    fn read(&self) {
        let left = seconds(&self.status.get_untracked());
        if self.left.get_untracked() != left {
            self.left.set(left);
        }
        let stats = self.client.with_value(Client::stats);
        if self.stats.get_untracked() != stats {
            self.stats.set(stats);
        }
    }
}

/// Seconds to the next try, rounded up: a countdown ends with 1.
fn seconds(status: &Status) -> Option<u64> {
    status.retry_in().map(|left| left.as_millis().div_ceil(1000) as u64)
}

fn transports(choice: Option<Transport>) -> Vec<Transport> {
    choice.map_or_else(|| Config::TRANSPORTS.to_vec(), |transport| vec![transport])
}

fn client(name: Option<&str>, choice: Option<Transport>) -> Client {
    let mut builder = Client::builder(SERVER).transports(transports(choice));
    if let Some(name) = name {
        builder = builder.info(name);
    }
    builder.config(|config| config.ping_interval = PING_INTERVAL).connect()
}
