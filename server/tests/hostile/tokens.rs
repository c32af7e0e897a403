//! Good tokens and bad ones.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

pub const SECRET: &str = "a shared secret of at least 32 bytes";
pub const RSA_PUBLIC: &str = include_str!("../keys/rsa.pub.pem");
const KEY_SET_SECRET: &str = "another secret, which is that of the set";

/// A file with a set of one key, whose name is `of-the-set`.
pub fn key_set() -> String {
    let name = format!("everwire-hostile-{}-{}.json", std::process::id(), fastrand::u64(..));
    let path = std::env::temp_dir().join(name);
    let key = json!({ "kty": "oct", "kid": "of-the-set", "k": URL_SAFE_NO_PAD.encode(KEY_SET_SECRET) });
    std::fs::write(&path, json!({ "keys": [key] }).to_string()).expect("writes");
    path.to_str().expect("text").to_owned()
}

/// So many seconds from now.
pub fn at(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch").as_secs();
    i64::try_from(now).expect("fits") + seconds
}

/// Claims that would let do everything.
pub fn claims(subject: &str) -> Value {
    let all = json!(["*"]);
    let grants = json!({ "subscribe": all, "publish": all, "presence": all });
    json!({ "sub": subject, "exp": at(600), "everwire": grants })
}

pub fn signed(claims: &Value) -> String {
    with_header(&Header::default(), SECRET.as_bytes(), claims)
}

/// A good one.
pub fn of(subject: &str) -> String {
    signed(&claims(subject))
}

pub fn with_header(header: &Header, secret: &[u8], claims: &Value) -> String {
    encode(header, claims, &EncodingKey::from_secret(secret)).expect("a token")
}

pub fn with_algorithm(algorithm: Algorithm, secret: &[u8]) -> String {
    with_header(&Header::new(algorithm), secret, &claims("eve"))
}

/// Signed with the key of the set, by this name.
pub fn of_key(id: &str, secret: &str) -> String {
    let header = Header { kid: Some(id.to_owned()), ..Header::default() };
    with_header(&header, secret.as_bytes(), &claims("eve"))
}

/// Good claims under any header, with a signature of zeros.
pub fn forged(header: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(&claims("eve")), URL_SAFE_NO_PAD.encode([0; 32]))
}
