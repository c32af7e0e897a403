//! Pages of other sites, and names that are not the server's.

use super::{Case, case};
use crate::http::{get_with, request, send};
use crate::websocket::upgrade;

const POLL: &str = "/v1/poll?topic=a&timeout=0";

pub const CASES: &[Case] = &[
    case("a page of another site that polls", "403 forbidden_origin", |b| {
        get_with(&b.guarded.address, POLL, "origin: https://evil.example\r\n")
    }),
    case("a page of another site that opens a WebSocket", "403 forbidden_origin", |b| {
        send(&b.guarded.address, upgrade("origin: https://evil.example\r\n"))
    }),
    case("a page of another site that asks whether it may publish", "403 forbidden_origin", |b| {
        let asks = "origin: https://evil.example\r\naccess-control-request-method: POST\r\n";
        send(&b.guarded.address, request("OPTIONS /v1/publish", asks, ""))
    }),
    case("a page of another site that publishes without asking", "403 forbidden_origin", |b| {
        let from = "origin: https://evil.example\r\ncontent-type: text/plain\r\n";
        send(&b.guarded.address, request("POST /v1/publish", from, r#"{"topic":"open:a","data":1}"#))
    }),
    case("`Origin: null`", "403 forbidden_origin", |b| {
        get_with(&b.guarded.address, POLL, "origin: null\r\n")
    }),
    case("an origin that begins as one of this machine does", "403 forbidden_origin", |b| {
        get_with(&b.guarded.address, POLL, "origin: http://localhost.evil.example\r\n")
    }),
    case("an origin that is no text", "403 forbidden_origin", |b| {
        get_with(&b.guarded.address, POLL, "origin: http://\u{e9}vil.example\r\n")
    }),
    case("a name that was bent to this machine (DNS rebinding)", "403 forbidden_origin", |b| {
        let head = format!("GET {POLL} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
        send(&b.trusting.address, head)
    }),
    case("such a name, and a page of its own", "403 forbidden_origin", |b| {
        let head = "host: evil.example\r\norigin: http://evil.example\r\nconnection: close\r\n";
        send(&b.trusting.address, format!("GET {POLL} HTTP/1.1\r\n{head}\r\n"))
    }),
    case("an address for a name, and not this machine's", "403 forbidden_origin", |b| {
        let head = format!("GET {POLL} HTTP/1.1\r\nhost: 192.0.2.1\r\nconnection: close\r\n\r\n");
        send(&b.trusting.address, head)
    }),
];
