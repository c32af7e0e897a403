//! Where keys come from, which are refused, and what happens when they change.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use jsonwebtoken::Algorithm;
use serde_json::json;

use super::*;

/// The public key of `tests/keys/ed25519.pem`, in base64.
const ED25519: &str = "xy6b9OLoB_3izAHYdf-ADdosiWsTNZwMIISniqQ7sb0";

fn test_key(name: &str) -> String {
    format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A file that is gone with it.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        let name = format!("everwire-key-{}-{}", std::process::id(), fastrand::u64(..));
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    /// Writes what differs from before in a way that a file shows: by its length or its time.
    fn write(&self, text: &str) {
        let before = fs::metadata(&self.0).and_then(|about| about.modified()).ok();
        fs::write(&self.0, text).expect("writes");
        let file = fs::File::options().write(true).open(&self.0).expect("opens");
        file.set_modified(before.unwrap_or(SystemTime::UNIX_EPOCH) + Duration::from_secs(1)).expect("sets");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn public(keys: &[&str]) -> KeySources {
    KeySources { public_keys: keys.iter().map(|key| (*key).to_owned()).collect(), ..KeySources::default() }
}

fn jwks(path: &Path) -> KeySources {
    KeySources { jwks: Some(path.to_owned()), ..KeySources::default() }
}

fn refused(sources: KeySources) -> String {
    Keyring::load(sources).err().expect("is refused").to_string()
}

fn fitting(keyring: &Keyring, algorithm: Algorithm, id: Option<&str>) -> usize {
    keyring.keys().fitting(algorithm, id).count()
}

fn set(keys: &serde_json::Value) -> String {
    json!({ "keys": keys }).to_string()
}

#[test]
fn keys_come_from_files_texts_and_sets() {
    let secret_file = File::new("a shared secret of at least 32 bytes\n");
    let set = File::new(&set(&json!([{ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "one" }])));
    let pem = fs::read_to_string(test_key("rsa.pub.pem")).expect("reads");
    let keyring = Keyring::load(KeySources {
        secret: Some("another shared secret, given as such".to_owned().into()),
        secret_file: Some(secret_file.0.clone()),
        public_keys: vec![test_key("ed25519.pub.pem"), pem],
        jwks: Some(set.0.clone()),
    });
    let keyring = keyring.expect("keys");
    assert_eq!(fitting(&keyring, Algorithm::HS256, None), 2);
    assert_eq!(fitting(&keyring, Algorithm::RS256, Some("any")), 1, "a key without an id may be meant");
    assert_eq!(fitting(&keyring, Algorithm::EdDSA, Some("one")), 2);
    assert_eq!(fitting(&keyring, Algorithm::EdDSA, Some("two")), 1, "a key with another id is not");
    assert_eq!(fitting(&keyring, Algorithm::EdDSA, None), 2);
    assert_eq!(fitting(&keyring, Algorithm::ES256, None), 0);
}

#[test]
fn a_key_that_is_of_no_use_is_refused_by_name() {
    let short = File::new("short");
    let two = File::new(
        &[test_key("ed25519.pub.pem"), test_key("rsa.pub.pem")]
            .map(|p| fs::read_to_string(p).expect("reads"))
            .concat(),
    );
    let no_key = File::new("nothing");
    for (sources, why) in [
        (public(&[&test_key("ed25519.pem")]), "private key"),
        (public(&[&test_key("rsa.pem")]), "private key"),
        (public(&[&test_key("rsa1024.pub.pem")]), "2048 bits"),
        (public(&[&test_key("p256.pub.pem")]), "Ed25519 or RSA"),
        (public(&[&two.0.to_string_lossy()]), "one public key"),
        (public(&[&no_key.0.to_string_lossy()]), "one public key"),
        (public(&["/nowhere/key.pem"]), "/nowhere/key.pem"),
        (public(&["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]), "token-key"),
        (KeySources { secret: Some("short".to_owned().into()), ..KeySources::default() }, "32 bytes"),
        (KeySources { secret_file: Some(short.0.clone()), ..KeySources::default() }, "32 bytes"),
        (jwks(&no_key.0), "no JSON Web Key Set"),
        (jwks(Path::new("/nowhere/jwks.json")), "/nowhere/jwks.json"),
    ] {
        let told = refused(sources);
        assert!(told.contains(why), "{told}");
        assert!(!told.contains("short"), "{told}");
    }
}

#[test]
fn of_a_set_only_keys_that_check_tokens_are_taken() {
    let octets = "YSBzZWNyZXQgb2YgMzIgYnl0ZXMsIGluIGJhc2U2NC4u";
    let modulus = "A".repeat(342);
    let good = json!([
        { "kty": "oct", "k": octets, "alg": "HS256" },
        { "kty": "OKP", "crv": "Ed25519", "x": ED25519, "use": "sig", "alg": "EdDSA" },
        { "kty": "RSA", "n": modulus, "e": "AQAB", "unknown": [1] },
    ]);
    let bad = [
        json!({ "kty": "oct", "k": "c2hvcnQ" }),
        json!({ "kty": "oct", "k": octets, "alg": "HS512" }),
        json!({ "kty": "oct", "k": "not base64!" }),
        json!({ "kty": "OKP", "crv": "X25519", "x": ED25519 }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "use": "enc" }),
        json!({ "kty": "RSA", "n": "A".repeat(171), "e": "AQAB" }),
        json!({ "kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RSA-OAEP" }),
        json!({ "kty": "EC", "crv": "P-256", "x": ED25519, "y": ED25519 }),
        json!({ "kty": "new" }),
        json!(7),
    ];
    let mut all = good.as_array().expect("a list").clone();
    all.extend(bad.iter().cloned());
    let file = File::new(&set(&json!(all)));
    let keyring = Keyring::load(jwks(&file.0)).expect("keys");
    assert_eq!(keyring.keys().len(), 3);
    for algorithm in [Algorithm::HS256, Algorithm::EdDSA, Algorithm::RS256] {
        assert_eq!(fitting(&keyring, algorithm, None), 1, "{algorithm:?}");
    }
    for key in bad {
        file.write(&set(&json!([key])));
        assert!(refused(jwks(&file.0)).contains("no key for"), "{key}");
    }
    let many: Vec<_> = (0..65).map(|_| good[0].clone()).collect();
    file.write(&set(&json!(many)));
    assert!(refused(jwks(&file.0)).contains("at most 64"));
}

#[test]
fn keys_are_read_again_when_their_file_changes_and_a_bad_file_changes_nothing() {
    let key = |id: &str| json!({ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": id });
    let file = File::new(&set(&json!([key("old")])));
    let keyring = Keyring::load(jwks(&file.0)).expect("keys");
    let known = |id| fitting(&keyring, Algorithm::EdDSA, Some(id));
    assert_eq!(keyring.reload(), Ok(false));

    file.write("{\"keys\": [");
    assert!(keyring.reload().is_err());
    assert_eq!(keyring.reload(), Ok(false), "told once");
    assert_eq!(known("old"), 1);

    file.write(&set(&json!([key("old"), key("new")])));
    assert_eq!(keyring.reload(), Ok(true));
    assert_eq!((known("old"), known("new")), (1, 1));

    file.write(&set(&json!([key("new")])));
    assert_eq!(keyring.reload(), Ok(true));
    assert_eq!((known("old"), known("new")), (0, 1));

    fs::remove_file(&file.0).expect("removes");
    assert!(keyring.reload().is_err());
    assert_eq!(known("new"), 1);
}

#[test]
fn what_could_not_be_read_is_read_once_it_can_be_though_its_file_looks_the_same() {
    let good = set(&json!([{ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "new" }]));
    let file = File::new(&set(&json!([{ "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "old" }])));
    let keyring = Keyring::load(jwks(&file.0)).expect("keys");
    // As when the disk, or a permission, was in the way of the same file.
    file.write(&" ".repeat(good.len()));
    assert!(keyring.reload().is_err());
    let looks = fs::metadata(&file.0).and_then(|about| about.modified()).expect("a time");
    fs::write(&file.0, &good).expect("writes");
    fs::File::options().write(true).open(&file.0).expect("opens").set_modified(looks).expect("sets");
    assert_eq!(keyring.reload(), Ok(true));
    assert_eq!(fitting(&keyring, Algorithm::EdDSA, Some("new")), 1);
    assert_eq!(keyring.reload(), Ok(false));
}
