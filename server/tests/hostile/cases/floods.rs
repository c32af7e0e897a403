//! Too much of what would be good once. Each comes from an address or a subject of its own.

use std::{io::Write, net::TcpStream};

use super::{Case, case};
use crate::{
    bench::Bench,
    http::{answer, connect_from, in_words, post, request},
    tokens::of,
    websocket,
};

const SSE: &str = "GET /v1/sse?topic=a";

/// What the first is told that is not served so.
fn first_other(served: &str, most: usize, mut next: impl FnMut() -> String) -> String {
    (0..most).map(|_| next()).find(|words| words != served).unwrap_or_else(|| format!("{served} for ever"))
}

/// Opens streams and keeps them; answers what the first is told that is refused.
fn streams(most: usize, mut connect: impl FnMut() -> TcpStream, headers: &str) -> String {
    let mut open = Vec::new();
    first_other("200", most, || {
        let mut stream = connect();
        stream.write_all(&request(SSE, headers, "")).expect("writes");
        let words = in_words(answer(&mut stream));
        open.push(stream);
        words
    })
}

/// So many requests behind one another on one connection.
fn requests(bench: &Bench, from: u8, headers: impl Fn(usize) -> String) -> String {
    let mut stream = connect_from(from, &bench.guarded.address);
    let mut at = 0;
    first_other("200", 3_000, || {
        at += 1;
        let line = format!("GET /v1/topics/a/presence HTTP/1.1\r\nhost: localhost\r\n{}\r\n", headers(at));
        stream.write_all(line.as_bytes()).expect("writes");
        in_words(answer(&mut stream))
    })
}

fn publish_as(bench: &Bench, subject: &str) -> String {
    let token = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", of(subject));
    first_other("200", 2_000, || {
        post(&bench.guarded.address, "/v1/publish", &token, r#"{"topic":"flood","data":1}"#)
    })
}

pub const CASES: &[Case] = &[
    case("connections of one address, one after another", "429 rate_limited", |b| {
        first_other("closed", 20_000, || {
            let mut stream = connect_from(1, &b.guarded.address);
            stream.shutdown(std::net::Shutdown::Write).expect("shuts down");
            in_words(answer(&mut stream))
        })
    }),
    case("requests of one address", "429 rate_limited", |b| requests(b, 2, |_| String::new())),
    case("requests of one address that says that it is many", "429 rate_limited", |b| {
        requests(b, 3, |n| format!("x-forwarded-for: 10.0.{}.{}\r\n", n / 256, n % 256))
    }),
    case("requests of one address that says so in the other way", "429 rate_limited", |b| {
        requests(b, 4, |n| format!("forwarded: for=10.0.{}.{}\r\n", n / 256, n % 256))
    }),
    case("streams of one address", "503 too_many_connections", |b| {
        streams(150, || connect_from(5, &b.guarded.address), "")
    }),
    case("streams of one subject", "503 too_many_connections", |b| {
        let token = format!("authorization: Bearer {}\r\n", of("many"));
        streams(30, || connect_from(6, &b.guarded.address), &token)
    }),
    case("WebSockets of one subject", "error too_many_connections, close 4003 too_many_connections", |b| {
        let mut open = Vec::new();
        first_other("lives on", 30, || {
            let mut stream = websocket::open(&b.guarded.address, "json");
            let connect = format!(
                r#"[{{"type":"connect","client_id":"eve","token":"{}"}},{{"type":"ping","nonce":1}}]"#,
                of("sockets")
            );
            stream.write_all(&websocket::frame(websocket::TEXT, connect.as_bytes())).expect("writes");
            let words = websocket::read(&mut stream);
            open.push(stream);
            words
        })
    }),
    case("streams of a server that is full", "503 too_many_connections", |b| {
        streams(10, || connect_from(7, &b.trusting.address), "")
    }),
    case("publishes of one subject, a request each", "429 rate_limited", |b| publish_as(b, "flood")),
    case("publishes of one address without a name", "429 rate_limited", |b| {
        let body = br#"{"topic":"open:flood","data":1}"#;
        let mut stream = connect_from(8, &b.guarded.address);
        first_other("200", 2_000, || {
            let head = "POST /v1/publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
            let head = format!("{head}content-length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), body].concat()).expect("writes");
            in_words(answer(&mut stream))
        })
    }),
    case("200 publishes of one subject in a message", "ack, error rate_limited, lives on", |b| {
        let publish: Vec<_> = (0..200)
            .map(|n| format!(r#"{{"type":"publish","topic":"flood","id":"p.{n}","data":1}}"#))
            .collect();
        let flood = format!("[{}]", publish.join(","));
        let subject = format!("flood-{}", fastrand::u64(..));
        let ping = r#"{"type":"ping","nonce":1}"#.to_owned();
        websocket::connect_as(&b.guarded.address, &of(&subject), &[flood, ping])
    }),
    case(
        "2,000 publishes that wait to be sent again",
        "ack, error rate_limited, close 4002 rate_limited",
        |b| {
            let subject = format!("flood-{}", fastrand::u64(..));
            let floods: Vec<_> = (0..5)
                .map(|part| {
                    let publish =
                        |n| format!(r#"{{"type":"publish","topic":"flood","id":"p.{part}.{n}","data":1}}"#);
                    format!("[{}]", (0..500).map(publish).collect::<Vec<_>>().join(","))
                })
                .collect();
            websocket::connect_as(&b.guarded.address, &of(&subject), &floods)
        },
    ),
    case("tickets of one subject", "429 rate_limited", |b| {
        let token = format!("authorization: Bearer {}\r\n", of("collector"));
        first_other("200", 100, || post(&b.guarded.address, "/v1/ticket", &token, ""))
    }),
];
