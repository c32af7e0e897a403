//! The configuration: options merged from flags, environment and file, checked, with every default filled
//! in. It knows no running server.

mod effective;
mod guards;
mod kinds;
mod options;
mod sources;
mod stores;
mod tls;
mod tokens;
mod webhooks;

#[cfg(test)]
mod tests;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use everwire_protocol::{Limits, RetryWindow, limits};
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};

use crate::{
    auth::{KeySources, Rights, TokenRules},
    guard::{GuardRules, Proxies},
    http::{origin::Origins, tls::TlsFiles},
    hub::PeerRules,
    log::{KeyLimits, Pattern, Retention, RetentionRules},
    presence::STAYS,
    store::{DataOptions, MemoryLimits, RedisOptions},
    webhook::Webhook,
};

pub use kinds::{ForwardedBy, FsyncOption, LogFormat, RetentionOption, WebhookOption};
pub use options::Options;
pub use sources::{Given, Source, unknown_variables};

/// The topics that the server publishes its own figures to; nobody else may.
pub const METRICS_PATTERN: &str = "metrics:*";
/// Ten minutes of them, and a bit.
const METRICS_RECORDS: usize = 660;

/// Where logs are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// In this process, and lost with it.
    #[default]
    Memory,
    /// In a directory.
    Data(DataOptions),
    /// In a Redis, for several instances.
    Redis(RedisOptions),
}

/// Why the server does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// A checked configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where metrics and health may be read apart from all else.
    pub metrics_listen: Option<SocketAddr>,
    /// The certificate; none where something in front speaks TLS.
    pub tls: Option<TlsFiles>,
    /// What to serve at `/`; none when there is nothing to serve.
    pub static_dir: Option<PathBuf>,
    /// Whose pages may connect.
    pub origins: Origins,
    /// Who sends no token is let in, on any address.
    pub anonymous: bool,
    /// What those may do, where they are let in.
    pub anonymous_rights: Rights,
    /// The keys that tokens are checked by.
    pub keys: KeySources,
    /// How tokens are judged.
    pub tokens: TokenRules,
    /// Where logs are kept.
    pub store_kind: StoreKind,
    /// The store's bounds.
    pub store: MemoryLimits,
    /// What peers are told and held to.
    pub rules: PeerRules,
    /// Most connections.
    pub max_connections: u64,
    /// What keeps one client from taking what is there for all.
    pub guards: GuardRules,
    /// Whose word on where requests come from is taken.
    pub proxies: Proxies,
    /// How long the head of a request may take to come.
    pub header_timeout: Duration,
    /// How long the body of a request may take to come.
    pub body_timeout: Duration,
    /// Longest life of a connection, before the jitter.
    pub max_life: Duration,
    /// Most members of all topics together.
    pub max_members: usize,
    /// How long members stay after their connection was lost.
    pub presence_grace: Duration,
    /// How long a client may take nothing.
    pub write_timeout: Duration,
    /// What clients are told on shutdown.
    pub drain_window: RetryWindow,
    /// How long shutdown may take.
    pub drain_timeout: Duration,
    /// The webhooks.
    pub webhooks: Vec<Webhook>,
    /// Publish to `metrics:*`.
    pub metrics_topics: bool,
    /// Form of the logs.
    pub log: LogFormat,
    /// What is logged.
    pub log_filter: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: None,
            tls: None,
            static_dir: None,
            origins: Origins::default(),
            anonymous: false,
            anonymous_rights: tokens::everything(),
            keys: KeySources::default(),
            tokens: TokenRules { leeway: 30_000, ..TokenRules::default() },
            store_kind: StoreKind::default(),
            store: MemoryLimits { retention: rules(Retention::default(), Vec::new()), ..Default::default() },
            rules: PeerRules::default(),
            max_connections: 10_000,
            guards: GuardRules::default(),
            proxies: Proxies::default(),
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            max_life: Duration::from_secs(60 * 60),
            max_members: STAYS,
            presence_grace: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            drain_window: RetryWindow { min: 500, max: 5_000 },
            drain_timeout: Duration::from_secs(10),
            webhooks: Vec::new(),
            metrics_topics: true,
            log: LogFormat::Text,
            log_filter: "info".to_owned(),
        }
    }
}

impl Config {
    /// Merges flags and variables, as clap has read them, with the file that they name.
    ///
    /// # Errors
    /// [`ConfigError`] when the file can't be read or has a key that there is no option for, and when a
    /// value is out of its bounds.
    pub fn load(flags: &Options) -> Result<Self, ConfigError> {
        let file = flags.config.as_deref().map(|path| Ok((path, sources::read(path)?))).transpose()?;
        let mut figment = Figment::new();
        if let Some((path, _)) = &file {
            figment = figment.merge(Toml::file_exact(path));
        }
        let options = figment.merge(Serialized::defaults(flags)).extract();
        let file = file.as_ref().map(|(path, dict)| (*path, dict));
        let options = options.map_err(|error| match file {
            Some((path, _)) => sources::of_figment(&error, path),
            None => ConfigError(error.to_string()),
        })?;
        Self::resolve(options).map_err(|error| sources::with_source(error, &flags.given, file))
    }

    /// Checks options and fills the defaults in.
    ///
    /// # Errors
    /// [`ConfigError`] when a value is out of its bounds.
    pub fn resolve(options: Options) -> Result<Self, ConfigError> {
        let base = Self::default();
        let (store, peer) = (base.store, base.rules);
        let seconds = |name, value: Option<u64>, default: Duration, min, max| {
            bounded(name, value, default.as_secs(), min, max).map(Duration::from_secs)
        };
        let millis = |name, value: Option<u64>, default: u64, min, max| {
            bounded(name, value, default / 1000, min, max).map(|seconds| seconds * 1000)
        };
        let retention = retention(&options)?;
        let store = MemoryLimits {
            retention,
            keys: KeyLimits {
                count: count("idempotency-keys", options.idempotency_keys, store.keys.count, 1, 1_000_000)?,
                age: millis("idempotency-age", options.idempotency_age, store.keys.age, 1, 7 * 86_400)?,
            },
            topics: count("max-topics", options.max_topics, store.topics, 8, 10_000_000)?,
            bytes: count("max-memory", options.max_memory, store.bytes, 1 << 20, 1 << 40)?,
        };
        let payload = bounded("max-payload", options.max_payload, 1 << 16, 1, limits::PAYLOAD_BYTES as u64)?;
        let topics = bounded("connection-topics", options.connection_topics, 128, 1, limits::TOPICS as u64)?;
        let peer = PeerRules {
            heartbeat: millis("heartbeat", options.heartbeat, u64::from(peer.heartbeat), 1, 300)? as u32,
            limits: Limits { payload: payload as u32, topics: topics as u32, ..Limits::default() },
            ..peer
        };
        let peer = PeerRules {
            connect_timeout: millis(
                "connect-timeout",
                options.connect_timeout,
                peer.connect_timeout,
                1,
                300,
            )?,
            ..peer
        };
        let guards = guards::rules(&options)?;
        let proxies = guards::proxies(&options)?;
        let window = millis("drain-window", options.drain_window, 5_000, 0, 300)? as u32;
        let origins = options.allow_origin.as_deref().unwrap_or_default();
        let origins = Origins::new(origins).map_err(|error| ConfigError(error.to_string()))?;
        let anonymous = options.anonymous.unwrap_or(false);
        let anonymous_rights = tokens::anonymous(&options)?;
        let keys = tokens::keys(&options)?;
        let leeway = millis("token-leeway", options.token_leeway, base.tokens.leeway, 0, 300)?;
        let tokens = tokens::rules(&options, leeway);
        let webhooks = webhooks::of(&options.webhook)?;
        let store_kind = stores::kind(&options)?;
        let tls = tls::files(options.tls_cert, options.tls_key)?;
        let static_dir = static_dir(options.static_dir)?;
        // Several instances would all write to the same topics.
        let shared = matches!(store_kind, StoreKind::Redis(_));
        let metrics_topics = options.metrics_topics.unwrap_or(!shared);
        Ok(Self {
            listen: options.listen.unwrap_or(base.listen),
            metrics_listen: options.metrics_listen,
            tls,
            static_dir,
            origins,
            anonymous,
            anonymous_rights,
            keys,
            tokens,
            store_kind,
            store,
            rules: peer,
            max_connections: bounded("max-connections", options.max_connections, 10_000, 1, 1_000_000)?,
            guards,
            proxies,
            header_timeout: seconds("header-timeout", options.header_timeout, base.header_timeout, 1, 300)?,
            body_timeout: seconds("body-timeout", options.body_timeout, base.body_timeout, 1, 300)?,
            max_life: seconds("max-life", options.max_life, base.max_life, 10, 7 * 86_400)?,
            max_members: count("max-members", options.max_members, base.max_members, 1, 10_000_000)?,
            presence_grace: seconds("presence-grace", options.presence_grace, base.presence_grace, 0, 300)?,
            write_timeout: seconds("write-timeout", options.write_timeout, base.write_timeout, 1, 300)?,
            drain_window: RetryWindow { min: window.min(500), max: window },
            drain_timeout: seconds("drain-timeout", options.drain_timeout, base.drain_timeout, 0, 300)?,
            webhooks,
            metrics_topics,
            log: options.log.unwrap_or_default(),
            log_filter: options.log_filter.unwrap_or(base.log_filter),
        })
    }

    /// Whether everybody is let in because there are no keys to tell people apart by, and only this machine
    /// reaches the server.
    #[must_use]
    pub fn trusts_this_machine(&self) -> bool {
        !self.anonymous && self.keys.is_empty()
    }

    /// Whether the metrics are on the clients' address: where that is said, and where only this machine reaches it
    /// and everybody on it may read everything anyway.
    #[must_use]
    pub fn metrics_here(&self) -> bool {
        match self.metrics_listen {
            Some(listen) => listen == self.listen && listen.port() != 0,
            None => self.trusts_this_machine(),
        }
    }

    /// Whether it is safe to let everybody in, as long as there are no keys.
    ///
    /// # Errors
    /// [`ConfigError`] when the server would listen to the world without being told that this is meant.
    pub fn check_anonymous(&self) -> Result<(), ConfigError> {
        if self.anonymous || !self.keys.is_empty() || self.listen.ip().is_loopback() {
            return Ok(());
        }
        Err(ConfigError(format!(
            "refusing to listen on {}: without keys everybody who reaches that address could read and \
             write every topic. Give it keys (--token-jwks, --token-key, --token-secret-file), say \
             --anonymous if that is meant, or listen on 127.0.0.1",
            self.listen
        )))
    }
}

fn bounded(name: &str, value: Option<u64>, default: u64, min: u64, max: u64) -> Result<u64, ConfigError> {
    match value.unwrap_or(default) {
        value if (min..=max).contains(&value) => Ok(value),
        value => Err(ConfigError(format!("{name} = {value} is out of bounds: {min} to {max}"))),
    }
}

fn count(name: &str, value: Option<u64>, default: usize, min: u64, max: u64) -> Result<usize, ConfigError> {
    let value = bounded(name, value, default as u64, min, max)?;
    usize::try_from(value).map_err(|_| ConfigError(format!("{name} = {value} is out of bounds")))
}

fn retention(options: &Options) -> Result<RetentionRules, ConfigError> {
    let one = |names: [&str; 3], [records, bytes, age]: [Option<u64>; 3], base: Retention| {
        Ok::<_, ConfigError>(Retention {
            records: count(names[0], records, base.records, 1, 10_000_000)?,
            bytes: count(names[1], bytes, base.bytes, 1, 1 << 40)?,
            age: bounded(names[2], age, base.age / 1000, 1, 365 * 86_400)? * 1000,
        })
    };
    let values = [options.retain_records, options.retain_bytes, options.retain_age];
    let all = one(["retain-records", "retain-bytes", "retain-age"], values, Retention::default())?;
    let mut patterns = Vec::new();
    for RetentionOption { pattern, records, bytes, age } in &options.retention {
        let parsed = pattern.parse::<Pattern>();
        let parsed =
            parsed.map_err(|error| ConfigError(format!("retention pattern {pattern:?}: {error}")))?;
        let names = ["retention records", "retention bytes", "retention age"];
        patterns.push((parsed, one(names, [*records, *bytes, *age], all)?));
    }
    Ok(rules(all, patterns))
}

/// The operator's patterns first, then that of the server's own topics.
fn rules(default: Retention, mut patterns: Vec<(Pattern, Retention)>) -> RetentionRules {
    if let Ok(metrics) = METRICS_PATTERN.parse() {
        let keep = Retention { records: METRICS_RECORDS.max(default.records), ..Retention::default() };
        patterns.push((metrics, keep));
    }
    RetentionRules { default, patterns }
}

fn static_dir(given: Option<PathBuf>) -> Result<Option<PathBuf>, ConfigError> {
    match given {
        Some(dir) if dir.is_dir() => Ok(Some(dir)),
        Some(dir) => Err(ConfigError(format!("static: there is no directory {}", dir.display()))),
        None => Ok(Some(PathBuf::from("dist")).filter(|dir| dir.is_dir())),
    }
}
