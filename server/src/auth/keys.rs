//! The keys that tokens are checked by, read from where the operator has them. Each key is good for one
//! algorithm, which its kind decides and no token: that is what makes a public key useless as a shared
//! secret. It knows no claims.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::{Deserialize, Serialize};

use crate::text_file;

/// A shared secret shorter than what the signature is made of could be guessed: RFC 7518 section 3.2.
pub(super) const SECRET_BYTES: usize = 32;
/// Of an RSA modulus: 2,048 bits, RFC 7518 section 3.3.
const MODULUS_BYTES: usize = 256;
/// Of an Ed25519 public key.
const ED25519_BYTES: usize = 32;
/// Most bytes of a file of keys.
const FILE_BYTES: u64 = 1 << 20;
/// Most keys: one token may have to be tried with all of them.
const KEYS: usize = 64;

/// A shared secret, in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub(super) String);

impl Secret {
    /// The secret itself. What takes it must not log it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl Secret {
    /// The secret itself, for what it is a secret of.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Where the keys are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySources {
    /// The shared secret itself, for HS256.
    pub secret: Option<Secret>,
    /// A file that holds the shared secret, and nothing else but a line end.
    pub secret_file: Option<PathBuf>,
    /// Files with a public key in PEM, Ed25519 for `EdDSA` or RSA for RS256; or such a text itself.
    pub public_keys: Vec<String>,
    /// A file with a JSON Web Key Set, RFC 7517.
    pub jwks: Option<PathBuf>,
}

impl KeySources {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The files among them.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let public = self.public_keys.iter().filter(|source| !is_pem(source)).map(Path::new);
        self.secret_file.iter().chain(&self.jwks).map(PathBuf::as_path).chain(public)
    }
}

/// A key, or where it should be, is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKey(pub(super) String);

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadKey {}

/// A key that checks tokens.
pub(super) struct Key {
    /// Its name, which a token may call it by.
    pub id: Option<String>,
    /// The one algorithm that it is for.
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// All keys of a server.
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// Reads them all.
    pub fn load(sources: &KeySources) -> Result<Self, BadKey> {
        let mut keys = Vec::new();
        if let Some(Secret(secret)) = &sources.secret {
            keys.push(shared("token-secret", secret.as_bytes())?);
        }
        if let Some(path) = &sources.secret_file {
            keys.push(shared("token-secret-file", read(path)?.trim_end_matches(['\r', '\n']).as_bytes())?);
        }
        for source in &sources.public_keys {
            let key = if is_pem(source) {
                public("token-key", source)
            } else {
                public(source, &read(Path::new(source))?)
            };
            keys.push(key?);
        }
        if let Some(path) = &sources.jwks {
            keys.extend(key_set(path, &read(path)?)?);
        }
        if keys.len() > KEYS {
            return Err(BadKey(format!("there are {} token keys: at most {KEYS} are taken", keys.len())));
        }
        Ok(Self(keys))
    }

    /// Those that a token may have been signed with: of its algorithm, and of its key id. A key without an
    /// id is tried whatever the token calls it, and all are tried when the token names none.
    pub fn fitting(&self, algorithm: Algorithm, id: Option<&str>) -> impl Iterator<Item = &Key> {
        let named = move |key: &&Key| match (id, key.id.as_deref()) {
            (Some(id), Some(of)) => id == of,
            _ => true,
        };
        self.0.iter().filter(move |key| key.algorithm == algorithm).filter(named)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN ")
}

pub(super) fn read(path: &Path) -> Result<String, BadKey> {
    text_file::read(path, FILE_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            BadKey(format!("{} is no file of keys: it is too large", path.display()))
        }
        _ => BadKey(format!("can't read the token key {}: {error}", path.display())),
    })
}

fn shared(name: &str, secret: &[u8]) -> Result<Key, BadKey> {
    if secret.len() < SECRET_BYTES {
        let message = format!("{name}: a shared secret must have at least {SECRET_BYTES} bytes");
        return Err(BadKey(message));
    }
    Ok(Key { id: None, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret) })
}

/// Reads a public key in PEM. `name` is what the operator knows it by.
fn public(name: &str, pem: &str) -> Result<Key, BadKey> {
    let bad = |why: &str| BadKey(format!("{name}: {why}"));
    if pem.contains("PRIVATE KEY-----") {
        return Err(bad("this is a private key: give the server the public one, and keep this from it"));
    }
    let labels = ["-----BEGIN PUBLIC KEY-----", "-----BEGIN RSA PUBLIC KEY-----"];
    if pem.matches("-----BEGIN ").count() != 1 || !labels.iter().any(|label| pem.contains(label)) {
        return Err(bad("expected one public key in PEM, Ed25519 or RSA"));
    }
    if let Ok(key) = DecodingKey::from_ed_pem(pem.as_bytes()) {
        return Ok(Key { id: None, algorithm: Algorithm::EdDSA, key });
    }
    match DecodingKey::from_rsa_pem(pem.as_bytes()) {
        Ok(key) if key.try_get_as_bytes().is_ok_and(|der| der.len() > MODULUS_BYTES) => {
            Ok(Key { id: None, algorithm: Algorithm::RS256, key })
        }
        Ok(_) => Err(bad("an RSA key must have at least 2048 bits")),
        Err(_) => Err(bad("expected a public key of Ed25519 or RSA")),
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// The keys of a set that check tokens. A set may hold others, for other servers: they are passed over.
pub(super) fn key_set(path: &Path, text: &str) -> Result<Vec<Key>, BadKey> {
    let bad = |why: String| BadKey(format!("{}: {why}", path.display()));
    // Not its own words: they repeat what stands in the file, which may be a secret.
    let set: KeySet = serde_json::from_str(text)
        .map_err(|error| bad(format!("no JSON Web Key Set, at line {}", error.line())))?;
    let keys: Vec<_> =
        set.keys.into_iter().filter_map(|value| of_set(&serde_json::from_value(value).ok()?)).collect();
    if keys.is_empty() {
        return Err(bad("there is no key for EdDSA, RS256 or HS256 in it".to_owned()));
    }
    Ok(keys)
}

fn of_set(jwk: &Jwk) -> Option<Key> {
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::OctetKey(_) => (key.try_get_as_bytes().ok()?.len() >= SECRET_BYTES)
            .then_some((Algorithm::HS256, KeyAlgorithm::HS256)),
        AlgorithmParameters::OctetKeyPair(pair) => (pair.curve == EllipticCurve::Ed25519
            && key.try_get_as_bytes().ok()?.len() == ED25519_BYTES)
            .then_some((Algorithm::EdDSA, KeyAlgorithm::EdDSA)),
        // A modulus in base64 without padding.
        AlgorithmParameters::RSA(rsa) => {
            (rsa.n.len() * 3 / 4 >= MODULUS_BYTES).then_some((Algorithm::RS256, KeyAlgorithm::RS256))
        }
        _ => None,
    }?;
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let fits = common.key_algorithm.is_none_or(|algorithm| algorithm == named);
    (signs && fits).then(|| Key { id: common.key_id.clone(), algorithm, key })
}
