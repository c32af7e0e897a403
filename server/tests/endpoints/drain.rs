//! The server's end: every client is told when to come back, and then it is gone.

use everwire_protocol::{
    ClientFrame, Code, RetryWindow, ServerFrame,
    http::{WS_BINARY, WS_JSON},
};
use futures::StreamExt;

use crate::support::{config, start, start_with, until};

#[tokio::test]
async fn a_drain_tells_every_client_and_ends() {
    let mut config = config();
    let window = RetryWindow { min: 100, max: 900 };
    config.drain_window = window;
    let server = start_with(config).await;
    let (mut binary, mut json) = (server.ws().await, server.ws_as("bob", WS_JSON).await);
    let mut sse = server.sse("topic=a").await;
    sse.named("everwire.subscribed").await;
    let (url, http) =
        (server.url("/v1/poll?topic=a&presence=a&client_id=eve&timeout=60"), server.http.clone());
    let poll = tokio::spawn(async move { http.get(url).send().await?.text().await });
    until(async || server.json("/v1/topics/a/presence").await["members"][0].is_object()).await;

    let address = server.address.clone();
    let drained = tokio::spawn(server.server.drain());
    for ws in [&mut binary, &mut json] {
        assert_eq!(ws.next().await, ServerFrame::Drain { window });
        assert_eq!(ws.close_code().await, Some(Code::DRAINING.0));
    }
    assert_eq!(sse.named("everwire.drain").await.frame(), ServerFrame::Drain { window });
    assert_eq!(sse.try_next().await, None);
    let answer = poll.await.expect("runs").expect("is answered");
    assert!(answer.contains(r#""drain":{"min":100,"max":900}"#), "{answer}");
    assert!(drained.await.expect("runs"), "in time");
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn what_was_acked_before_a_drain_was_sent_before_it() {
    let server = start().await;
    let mut ws = server.ws().await;
    ws.subscribe("a", everwire_protocol::From::Latest).await;
    server.publish("a", 1).await;
    let drained = tokio::spawn(server.server.drain());
    assert_eq!(ws.offsets(1).await, [1]);
    assert_eq!(ws.close_code().await, Some(Code::DRAINING.0));
    assert!(drained.await.expect("runs"));
}

#[tokio::test]
async fn a_client_that_does_not_answer_does_not_hold_up_the_end() {
    let server = start().await;
    let mut deaf = server.ws().await;
    deaf.send(ClientFrame::Ping { nonce: 1 }).await;
    let _idle = tokio::net::TcpStream::connect(&server.address).await.expect("connects");
    assert!(server.server.drain().await, "in time");
}

#[tokio::test]
async fn a_socket_that_is_just_being_upgraded_is_waited_for() {
    for _ in 0..20 {
        let server = start().await;
        let mut ws = server.raw_ws(Some(WS_BINARY)).await;
        let drained = tokio::spawn(server.server.drain());
        assert_eq!(ws.close_code().await, Some(Code::DRAINING.0));
        assert!(ws.socket.next().await.is_none(), "the close is answered");
        drop(ws);
        assert!(drained.await.expect("runs"));
    }
}
