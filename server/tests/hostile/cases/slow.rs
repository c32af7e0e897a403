//! Who lets the server wait. Its waits are a second here, and the test would fail on one without an end.

use std::{
    io::Write,
    net::TcpStream,
    time::{Duration, Instant},
};

use super::{Case, case};
use crate::{
    bench::Bench,
    http::{PATIENCE, answer, connect, in_words, request, send},
    websocket::{self, TEXT, frame, upgrade},
};

/// Sends the beginning, and then byte after byte of the rest until something comes back.
fn drip(bench: &Bench, beginning: &[u8], rest: u8) -> String {
    let mut stream = connect(&bench.guarded.address);
    stream.write_all(beginning).expect("writes");
    let begun = Instant::now();
    while !has_answer(&stream) {
        assert!(begun.elapsed() < PATIENCE, "it waits for ever");
        // Gone already, when this fails: then there is an answer.
        let _ = stream.write_all(&[rest]);
    }
    in_words(answer(&mut stream))
}

/// Whether something came, within the time between two bytes.
fn has_answer(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("sets");
    let has = stream.peek(&mut [0]).is_ok();
    stream.set_read_timeout(Some(PATIENCE)).expect("sets");
    has
}

pub const CASES: &[Case] = &[
    case("a connection on which nothing is said", "closed", |b| send(&b.guarded.address, "")),
    case("half a request line, and silence", "408 timeout", |b| send(&b.guarded.address, "GET /v1/po")),
    case("half a head, and silence", "408 timeout", |b| {
        send(&b.guarded.address, "GET /v1/poll?topic=a HTTP/1.1\r\nhost: localhost\r\nx-")
    }),
    case("a head, byte by byte", "408 timeout", |b| {
        drip(b, b"GET /v1/poll?topic=a HTTP/1.1\r\nhost: localhost\r\nx: ", b'y')
    }),
    case("a body that does not come", "408 timeout", |b| {
        let head = "content-type: application/json\r\ncontent-length: 100\r\n";
        send(&b.guarded.address, request("POST /v1/publish", head, ""))
    }),
    case("a body, byte by byte", "408 timeout", |b| {
        let head = "content-type: application/json\r\ncontent-length: 100000\r\n";
        drip(b, &request("POST /v1/publish", head, ""), b' ')
    }),
    case("a chunked body without an end", "408 timeout", |b| {
        let head = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
        let head = request("POST /v1/publish", head, "");
        send(&b.guarded.address, [&head[..], b"1\r\n \r\n"].concat())
    }),
    case("a form for a stream that does not come", "408 timeout", |b| {
        send(&b.guarded.address, request("POST /v1/sse", "content-length: 100\r\n", ""))
    }),
    case("half an upgrade, and silence", "408 timeout", |b| {
        let head = upgrade("");
        send(&b.guarded.address, &head[..head.len() - 2])
    }),
    case("an upgrade, and silence", "error timeout, close 4004 timeout", |b| {
        websocket::raw(&b.guarded.address, "json", &[])
    }),
    case("an upgrade, and pings alone", "error timeout, close 4004 timeout", |b| {
        websocket::raw(&b.guarded.address, "json", &frame(websocket::PING, b"").repeat(100))
    }),
    case("half a frame, and silence", "error timeout, close 4004 timeout", |b| {
        let frame = frame(TEXT, br#"{"type":"connect","client_id":"eve"}"#);
        websocket::raw(&b.guarded.address, "json", &frame[..frame.len() - 9])
    }),
];
