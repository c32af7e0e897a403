//! Who is there, over every transport.

use std::time::Duration;

use everwire_protocol::{
    About, ClientFrame, Code, From, ServerFrame,
    http::{WS_BINARY, WS_JSON},
    limits,
};
use futures::SinkExt;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::support::{Ws, config, start, start_with, topic, until};

/// The next piece of news: who comes, goes, or is there.
async fn news(ws: &mut Ws) -> String {
    let info = |member: &everwire_protocol::Member| member.info.as_deref().unwrap_or("?").to_owned();
    loop {
        match ws.next().await {
            ServerFrame::Join { member, .. } => return format!("+{}", info(&member)),
            ServerFrame::Leave { member, .. } => return format!("-{}", info(&member)),
            ServerFrame::Members { members, .. } => {
                let mut names: Vec<_> = members.iter().map(info).collect();
                names.sort();
                return names.join(",");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_clean_close_leaves_at_once() {
    let server = start().await;
    let (mut ada, mut bob) = (server.ws_as("ada", WS_BINARY).await, server.ws_as("bob", WS_JSON).await);
    ada.subscribe_present("a").await;
    assert_eq!(news(&mut ada).await, "ada");
    bob.subscribe_present("a").await;
    assert_eq!(news(&mut bob).await, "ada,bob");
    assert_eq!(news(&mut ada).await, "+bob");
    let frame = CloseFrame { code: CloseCode::Away, reason: "".into() };
    bob.socket.send(Message::Close(Some(frame))).await.expect("sends");
    // The grace is 10 s here; this comes before.
    assert_eq!(news(&mut ada).await, "-bob");
}

#[tokio::test]
async fn a_lost_connection_leaves_after_its_grace() {
    let mut config = config();
    config.presence_grace = Duration::from_millis(10);
    let server = start_with(config).await;
    let (mut ada, mut bob) = (server.ws_as("ada", WS_BINARY).await, server.ws_as("bob", WS_BINARY).await);
    ada.subscribe_present("a").await;
    assert_eq!(news(&mut ada).await, "ada");
    bob.subscribe_present("a").await;
    assert_eq!(news(&mut ada).await, "+bob");
    drop(bob);
    assert_eq!(news(&mut ada).await, "-bob");
}

#[tokio::test]
async fn a_return_within_the_grace_is_no_news_and_keeps_the_public_id() {
    let server = start().await;
    let mut ada = server.ws_as("ada", WS_BINARY).await;
    ada.subscribe_present("a").await;
    let ids = async || server.json("/v1/topics/a/presence").await["members"].clone();
    while !matches!(ada.next().await, ServerFrame::Members { .. }) {}
    let before = ids().await;
    drop(ada);
    let mut ada = server.ws_as("ada", WS_BINARY).await;
    ada.subscribe_present("a").await;
    while !matches!(ada.next().await, ServerFrame::Members { .. }) {}
    assert_eq!(ids().await, before);
}

#[tokio::test]
async fn streams_and_polls_are_there_too() {
    let server = start().await;
    let mut ada = server.ws_as("ada", WS_BINARY).await;
    ada.subscribe_present("a").await;
    assert_eq!(news(&mut ada).await, "ada");
    let mut sse = server.sse("topic=a&presence=a&client_id=bob&info=Bob%20B").await;
    assert_eq!(news(&mut ada).await, "+Bob B");
    let members = sse.named("everwire.members").await;
    assert!(matches!(members.frame(), ServerFrame::Members { members, .. } if members.len() == 2));
    let poll = server.json("/v1/poll?topic=a&presence=a&client_id=eve&info=eve&timeout=0").await;
    assert_eq!(news(&mut ada).await, "+eve");
    assert_eq!(poll["members"][0]["members"].as_array().map(Vec::len), Some(3));
    let join = sse.named("everwire.join").await;
    assert!(
        matches!(join.frame(), ServerFrame::Join { member, .. } if member.info.as_deref() == Some("eve"))
    );
}

#[tokio::test]
async fn a_held_poll_is_answered_by_a_join() {
    let server = start().await;
    let path = "/v1/poll?topic=a&presence=a&client_id=eve&info=eve&timeout=60";
    let (answer, _ada) = tokio::join!(server.json(path), async {
        until(async || server.json("/v1/topics/a/presence").await["members"][0].is_object()).await;
        let mut ada = server.ws_as("ada", WS_BINARY).await;
        ada.subscribe_present("a").await;
        ada
    });
    assert_eq!(answer["joins"][0]["member"]["info"], "ada");
}

#[tokio::test]
async fn a_poll_is_answered_at_once_when_somebody_came_since_the_one_before() {
    let server = start_with(config()).await;
    let path = "/v1/poll?topic=a&presence=a&client_id=eve&info=eve&timeout=";
    server.json(&format!("{path}0")).await;
    let mut ada = server.ws_as("ada", WS_BINARY).await;
    ada.subscribe_present("a").await;
    assert_eq!(news(&mut ada).await, "ada,eve");
    // It would be held for a minute, and the test's deadline is shorter.
    let answer = server.json(&format!("{path}60")).await;
    assert_eq!(answer["members"][0]["members"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn invariant_5_members_are_bounded_over_all_topics() {
    let mut config = config();
    config.max_members = 1;
    let server = start_with(config).await;
    let (mut ada, mut bob) = (server.ws_as("ada", WS_BINARY).await, server.ws_as("bob", WS_BINARY).await);
    ada.subscribe_present("a").await;
    assert_eq!(news(&mut ada).await, "ada");
    bob.subscribe_present("a").await;
    let ServerFrame::Error { about, code, retry_after, .. } = bob.next().await else { panic!() };
    assert_eq!((about, code), (About::Topic(topic("a")), Code::UNAVAILABLE));
    assert!(retry_after.is_some());
    bob.subscribe("a", From::Latest).await;
    assert!(matches!(bob.next().await, ServerFrame::Subscribed { .. }), "reading needs no such room");

    ada.send(ClientFrame::Unsubscribe { topic: topic("a") }).await;
    ada.send(ClientFrame::Ping { nonce: 1 }).await;
    while ada.next().await != (ServerFrame::Pong { nonce: 1 }) {}
    bob.subscribe_present("b").await;
    assert_eq!(news(&mut bob).await, "bob");
}

#[tokio::test]
async fn invariant_5_the_members_of_many_topics_fit_one_answer_and_every_topic_has_some() {
    let server = start().await;
    let topics: String = (0..8).map(|n| format!("&topic=t{n}&presence=t{n}")).collect();
    // Six bytes each in JSON.
    let info = "%01".repeat(limits::INFO_BYTES);
    let mut answer = String::new();
    for n in 0..60 {
        let request = server.http.post(server.url("/v1/poll"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = format!("client_id=c{n}&info={info}&timeout=0{topics}");
        let response = request.body(body).send().await.expect("answers");
        answer = response.text().await.expect("a body");
        assert!(answer.len() < limits::FRAME_BYTES / 3, "{}", answer.len());
    }
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let lists = answer["members"].as_array().expect("lists");
    assert_eq!(lists.len(), 8);
    assert!(lists.iter().all(|list| list["members"].as_array().is_some_and(|list| list.len() > 1)));
}
