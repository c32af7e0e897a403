//! The options as an operator writes them: flags, `EVERWIRE_*` variables and a TOML file, in one list. A
//! flag wins over a variable, and a variable over the file.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use serde::{Deserialize, Serialize};

use super::{
    Given,
    kinds::{ForwardedBy, FsyncOption, LogFormat, RetentionOption, WebhookOption},
};
use crate::auth::Secret;

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

    /// Address and port of metrics and health alone, over plain HTTP: for operators, and not to be reached by
    /// clients. That of --listen puts the metrics there [default: none; the metrics are then at --listen, while only
    /// this machine reaches it and there are neither keys nor --anonymous]
    #[arg(long, env = "EVERWIRE_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,

    /// File with the certificate in PEM, and after it those that vouch for it: TLS, on the port of --listen. Read
    /// again when it changes
    #[arg(long, env = "EVERWIRE_TLS_CERT", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,

    /// File with the certificate's private key in PEM
    #[arg(long, env = "EVERWIRE_TLS_KEY", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,

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

    /// Which of them were given, and by what.
    #[arg(skip)]
    #[serde(skip)]
    pub given: Given,

    /// TOML file with any of these options
    #[arg(long, env = "EVERWIRE_CONFIG", value_name = "FILE", global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Directory to keep the logs in, so that they outlive the server; it has it for itself. Made, if it is not
    /// there [default: none, logs are in memory and end with the server]
    #[arg(long, env = "EVERWIRE_DATA", value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,

    /// When what was acked is on disk, with --data [default: always]
    #[arg(long, env = "EVERWIRE_FSYNC", value_name = "WHEN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsync: Option<FsyncOption>,

    /// Keep logs in the Redis at `redis://[user:password@]host[:port][/db]`, for several instances at once.
    /// Everybody on the machine sees a flag: a password belongs into the variable or the file
    #[arg(long, env = "EVERWIRE_REDIS", hide_env_values = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Secret>,

    /// What all keys and channels in Redis begin with: another one for each set of instances [default: everwire]
    #[arg(long, env = "EVERWIRE_REDIS_PREFIX", value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis_prefix: Option<String>,

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

    /// Webhooks (file only)
    #[arg(skip)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhook: Vec<WebhookOption>,

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

    /// Most connections of one subject; 0 for no bound [default: 16]. This and the next ones are without bound where
    /// no others reach the server: on loopback, without keys and --anonymous, unless they are given
    #[arg(long, env = "EVERWIRE_SUBJECT_CONNECTIONS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_connections: Option<u64>,

    /// Most connections of one address; IPv6 addresses count by their first 64 bits [default: 1000]
    #[arg(long, env = "EVERWIRE_ADDRESS_CONNECTIONS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_connections: Option<u64>,

    /// Publishes a second of one subject, or of one address where it has no name; 0 for no bound [default: 20]
    #[arg(long, env = "EVERWIRE_PUBLISH_RATE", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_rate: Option<u64>,

    /// And so many at once [default: 40]
    #[arg(long, env = "EVERWIRE_PUBLISH_BURST", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_burst: Option<u64>,

    /// Requests a second of one address; 0 for no bound [default: 200]
    #[arg(long, env = "EVERWIRE_REQUEST_RATE", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_rate: Option<u64>,

    /// And so many at once [default: 1000]
    #[arg(long, env = "EVERWIRE_REQUEST_BURST", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_burst: Option<u64>,

    /// New connections a second of one address; 0 for no bound [default: 50]
    #[arg(long, env = "EVERWIRE_CONNECT_RATE", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_rate: Option<u64>,

    /// And so many at once [default: 500]
    #[arg(long, env = "EVERWIRE_CONNECT_BURST", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_burst: Option<u64>,

    /// Network of reverse proxies, or one's address, whose word on where requests come from is taken; repeat for
    /// more
    #[arg(long, env = "EVERWIRE_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_proxy: Option<Vec<String>>,

    /// The header that they say it in. They must write it themselves [default: x-forwarded-for]
    #[arg(long, env = "EVERWIRE_FORWARDED_BY", value_name = "HEADER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_by: Option<ForwardedBy>,

    /// How long the head of a request may take to come, in seconds [default: 15]
    #[arg(long, env = "EVERWIRE_HEADER_TIMEOUT", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_timeout: Option<u64>,

    /// How long the body of a request may take to come, in seconds [default: 30]
    #[arg(long, env = "EVERWIRE_BODY_TIMEOUT", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_timeout: Option<u64>,

    /// How long a WebSocket may take to say who it is, in seconds [default: 10]
    #[arg(long, env = "EVERWIRE_CONNECT_TIMEOUT", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<u64>,

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
