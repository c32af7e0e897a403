//! Tokens: none in a log, and those that the binary makes.

use std::{
    io::Read,
    process::{Command, Output},
};

use super::{SECRET, command, refused, request, run};

#[test]
fn invariant_10_no_log_filter_brings_a_good_token_a_ticket_or_the_secret_into_the_logs() {
    let mut command = command(&["--listen", "127.0.0.1:0", "--log-filter", "trace"]);
    command.env("EVERWIRE_TOKEN_SECRET", SECRET);
    let mut server = run(command);
    let mut stderr = server.child.stderr.take().expect("is piped");
    let logs = std::thread::spawn(move || {
        let mut logs = String::new();
        stderr.read_to_string(&mut logs).map(|_| logs)
    });
    let claims = serde_json::json!({ "sub": "ada", "exp": u64::MAX, "everwire": { "subscribe": ["*"] } });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token");
    let polled = request(&server.address, "GET /v1/poll?topic=a&timeout=0", Some(&token));
    assert!(polled.starts_with("HTTP/1.1 200"), "{polled}");
    let traded = request(&server.address, "POST /v1/ticket", Some(&token));
    let (_, ticket) = traded.split_once("\"ticket\":\"").expect("a ticket");
    let ticket = ticket.split('"').next().expect("an end");
    // A topic that is refused, so that the stream ends; used up all the same.
    let opened = request(&server.address, &format!("GET /v1/sse?topic=$x&ticket={ticket}"), None);
    assert!(opened.starts_with("HTTP/1.1 403"), "{opened}");
    let again = request(&server.address, &format!("GET /v1/sse?topic=a&ticket={ticket}"), None);
    assert!(again.starts_with("HTTP/1.1 401"), "{again}");
    drop(server);
    let logs = logs.join().expect("reads").expect("text");
    assert!(logs.contains("request") && !logs.contains("no keys"), "{logs}");
    for secret in [&token, ticket, SECRET] {
        assert!(!logs.contains(secret), "{logs}");
    }
}

/// What `token` printed, without its line end.
fn token_of(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("runs");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text").trim_end().to_owned()
}

#[test]
fn a_token_of_the_binary_is_good_at_the_binary() {
    let private = |name: &str| format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    let asked = ["token", "--sub", "ada", "--subscribe", "room:*,news", "--ttl", "15m"];
    for (key, public) in
        [(None, None), (Some("ed25519.pem"), Some("ed25519.pub.pem")), (Some("rsa.pem"), Some("rsa.pub.pem"))]
    {
        let (mut maker, mut server) = (command(&asked), command(&["--listen", "127.0.0.1:0"]));
        for command in [&mut maker, &mut server] {
            match public {
                Some(public) => command.env("EVERWIRE_TOKEN_KEY", private(public)),
                None => command.env("EVERWIRE_TOKEN_SECRET", SECRET),
            };
            command.env("EVERWIRE_TOKEN_ISSUER", "us").env("EVERWIRE_TOKEN_AUDIENCE", "here");
        }
        if let Some(key) = key {
            maker.args(["--key", &private(key)]);
        }
        let (token, server) = (token_of(maker), run(server));
        for (topic, status) in [("room:a", 200), ("news", 200), ("other", 403)] {
            let line = format!("GET /v1/poll?topic={topic}&timeout=0");
            let answer = request(&server.address, &line, Some(&token));
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        }
    }
}

#[test]
fn a_token_that_can_not_be_made_or_would_be_refused_says_why() {
    let public = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/ed25519.pub.pem");
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/rsa.pem");
    let long = "x".repeat(256);
    for (variable, arguments, named) in [
        (None, &["--sub", "ada"][..], "no key to sign with"),
        (None, &["--sub", "ada", "--key", public], "expected a private key"),
        (None, &["--sub", "ada", "--key", "/nowhere.pem"], "/nowhere.pem"),
        (None, &["--sub", "ada", "--subscribe", "a**"], "--subscribe"),
        (None, &["--sub", "ada", "--ttl", "soon"], "--ttl"),
        (None, &[], "--sub"),
        (Some(("EVERWIRE_TOKEN_KEY", public)), &["--sub", "ada"], "no key to sign with"),
        (Some(("EVERWIRE_TOKEN_KEY", public)), &["--sub", "ada", "--key", other], "would refuse it"),
        (Some(("EVERWIRE_TOKEN_SECRET", SECRET)), &["--sub", &long], "`sub` must have 1 to 255 bytes"),
    ] {
        let mut command = command(&["token"]);
        command.args(arguments).envs(variable);
        let why = refused(command);
        assert!(why.contains(named) && !why.contains(SECRET), "{why}");
    }
}
