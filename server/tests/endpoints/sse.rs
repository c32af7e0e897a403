//! The event stream: its format, resuming, gaps, requests by body.

use everwire_protocol::{Code, GapReason, Position, ServerFrame};
use everwire_server::log::Retention;

use crate::support::{Sse, config, start, start_with};

#[tokio::test]
async fn a_stream_begins_with_its_welcome_and_carries_messages() {
    let server = start().await;
    let mut sse = server.sse("topic=a&topic=b").await;
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        assert_eq!(sse.response.headers()[name], value);
    }
    assert!(matches!(sse.next().await.frame(), ServerFrame::Welcome { heartbeat: 25_000, .. }));
    assert!(matches!(sse.next().await.frame(), ServerFrame::Subscribed { alias: 0, recovered: false, .. }));
    let subscribed = sse.next().await;
    assert!(matches!(subscribed.frame(), ServerFrame::Subscribed { alias: 1, .. }));
    let position = server.publish("b", 42).await;
    let event = sse.next().await;
    let ServerFrame::Messages { alias: 1, records } = event.frame() else { panic!("{event:?}") };
    assert_eq!((records[0].offset, &records[0].payload.data[..]), (1, &b"42"[..]));
    assert_eq!(event.cursor().0, [Position { offset: 0, ..position }, position]);
}

#[tokio::test]
async fn the_first_event_sets_retry() {
    let server = start().await;
    let mut response = server.get("/v1/sse?topic=a").await;
    let chunk = response.chunk().await.expect("reads").expect("a chunk");
    assert!(chunk.starts_with(b"retry: "));
}

#[tokio::test]
async fn raw_events_are_bare_payloads() {
    let server = start().await;
    let mut sse = server.sse("topic=a&format=raw").await;
    server.post_publish(r#"{"topic":"a","data":{"text":"hi"}}"#, None).await;
    let event = sse.named("").await;
    assert_eq!(event.data, r#"{"text":"hi"}"#);
    assert!(event.id.is_some());
}

#[tokio::test]
async fn invariant_1_last_event_id_continues_at_the_next_offset() {
    let server = start().await;
    for n in 1..=3 {
        server.publish("a", n).await;
    }
    let mut sse = server.sse("topic=a&from=earliest&format=raw").await;
    assert_eq!(sse.named("").await.data, "1");
    let id = sse.named("").await.id.expect("an id");
    drop(sse);
    server.publish("a", 4).await;
    let mut by_header = server.sse_with("topic=a&from=earliest&format=raw", Some(&id)).await;
    let mut by_query = server.sse(&format!("topic=a&format=raw&last_event_id={id}")).await;
    let older = "last_event_id=zzz-9";
    let mut by_newer_header = server.sse_with(&format!("topic=a&format=raw&{older}"), Some(&id)).await;
    for sse in [&mut by_header, &mut by_query, &mut by_newer_header] {
        let subscribed = sse.named("everwire.subscribed").await;
        assert!(matches!(subscribed.frame(), ServerFrame::Subscribed { recovered: true, .. }));
        assert_eq!(sse.next().await.data, "3");
        assert_eq!(sse.next().await.data, "4");
    }
}

#[tokio::test]
async fn invariant_1_the_first_id_of_a_stream_forgets_no_position_that_was_sent() {
    let server = start().await;
    let (a, b) = (server.publish("a", 1).await, server.publish("b", 1).await);
    let mut sse = server.sse_with("topic=a&topic=b&topic=c", Some(&format!("{a}.{b}.0-0"))).await;
    assert_eq!(sse.named("everwire.subscribed").await.cursor().0, [a, b, Position::NONE]);
}

#[tokio::test]
async fn invariant_1_an_evicted_cursor_gives_a_gap_event() {
    let mut config = config();
    config.store.retention.default = Retention { records: 2, ..Retention::default() };
    let server = start_with(config).await;
    let first = server.publish("a", 1).await;
    for n in 2..=5 {
        server.publish("a", n).await;
    }
    for format in ["", "&format=raw"] {
        let mut sse = server.sse_with(&format!("topic=a{format}"), Some(&first.to_string())).await;
        let gap = sse.named("everwire.gap").await;
        let ServerFrame::Gap { from: 2, to: Some(3), reason: GapReason::Evicted, .. } = gap.frame() else {
            panic!("{gap:?}")
        };
        assert_eq!(gap.cursor().0[0].offset, 3);
        assert_eq!(sse.next().await.cursor().0[0].offset, 4);
    }
}

#[tokio::test]
async fn invariant_1_a_restart_gives_a_gap_event_of_the_epoch() {
    let before = start().await;
    let seen = before.publish("a", 1).await;
    assert!(before.server.drain().await);
    let server = start().await;
    server.publish("a", 10).await;
    let mut sse = server.sse_with("topic=a", Some(&seen.to_string())).await;
    let gap = sse.named("everwire.gap").await;
    assert!(matches!(gap.frame(), ServerFrame::Gap { from: 2, to: None, reason: GapReason::Epoch, .. }));
    assert_eq!(sse.next().await.cursor().0[0].offset, 1);
}

#[tokio::test]
async fn a_long_list_of_topics_travels_in_the_body() {
    let server = start().await;
    let topics: Vec<_> = (0..128).map(|n| format!("topic=a-rather-long-topic-name-{n}")).collect();
    let request = server.http.post(server.url("/v1/sse"));
    let form = "application/x-www-form-urlencoded";
    let response = request.header("content-type", form).body(topics.join("&")).send().await.expect("answers");
    let mut sse = Sse::of(response);
    for alias in 0..128 {
        let event = sse.named("everwire.subscribed").await;
        assert!(matches!(event.frame(), ServerFrame::Subscribed { alias: n, .. } if n == alias));
    }
}

#[tokio::test]
async fn heartbeats_are_events() {
    let mut config = config();
    config.rules.heartbeat = 100;
    let server = start_with(config).await;
    let mut sse = server.sse("topic=a").await;
    for _ in 0..2 {
        assert_eq!(sse.named("everwire.heartbeat").await.frame(), ServerFrame::Heartbeat);
    }
}

#[tokio::test]
async fn a_stream_ends_at_its_longest_life_and_says_so() {
    let mut config = config();
    config.max_life = std::time::Duration::from_millis(50);
    let server = start_with(config).await;
    let mut sse = server.sse("topic=a").await;
    let closed = sse.named("everwire.closed").await;
    assert!(matches!(closed.frame(), ServerFrame::Closed { code: Code::EXPIRED, .. }));
    assert_eq!(sse.try_next().await, None);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_with_its_code() {
    let server = start().await;
    let many = ["topic=a"; 2].join("&");
    let over: Vec<_> = (0..129).map(|n| format!("topic=t{n}")).collect();
    for (query, status, code) in [
        ("", 400, "bad_request"),
        ("topic=a+b", 400, "bad_topic"),
        ("topic=a&from=nowhere", 400, "bad_position"),
        ("topic=a&from=latest&from=latest", 400, "bad_position"),
        ("topic=a&last_event_id=%21", 400, "bad_position"),
        ("topic=a&last_event_id=a-1.b-2", 400, "bad_position"),
        ("topic=a&format=xml", 400, "bad_request"),
        ("topic=a&presence=b", 400, "bad_request"),
        ("topic=a&presence=a", 400, "bad_request"),
        ("topic=a&client_id=%20", 400, "bad_request"),
        (&many, 409, "already_subscribed"),
        (&over.join("&"), 400, "too_many_topics"),
    ] {
        let answer = server.get(&format!("/v1/sse?{query}")).await;
        assert_eq!(answer.status(), status, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{query}");
        let problem: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(problem["code"], code, "{query}");
        assert_eq!(problem["status"], status, "{query}");
    }
}

#[tokio::test]
async fn a_stream_follows_what_the_same_connection_was_answered_before() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let server = start().await;
    let mut socket = tokio::net::TcpStream::connect(&server.address).await.expect("connects");
    // All at once, as a proxy with a connection kept alive may do.
    let requests = format!(
        "GET /health/live HTTP/1.1\r\nhost: {0}\r\n\r\nGET /v1/sse?topic=a HTTP/1.1\r\nhost: {0}\r\n\r\n",
        server.address
    );
    socket.write_all(requests.as_bytes()).await.expect("writes");
    let mut lines = BufReader::new(socket).lines();
    let mut heads = Vec::new();
    while let Some(line) = lines.next_line().await.expect("reads") {
        if line.starts_with("HTTP/1.1") {
            heads.push(line);
        } else if line == "event: everwire.subscribed" {
            break;
        }
    }
    assert_eq!(heads, ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
    server.publish("a", 42).await;
    while lines.next_line().await.expect("reads").expect("goes on") != "data: 42" {}
}
