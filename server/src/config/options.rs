//! The options as an operator writes them: flags, `EVERWIRE_*` variables and a TOML file, in one list. A
//! flag wins over a variable, and a variable over the file.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::{auth::Secret, store::Fsync};

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// When what was acked is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FsyncOption {
    /// Before it is acked: it survives a power cut.
    #[default]
    Always,
    /// Within 200 ms after it: it survives the server's death, but not always a power cut.
    Interval,
}

impl From<FsyncOption> for Fsync {
    fn from(option: FsyncOption) -> Self {
        match option {
            FsyncOption::Always => Self::Always,
            FsyncOption::Interval => Self::Interval,
        }
    }
}

/// The retention of topics that match a pattern. What is left out is as for all topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionOption {
    /// A topic name, or the beginning of names and a `*`.
    pub pattern: String,
    /// Most records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Most bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Longest age, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<u64>,
}

/// The Everwire server: every topic is a log, every consumer is a cursor.
///
/// Clients connect by WebSocket, server-sent events or long poll, resume from where they were, and are
/// told when something could not be kept for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Parser, Serialize, Deserialize)]
#[command(name = "everwire-server", version)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Options {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "EVERWIRE_LISTEN", value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,

    /// Directory of files to serve at / [default: ./dist, if it is there]
    #[arg(long = "static", env = "EVERWIRE_STATIC", value_name = "DIR")]
    #[serde(rename = "static", skip_serializing_if = "Option::is_none")]
    pub static_dir: Option<PathBuf>,

    /// Origin whose pages may connect, e.g. `https://example.com`; repeat for more, `*` for all. Pages that
    /// this server itself serves always may. A server on loopback without keys or --anonymous is reached by
    /// the names of this machine and those of listed origins only: list the origin of a reverse proxy in front
    #[arg(long, env = "EVERWIRE_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_origin: Option<Vec<String>>,

    /// Let those in who send no token, on any address. Without it that is only so on loopback, and only while
    /// there are no keys
    #[arg(long, env = "EVERWIRE_ANONYMOUS", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<bool>,

    /// What those may read who send no token, where they are let in, as topic patterns: `*` at the end stands
    /// for anything, elsewhere for one part of a name [default: *]
    #[arg(long, env = "EVERWIRE_ANONYMOUS_SUBSCRIBE", value_name = "PATTERN", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous_subscribe: Option<Vec<String>>,

    /// What they may publish to [default: *]
    #[arg(long, env = "EVERWIRE_ANONYMOUS_PUBLISH", value_name = "PATTERN", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous_publish: Option<Vec<String>>,

    /// Where they may see who is there, and be seen [default: *]
    #[arg(long, env = "EVERWIRE_ANONYMOUS_PRESENCE", value_name = "PATTERN", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous_presence: Option<Vec<String>>,

    /// Of what they may ask for pages of history [default: as --anonymous-subscribe]
    #[arg(long, env = "EVERWIRE_ANONYMOUS_HISTORY", value_name = "PATTERN", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous_history: Option<Vec<String>>,

    /// Shared secret of at least 32 bytes that tokens are signed with (HS256). Everybody on the machine sees
    /// a flag: use the variable, or --token-secret-file
    #[arg(long, env = "EVERWIRE_TOKEN_SECRET", hide_env_values = true, value_name = "SECRET")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret: Option<Secret>,

    /// File with such a secret
    #[arg(long, env = "EVERWIRE_TOKEN_SECRET_FILE", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret_file: Option<PathBuf>,

    /// File with a public key in PEM, Ed25519 (EdDSA) or RSA (RS256), or such a text itself; repeat for more
    #[arg(long, env = "EVERWIRE_TOKEN_KEY", value_name = "FILE", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_key: Option<Vec<String>>,

    /// File with a JSON Web Key Set. Files of keys are read again when they change
    #[arg(long, env = "EVERWIRE_TOKEN_JWKS", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_jwks: Option<PathBuf>,

    /// Who may have made a token, as its `iss` says; repeat for more [default: who has the key]
    #[arg(long, env = "EVERWIRE_TOKEN_ISSUER", value_name = "ISSUER", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_issuer: Option<Vec<String>>,

    /// For whom tokens are, as their `aud` says; repeat for more. Without it a token that names an audience is
    /// refused
    #[arg(long, env = "EVERWIRE_TOKEN_AUDIENCE", value_name = "AUDIENCE", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_audience: Option<Vec<String>>,

    /// How far the clocks of the server and of who makes the tokens may be apart, in seconds [default: 30]
    #[arg(long, env = "EVERWIRE_TOKEN_LEEWAY", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_leeway: Option<u64>,

    /// TOML file with any of these options
    #[arg(long, env = "EVERWIRE_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Keep logs in the Redis at `redis://[user:password@]host[:port][/db]`, for several instances at once.
    /// Everybody on the machine sees a flag: a password belongs into the variable or the file
    #[arg(long, env = "EVERWIRE_REDIS", hide_env_values = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Secret>,

    /// What all keys and channels in Redis begin with: another one for each set of instances [default: everwire]
    #[arg(long, env = "EVERWIRE_REDIS_PREFIX", value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_prefix: Option<String>,

    /// Directory to keep the logs in, so that they outlive the server; it has it for itself. Made, if it is not
    /// there [default: none, logs are in memory and end with the server]
    #[arg(long, env = "EVERWIRE_DATA", value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,

    /// When what was acked is on disk, with --data [default: always]
    #[arg(long, env = "EVERWIRE_FSYNC", value_name = "WHEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsync: Option<FsyncOption>,

    /// Most records that a topic keeps [default: 1000]
    #[arg(long, env = "EVERWIRE_RETAIN_RECORDS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_records: Option<u64>,

    /// Most bytes that a topic keeps [default: 1048576]
    #[arg(long, env = "EVERWIRE_RETAIN_BYTES", value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_bytes: Option<u64>,

    /// Longest age of a record, in seconds [default: 3600]
    #[arg(long, env = "EVERWIRE_RETAIN_AGE", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_age: Option<u64>,

    /// Retention by topic pattern; the first that matches counts (file only)
    #[arg(skip)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retention: Vec<RetentionOption>,

    /// Most idempotency keys that a topic knows [default: 10000]
    #[arg(long, env = "EVERWIRE_IDEMPOTENCY_KEYS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_keys: Option<u64>,

    /// How long a topic knows an idempotency key, in seconds [default: 600]
    #[arg(long, env = "EVERWIRE_IDEMPOTENCY_AGE", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_age: Option<u64>,

    /// Most topics; idle ones make room [default: 10000]
    #[arg(long, env = "EVERWIRE_MAX_TOPICS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_topics: Option<u64>,

    /// About the most memory of all topics together, in bytes; above it the oldest records and
    /// idempotency keys go [default: 268435456]
    #[arg(long, env = "EVERWIRE_MAX_MEMORY", value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<u64>,

    /// Most connections, of all transports [default: 10000]
    #[arg(long, env = "EVERWIRE_MAX_CONNECTIONS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u64>,

    /// Most topics of one connection [default: 128]
    #[arg(long, env = "EVERWIRE_CONNECTION_TOPICS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_topics: Option<u64>,

    /// Most members of all topics together, for presence [default: 200000]
    #[arg(long, env = "EVERWIRE_MAX_MEMBERS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_members: Option<u64>,

    /// Largest payload of one message, in bytes [default: 65536]
    #[arg(long, env = "EVERWIRE_MAX_PAYLOAD", value_name = "BYTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_payload: Option<u64>,

    /// The server is never silent for longer, in seconds [default: 25]
    #[arg(long, env = "EVERWIRE_HEARTBEAT", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<u64>,

    /// Longest life of a connection, in seconds, give or take a fifth [default: 3600]
    #[arg(long, env = "EVERWIRE_MAX_LIFE", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_life: Option<u64>,

    /// How long somebody who lost the connection stays among a topic's members, in seconds [default: 10]
    #[arg(long, env = "EVERWIRE_PRESENCE_GRACE", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_grace: Option<u64>,

    /// How long a client may take nothing before its connection is cut, in seconds [default: 30]
    #[arg(long, env = "EVERWIRE_WRITE_TIMEOUT", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_timeout: Option<u64>,

    /// On shutdown, clients are told to come back within this many seconds, spread evenly [default: 5]
    #[arg(long, env = "EVERWIRE_DRAIN_WINDOW", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_window: Option<u64>,

    /// On shutdown, how long to wait for connections to end, in seconds [default: 10]
    #[arg(long, env = "EVERWIRE_DRAIN_TIMEOUT", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_timeout: Option<u64>,

    /// Publish the server's own figures to metrics:* every second [default: true; with --redis, where those of
    /// all instances would come together, false]
    #[arg(long, env = "EVERWIRE_METRICS_TOPICS", value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_topics: Option<bool>,

    /// Form of the logs on stderr [default: text]
    #[arg(long, env = "EVERWIRE_LOG", value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogFormat>,

    /// What is logged, as a tracing filter [default: info]. The libraries below the server, which would log
    /// whole messages and the tokens in them, stay silent at trace
    #[arg(long, env = "EVERWIRE_LOG_FILTER", value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_filter: Option<String>,
}
