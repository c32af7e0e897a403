//! Topics, cursors and parameters that are none.

use super::{Case, case};
use crate::{
    bench::Bench,
    http::{get, get_with, publish},
};

fn poll(bench: &Bench, query: &str) -> String {
    get(&bench.guarded.address, &format!("/v1/poll?timeout=0&{query}"))
}

fn last_event_id(bench: &Bench, id: &str) -> String {
    get_with(&bench.guarded.address, "/v1/sse?topic=a", &format!("last-event-id: {id}\r\n"))
}

pub const CASES: &[Case] = &[
    case("no topic", "400 bad_request", |b| poll(b, "")),
    case("an empty topic", "400 bad_topic", |b| poll(b, "topic=")),
    case("a topic with a space", "400 bad_topic", |b| poll(b, "topic=a+b")),
    case("a topic with a line end", "400 bad_topic", |b| poll(b, "topic=a%0d%0ax")),
    case("a topic with a NUL", "400 bad_topic", |b| poll(b, "topic=a%00")),
    case("a topic in other letters", "400 bad_topic", |b| poll(b, "topic=%C3%BC")),
    case("a topic that is no UTF-8", "400 bad_topic", |b| poll(b, "topic=%ff%fe")),
    case("a topic of broken escapes", "400 bad_topic", |b| poll(b, "topic=%zz")),
    case("a topic of 256 bytes", "400 bad_topic", |b| poll(b, &format!("topic={}", "x".repeat(256)))),
    case("a pattern for a topic", "400 bad_topic", |b| poll(b, "topic=room:*")),
    case("one of the server's own topics", "403 forbidden", |b| poll(b, "topic=$internal")),
    case("publishing to one of the server's own topics", "403 forbidden", |b| {
        publish(&b.trusting.address, r#"{"topic":"$internal","data":1}"#)
    }),
    case("publishing the server's own figures", "403 forbidden", |b| {
        publish(&b.trusting.address, r#"{"topic":"metrics:cpu","data":1}"#)
    }),
    case("129 topics", "400 too_many_topics", |b| {
        poll(b, &(0..129).map(|n| format!("topic=t{n}&")).collect::<String>())
    }),
    case("a topic twice", "409 already_subscribed", |b| poll(b, "topic=a&topic=a")),
    case("a cursor that is none", "400 bad_position", |b| poll(b, "topic=a&cursor=%3Cscript%3E")),
    case("a cursor of other topics", "400 bad_position", |b| poll(b, "topic=a&cursor=x-1_y-2")),
    case("a cursor of 10,000 positions", "400 bad_position", |b| {
        poll(b, &format!("topic=a&cursor={}", "x-1_".repeat(10_000)))
    }),
    case("an offset over 64 bits", "400 bad_position", |b| poll(b, "topic=a&cursor=x-18446744073709551616")),
    case("a negative offset", "400 bad_position", |b| poll(b, "topic=a&cursor=x--1")),
    case("a start that is none", "400 bad_position", |b| poll(b, "topic=a&from=yesterday")),
    case("two starts for three topics", "400 bad_position", |b| {
        poll(b, "topic=a&topic=b&topic=c&from=latest&from=latest")
    }),
    case("a `Last-Event-ID` of chance", "400 bad_position", |b| last_event_id(b, "' OR 1=1 --")),
    case("a `Last-Event-ID` in other letters", "400 bad_position", |b| last_event_id(b, "ünïcode")),
    case("a `Last-Event-ID` of 30,000 bytes", "400 bad_position", |b| last_event_id(b, &"9".repeat(30_000))),
    case("a `timeout` that is no number", "400 bad_request", |b| {
        get(&b.guarded.address, "/v1/poll?topic=a&timeout=soon")
    }),
    case("a `timeout` over 64 bits", "400 bad_request", |b| {
        get(&b.guarded.address, "/v1/poll?topic=a&timeout=99999999999999999999")
    }),
    case("a `format` that is none", "400 bad_request", |b| {
        get(&b.guarded.address, "/v1/sse?topic=a&format=xml")
    }),
    case("a `client_id` of 65 bytes", "400 bad_request", |b| {
        poll(b, &format!("topic=a&client_id={}", "x".repeat(65)))
    }),
    case("an `info` of 1,025 bytes", "413 too_large", |b| {
        poll(b, &format!("topic=a&client_id=eve&info={}", "x".repeat(1_025)))
    }),
    case("presence without a name", "400 bad_request", |b| poll(b, "topic=a&presence=a")),
    case("presence on a topic that is not asked for", "400 bad_request", |b| {
        poll(b, "topic=a&presence=b&client_id=eve")
    }),
    case("a negative page of history", "400 bad_request", |b| {
        get(&b.guarded.address, "/v1/topics/a/history?limit=-1")
    }),
    case("history in both directions", "400 bad_request", |b| {
        get(&b.guarded.address, "/v1/topics/a/history?before=1&after=1")
    }),
    case("history of what is no topic", "400 bad_topic", |b| {
        get(&b.guarded.address, "/v1/topics/a%20b/history")
    }),
    case("history of what is no text", "400 bad_topic", |b| {
        get(&b.guarded.address, "/v1/topics/%ff/history")
    }),
    case("a page of 4 billion records, which is cut to what there may be", "200", |b| {
        get(&b.guarded.address, "/v1/topics/a/history?limit=4294967295")
    }),
];
