//! WebSocket handshakes and frames that break the protocol, or the rules of ours.

use std::io::Write;

use super::{Case, case};
use crate::{
    bench::Bench,
    http::{answer, connect, get, in_words, send},
    websocket::{BINARY, CLOSE, PING, TEXT, after_connect, binary, frame, json, open, raw, read, upgrade},
};

const REFUSED: &str = "error bad_request, close 4500 bad_request";
const TOO_LARGE: &str = "error too_large, close 4503 too_large";

fn said(bench: &Bench, messages: &[&str]) -> String {
    json(&bench.guarded.address, messages)
}

fn bytes(bench: &Bench, bytes: &[u8]) -> String {
    after_connect(&bench.guarded.address, bytes)
}

fn then_ping(message: &str) -> [&str; 2] {
    [message, r#"{"type":"ping","nonce":1}"#]
}

/// The answer to an upgrade whose head is this with something replaced.
fn handshake(bench: &Bench, from: &str, to: &str) -> String {
    send(&bench.guarded.address, upgrade("connection: close\r\n").replace(from, to))
}

pub const CASES: &[Case] = &[
    case("no upgrade at all", "400 bad_request", |b| get(&b.guarded.address, "/v1/ws")),
    case("an old version of WebSockets", "400 bad_request", |b| handshake(b, "version: 13", "version: 8")),
    case("no `Sec-WebSocket-Key`", "400 bad_request", |b| {
        handshake(b, "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")
    }),
    case("a subprotocol that is not known", "400 unsupported_version", |b| {
        handshake(b, "upgrade: websocket", "upgrade: websocket\r\nsec-websocket-protocol: everwire.v9.bin")
    }),
    case("compression, which is not taken up", "101, none", |b| {
        let mut stream = connect(&b.guarded.address);
        let head = upgrade("sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n");
        stream.write_all(head.as_bytes()).expect("writes");
        let (head, body) = answer(&mut stream).expect("an answer");
        let extensions = if head.contains("sec-websocket-extensions") { "some" } else { "none" };
        format!("{}, {extensions}", in_words(Some((head, body))))
    }),
    case("another frame before `connect`", REFUSED, |b| {
        raw(&b.guarded.address, "json", &frame(TEXT, br#"{"type":"ping","nonce":1}"#))
    }),
    case("`connect` twice", REFUSED, |b| said(b, &[r#"{"type":"connect","client_id":"eve"}"#])),
    case("an empty message", REFUSED, |b| said(b, &[""])),
    case("half a JSON text", REFUSED, |b| said(b, &["{"])),
    case("100,000 brackets", REFUSED, |b| said(b, &[&"[".repeat(100_000)])),
    case("a frame of an unknown type, which is skipped", "lives on", |b| {
        said(b, &then_ping(r#"{"type":"explode"}"#))
    }),
    case("`subscribe` to what is no topic", REFUSED, |b| said(b, &[r#"{"type":"subscribe","topic":"a b"}"#])),
    case("`subscribe` from what is no start", REFUSED, |b| {
        said(b, &[r#"{"type":"subscribe","topic":"a","from":"x--1"}"#])
    }),
    case("`subscribe` to one of the server's own topics", "error forbidden, lives on", |b| {
        said(b, &then_ping(r#"{"type":"subscribe","topic":"$internal"}"#))
    }),
    case("`subscribe` twice", "error already_subscribed, lives on", |b| {
        let subscribe = r#"{"type":"subscribe","topic":"a"}"#;
        said(b, &[subscribe, subscribe, r#"{"type":"ping","nonce":1}"#])
    }),
    case("129 subscriptions", "error too_many_topics, lives on", |b| {
        let topics: Vec<_> = (0..129).map(|n| format!(r#"{{"type":"subscribe","topic":"t{n}"}}"#)).collect();
        said(b, &then_ping(&format!("[{}]", topics.join(","))))
    }),
    case("`pause` of what is not subscribed to", "error not_subscribed, lives on", |b| {
        said(b, &then_ping(r#"{"type":"pause","topic":"nowhere"}"#))
    }),
    case("`publish` where one may not", "error forbidden, lives on", |b| {
        said(b, &then_ping(r#"{"type":"publish","topic":"closed","id":"p.1","data":1}"#))
    }),
    case("`publish` of data nested 30,000 deep", "error bad_request, lives on", |b| {
        let deep = "[".repeat(30_000) + &"]".repeat(30_000);
        said(b, &then_ping(&format!(r#"{{"type":"publish","topic":"open:a","id":"p.1","data":{deep}}}"#)))
    }),
    case("`publish` of a payload over 64 KiB", "error too_large, lives on", |b| {
        let large = "x".repeat(65_536);
        said(b, &then_ping(&format!(r#"{{"type":"publish","topic":"open:a","id":"p.1","data":"{large}"}}"#)))
    }),
    case("`history` with a number over 32 bits", REFUSED, |b| {
        said(b, &[r#"{"type":"history","request":4294967296,"topic":"a"}"#])
    }),
    case("a client id of 65 bytes", REFUSED, |b| {
        let connect = format!(r#"{{"type":"connect","client_id":"{}"}}"#, "x".repeat(65));
        raw(&b.guarded.address, "json", &frame(TEXT, connect.as_bytes()))
    }),
    case("10,000 questions in one message", "lives on", |b| {
        let ping = r#"{"type":"ping","nonce":1}"#;
        said(b, &[&format!("[{}]", [ping; 10_000].join(","))])
    }),
    case("a binary message where text was agreed", REFUSED, |b| bytes(b, &frame(BINARY, b"\x02\x0a\x01"))),
    case("text that is no UTF-8", REFUSED, |b| bytes(b, &frame(TEXT, b"\"\xc3\x28\""))),
    case("a frame that is not masked", REFUSED, |b| bytes(b, b"\x81\x02{}")),
    case("a packed frame (RSV1)", REFUSED, |b| bytes(b, &frame(0xc1, b"\xaa\x56\x2a\x00"))),
    case("a reserved opcode", REFUSED, |b| bytes(b, &frame(0x83, b"{}"))),
    case("a continuation of nothing", REFUSED, |b| bytes(b, &frame(0x80, b"{}"))),
    case("a new message within another", REFUSED, |b| {
        bytes(b, &[frame(0x01, b"{"), frame(TEXT, b"{}")].concat())
    }),
    case("a ping in pieces", REFUSED, |b| bytes(b, &frame(0x09, b"a"))),
    case("a ping of 126 bytes", REFUSED, |b| bytes(b, &frame(PING, &[b'x'; 126]))),
    case("1,000 pings", "lives on", |b| {
        let ping = frame(TEXT, br#"{"type":"ping","nonce":1}"#);
        bytes(b, &[frame(PING, b"x").repeat(1_000), ping].concat())
    }),
    case("a frame that says that it has 2⁶³ bytes", TOO_LARGE, |b| {
        bytes(b, &[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, b'{'])
    }),
    case("a message over 1 MiB", TOO_LARGE, |b| bytes(b, &frame(TEXT, &vec![b' '; (1 << 20) + 1]))),
    case("a message over 1 MiB in small pieces", TOO_LARGE, |b| {
        let piece = frame(0x00, &[b' '; 1_000]);
        bytes(b, &[frame(0x01, b" "), piece.repeat(1_100)].concat())
    }),
    case("a close with a code that nobody may send", "close 1002", |b| {
        bytes(b, &frame(CLOSE, &999_u16.to_be_bytes()))
    }),
    case("a close with 1005", "close 1002", |b| bytes(b, &frame(CLOSE, &1005_u16.to_be_bytes()))),
    case("a close of one byte", REFUSED, |b| bytes(b, &frame(CLOSE, b"\x03"))),
    case("a close whose reason is no UTF-8", REFUSED, |b| bytes(b, &frame(CLOSE, b"\x03\xe8\xff\xff"))),
    case("a close of 126 bytes", REFUSED, |b| bytes(b, &frame(CLOSE, &[3; 126]))),
    case("an HTTP request in place of frames", REFUSED, |b| {
        bytes(b, b"GET /v1/poll?topic=a HTTP/1.1\r\nhost: localhost\r\n\r\n")
    }),
    case("binary: bytes of chance", REFUSED, |b| binary(&b.guarded.address, &[0xff; 40])),
    case("binary: a frame of no bytes", REFUSED, |b| binary(&b.guarded.address, &[0])),
    case("binary: half a frame", REFUSED, |b| binary(&b.guarded.address, &[5, 1, 2])),
    case("binary: a length without an end", REFUSED, |b| binary(&b.guarded.address, &[0x80; 32])),
    case("binary: a text that says that it is longer", REFUSED, |b| {
        binary(&b.guarded.address, &[4, 0x01, 0x00, 0xff, 0x7f])
    }),
    case("binary: flags that nobody knows", REFUSED, |b| {
        binary(&b.guarded.address, &[6, 0x01, 0xfc, 3, b'e', b'v', b'e'])
    }),
    case("binary: text where binary was agreed", REFUSED, |b| {
        raw(&b.guarded.address, "bin", &frame(TEXT, br#"{"type":"ping","nonce":1}"#))
    }),
    case("the line cut within a frame", "cut", |b| {
        let mut stream = open(&b.guarded.address, "json");
        stream.write_all(&[0x81, 0xfe, 0x01]).expect("writes");
        stream.shutdown(std::net::Shutdown::Write).expect("shuts down");
        read(&mut stream)
    }),
];
