//! Guards over real sockets: who is told apart by what, what a refusal looks like to a page, and that it is counted.

use everwire_protocol::{ClientFrame, Code, Payload, ServerFrame};
use everwire_server::{
    config::Config,
    guard::{ForwardHeader, GuardRules, Proxies},
};

use crate::support::{Tested, config, publish_frame, start, start_with, until};

/// Guarded, although only this machine reaches it.
fn guarded(guards: GuardRules) -> Config {
    Config { guards, ..config() }
}

fn behind_a_proxy(header: ForwardHeader) -> Config {
    let rules = GuardRules { request_rate: Some(1), request_burst: Some(1), ..GuardRules::default() };
    let trusted = vec!["127.0.0.0/8".parse().expect("a network")];
    Config { proxies: Proxies::new(trusted, header), ..guarded(rules) }
}

async fn status_for(server: &Tested, header: &str, value: &str) -> u16 {
    let request = server.http.get(server.url("/v1/topics/a/presence")).header(header, value);
    request.send().await.expect("answers").status().as_u16()
}

#[tokio::test]
async fn behind_a_trusted_proxy_clients_are_told_apart_by_what_it_adds() {
    let server = start_with(behind_a_proxy(ForwardHeader::XForwardedFor)).await;
    assert_eq!(status_for(&server, "x-forwarded-for", "192.0.2.1").await, 200);
    assert_eq!(status_for(&server, "x-forwarded-for", "192.0.2.1").await, 429);
    assert_eq!(status_for(&server, "x-forwarded-for", "198.51.100.7, 192.0.2.1").await, 429, "its own word");
    assert_eq!(status_for(&server, "forwarded", "for=192.0.2.2").await, 200, "which is the proxy's own");
    assert_eq!(status_for(&server, "forwarded", "for=192.0.2.3").await, 429, "which it still is");
    assert_eq!(status_for(&server, "x-forwarded-for", "192.0.2.1, 192.0.2.4").await, 200);
    assert_eq!(status_for(&server, "x-forwarded-for", "2001:db8::1").await, 200);
    assert_eq!(status_for(&server, "x-forwarded-for", "2001:db8::2").await, 429, "of the same 64 bits");
    let by_forwarded = start_with(behind_a_proxy(ForwardHeader::Forwarded)).await;
    assert_eq!(status_for(&by_forwarded, "forwarded", "for=192.0.2.1").await, 200);
    assert_eq!(status_for(&by_forwarded, "forwarded", "for=192.0.2.2").await, 200);
    assert_eq!(status_for(&by_forwarded, "forwarded", "for=192.0.2.2").await, 429);
}

#[tokio::test]
async fn nobody_elses_word_is_taken() {
    let config = Config { proxies: Proxies::default(), ..behind_a_proxy(ForwardHeader::XForwardedFor) };
    let server = start_with(config).await;
    assert_eq!(status_for(&server, "x-forwarded-for", "192.0.2.1").await, 200);
    assert_eq!(status_for(&server, "x-forwarded-for", "192.0.2.2").await, 429);
}

#[tokio::test]
async fn a_page_can_read_why_and_when_to_come_back() {
    let rules = GuardRules { request_rate: Some(1), request_burst: Some(1), ..GuardRules::default() };
    let server = start_with(guarded(rules)).await;
    let get = || server.http.get(server.url("/v1/topics/a/presence")).header("origin", "http://localhost:1");
    assert_eq!(get().send().await.expect("answers").status(), 200);
    let refused = get().send().await.expect("answers");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["access-control-allow-origin"], "http://localhost:1");
    assert!(refused.headers().contains_key("retry-after"));
    let problem: serde_json::Value = refused.json().await.expect("JSON");
    assert_eq!(problem["code"], "rate_limited");
    assert!(problem["retry_after"]["min"].as_u64() >= Some(500), "{problem}");
    assert_eq!(server.get("/health/ready").await.status(), 200, "who looks after it is not a client");
}

#[tokio::test]
async fn a_server_that_only_its_machine_reaches_has_no_bounds_but_those_it_was_given() {
    let server = start().await;
    let mut ws = server.ws().await;
    for n in 0..200 {
        ws.send(publish_frame("a", &format!("p.{n}"), Payload::json("1"))).await;
    }
    for _ in 0..200 {
        assert!(matches!(ws.next().await, ServerFrame::Ack { .. }));
    }
    let rules = GuardRules { publish_rate: Some(1), publish_burst: Some(3), ..GuardRules::default() };
    let server = start_with(guarded(rules)).await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(server.post_publish(r#"{"topic":"a","data":1}"#, None).await.status().as_u16());
    }
    assert_eq!(codes[..3], [200, 200, 200]);
    assert!(codes.contains(&429), "{codes:?}");
}

#[tokio::test]
async fn every_refusal_is_counted_once_by_its_code() {
    let server = start().await;
    let of = |code| server.server.counters().refusals.of(code);
    server.get("/v1/nothing").await;
    server.get("/v1/poll?topic=a+b").await;
    server.get("/v1/sse?topic=a&cursor=!").await;
    server.get("/v1/poll?topic=$x&timeout=0").await;
    server.post_publish(r#"{"topic":"$x","data":1}"#, None).await;
    server.post_publish(r#"[{"topic":"$x","data":1},{"topic":"a","data":1}]"#, None).await;
    let mut ws = server.ws().await;
    ws.send(publish_frame("$x", "p.1", Payload::json("1"))).await;
    assert!(matches!(ws.next().await, ServerFrame::Error { .. }));
    ws.send(ClientFrame::Connect { client_id: "ada".parse().expect("an id"), token: None, info: None }).await;
    assert_eq!(ws.close_code().await, Some(Code::BAD_REQUEST.0));
    until(async || of(Code::BAD_REQUEST) > 0).await;
    let counted = server.server.counters().refusals.iter().filter(|(_, count)| *count > 0);
    let mut counted: Vec<_> = counted.map(|(code, count)| (code.name(), count)).collect();
    counted.sort_unstable();
    let expected =
        [("bad_position", 1), ("bad_request", 1), ("bad_topic", 1), ("forbidden", 4), ("not_found", 1)];
    assert_eq!(counted, expected);
}
