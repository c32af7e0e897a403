//! Tokens and tickets that are forged, late, of somebody else, or used before.

use jsonwebtoken::{Algorithm, Header};
use serde_json::json;

use super::{Case, case};
use crate::{
    bench::Bench,
    http::{answer, connect, get, get_as, get_with, post, request},
    tokens::{self, SECRET, at, claims, forged, of, of_key, signed, with_algorithm, with_header},
    websocket,
};
use std::io::Write;

const POLL: &str = "/v1/poll?topic=a&timeout=0";

fn poll(bench: &Bench, token: &str) -> String {
    get_as(&bench.guarded.address, POLL, token)
}

/// Good claims, but for this.
fn but(bench: &Bench, name: &str, value: serde_json::Value) -> String {
    let mut claims = claims("eve");
    claims[name] = value;
    poll(bench, &signed(&claims))
}

fn ticket(bench: &Bench) -> String {
    let head = format!("authorization: Bearer {}\r\naccept: text/plain\r\n", of("ticket"));
    let mut stream = connect(&bench.guarded.address);
    stream.write_all(&request("POST /v1/ticket", &head, "")).expect("writes");
    let (_, body) = answer(&mut stream).expect("an answer");
    String::from_utf8(body).expect("text")
}

fn with_ticket(bench: &Bench, path: &str, ticket: &str) -> String {
    get(&bench.guarded.address, &format!("{path}&ticket={ticket}"))
}

pub const CASES: &[Case] = &[
    case("a good token, to see that the others are judged right", "200", |b| poll(b, &of("ada"))),
    case("a good token of a key by its name", "200", |b| {
        poll(b, &of_key("of-the-set", "another secret, which is that of the set"))
    }),
    case("a token of a key by a name that no key has", "401 token_invalid", |b| {
        poll(b, &of_key("of-nobody", "another secret, which is that of the set"))
    }),
    case("an empty token", "401 token_invalid", |b| poll(b, "")),
    case("garbage", "401 token_invalid", |b| poll(b, "garbage")),
    case("a token that is no text", "401 token_invalid", |b| {
        let mut head = request(&format!("GET {POLL}"), "authorization: Bearer XX\r\n", "");
        let place = head.windows(2).position(|window| window == b"XX").expect("is there");
        head[place..place + 2].copy_from_slice(&[0xff, 0xfe]);
        crate::http::send(&b.guarded.address, head)
    }),
    case("a token over 16 KiB", "401 token_invalid", |b| poll(b, &"x".repeat(16 * 1024 + 1))),
    case("`alg: none`", "401 token_invalid", |b| poll(b, &forged(&json!({ "alg": "none" })))),
    case("`alg: none`, without a signature", "401 token_invalid", |b| {
        let token = forged(&json!({ "alg": "none" }));
        poll(b, &token[..=token.rfind('.').expect("is there")])
    }),
    case("a signature of zeros", "401 token_invalid", |b| poll(b, &forged(&json!({ "alg": "HS256" })))),
    case("a public key as a shared secret", "401 token_invalid", |b| {
        poll(b, &with_algorithm(Algorithm::HS256, tokens::RSA_PUBLIC.as_bytes()))
    }),
    case("the right secret under HS512", "401 token_invalid", |b| {
        poll(b, &with_algorithm(Algorithm::HS512, SECRET.as_bytes()))
    }),
    case("another secret", "401 token_invalid", |b| poll(b, &with_algorithm(Algorithm::HS256, &[7; 32]))),
    case("a key inside the token (`jwk`)", "401 token_invalid", |b| {
        poll(b, &forged(&json!({ "alg": "RS256", "jwk": { "kty": "RSA", "n": "AQAB", "e": "AQAB" } })))
    }),
    case("the address of a key inside the token (`jku`)", "401 token_invalid", |b| {
        poll(b, &forged(&json!({ "alg": "RS256", "jku": "http://evil.example/keys" })))
    }),
    case("a path for a key's name", "401 token_invalid", |b| {
        poll(b, &forged(&json!({ "alg": "HS256", "kid": "../../dev/null" })))
    }),
    case("an extension that must be understood (`crit`)", "401 token_invalid", |b| {
        let header = Header { crit: Some(vec!["b64".to_owned()]), ..Header::default() };
        poll(b, &with_header(&header, SECRET.as_bytes(), &claims("eve")))
    }),
    case("a good token with a byte changed", "401 token_invalid", |b| {
        let token = of("eve");
        let (head, rest) = token.split_once('.').expect("a head");
        poll(b, &format!("{head}.A{}", &rest[1..]))
    }),
    case("a good token without its last byte", "401 token_invalid", |b| {
        let token = of("eve");
        poll(b, &token[..token.len() - 1])
    }),
    case("a token that has ended", "401 token_expired", |b| but(b, "exp", json!(at(-1)))),
    case("a token whose time has not come", "401 token_invalid", |b| but(b, "nbf", json!(at(600)))),
    case("a token without an end", "401 token_invalid", |b| but(b, "exp", json!(null))),
    case("an end before all time", "401 token_invalid", |b| but(b, "exp", json!(-1))),
    case("an end in words", "401 token_invalid", |b| but(b, "exp", json!("tomorrow"))),
    case("a token for somebody else (`aud`)", "401 token_invalid", |b| but(b, "aud", json!("bank"))),
    case("a token of nobody", "401 token_invalid", |b| but(b, "sub", json!(""))),
    case("a token of a subject of 256 bytes", "401 token_invalid", |b| but(b, "sub", json!("x".repeat(256)))),
    case("a subject that is a list", "401 token_invalid", |b| but(b, "sub", json!(["ada"]))),
    case("rights by what is no pattern", "401 token_invalid", |b| {
        but(b, "everwire", json!({ "subscribe": ["a**"] }))
    }),
    case("a token that allows nothing", "403 forbidden", |b| but(b, "everwire", json!({}))),
    case("a token for another topic", "403 forbidden", |b| but(b, "everwire", json!({ "subscribe": ["b"] }))),
    case("publishing, where one may read only", "403 forbidden", |b| {
        let token = signed(&json!({ "sub": "eve", "exp": at(60), "everwire": { "subscribe": ["a"] } }));
        let head = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        post(&b.guarded.address, "/v1/publish", &head, r#"{"topic":"a","data":1}"#)
    }),
    case("publishing without a token, where that is not open", "403 forbidden", |b| {
        crate::http::publish(&b.guarded.address, r#"{"topic":"a","data":1}"#)
    }),
    case("a ticket for no token", "401 token_required", |b| post(&b.guarded.address, "/v1/ticket", "", "")),
    case("a ticket for a forged token", "401 token_invalid", |b| {
        post(&b.guarded.address, "/v1/ticket", "authorization: Bearer garbage\r\n", "")
    }),
    case("a ticket that is none", "401 token_invalid", |b| with_ticket(b, "/v1/sse?topic=a", "guessed")),
    case("a ticket, a second time", "401 token_invalid", |b| {
        let ticket = ticket(b);
        assert_eq!(with_ticket(b, "/v1/sse?topic=a", &ticket), "200");
        with_ticket(b, "/v1/sse?topic=a", &ticket)
    }),
    case("a ticket for a poll", "401 token_invalid", |b| with_ticket(b, POLL, &ticket(b))),
    case("a ticket beside a token", "401 token_invalid", |b| {
        let path = format!("/v1/sse?topic=a&ticket={}", ticket(b));
        get_with(&b.guarded.address, &path, &format!("authorization: Bearer {}\r\n", of("ada")))
    }),
    case("a token in the URL, in place of a ticket", "401 token_invalid", |b| {
        with_ticket(b, "/v1/sse?topic=a", &of("ada"))
    }),
    case("a forged token over a WebSocket", "error token_invalid, close 4102 token_invalid", |b| {
        websocket::connect_as(&b.guarded.address, &forged(&json!({ "alg": "none" })), &[])
    }),
    case("an ended token over a WebSocket", "error token_expired, close 4101 token_expired", |b| {
        let mut claims = claims("eve");
        claims["exp"] = json!(at(-1));
        websocket::connect_as(&b.guarded.address, &signed(&claims), &[])
    }),
    case(
        "the token of another subject over a living WebSocket",
        "error token_other_subject, close 4103 token_other_subject",
        |b| {
            let refresh = format!(r#"{{"type":"refresh","token":"{}"}}"#, of("bob"));
            websocket::connect_as(&b.guarded.address, &of("ada"), &[refresh])
        },
    ),
    case("a forged token over a living WebSocket", "error token_invalid, close 4102 token_invalid", |b| {
        websocket::connect_as(
            &b.guarded.address,
            &of("ada"),
            &[r#"{"type":"refresh","token":"x"}"#.to_owned()],
        )
    }),
];
