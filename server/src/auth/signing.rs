//! Making tokens, for development: a server in production has no key that it could sign with, unless it shares
//! a secret with who makes them. It knows keys, and no claims.

use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use super::keys::{BadKey, KeySources, SECRET_BYTES, Secret, key_set, read};

/// A key that signs tokens.
pub struct SigningKey {
    algorithm: Algorithm,
    key: EncodingKey,
    id: Option<String>,
}

impl SigningKey {
    /// The first shared secret that is configured; none where there are only public keys.
    ///
    /// # Errors
    /// [`BadKey`] when a file can't be read.
    pub fn configured(sources: &KeySources) -> Result<Option<Self>, BadKey> {
        if let Some(Secret(secret)) = &sources.secret {
            return Self::shared("token-secret", secret.as_bytes()).map(Some);
        }
        if let Some(path) = &sources.secret_file {
            return Self::of_file(path).map(Some);
        }
        let Some(path) = &sources.jwks else { return Ok(None) };
        let keys = key_set(path, &read(path)?)?;
        let shared = keys.into_iter().find(|key| key.algorithm == Algorithm::HS256);
        Ok(shared.and_then(|shared| {
            let key = EncodingKey::from_secret(shared.key.try_get_as_bytes().ok()?);
            Some(Self { algorithm: Algorithm::HS256, key, id: shared.id })
        }))
    }

    /// The key in a file: a private key in PEM, Ed25519 for `EdDSA` or RSA for RS256, or else a shared secret,
    /// and nothing else but a line end.
    ///
    /// # Errors
    /// [`BadKey`] when the file can't be read, or holds none of these.
    pub fn of_file(path: &Path) -> Result<Self, BadKey> {
        let text = read(path)?;
        let name = path.display().to_string();
        if !text.trim_start().starts_with("-----BEGIN ") {
            return Self::shared(&name, text.trim_end_matches(['\r', '\n']).as_bytes());
        }
        let pem = text.as_bytes();
        let (algorithm, key) = EncodingKey::from_ed_pem(pem)
            .map(|key| (Algorithm::EdDSA, key))
            .or_else(|_| EncodingKey::from_rsa_pem(pem).map(|key| (Algorithm::RS256, key)))
            .map_err(|_| BadKey(format!("{name}: expected a private key of Ed25519 or RSA")))?;
        Ok(Self { algorithm, key, id: None })
    }

    /// Calls the key by a name (`kid`), as a set of keys at the server may.
    #[must_use]
    pub fn called(mut self, id: Option<String>) -> Self {
        self.id = id.or(self.id);
        self
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// [`BadKey`] when the key can't sign.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, BadKey> {
        let header = Header { kid: self.id.clone(), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).map_err(|_| BadKey("the key can't sign a token".to_owned()))
    }

    fn shared(name: &str, secret: &[u8]) -> Result<Self, BadKey> {
        if secret.len() < SECRET_BYTES {
            return Err(BadKey(format!("{name}: a shared secret must have at least {SECRET_BYTES} bytes")));
        }
        Ok(Self { algorithm: Algorithm::HS256, key: EncodingKey::from_secret(secret), id: None })
    }
}
