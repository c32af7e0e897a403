//! Tokens, good and hostile, in a time of their own.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::auth::KeySources;

const SECRET: &str = "a shared secret of at least 32 bytes";
const ED25519: &str = include_str!("../../tests/keys/ed25519.pem");
const ED25519_PUBLIC: &str = include_str!("../../tests/keys/ed25519.pub.pem");
const RSA: &str = include_str!("../../tests/keys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("../../tests/keys/rsa.pub.pem");

/// In seconds, as tokens count.
const NOW: u64 = 1_800_000_000;

fn sources() -> KeySources {
    KeySources {
        secret: Some(SECRET.to_owned().into()),
        public_keys: vec![ED25519_PUBLIC.to_owned(), RSA_PUBLIC.to_owned()],
        ..KeySources::default()
    }
}

fn jwt_of(sources: KeySources, rules: TokenRules) -> Jwt {
    Jwt::new(Arc::new(Keyring::load(sources).expect("keys")), rules)
}

fn jwt() -> Jwt {
    jwt_of(sources(), TokenRules { leeway: 2_000, ..TokenRules::default() })
}

fn secret() -> EncodingKey {
    EncodingKey::from_secret(SECRET.as_bytes())
}

fn ed25519() -> EncodingKey {
    EncodingKey::from_ed_pem(ED25519.as_bytes()).expect("a key")
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_pem(RSA.as_bytes()).expect("a key")
}

fn claims() -> Value {
    json!({ "sub": "ada", "exp": NOW + 60, "everwire": { "subscribe": ["room:*"], "publish": ["room:a"] } })
}

/// The claims with one of them set, or taken away by null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let fields = claims.as_object_mut().expect("an object");
    match value {
        Value::Null => drop(fields.remove(name)),
        value => drop(fields.insert(name.to_owned(), value)),
    }
    claims
}

fn signed(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &secret()).expect("a token")
}

fn judged(jwt: &Jwt, token: &str) -> Result<Subject, Denied> {
    jwt.authenticate(NOW * 1000, Some(token))
}

fn code(jwt: &Jwt, token: &str) -> Code {
    judged(jwt, token).expect_err("is refused").code
}

fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(text)
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic")
}

#[test]
fn a_token_of_each_algorithm_says_who_it_is_and_how_long() {
    let jwt = jwt();
    for (algorithm, key) in
        [(Algorithm::HS256, secret()), (Algorithm::EdDSA, ed25519()), (Algorithm::RS256, rsa())]
    {
        let token = encode(&Header::new(algorithm), &claims(), &key).expect("a token");
        let subject = judged(&jwt, &token).expect("is let in");
        assert_eq!(subject.name.as_deref(), Some("ada"));
        assert_eq!(subject.expires_at, Some((NOW + 62) * 1000), "the leeway is the token's too");
    }
}

#[test]
fn a_token_allows_what_it_lists_and_nothing_else() {
    let jwt = jwt();
    let may = |claims: &Value, action, name| {
        jwt.may(&judged(&jwt, &signed(claims)).expect("is let in"), action, &topic(name))
    };
    for (action, name, allowed) in [
        (Action::Subscribe, "room:b", true),
        (Action::Subscribe, "other", false),
        (Action::Publish, "room:a", true),
        (Action::Publish, "room:b", false),
        (Action::Presence, "room:a", false),
        (Action::History, "room:b", true),
    ] {
        assert_eq!(may(&claims(), action, name), allowed, "{action:?} {name}");
    }
    let nothing = with("everwire", Value::Null);
    let no_history = with("everwire", json!({ "subscribe": ["*"], "history": [] }));
    let everything = with("everwire", json!({ "publish": ["*", "$*"], "presence": ["*"], "later": 1 }));
    assert!(!may(&nothing, Action::Subscribe, "room:a"));
    assert!(may(&no_history, Action::Subscribe, "room:a") && !may(&no_history, Action::History, "room:a"));
    assert!(may(&everything, Action::Publish, "room:a") && may(&everything, Action::Presence, "room:a"));
    assert!(!may(&everything, Action::Publish, "$own"), "the server's own topics are closed to all");
}

#[test]
fn the_servers_own_topics_take_no_publishes_of_anybody() {
    let read_only = vec!["metrics:*".parse().expect("a pattern")];
    let jwt = jwt_of(sources(), TokenRules { read_only, ..TokenRules::default() });
    let all = with("everwire", json!({ "publish": ["*"], "subscribe": ["*"] }));
    let subject = judged(&jwt, &signed(&all)).expect("is let in");
    assert!(!jwt.may(&subject, Action::Publish, &topic("metrics:cpu")));
    assert!(jwt.may(&subject, Action::Subscribe, &topic("metrics:cpu")));
}

#[test]
fn time_is_judged_with_the_leeway_on_both_sides() {
    let jwt = jwt();
    for (name, value, refused) in [
        ("exp", json!(NOW - 1), None),
        ("exp", json!(NOW - 2), Some(Code::TOKEN_EXPIRED)),
        ("exp", json!(NOW as f64 - 1.5), None),
        ("exp", json!(0), Some(Code::TOKEN_EXPIRED)),
        ("exp", json!(u64::MAX), None),
        ("exp", json!(1e300), None),
        ("exp", json!(-1), Some(Code::TOKEN_INVALID)),
        ("exp", json!("1900000000"), Some(Code::TOKEN_INVALID)),
        ("exp", json!(true), Some(Code::TOKEN_INVALID)),
        ("exp", Value::Null, Some(Code::TOKEN_INVALID)),
        ("nbf", json!(NOW + 2), None),
        ("nbf", json!(NOW + 3), Some(Code::TOKEN_INVALID)),
        ("nbf", json!(u64::MAX), Some(Code::TOKEN_INVALID)),
        ("nbf", json!(-1), Some(Code::TOKEN_INVALID)),
        ("nbf", json!([]), Some(Code::TOKEN_INVALID)),
    ] {
        let got = judged(&jwt, &signed(&with(name, value.clone()))).err().map(|denied| denied.code);
        assert_eq!(got, refused, "{name} {value}");
    }
    let forever = judged(&jwt, &signed(&with("exp", json!(u64::MAX)))).expect("is let in");
    assert_eq!(forever.expires_at, Some(u64::MAX));
}

#[test]
fn invariant_12_claims_of_a_wrong_kind_are_refused() {
    let jwt = jwt();
    for (name, value) in [
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("sub", json!(7)),
        ("everwire", json!("room:*")),
        ("everwire", json!({ "subscribe": "room:*" })),
        ("everwire", json!({ "publish": ["room:**"] })),
        ("everwire", json!({ "presence": ["a b"] })),
        ("everwire", json!({ "history": [""] })),
        ("aud", json!("another-server")),
        ("aud", json!(["another-server"])),
    ] {
        assert_eq!(code(&jwt, &signed(&with(name, value.clone()))), Code::TOKEN_INVALID, "{name} {value}");
    }
    let twice = r#"{"sub":"ada","sub":"admin","exp":1900000000}"#;
    let key = secret();
    let message = format!("{}.{}", base64(r#"{"alg":"HS256"}"#), base64(twice));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signs");
    assert_eq!(code(&jwt, &format!("{message}.{signature}")), Code::TOKEN_INVALID);
}

#[test]
fn a_token_is_for_whom_and_from_whom_it_should_be() {
    let rules = TokenRules {
        issuers: vec!["us".to_owned()],
        audiences: vec!["here".to_owned()],
        ..TokenRules::default()
    };
    let jwt = jwt_of(sources(), rules);
    for (issuer, audience, good) in [
        (json!("us"), json!("here"), true),
        (json!("us"), json!(["there", "here"]), true),
        (json!("them"), json!("here"), false),
        (json!("us"), json!("there"), false),
        (Value::Null, json!("here"), false),
        (json!("us"), Value::Null, false),
    ] {
        let mut claims = with("iss", issuer);
        if audience != Value::Null {
            claims["aud"] = audience;
        }
        let got = judged(&jwt, &signed(&claims)).map(drop).map_err(|denied| denied.code);
        assert_eq!(got, if good { Ok(()) } else { Err(Code::TOKEN_INVALID) }, "{claims}");
    }
}

#[test]
fn invariant_12_what_is_no_token_is_refused() {
    let jwt = jwt();
    let good = signed(&claims());
    let (message, signature) = good.rsplit_once('.').expect("a token");
    let other = signed(&with("sub", json!("admin")));
    let forged = other.rsplit_once('.').expect("a token").0;
    for token in [
        "",
        ".",
        "..",
        "a.b.c",
        "ü.ü.ü",
        &good[..good.len() - 1],
        message,
        &format!("{message}."),
        &format!("{good}.{signature}"),
        &format!("{forged}.{signature}"),
        &format!("{} ", good),
        &format!("{}.{}.{}", "x".repeat(limits::TOKEN_BYTES), "y", "z"),
        &format!("{}.e30.{signature}", base64(&"[".repeat(9_000))),
    ] {
        assert_eq!(code(&jwt, token), Code::TOKEN_INVALID, "{token}");
    }
    assert!(judged(&jwt, &good).is_ok());
}

#[test]
fn no_token_decides_how_it_is_checked() {
    let jwt = jwt();
    let forged = |header: Value, signature: &str| {
        format!("{}.{}.{signature}", base64(&header.to_string()), base64(&claims().to_string()))
    };
    for name in ["none", "None", "NONE", "", "hs256", "HS1"] {
        assert_eq!(code(&jwt, &forged(json!({ "alg": name }), "")), Code::TOKEN_INVALID, "{name}");
    }
    // The public key, which everybody has, as if it were the shared secret.
    for public in [RSA_PUBLIC, ED25519_PUBLIC] {
        for key in [public.as_bytes(), public.trim_end().as_bytes()] {
            let key = EncodingKey::from_secret(key);
            let token = encode(&Header::new(Algorithm::HS256), &claims(), &key).expect("a token");
            assert_eq!(code(&jwt, &token), Code::TOKEN_INVALID);
        }
    }
    // Good signatures, by algorithms that the keys are not for.
    for (algorithm, key) in [
        (Algorithm::HS384, secret()),
        (Algorithm::HS512, secret()),
        (Algorithm::RS512, rsa()),
        (Algorithm::PS256, rsa()),
    ] {
        let token = encode(&Header::new(algorithm), &claims(), &key).expect("a token");
        assert_eq!(code(&jwt, &token), Code::TOKEN_INVALID, "{algorithm:?}");
    }
    // A key of its own inside, and addresses of one; and an extension that must be understood.
    let own = EncodingKey::from_secret(b"a secret that only the attacker knows");
    let jwk = json!({ "kty": "oct", "k": base64("a secret that only the attacker knows"), "alg": "HS256" });
    let jwk = serde_json::from_value(jwk).expect("a key");
    let url = Some("https://evil.example/keys.json".to_owned());
    let header = Header { jwk: Some(jwk), jku: url.clone(), x5u: url, ..Header::new(Algorithm::HS256) };
    assert_eq!(code(&jwt, &encode(&header, &claims(), &own).expect("a token")), Code::TOKEN_INVALID);
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::HS256) };
    assert_eq!(code(&jwt, &encode(&header, &claims(), &secret()).expect("a token")), Code::TOKEN_INVALID);
}

#[test]
fn a_key_id_chooses_among_the_keys_that_have_one() {
    let path = std::env::temp_dir().join(format!("everwire-jwt-{}", std::process::id()));
    let key = |secret: &str, id: &str| json!({ "kty": "oct", "k": base64(secret), "kid": id });
    let other = "another secret, which is as good as the first";
    let set = json!({ "keys": [key(SECRET, "one"), key(other, "two")] });
    std::fs::write(&path, set.to_string()).expect("writes");
    let jwt = jwt_of(KeySources { jwks: Some(path.clone()), ..KeySources::default() }, TokenRules::default());
    std::fs::remove_file(path).expect("removes");
    for (secret, id, good) in [
        (SECRET, Some("one"), true),
        (other, Some("two"), true),
        (other, None, true),
        (SECRET, Some("two"), false),
        (SECRET, Some("three"), false),
        (SECRET, Some(""), false),
    ] {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(Algorithm::HS256) };
        let token = encode(&header, &claims(), &EncodingKey::from_secret(secret.as_bytes()));
        let got = judged(&jwt, &token.expect("a token")).map(drop).map_err(|denied| denied.code);
        assert_eq!(got, if good { Ok(()) } else { Err(Code::TOKEN_INVALID) }, "{secret} {id:?}");
    }
}

#[test]
fn who_sends_no_token_comes_in_only_where_that_is_configured() {
    let strict = jwt();
    let refused = strict.authenticate(0, None).expect_err("is refused");
    assert_eq!(refused.code, Code::TOKEN_REQUIRED);

    let anonymous = Rights { subscribe: vec!["news:*".parse().expect("a pattern")], ..Rights::default() };
    let open = jwt_of(sources(), TokenRules { anonymous: Some(anonymous), ..TokenRules::default() });
    let subject = open.authenticate(0, None).expect("is let in");
    assert_eq!((subject.name.as_deref(), subject.expires_at), (None, None));
    assert!(open.may(&subject, Action::Subscribe, &topic("news:today")));
    assert!(!open.may(&subject, Action::Publish, &topic("news:today")));
    assert_eq!(code(&open, "no token"), Code::TOKEN_INVALID, "who shows a bad one is not let in without one");
}
