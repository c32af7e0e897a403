//! Requests whose head is none, or can be read in two ways.

use super::{Case, case};
use crate::{
    bench::Bench,
    http::{get, publish, request, send, send_to_the_end},
};

const POLL: &str = "GET /v1/poll?topic=a&timeout=0";

fn head(bench: &Bench, line: &str, headers: &str) -> String {
    send(&bench.guarded.address, request(line, headers, ""))
}

fn bytes(bench: &Bench, bytes: &str) -> String {
    send(&bench.guarded.address, bytes)
}

pub const CASES: &[Case] = &[
    case("a TLS hello", "400", |b| send(&b.guarded.address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")),
    case("the preface of HTTP/2", "closed", |b| bytes(b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
    case("`GET / HTTP/9.9`", "400", |b| bytes(b, "GET / HTTP/9.9\r\nhost: a\r\n\r\n")),
    case("a line of 10,000 spaces", "400", |b| bytes(b, &format!("{}\r\n\r\n", " ".repeat(10_000)))),
    case("a header name with a space", "400", |b| head(b, POLL, "x y: 1\r\n")),
    case("a header with a NUL", "400", |b| head(b, POLL, "x: a\0b\r\n")),
    case("a header over two lines", "400", |b| head(b, POLL, "x: a\r\n b\r\n")),
    case("a header of 200,000 bytes", "431", |b| head(b, POLL, &format!("x: {}\r\n", "y".repeat(200_000)))),
    case("200 headers", "431", |b| head(b, POLL, &"x: y\r\n".repeat(200))),
    case("a URL of 70,000 bytes", "414", |b| head(b, &format!("GET /{}", "x".repeat(70_000)), "")),
    case("no `Host`", "400 bad_request", |b| {
        bytes(b, "GET /v1/poll?topic=a HTTP/1.1\r\nconnection: close\r\n\r\n")
    }),
    case("two `Host`s", "400 bad_request", |b| head(b, POLL, "host: evil.example\r\n")),
    case("two `Authorization`s", "400 bad_request", |b| {
        head(b, POLL, "authorization: Bearer a\r\nauthorization: Bearer b\r\n")
    }),
    case("a negative `Content-Length`", "400", |b| head(b, "POST /v1/publish", "content-length: -1\r\n")),
    case("two lengths that differ", "400", |b| {
        head(b, "POST /v1/publish", "content-length: 1\r\ncontent-length: 2\r\n")
    }),
    case("a length of 2⁶⁴", "400", |b| {
        head(b, "POST /v1/publish", "content-length: 18446744073709551616\r\n")
    }),
    case(
        "a length beside `Transfer-Encoding`, and a request in what is left",
        "400 bad_request, closed",
        |b| {
            let head = "POST /v1/publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
            let smuggled = "GET /v1/poll?topic=a&timeout=0 HTTP/1.1\r\nhost: localhost\r\n\r\n";
            let both = "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
            send_to_the_end(&b.guarded.address, format!("{head}{both}{smuggled}"))
        },
    ),
    case(
        "`Transfer-Encoding` before a length, and a request in what is left",
        "400 bad_request, closed",
        |b| {
            let head = "POST /v1/publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
            let smuggled = "GET /v1/poll?topic=a&timeout=0 HTTP/1.1\r\nhost: localhost\r\n\r\n";
            let both = "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n";
            send_to_the_end(&b.guarded.address, format!("{head}{both}{smuggled}"))
        },
    ),
    case("`Transfer-Encoding: gzip`", "400", |b| head(b, "POST /v1/publish", "transfer-encoding: gzip\r\n")),
    case("`Transfer-Encoding: chunked, identity`", "400", |b| {
        head(b, "POST /v1/publish", "transfer-encoding: chunked, identity\r\n")
    }),
    case("`Transfer-Encoding` in HTTP/1.0", "400", |b| {
        bytes(b, "POST /v1/publish HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
    }),
    case("a chunk whose size is no number", "400 bad_request", |b| {
        let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
        let head = request("POST /v1/publish", chunked, "");
        send(&b.guarded.address, [&head[..], b"zz\r\n{}\r\n0\r\n\r\n"].concat())
    }),
    case("a chunk of 2⁶⁸ bytes", "400 bad_request", |b| {
        let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
        let head = request("POST /v1/publish", chunked, "");
        send(&b.guarded.address, [&head[..], b"fffffffffffffffff\r\n{}\r\n"].concat())
    }),
    case("a chunk with 100,000 bytes of extensions", "400 bad_request", |b| {
        let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
        let head = request("POST /v1/publish", chunked, "");
        send(&b.guarded.address, [&head[..], b"2;", &[b'x'; 100_000], b"\r\n{}\r\n0\r\n\r\n"].concat())
    }),
    case("`TRACE`", "405 method_not_allowed", |b| head(b, "TRACE /v1/publish", "")),
    case("`DELETE /v1/publish`", "405 method_not_allowed", |b| head(b, "DELETE /v1/publish", "")),
    case("`POST /v1/ws`", "405 method_not_allowed", |b| head(b, "POST /v1/ws", "")),
    case("`GET /v1/publish`", "405 method_not_allowed", |b| head(b, "GET /v1/publish", "")),
    case("a method of our own", "405 method_not_allowed", |b| head(b, "PWN /v1/poll?topic=a", "")),
    case("`CONNECT` to somebody else", "404 not_found", |b| head(b, "CONNECT evil.example:443", "")),
    case("`/../../etc/passwd`", "404 not_found", |b| get(&b.guarded.address, "/../../etc/passwd")),
    case("`/%2e%2e/%2e%2e/etc/passwd`", "404 not_found", |b| {
        get(&b.guarded.address, "/%2e%2e/%2e%2e/etc/passwd")
    }),
    case("an address that is none", "404 not_found", |b| get(&b.guarded.address, "/v1/nothing")),
    case("a response in place of a request", "400", |b| bytes(b, "HTTP/1.1 200 OK\r\n\r\n")),
    case("a good request, to see that the others are judged right", "200", |b| {
        publish(&b.guarded.address, r#"{"topic":"open:good","data":1,"ephemeral":true}"#)
    }),
];
