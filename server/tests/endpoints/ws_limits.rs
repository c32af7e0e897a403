//! WebSocket: what is hostile or broken gets an error with a code, and the server lives on.

use everwire_protocol::{
    ClientFrame, Code, Payload, ServerFrame,
    http::{WS_BINARY, WS_JSON},
    limits,
};
use everwire_server::counters::Transport;
use futures::SinkExt;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::{Tested, Ws, config, publish_frame, start, start_with, until};

async fn assert_lives(server: &Tested) {
    let mut ws = server.ws().await;
    ws.send(ClientFrame::Ping { nonce: 5 }).await;
    assert_eq!(ws.next().await, ServerFrame::Pong { nonce: 5 });
}

async fn assert_refused(ws: &mut Ws, code: Code) {
    let ServerFrame::Error { code: said, .. } = ws.next().await else { panic!() };
    assert_eq!(said, code);
    assert_eq!(ws.close_code().await, Some(code.0));
}

#[tokio::test]
async fn invariant_12_bytes_that_are_no_frame_are_refused_with_a_code() {
    let server = start().await;
    for bytes in [&[0xff; 40][..], &[0], &[5, 1, 2], &[1, 0x06]] {
        let mut ws = server.raw_ws(Some(WS_BINARY)).await;
        ws.socket.send(Message::Binary(bytes.to_vec().into())).await.expect("sends");
        assert_refused(&mut ws, Code::BAD_REQUEST).await;
    }
    for text in ["", "{", "null", "[1]", r#"{"type":"subscribe","topic":"a b"}"#, &"[".repeat(100_000)] {
        let mut ws = server.raw_ws(Some(WS_JSON)).await;
        ws.socket.send(Message::text(text)).await.expect("sends");
        assert_refused(&mut ws, Code::BAD_REQUEST).await;
    }
    assert_lives(&server).await;
}

#[tokio::test]
async fn a_message_of_the_other_kind_is_refused() {
    let server = start().await;
    let mut ws = server.ws_as("ada", WS_BINARY).await;
    ws.socket.send(Message::text(r#"{"type":"ping","nonce":1}"#)).await.expect("sends");
    assert_refused(&mut ws, Code::BAD_REQUEST).await;
}

/// Readers parse what comes together as one array: nothing in it may reach beyond its own place.
#[tokio::test]
async fn what_claims_to_be_json_and_is_none_is_refused() {
    let server = start().await;
    let mut ws = server.ws_as("ada", WS_BINARY).await;
    let json =
        [&b"[1"[..], b"2]", b"3,4", b"", b"{\"a\":1", b"\"b\":2}", b"\"", b"1 2", b"\xef\xbb\xbf1", b"NaN"];
    for (n, data) in json.into_iter().enumerate() {
        let payload = Payload { data: data.into(), ..Payload::json("") };
        ws.send(publish_frame("room", &format!("ada.{n}"), payload.clone())).await;
        let refused = ws.next().await;
        assert!(
            matches!(refused, ServerFrame::Error { code: Code::BAD_REQUEST, .. }),
            "{payload:?}: {refused:?}"
        );
    }
    ws.send(publish_frame("room", "ada.100", Payload::json("[1]"))).await;
    let ServerFrame::Ack { position: Some(position), .. } = ws.next().await else { panic!() };
    assert_eq!(position.offset, 1);
}

#[tokio::test]
async fn the_first_frame_must_be_connect() {
    let server = start().await;
    let mut ws = server.raw_ws(Some(WS_BINARY)).await;
    ws.send(ClientFrame::Ping { nonce: 1 }).await;
    assert_refused(&mut ws, Code::BAD_REQUEST).await;
}

#[tokio::test]
async fn invariant_6_a_socket_that_says_nothing_is_closed() {
    let mut config = config();
    config.rules.connect_timeout = 50;
    let server = start_with(config).await;
    let mut ws = server.raw_ws(Some(WS_BINARY)).await;
    assert_refused(&mut ws, Code::TIMEOUT).await;
}

#[tokio::test]
async fn an_oversized_payload_is_refused_and_the_connection_lives() {
    let server = start().await;
    let mut ws = server.ws().await;
    ws.send(publish_frame("a", "ada.1", Payload::bytes(vec![0; limits::PAYLOAD_BYTES + 1]))).await;
    let ServerFrame::Error { code, .. } = ws.next().await else { panic!() };
    assert_eq!(code, Code::TOO_LARGE);
    ws.send(publish_frame("a", "ada.2", Payload::bytes(vec![0; limits::PAYLOAD_BYTES]))).await;
    assert!(matches!(ws.next().await, ServerFrame::Ack { .. }));
}

#[tokio::test]
async fn an_oversized_message_ends_its_connection_and_no_other() {
    let server = start().await;
    // More than all buffers between the two hold: its sender is still sending when it is refused.
    for bytes in [limits::FRAME_BYTES + 1, 32 * limits::FRAME_BYTES] {
        let mut ws = server.ws().await;
        ws.socket.send(Message::Binary(vec![0; bytes].into())).await.expect("sends");
        assert_refused(&mut ws, Code::TOO_LARGE).await;
    }
    assert_lives(&server).await;
}

#[tokio::test]
async fn no_subprotocol_means_json_and_an_unknown_one_is_refused() {
    let server = start().await;
    let mut ws = server.raw_ws(None).await;
    ws.socket.send(Message::text(r#"{"type":"connect","client_id":"ada"}"#)).await.expect("sends");
    assert!(matches!(ws.next().await, ServerFrame::Welcome { .. }));

    let mut request = format!("ws://{}/v1/ws", server.address).into_client_request().expect("a request");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("everwire.v9.bin"));
    let Err(Error::Http(response)) = connect_async(request).await else { panic!() };
    assert_eq!(response.status().as_u16(), Code::UNSUPPORTED_VERSION.status());
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
    assert!(body.contains("unsupported_version"), "{body}");
}

#[tokio::test]
async fn invariant_5_connections_are_bounded_and_a_place_is_free_again() {
    let mut config = config();
    config.max_connections = 2;
    let server = start_with(config).await;
    let first = server.ws().await;
    let _second = server.sse("topic=a").await;
    let full = server.get("/v1/poll?topic=a&timeout=0").await;
    assert_eq!(full.status(), 503);
    assert!(full.headers().contains_key("retry-after"));
    assert!(full.text().await.expect("a body").contains("too_many_connections"));
    let refused = connect_async(format!("ws://{}/v1/ws", server.address)).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status().as_u16() == 503));
    drop(first);
    until(async || server.get("/v1/poll?topic=a&timeout=0").await.status() == 200).await;
}

#[tokio::test]
async fn a_plain_request_to_the_websocket_endpoint_is_a_problem() {
    let server = start().await;
    let answer = server.get("/v1/ws").await;
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn invariant_6_a_client_that_takes_nothing_is_cut() {
    let mut config = config();
    config.write_timeout = std::time::Duration::from_millis(200);
    config.store.retention.default.bytes = 64 << 20;
    let server = start_with(config).await;
    let mut ws = server.ws().await;
    ws.subscribe("a", everwire_protocol::From::Earliest).await;
    let _sse = server.sse("topic=a&from=earliest").await;
    let counters = server.server.counters();
    let open = || counters.connections(Transport::WebSocket) + counters.connections(Transport::Sse);
    assert_eq!(open(), 2);
    let body = format!(r#"{{"topic":"a","data":"{}"}}"#, "x".repeat(60_000));
    until(async || {
        assert_eq!(server.post_publish(&body, None).await.status(), 200);
        open() == 0
    })
    .await;
}
