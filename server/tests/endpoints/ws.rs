//! WebSocket: both codecs, every start, resume, gaps, publishing, heartbeats.

use std::time::Duration;

use everwire_protocol::{
    About, ClientFrame, Code, Epoch, From, GapReason, HistoryRange, Payload, Position, ServerFrame,
    http::{WS_BINARY, WS_JSON},
};
use everwire_server::log::{Retention, RetentionRules};
use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::support::{config, publish_frame, start, start_with, topic};

#[tokio::test]
async fn both_codecs_carry_the_same() {
    let server = start().await;
    let (mut binary, mut json) = (server.ws_as("ada", WS_BINARY).await, server.ws_as("bob", WS_JSON).await);
    for ws in [&mut binary, &mut json] {
        ws.subscribe("a", From::Latest).await;
        assert!(matches!(ws.next().await, ServerFrame::Subscribed { alias: 0, recovered: false, .. }));
    }
    let payloads =
        [Payload::json(r#"{"n": 1}"#), Payload::text("line\r\nline"), Payload::bytes(vec![0, 255])];
    for (n, payload) in payloads.iter().enumerate() {
        binary.send(publish_frame("a", &format!("ada.{n}"), payload.clone())).await;
    }
    let mut of_each = Vec::new();
    for ws in [&mut binary, &mut json] {
        let mut records = Vec::new();
        while records.len() < payloads.len() {
            if let ServerFrame::Messages { records: some, .. } = ws.next().await {
                records.extend(some);
            }
        }
        assert_eq!(records.iter().map(|r| r.payload.clone()).collect::<Vec<_>>(), payloads);
        of_each.push(records);
    }
    assert_eq!(of_each[0], of_each[1]);
}

#[tokio::test]
async fn every_start_is_honoured() {
    let server = start().await;
    for n in 0..5 {
        server.publish("a", n).await;
    }
    let fifth = server.publish("a", 5).await;
    let mut ws = server.ws().await;
    let second = Position { offset: 2, ..fifth };
    for (from, first) in
        [(From::Earliest, 1), (From::Last(3), 4), (From::Position(second), 3), (From::Latest, 7)]
    {
        ws.subscribe("a", from).await;
        let ServerFrame::Subscribed { recovered, position, .. } = ws.next().await else { panic!() };
        assert_eq!((recovered, position.offset), (matches!(from, From::Position(_)), first - 1), "{from}");
        if first <= 6 {
            assert_eq!(ws.offsets(7 - first as usize).await, (first..=6).collect::<Vec<_>>());
        }
        ws.send(ClientFrame::Unsubscribe { topic: topic("a") }).await;
    }
}

#[tokio::test]
async fn invariant_1_a_reconnect_continues_at_the_next_offset() {
    let server = start().await;
    let mut ws = server.ws().await;
    ws.subscribe("a", From::Latest).await;
    server.publish("a", 1).await;
    let seen = server.publish("a", 2).await;
    assert_eq!(ws.offsets(2).await, [1, 2]);
    drop(ws);
    server.publish("a", 3).await;
    server.publish("a", 4).await;
    let mut ws = server.ws().await;
    ws.subscribe("a", From::Position(seen)).await;
    assert!(matches!(ws.next().await, ServerFrame::Subscribed { recovered: true, .. }));
    assert_eq!(ws.offsets(2).await, [3, 4]);
}

#[tokio::test]
async fn invariant_1_an_evicted_cursor_gets_a_gap() {
    let mut config = config();
    let keep = Retention { records: 3, ..Retention::default() };
    config.store.retention = RetentionRules { default: keep, patterns: Vec::new() };
    let server = start_with(config).await;
    let first = server.publish("a", 1).await;
    for n in 2..=6 {
        server.publish("a", n).await;
    }
    let mut ws = server.ws().await;
    ws.subscribe("a", From::Position(first)).await;
    assert!(matches!(ws.next().await, ServerFrame::Subscribed { recovered: false, .. }));
    let position = Position { offset: 3, ..first };
    let gap = ServerFrame::Gap { alias: 0, from: 2, to: Some(3), reason: GapReason::Evicted, position };
    assert_eq!(ws.next().await, gap);
    assert_eq!(ws.offsets(3).await, [4, 5, 6]);
}

#[tokio::test]
async fn invariant_1_a_restart_is_a_gap_of_the_epoch() {
    let before = start().await;
    let seen = before.publish("a", 1).await;
    assert!(before.server.drain().await);
    let after = start().await;
    after.publish("a", 1).await;
    let mut ws = after.ws().await;
    ws.subscribe("a", From::Position(seen)).await;
    assert!(matches!(ws.next().await, ServerFrame::Subscribed { recovered: false, .. }));
    let ServerFrame::Gap { from: 2, to: None, reason: GapReason::Epoch, position, .. } = ws.next().await
    else {
        panic!()
    };
    assert_ne!(position.epoch, seen.epoch);
    assert_eq!(ws.offsets(1).await, [1], "nothing written since is missed");
}

#[tokio::test]
async fn invariant_1_a_cursor_ahead_of_the_log_is_a_gap_of_the_epoch() {
    let server = start().await;
    let seen = server.publish("a", 1).await;
    let mut ws = server.ws().await;
    ws.subscribe("a", From::Position(Position { offset: 50, ..seen })).await;
    ws.next().await;
    assert!(matches!(ws.next().await, ServerFrame::Gap { from: 51, to: None, reason: GapReason::Epoch, .. }));
    ws.subscribe("b", From::Position(Position { epoch: Epoch::from_number(1), offset: 0 })).await;
    assert_eq!(ws.offsets(1).await, [1]);
    ws.next().await;
    assert!(matches!(ws.next().await, ServerFrame::Gap { from: 1, reason: GapReason::Epoch, .. }));
}

#[tokio::test]
async fn invariant_4_a_publish_repeated_over_another_connection_and_by_post_takes_effect_once() {
    let server = start().await;
    let mut acks = Vec::new();
    for name in ["one", "two"] {
        let mut ws = server.ws_as(name, WS_BINARY).await;
        ws.send(publish_frame("a", "ada.7", Payload::json("1"))).await;
        acks.push(ws.next().await);
    }
    assert!(matches!(acks[0], ServerFrame::Ack { position: Some(_), .. }));
    assert_eq!(acks[0], acks[1]);
    let answer = server.post_publish(r#"{"topic":"a","data":1}"#, Some("ada.7")).await;
    assert!(answer.text().await.expect("a body").contains("-1\""));
    let history = server.json("/v1/topics/a/history").await;
    assert_eq!(history["records"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn invariant_3_log_order_is_publish_order() {
    let server = start().await;
    let mut ws = server.ws().await;
    ws.subscribe("a", From::Latest).await;
    for n in 0..500 {
        ws.send(publish_frame("a", &format!("ada.{n}"), Payload::json(n.to_string()))).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 500 {
        if let ServerFrame::Messages { records, .. } = ws.next().await {
            seen.extend(records);
        }
    }
    for (n, record) in seen.iter().enumerate() {
        assert_eq!((record.offset, &record.payload), (n as u64 + 1, &Payload::json(n.to_string())));
    }
}

#[tokio::test]
async fn ephemeral_messages_reach_who_is_there() {
    let server = start().await;
    let (mut ada, mut bob) = (server.ws_as("ada", WS_BINARY).await, server.ws_as("bob", WS_JSON).await);
    bob.subscribe("a", From::Latest).await;
    bob.next().await;
    let ClientFrame::Publish { topic, id, payload, key, .. } =
        publish_frame("a", "ada.1", Payload::json("{}"))
    else {
        panic!()
    };
    ada.send(ClientFrame::Publish { topic, id, payload, key, ephemeral: true }).await;
    assert!(matches!(ada.next().await, ServerFrame::Ack { position: None, .. }));
    assert!(matches!(bob.next().await, ServerFrame::Ephemeral { alias: 0, .. }));
}

#[tokio::test]
async fn history_and_pings_are_answered() {
    let server = start().await;
    for n in 1..=5 {
        server.publish("a", n).await;
    }
    let mut ws = server.ws().await;
    let range = HistoryRange::Before(5);
    ws.send(ClientFrame::History { request: 9, topic: topic("a"), range, limit: 2 }).await;
    ws.send(ClientFrame::Ping { nonce: 77 }).await;
    let ServerFrame::History { request: 9, records, more: true, .. } = ws.next().await else { panic!() };
    assert_eq!(records.iter().map(|r| r.offset).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(ws.next().await, ServerFrame::Pong { nonce: 77 });
}

#[tokio::test]
async fn a_silent_server_sends_heartbeats() {
    let mut config = config();
    config.rules.heartbeat = 100;
    let server = start_with(config).await;
    let mut ws = server.ws().await;
    for _ in 0..3 {
        assert_eq!(ws.next().await, ServerFrame::Heartbeat);
    }
}

#[tokio::test]
async fn a_slow_reader_falls_behind_and_blocks_nobody() {
    let mut config = config();
    config.store.retention.default = Retention { records: 5_000, bytes: 64 << 20, ..Retention::default() };
    let server = start_with(config).await;
    let (mut slow, mut fast) = (server.ws_as("slow", WS_BINARY).await, server.ws_as("fast", WS_BINARY).await);
    for ws in [&mut slow, &mut fast] {
        ws.subscribe("a", From::Latest).await;
        ws.next().await;
    }
    let mut publisher = server.ws_as("pub", WS_BINARY).await;
    let payload = Payload::bytes(vec![7; 60_000]);
    for n in 0..500 {
        publisher.send(publish_frame("a", &format!("p.{n}"), payload.clone())).await;
        assert!(matches!(publisher.next().await, ServerFrame::Ack { .. }));
        assert_eq!(fast.offsets(1).await, [n + 1], "30 MB wait for the slow one, none for this one");
    }
    assert_eq!(slow.offsets(500).await, (1..=500).collect::<Vec<_>>(), "which gets all of it when it reads");
}

#[tokio::test]
async fn a_connection_ends_at_its_longest_life_and_may_come_back() {
    let mut config = config();
    config.max_life = Duration::from_millis(50);
    let server = start_with(config).await;
    let mut ws = server.ws().await;
    assert_eq!(ws.close_code().await, Some(Code::EXPIRED.0));
    assert!(Code::EXPIRED.is_retryable());
    server.ws().await;
}

#[tokio::test]
async fn a_refused_topic_is_an_error_about_it_and_the_connection_lives() {
    let server = start().await;
    let mut ws = server.ws().await;
    ws.subscribe("a", From::Latest).await;
    ws.next().await;
    ws.subscribe("a", From::Latest).await;
    let ServerFrame::Error { about, code, .. } = ws.next().await else { panic!() };
    assert_eq!((about, code), (About::Topic(topic("a")), Code::ALREADY_SUBSCRIBED));
    ws.send(ClientFrame::Ping { nonce: 1 }).await;
    assert_eq!(ws.next().await, ServerFrame::Pong { nonce: 1 });
}

#[tokio::test]
async fn a_close_is_answered_with_its_code() {
    let server = start().await;
    for code in [CloseCode::Normal, CloseCode::Away, CloseCode::Library(4900)] {
        let mut ws = server.ws().await;
        let frame = CloseFrame { code, reason: "".into() };
        ws.socket.send(Message::Close(Some(frame))).await.expect("sends");
        assert_eq!(ws.close_code().await, Some(code.into()));
        assert!(ws.socket.next().await.is_none(), "and then the connection ends");
    }
}
