//! The options about tokens, and about those who send none. It knows no server.

use crate::auth::{KeySources, Keyring, Rights, TokenRules, TopicPattern};

use super::{ConfigError, Options};

/// What those may do who send no token, unless it is said otherwise.
pub(super) fn everything() -> Rights {
    let all = || "*".parse().into_iter().collect::<Vec<TopicPattern>>();
    Rights { subscribe: all(), publish: all(), presence: all(), history: all() }
}

pub(super) fn anonymous(options: &Options) -> Result<Rights, ConfigError> {
    let Rights { subscribe, publish, presence, .. } = everything();
    let subscribe = patterns("anonymous-subscribe", &options.anonymous_subscribe)?.unwrap_or(subscribe);
    let history = patterns("anonymous-history", &options.anonymous_history)?;
    Ok(Rights {
        history: history.unwrap_or_else(|| subscribe.clone()),
        subscribe,
        publish: patterns("anonymous-publish", &options.anonymous_publish)?.unwrap_or(publish),
        presence: patterns("anonymous-presence", &options.anonymous_presence)?.unwrap_or(presence),
    })
}

fn patterns(name: &str, texts: &Option<Vec<String>>) -> Result<Option<Vec<TopicPattern>>, ConfigError> {
    let parse = |text: &str| {
        text.parse().map_err(|error| ConfigError(format!("{name}: {text:?} is no topic pattern: {error}")))
    };
    texts.as_deref().map(|texts| said(texts).map(parse).collect()).transpose()
}

/// An empty flag or variable is an empty list.
fn said(texts: &[String]) -> impl Iterator<Item = &str> {
    texts.iter().map(String::as_str).filter(|text| !text.is_empty())
}

/// Where the keys are. They are read here once, so that a server that could not check a token does not start.
pub(super) fn keys(options: &Options) -> Result<KeySources, ConfigError> {
    let list = options.token_key.as_deref().unwrap_or_default();
    let sources = KeySources {
        secret: options.token_secret.clone(),
        secret_file: options.token_secret_file.clone(),
        public_keys: said(list).map(str::to_owned).collect(),
        jwks: options.token_jwks.clone(),
    };
    Keyring::load(sources.clone()).map_err(|error| ConfigError(error.to_string()))?;
    Ok(sources)
}

pub(super) fn rules(options: &Options, leeway: u64) -> TokenRules {
    let list = |texts: &Option<Vec<String>>| -> Vec<String> {
        said(texts.as_deref().unwrap_or_default()).map(str::to_owned).collect()
    };
    TokenRules {
        leeway,
        issuers: list(&options.token_issuer),
        audiences: list(&options.token_audience),
        ..TokenRules::default()
    }
}
