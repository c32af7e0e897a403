//! `token`: makes a token for development, signed with the shared secret that the server is configured with, or
//! with the key in a file. Nothing but the token goes to stdout, so that a shell can pass it on.

use std::{io::Write, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use everwire_server::{
    auth::{Authorizer, BadTopicPattern, Denied, Jwt, Keyring, SigningKey, TopicPattern},
    clock::Clock,
    config::{Config, ConfigError, Options},
};
use serde_json::json;

use super::Outcome;

/// What a token is to say. What is not listed is not allowed.
#[derive(Debug, Args)]
#[command(after_help = "Example: curl -H \"authorization: Bearer $(everwire-server token --sub ada \
                        --subscribe 'room:*')\" 'localhost:8080/v1/poll?topic=room:a&timeout=0'")]
pub struct Token {
    /// Who it is for
    #[arg(long, value_name = "SUBJECT")]
    sub: String,

    /// Topics that it lets read, as patterns: `room:*`; repeat for more
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', value_parser = pattern)]
    subscribe: Vec<String>,

    /// Topics that it lets publish to
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', value_parser = pattern)]
    publish: Vec<String>,

    /// Topics that it lets be present on
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', value_parser = pattern)]
    presence: Vec<String>,

    /// Topics that it lets ask pages of records of [default: as --subscribe]
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', value_parser = pattern)]
    history: Option<Vec<String>>,

    /// How long it is good: `90s`, `15m`, `1h`, `30days`
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    ttl: Duration,

    /// File with the key to sign with: a private key in PEM (Ed25519 or RSA), or a shared secret
    /// [default: the shared secret that the server is configured with]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// What the key is called in the server's set of keys
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
}

/// A pattern, as it was written.
fn pattern(text: &str) -> Result<String, BadTopicPattern> {
    text.parse::<TopicPattern>().map(|_| text.to_owned())
}

impl Token {
    /// Makes it, sees that the configured server would take it, and prints it.
    pub fn run(self, options: &Options) -> Outcome {
        let config = Config::load(options)?;
        let key = match &self.key {
            Some(path) => SigningKey::of_file(path)?,
            None => SigningKey::configured(&config.keys)?.ok_or_else(no_key)?,
        };
        let now = Clock::default().now();
        let token = key.called(self.kid.clone()).sign(&self.claims(now / 1000, &config))?;
        if !config.keys.is_empty() {
            let server = Jwt::new(Arc::new(Keyring::load(config.keys)?), config.tokens);
            let refused =
                |Denied { message, .. }| ConfigError(format!("the server would refuse it: {message}"));
            server.authenticate(now, Some(&token)).map_err(refused)?;
        }
        writeln!(std::io::stdout(), "{token}")?;
        Ok(())
    }

    fn claims(&self, now: u64, config: &Config) -> serde_json::Value {
        let Self { sub, subscribe, publish, presence, history, ttl, .. } = self;
        let mut grants = json!({ "subscribe": subscribe, "publish": publish, "presence": presence });
        if let Some(history) = history {
            grants["history"] = json!(history);
        }
        let end = now.saturating_add(ttl.as_secs());
        let mut claims = json!({ "sub": sub, "iat": now, "exp": end, "everwire": grants });
        if let Some(issuer) = config.tokens.issuers.first() {
            claims["iss"] = json!(issuer);
        }
        if let Some(audience) = config.tokens.audiences.first() {
            claims["aud"] = json!(audience);
        }
        claims
    }
}

fn no_key() -> ConfigError {
    ConfigError(
        "there is no key to sign with: say --key FILE, or configure the server with a shared secret \
         (EVERWIRE_TOKEN_SECRET or --token-secret-file), e.g. of `openssl rand -hex 32`"
            .to_owned(),
    )
}
