//! Bodies of requests that are too large, too deep, of another kind, or nothing at all.

use super::{Case, case};
use crate::{
    bench::Bench,
    http::{post, publish, request, send},
};

const MEDIA_BINARY: &str =
    "content-type: application/vnd.everwire.v1\r\naccept: application/vnd.everwire.v1\r\n";

fn json(bench: &Bench, body: impl AsRef<[u8]>) -> String {
    publish(&bench.guarded.address, body)
}

fn with(bench: &Bench, headers: &str, body: impl AsRef<[u8]>) -> String {
    post(&bench.guarded.address, "/v1/publish", headers, body)
}

fn chunked(bench: &Bench, bytes: usize) -> String {
    let head =
        request("POST /v1/publish", "content-type: application/json\r\ntransfer-encoding: chunked\r\n", "");
    let chunk = [format!("{bytes:x}\r\n").as_bytes(), &vec![b' '; bytes], b"\r\n0\r\n\r\n"].concat();
    send(&bench.guarded.address, [head, chunk].concat())
}

/// A record whose data is nested so deep.
fn nested(depth: usize) -> String {
    format!(r#"{{"topic":"open:a","data":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
}

pub const CASES: &[Case] = &[
    case("no body at all", "400 bad_request", |b| json(b, "")),
    case("`null`", "400 bad_request", |b| json(b, "null")),
    case("half a JSON text", "400 bad_request", |b| json(b, r#"{"topic":"open:a","data":"#)),
    case("two JSON texts", "400 bad_request", |b| json(b, r#"{"topic":"open:a","data":1}{}"#)),
    case("100,000 brackets", "400 bad_request", |b| json(b, "[".repeat(100_000))),
    case("data nested 128 deep, which is the limit", "200", |b| json(b, nested(128))),
    case("data nested 129 deep", "400 bad_request", |b| json(b, nested(129))),
    case("data nested 30,000 deep", "400 bad_request", |b| json(b, nested(30_000))),
    case("a field nested 30,000 deep that is none", "200", |b| {
        let deep = "[".repeat(30_000) + &"]".repeat(30_000);
        json(b, format!(r#"{{"topic":"open:a","data":1,"x":{deep}}}"#))
    }),
    case("no topic", "400 bad_request", |b| json(b, r#"{"data":1}"#)),
    case("a topic that is a number", "400 bad_request", |b| json(b, r#"{"topic":1,"data":1}"#)),
    case("no data", "400 bad_request", |b| json(b, r#"{"topic":"open:a"}"#)),
    case("`NaN`", "400 bad_request", |b| json(b, r#"{"topic":"open:a","data":NaN}"#)),
    case("bytes that are no UTF-8", "400 bad_request", |b| {
        json(b, b"{\"topic\":\"open:a\",\"data\":\"\xff\xfe\"}")
    }),
    case("a key with half a surrogate pair", "400 bad_request", |b| {
        json(b, r#"{"topic":"open:a","data":1,"key":"\ud800"}"#)
    }),
    case("a key of 256 bytes", "400 bad_request", |b| {
        json(b, format!(r#"{{"topic":"open:a","data":1,"key":"{}"}}"#, "k".repeat(256)))
    }),
    case("a payload over 64 KiB", "413 too_large", |b| {
        json(b, format!(r#"{{"topic":"open:a","data":"{}"}}"#, "x".repeat(65_536)))
    }),
    case("a body over 1 MiB", "413 too_large", |b| json(b, vec![b' '; (1 << 20) + 1])),
    case("a body that says that it has 1 TiB", "413 too_large", |b| {
        let head = "content-type: application/json\r\ncontent-length: 1099511627776\r\n";
        send(&b.guarded.address, request("POST /v1/publish", head, ""))
    }),
    case("a chunk over 1 MiB", "413 too_large", |b| chunked(b, (1 << 20) + 1)),
    case("a gzip body, and be it a bomb", "415 unsupported_media", |b| {
        with(
            b,
            "content-type: application/json\r\ncontent-encoding: gzip\r\n",
            b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        )
    }),
    case("a body that was packed twice", "415 unsupported_media", |b| {
        with(b, "content-type: application/json\r\ncontent-encoding: br, gzip\r\n", "x")
    }),
    case("a packed body for a stream", "415 unsupported_media", |b| {
        post(&b.guarded.address, "/v1/sse", "content-encoding: deflate\r\n", "topic=a")
    }),
    case("XML", "415 unsupported_media", |b| with(b, "content-type: text/xml\r\n", "<x/>")),
    case("a form, from a page that needs no leave for one", "415 unsupported_media", |b| {
        with(b, "content-type: application/x-www-form-urlencoded\r\n", "topic=a")
    }),
    case("`text/plain`, likewise", "415 unsupported_media", |b| {
        with(b, "content-type: text/plain\r\n", r#"{"topic":"open:a","data":1}"#)
    }),
    case("JSON for a stream", "415 unsupported_media", |b| {
        post(&b.guarded.address, "/v1/sse", "content-type: application/json\r\n", "{}")
    }),
    case("an `Idempotency-Key` with a space", "400 bad_request", |b| {
        with(
            b,
            "content-type: application/json\r\nidempotency-key: a b\r\n",
            r#"{"topic":"open:a","data":1}"#,
        )
    }),
    case("an `Idempotency-Key` of 129 bytes", "400 bad_request", |b| {
        let key = format!("content-type: application/json\r\nidempotency-key: {}\r\n", "k".repeat(129));
        with(b, &key, r#"{"topic":"open:a","data":1}"#)
    }),
    case("binary frames of chance", "400 bad_request", |b| with(b, MEDIA_BINARY, [0xff; 40])),
    case("a binary frame that says that it is longer", "400 bad_request", |b| {
        with(b, MEDIA_BINARY, [0xff, 0xff, 0xff, 0x7f, 0x06])
    }),
    case("a binary `ping` among publishes", "400 bad_request", |b| with(b, MEDIA_BINARY, [2, 0x0a, 1])),
];
