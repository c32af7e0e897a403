//! What JavaScript passes as options, read leniently: what is missing or of another type has its default, but a
//! name or a start that can't be read is an error.

use std::time::Duration;

use everwire::{Builder, ClientId, Config, From, HistoryRange, Transport};
use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::value::{error, get, text};

/// `{token, transports, clientId, info}`, with the feature `log` `debug`, with `tabs` `shareTabs` (the scope), and
/// times in milliseconds: `{backoffMax, connectTimeout, heartbeatGrace, pingInterval, pollWait, pollInterval}`.
pub(crate) fn client(mut builder: Builder, options: &JsValue) -> Result<Builder, JsValue> {
    #[cfg(feature = "log")]
    if flag(options, "debug") {
        crate::console::start();
    }
    if let Some(names) = get(options, "transports") {
        builder = builder.transports(transports(&names)?);
    }
    if let Some(info) = text(options, "info") {
        builder = builder.info(info);
    }
    if let Some(id) = text(options, "clientId") {
        builder = builder.client_id(ClientId::new(&id).map_err(|_| bad("clientId"))?);
    }
    if let Some(provider) = get(options, "token") {
        let provider: Function = provider.dyn_into().map_err(|_| bad("token"))?;
        builder = builder.token(move || token(provider.clone()));
    }
    #[cfg(feature = "tabs")]
    if let Some(scope) = text(options, "shareTabs") {
        builder = builder.share_tabs(scope);
    }
    Ok(builder.config(|config| times(config, options)))
}

fn times(config: &mut Config, options: &JsValue) {
    for (name, time) in [
        ("backoffMax", &mut config.backoff.max),
        ("connectTimeout", &mut config.connect_timeout),
        ("heartbeatGrace", &mut config.heartbeat_grace),
        ("pingInterval", &mut config.ping_interval),
        ("pollWait", &mut config.poll_wait),
        ("pollInterval", &mut config.poll_interval),
    ] {
        if let Some(milliseconds) = number(options, name) {
            *time = Duration::from_millis(milliseconds as u64);
        }
    }
}

/// Asks the provider: a function of a string, of nothing, or of a promise of either.
async fn token(provider: Function) -> Result<Option<String>, JsValue> {
    let answer = provider.call0(&JsValue::UNDEFINED)?;
    Ok(JsFuture::from(Promise::resolve(&answer)).await?.as_string())
}

/// An array of names.
pub(crate) fn transports(names: &JsValue) -> Result<Vec<Transport>, JsValue> {
    let name = |name: JsValue| name.as_string()?.parse().ok();
    Array::from(names).iter().map(name).collect::<Option<_>>().ok_or_else(|| bad("transports"))
}

/// The name of the database, where publishes are to be kept: with `{persist: "name"}` one of that name, with
/// `{persist: true}` one for the server.
#[cfg(feature = "indexeddb")]
pub(crate) fn persist(url: &str, options: &JsValue) -> Option<String> {
    match text(options, "persist") {
        Some(name) => Some(name),
        None => flag(options, "persist").then(|| ["everwire:", url].concat()),
    }
}

/// How to subscribe.
#[derive(Debug, PartialEq)]
pub(crate) struct Subscribe {
    pub(crate) from: From,
    pub(crate) presence: bool,
    pub(crate) conflate: bool,
    pub(crate) snapshot: Option<Function>,
}

/// `{from, presence, conflate, snapshot}`, where `from` is `latest` (the default), `earliest`, `last:N` or a position.
pub(crate) fn subscribe(options: &JsValue) -> Result<Subscribe, JsValue> {
    let from = match text(options, "from") {
        Some(from) => from.parse().map_err(|_| bad("from"))?,
        None => From::Latest,
    };
    let snapshot = match get(options, "snapshot") {
        Some(hook) => Some(hook.dyn_into().map_err(|_| bad("snapshot"))?),
        None => None,
    };
    Ok(Subscribe { from, presence: flag(options, "presence"), conflate: flag(options, "conflate"), snapshot })
}

/// `{before, after, limit}`: the newest page unless an offset says otherwise.
pub(crate) fn history(options: &JsValue) -> (HistoryRange, u32) {
    let range = match (number(options, "before"), number(options, "after")) {
        (Some(before), _) => HistoryRange::Before(before as u64),
        (None, Some(after)) => HistoryRange::After(after as u64),
        (None, None) => HistoryRange::Before(u64::MAX),
    };
    (range, number(options, "limit").map_or(100, |limit| limit as u32))
}

fn number(options: &JsValue, name: &str) -> Option<f64> {
    get(options, name)?.as_f64()
}

pub(crate) fn flag(options: &JsValue, name: &str) -> bool {
    get(options, name).is_some_and(|value| value.is_truthy())
}

fn bad(name: &str) -> JsValue {
    error(&["the option `", name, "` can't be read"].concat(), "bad_option", false)
}
