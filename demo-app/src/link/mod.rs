//! The connection as the app sees it: the one client, the signals that follow it, and what the user does to it.
//! Badge, panel, chat and dashboard read them; nobody else watches the client.

pub mod badge;
mod counters;
pub mod panel;
mod picker;
mod server;
pub mod timeline;
pub mod words;

use std::{sync::Arc, time::Duration};

use everwire::{Client, Config, State, Status, Transport};
use everwire_leptos::{ClientHandle, Connection, provide_client, use_connection};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use self::timeline::{Timeline, Tone};
use crate::browser;

/// Where the server is: by default where the page comes from. Another one is named when the app is built,
/// with `EVERWIRE_SERVER=http://127.0.0.1:8080 trunk serve`.
pub const SERVER: &str = match option_env!("EVERWIRE_SERVER") {
    Some(server) => server,
    None => "",
};
/// How often a client that has been replaced is asked whether it is done, in milliseconds.
const TICK: u32 = 500;
/// A demo is looked at from near: its round-trip time is fresher than a working app needs it.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// The connection.
#[derive(Clone, Copy)]
pub struct Link {
    client: ClientHandle,
    /// What it is doing, how long until the next try, and its counters.
    pub connection: Connection,
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
    /// Connects to the [`SERVER`], for the whole app.
    #[must_use]
    pub fn connect(name: Option<&str>) -> Self {
        let client = provide_client(client(name, None));
        let link = Self {
            client,
            connection: use_connection(),
            timeline: RwSignal::default(),
            choice: RwSignal::new(None),
            kept_offline: RwSignal::new(false),
            panel_open: RwSignal::new(false),
        };
        link.connection.on_change(move |status| link.changed(status));
        link
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.get_untracked()
    }

    /// Goes on as somebody of another name. What a client tells others of itself is fixed when it connects, so
    /// this is another client; the old one stays until what it was asked to publish is published.
    pub fn rename(&self, name: &str) {
        let new = client(Some(name), self.choice.get_untracked());
        new.go_offline(self.kept_offline.get_untracked());
        let old = self.client();
        self.client.replace(new);
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
