//! Polls: held and answered, both forms, the cursor's way.

use std::time::{Duration, Instant};

use everwire_protocol::{ServerFrame, binary, http::MEDIA_BINARY, limits};
use everwire_server::{counters::Transport, log::Retention};

use crate::support::{Tested, config, start, start_with, until};

async fn frames(server: &Tested, query: &str) -> Vec<ServerFrame> {
    let request = server.http.get(server.url(&format!("/v1/poll?{query}"))).header("accept", MEDIA_BINARY);
    let response = request.send().await.expect("answers");
    assert_eq!(response.headers()["content-type"], MEDIA_BINARY);
    let mut bytes = response.bytes().await.expect("a body");
    let mut frames = Vec::new();
    while let Some(frame) = binary::decode_server(&mut bytes).expect("a frame") {
        frames.push(frame);
    }
    frames
}

#[tokio::test]
async fn a_plain_poll_answers_at_once_and_an_empty_answer_keeps_the_cursor() {
    let server = start().await;
    server.publish("a", 1).await;
    let first = server.json("/v1/poll?topic=a&timeout=0&cursor=earliest").await;
    assert_eq!(first["messages"][0]["topic"], "a");
    assert_eq!(first["messages"][0]["offset"], 1);
    assert_eq!(first["messages"][0]["data"], 1);
    let cursor = first["cursor"].as_str().expect("a cursor");
    let second = server.json(&format!("/v1/poll?topic=a&timeout=0&cursor={cursor}")).await;
    assert_eq!(second["messages"].as_array().map(Vec::len), Some(0));
    assert_eq!(second["cursor"], cursor);
    let latest = server.json("/v1/poll?topic=a&timeout=0&cursor=latest").await;
    assert_eq!(latest["cursor"], cursor);
}

#[tokio::test]
async fn a_poll_is_held_until_there_is_a_message() {
    let server = start().await;
    let position = server.publish("a", 1).await;
    let path = format!("/v1/poll?topic=a&cursor={position}&timeout=60");
    let (answer, _) = tokio::join!(server.json(&path), async {
        until(async || server.server.counters().connections(Transport::Poll) == 1).await;
        server.publish("a", 2).await
    });
    assert_eq!(answer["messages"][0]["data"], 2);
    assert_eq!(answer["messages"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_held_poll_ends_at_its_timeout() {
    let server = start().await;
    let began = Instant::now();
    let answer = server.json("/v1/poll?topic=a&timeout=1").await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(answer["messages"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn a_binary_poll_is_what_a_stream_would_send() {
    let server = start().await;
    server.publish("a", 1).await;
    let frames = frames(&server, "topic=a&topic=b&from=earliest&timeout=0").await;
    assert!(matches!(
        &frames[..],
        [
            ServerFrame::Welcome { .. },
            ServerFrame::Subscribed { alias: 0, .. },
            ServerFrame::Subscribed { alias: 1, .. },
            ServerFrame::Messages { alias: 0, records },
        ] if records.len() == 1
    ));
}

#[tokio::test]
async fn invariant_1_polls_by_cursor_see_every_message_once() {
    let server = start().await;
    let mut cursor = "earliest".to_owned();
    let mut seen = Vec::new();
    for round in 0..10 {
        for n in 0..round {
            server.publish("a", n).await;
        }
        let answer = server.json(&format!("/v1/poll?topic=a&timeout=0&cursor={cursor}")).await;
        for message in answer["messages"].as_array().expect("a list") {
            seen.push(message["offset"].as_u64().expect("an offset"));
        }
        cursor = answer["cursor"].as_str().expect("a cursor").to_owned();
    }
    assert_eq!(seen, (1..=45).collect::<Vec<_>>());
}

#[tokio::test]
async fn invariant_1_a_poll_with_an_evicted_cursor_is_told_of_the_gap() {
    let mut config = config();
    config.store.retention.default = Retention { records: 2, ..Retention::default() };
    let server = start_with(config).await;
    let first = server.publish("a", 1).await;
    for n in 2..=5 {
        server.publish("a", n).await;
    }
    let answer = server.json(&format!("/v1/poll?topic=a&timeout=30&cursor={first}")).await;
    let gap = &answer["gaps"][0];
    assert_eq!((&gap["topic"], &gap["from"], &gap["to"]), (&"a".into(), &2.into(), &3.into()));
    assert_eq!(gap["reason"], "evicted");
    let cursor = answer["cursor"].as_str().expect("a cursor");
    let rest = server.json(&format!("/v1/poll?topic=a&timeout=0&cursor={cursor}")).await;
    let after =
        answer["messages"].as_array().map_or(0, Vec::len) + rest["messages"].as_array().map_or(0, Vec::len);
    assert_eq!(after, 2);
}

#[tokio::test]
async fn a_form_body_asks_as_a_query_does() {
    let server = start().await;
    server.publish("a", 7).await;
    let request = server.http.post(server.url("/v1/poll"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body("topic=a&cursor=earliest&timeout=0").send().await.expect("answers");
    let answer: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(answer["messages"][0]["data"], 7);
    let request = server.http.post(server.url("/v1/poll")).header("content-type", "application/json");
    assert_eq!(request.body("{}").send().await.expect("answers").status(), 415);
}

#[tokio::test]
async fn a_refusal_is_a_frame_for_who_asked_for_frames() {
    let server = start().await;
    let frames = frames(&server, "topic=a&cursor=zzz").await;
    assert!(matches!(&frames[..], [ServerFrame::Error { code, .. }] if code.name() == "bad_position"));
}

#[tokio::test]
async fn a_refusal_repeats_no_more_of_what_was_sent_than_a_message_may_hold() {
    let server = start().await;
    for name in ["x".repeat(2_000), "%C3%B6".repeat(1_000)] {
        let frames = frames(&server, &format!("topic={name}")).await;
        let [ServerFrame::Error { code, message, .. }] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!(code.name(), "bad_topic");
        assert!((1_000..=limits::MESSAGE_BYTES).contains(&message.len()));
        let problem = server.get(&format!("/v1/sse?topic={name}")).await;
        let problem: serde_json::Value = problem.json().await.expect("JSON");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() <= limits::MESSAGE_BYTES));
    }
}

#[tokio::test]
async fn an_answer_without_news_keeps_the_positions_of_topics_that_were_refused() {
    let mut config = config();
    config.rules.limits.topics = 1;
    let server = start_with(config).await;
    let position = server.publish("a", 1).await;
    let answer = server.json(&format!("/v1/poll?topic=a&topic=b&timeout=0&cursor={position}.k3-7")).await;
    assert_eq!(answer["errors"][0]["topic"], "b");
    assert_eq!(answer["cursor"], format!("{position}.k3-7"));
}

#[tokio::test]
async fn a_held_poll_that_is_given_up_frees_its_place() {
    let server = start().await;
    let held = || server.server.counters().connections(Transport::Poll);
    let poll = tokio::spawn(server.http.get(server.url("/v1/poll?topic=a&timeout=60")).send());
    until(async || held() == 1).await;
    poll.abort();
    until(async || held() == 0).await;
}
