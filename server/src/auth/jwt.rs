//! JSON Web Tokens, RFC 7519: who sent one, and what it allows. Nothing in a token decides how it is
//! checked: the algorithm is that of the server's key, and keys or addresses of keys in it are not looked at.
//! It knows no connection, and the time is passed in.

use std::{collections::HashSet, sync::Arc};

use everwire_protocol::{Code, Topic, limits};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;

use super::{Action, Authorizer, Denied, Keyring, Rights, Subject, TopicPattern, open::takes_publishes};
use crate::log::Pattern;

/// How tokens are judged, beside their signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRules {
    /// How far the clocks of this server and of who makes the tokens may be apart, in milliseconds: added to
    /// the end of a token, and taken from its beginning.
    pub leeway: u64,
    /// Who may have made a token (`iss`): anybody who has the key, when there are none.
    pub issuers: Vec<String>,
    /// For whom a token may be (`aud`). With none, a token that names anybody is for somebody else.
    pub audiences: Vec<String>,
    /// What those may do who send no token; none when they are not let in.
    pub anonymous: Option<Rights>,
    /// What nobody publishes to, beside topics whose names begin with `$`.
    pub read_only: Vec<Pattern>,
}

/// Who has a token may do what it says.
pub struct Jwt {
    keyring: Arc<Keyring>,
    rules: TokenRules,
    validation: Validation,
    anonymous: Option<Arc<Rights>>,
}

/// What is read of a token.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: serde_json::Number,
    nbf: Option<serde_json::Number>,
    everwire: Option<Grants>,
}

/// What a token allows: lists of patterns.
#[derive(Default, Deserialize)]
struct Grants {
    #[serde(default)]
    subscribe: Vec<String>,
    #[serde(default)]
    publish: Vec<String>,
    #[serde(default)]
    presence: Vec<String>,
    /// As `subscribe`, when it is left out.
    history: Option<Vec<String>>,
}

impl Jwt {
    /// Checks tokens by these keys and rules.
    #[must_use]
    pub fn new(keyring: Arc<Keyring>, rules: TokenRules) -> Self {
        // Times are judged here, by the server's own clock and to the millisecond.
        let required_spec_claims = HashSet::new();
        let mut validation = Validation {
            required_spec_claims,
            validate_exp: false,
            validate_nbf: false,
            ..Validation::default()
        };
        if !rules.issuers.is_empty() {
            validation.required_spec_claims.insert("iss".to_owned());
            validation.set_issuer(&rules.issuers);
        }
        if !rules.audiences.is_empty() {
            validation.required_spec_claims.insert("aud".to_owned());
            validation.set_audience(&rules.audiences);
        }
        let anonymous = rules.anonymous.clone().map(Arc::new);
        Self { keyring, rules, validation, anonymous }
    }

    fn subject(&self, now: u64, token: &str) -> Result<Subject, Denied> {
        let claims = self.verified(token)?;
        let end = milliseconds(&claims.exp).ok_or_else(|| invalid("the token's `exp` is not a time"))?;
        let end = end.saturating_add(self.rules.leeway);
        if now >= end {
            return Err(Denied { code: Code::TOKEN_EXPIRED, message: "the token's time is over" });
        }
        let begin = claims.nbf.as_ref().map_or(Some(0), milliseconds);
        let begin = begin.ok_or_else(|| invalid("the token's `nbf` is not a time"))?;
        if begin > now.saturating_add(self.rules.leeway) {
            return Err(invalid("the token's time has not come yet"));
        }
        if claims.sub.is_empty() || claims.sub.len() > limits::SUBJECT_BYTES {
            return Err(invalid("the token's `sub` must have 1 to 255 bytes"));
        }
        let rights = rights(claims.everwire.unwrap_or_default())
            .ok_or_else(|| invalid("the token's `everwire` holds what is no topic pattern"))?;
        let (name, rights) = (Some(claims.sub.into()), Arc::new(rights));
        Ok(Subject { name, expires_at: Some(end), rights, address: None })
    }

    /// The claims of a token that one of the keys has signed.
    fn verified(&self, token: &str) -> Result<Claims, Denied> {
        if token.len() > limits::TOKEN_BYTES {
            return Err(invalid("the token is too long"));
        }
        let header =
            decode_header(token).map_err(|_| invalid("the token is not a JWT of a known algorithm"))?;
        let known = matches!(header.alg, Algorithm::HS256 | Algorithm::EdDSA | Algorithm::RS256);
        if !known {
            return Err(invalid("the token's algorithm is none of HS256, EdDSA, RS256"));
        }
        if header.crit.is_some() {
            return Err(invalid("the token asks for an extension that the server does not know"));
        }
        let keys = self.keyring.keys();
        let mut refused = "no key of the server fits the token";
        for key in keys.fitting(header.alg, header.kid.as_deref()) {
            let mut validation = self.validation.clone();
            validation.algorithms = vec![key.algorithm];
            match decode::<Claims>(token, &key.key, &validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) => match error.kind() {
                    ErrorKind::InvalidIssuer
                    | ErrorKind::InvalidAudience
                    | ErrorKind::MissingRequiredClaim(_) => {
                        return Err(invalid("the token is not from whom, or not for whom, it should be"));
                    }
                    ErrorKind::Json(_) => {
                        return Err(invalid(
                            "the token lacks `sub` or `exp`, or has a claim of a wrong kind",
                        ));
                    }
                    _ => refused = "the token is not signed by a key that the server trusts",
                },
            }
        }
        Err(invalid(refused))
    }
}

impl Authorizer for Jwt {
    fn authenticate(&self, now: u64, token: Option<&str>) -> Result<Subject, Denied> {
        match (token, &self.anonymous) {
            (Some(token), _) => self.subject(now, token).inspect_err(|Denied { message, .. }| {
                tracing::debug!(message, "a token is refused");
            }),
            (None, Some(rights)) => Ok(Subject { rights: Arc::clone(rights), ..Subject::default() }),
            (None, None) => Err(Denied { code: Code::TOKEN_REQUIRED, message: "a token is needed" }),
        }
    }

    fn may(&self, subject: &Subject, action: Action, topic: &Topic) -> bool {
        (action != Action::Publish || takes_publishes(&self.rules.read_only, topic))
            && subject.rights.allow(action, topic)
    }
}

fn invalid(message: &'static str) -> Denied {
    Denied { code: Code::TOKEN_INVALID, message }
}

/// Seconds since the Unix epoch, whole or not, in milliseconds; the last there can be for what lies beyond.
fn milliseconds(seconds: &serde_json::Number) -> Option<u64> {
    if let Some(whole) = seconds.as_u64() {
        return Some(whole.saturating_mul(1000));
    }
    // A cast of a float ends at the bounds of the integer.
    seconds.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| (seconds * 1000.0) as u64)
}

fn rights(grants: Grants) -> Option<Rights> {
    let patterns = |texts: &[String]| -> Option<Vec<TopicPattern>> {
        texts.iter().map(|text| text.parse().ok()).collect()
    };
    let subscribe = patterns(&grants.subscribe)?;
    let history = grants.history.as_deref().map_or_else(|| Some(subscribe.clone()), patterns)?;
    Some(Rights {
        publish: patterns(&grants.publish)?,
        presence: patterns(&grants.presence)?,
        subscribe,
        history,
    })
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
