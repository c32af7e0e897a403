//! One attempt to deliver one message, and what its answer means. It knows neither topics nor cursors.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};

use super::{
    Webhook,
    address::{PublicOnly, is_public},
    message::Message,
};

const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of a secret, as Standard Webhooks has it.
const SECRET: std::ops::RangeInclusive<usize> = 24..=64;

/// A webhook's URL or secret is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEndpoint(String);

impl fmt::Display for BadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadEndpoint {}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The endpoint took it.
    Delivered,
    /// It may be taken later.
    Failed { why: String, asked: Option<Duration> },
    /// The endpoint refuses it, and would again.
    Refused { why: String },
}

/// Where messages go, and how they are signed.
pub(super) struct Endpoint {
    client: Client,
    url: Url,
    signer: standardwebhooks::Webhook,
}

impl Endpoint {
    /// # Errors
    /// [`BadEndpoint`] when the URL or the secret can't be used.
    pub fn new(hook: &Webhook) -> Result<Self, BadEndpoint> {
        let url = url(hook)?;
        // The library's errors say nothing of the secret but that it is none.
        let bad_secret = || BadEndpoint("the secret is not base64 of 24 to 64 bytes".to_owned());
        let secret = hook.secret.reveal();
        let key = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            secret.strip_prefix("whsec_").unwrap_or(secret),
        )
        .map_err(|_| bad_secret())?;
        if !SECRET.contains(&key.len()) {
            return Err(bad_secret());
        }
        let signer = standardwebhooks::Webhook::from_bytes(key).map_err(|_| bad_secret())?;
        let client = Client::builder()
            .user_agent(concat!("everwire-server/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(hook.timeout)
            // A redirect could lead to where the URL may not; and a proxy would look names up itself.
            .redirect(Policy::none())
            .no_proxy();
        let client = if hook.allow_private { client } else { client.dns_resolver(Arc::new(PublicOnly)) };
        let client = client.build().map_err(|error| BadEndpoint(format!("no HTTPS client: {error}")))?;
        Ok(Self { client, url, signer })
    }

    /// Sends a message. The signature is of this moment, the id of all attempts.
    pub async fn attempt(&self, message: &Message) -> Outcome {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let signature = i64::try_from(now)
            .ok()
            .and_then(|now| self.signer.sign(&message.id, now, message.body.as_bytes()).ok());
        let Some(signature) = signature else {
            return Outcome::Failed { why: "the clock is beyond reason".to_owned(), asked: None };
        };
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, &message.id)
            .header(HEADER_WEBHOOK_TIMESTAMP, now.to_string())
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(message.body.clone());
        match request.send().await {
            // The body is of no interest, however long it is.
            Ok(answer) => outcome(answer.status(), answer.headers()),
            // The URL may hold a key.
            Err(error) => Outcome::Failed { why: causes(&error.without_url()), asked: None },
        }
    }
}

fn url(hook: &Webhook) -> Result<Url, BadEndpoint> {
    let url =
        Url::parse(&hook.url).map_err(|error| BadEndpoint(format!("the URL can't be read: {error}")))?;
    let plain = url.scheme() == "http" && hook.allow_private;
    if url.scheme() != "https" && !plain {
        return Err(BadEndpoint("the URL must begin with https://, or allow-private be set".to_owned()));
    }
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    // A literal address is looked up by nobody.
    if literal.is_ok_and(|address| !hook.allow_private && !is_public(address)) {
        return Err(BadEndpoint(format!("{host} is no public address; allow-private allows others")));
    }
    Ok(url)
}

/// 2xx is taken. What may pass is tried again: server errors, redirects, and of 4xx those that say "later".
fn outcome(status: StatusCode, headers: &HeaderMap) -> Outcome {
    let why = format!("the endpoint answered {status}");
    match status.as_u16() {
        200..=299 => Outcome::Delivered,
        408 | 425 | 429 => Outcome::Failed { why, asked: retry_after(headers) },
        400..=499 => Outcome::Refused { why },
        _ => Outcome::Failed { why, asked: retry_after(headers) },
    }
}

/// Seconds; the form with a date is passed over, and jitter serves.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// An error with all that led to it: the outermost alone says "error sending request".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
