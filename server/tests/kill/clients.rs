//! Who publishes and who reads: over HTTP and over WebSocket, again and again with the same idempotency key until it is
//! acked, and from the cursor that they have.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::{
    TOPICS,
    books::{Books, Seen},
};

/// An answer that takes longer will not come.
const ANSWER: Duration = Duration::from_secs(20);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(20);

fn http() -> Client {
    Client::builder().timeout(ANSWER).build().expect("a client")
}

/// Publishes one record after another; answers how often it had to send one again.
pub async fn by_http(name: String, books: Arc<Books>) -> usize {
    let http = http();
    let mut retried = 0;
    for number in 1_u64.. {
        if books.is_finished() {
            break;
        }
        let (id, topic) = (format!("{name}.{number}"), TOPICS[number as usize % TOPICS.len()]);
        let body = json!({ "topic": topic, "id": id, "data": { "n": number } });
        books.began();
        let position = loop {
            let url = format!("http://{}/v1/publish", books.server().await);
            let sent = http.post(url).json(&body).send().await.and_then(reqwest::Response::error_for_status);
            if let Ok(answer) = sent
                && let Ok(answer) = answer.json::<Value>().await
            {
                break answer["position"].as_str().expect("a position").to_owned();
            }
            retried += 1;
            tokio::time::sleep(AGAIN).await;
        };
        books.ack(topic, &id, &position);
    }
    retried
}

type Socket = WebSocketStream<TcpStream>;

async fn connect(address: SocketAddr, name: &str) -> Option<Socket> {
    let stream = TcpStream::connect(address).await.ok()?;
    let url = format!("ws://{address}/v1/ws");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.ok()?;
    let hello = json!({ "type": "connect", "client_id": name }).to_string();
    socket.send(Message::text(hello)).await.ok()?;
    Some(socket)
}

/// Sends a publish and waits for its ack; none when the connection is gone, or the server can't now.
async fn publish(socket: &mut Socket, id: &str, frame: &str) -> Option<String> {
    socket.send(Message::text(frame)).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let frames: Value = serde_json::from_str(&text).expect("JSON");
        let frames = frames.as_array().cloned().unwrap_or_else(|| vec![frames]);
        // An ack, or an error about this id, which has no position.
        if let Some(frame) = frames.iter().find(|frame| frame["id"] == id) {
            return frame["position"].as_str().map(str::to_owned);
        }
    }
    None
}

/// As [`by_http`], over a WebSocket, which is opened anew whenever it is gone.
pub async fn by_websocket(name: String, books: Arc<Books>) -> usize {
    let (mut socket, mut retried) = (None, 0);
    for number in 1_u64.. {
        if books.is_finished() {
            break;
        }
        let (id, topic) = (format!("{name}.{number}"), TOPICS[number as usize % TOPICS.len()]);
        let frame =
            json!({ "type": "publish", "topic": topic, "id": id, "data": { "n": number } }).to_string();
        books.began();
        let position = loop {
            if socket.is_none() {
                socket = connect(books.server().await, &name).await;
            }
            if let Some(open) = &mut socket
                && let Ok(Some(position)) = tokio::time::timeout(ANSWER, publish(open, &id, &frame)).await
            {
                break position;
            }
            socket = None;
            retried += 1;
            tokio::time::sleep(AGAIN).await;
        };
        books.ack(topic, &id, &position);
    }
    retried
}

/// One poll: what came, and the cursor after it. None when the server is away.
async fn poll(
    http: &Client,
    address: SocketAddr,
    topic: &str,
    cursor: &str,
    timeout: u8,
) -> Option<(Vec<Seen>, String)> {
    let url = format!("http://{address}/v1/poll?topic={topic}&cursor={cursor}&timeout={timeout}");
    let answer: Value = http.get(url).send().await.ok()?.error_for_status().ok()?.json().await.ok()?;
    assert_eq!(answer["gaps"].as_array().map_or(0, Vec::len), 0, "{topic}: a gap: {answer}");
    let next = answer["cursor"].as_str().expect("a cursor").to_owned();
    let epoch = next.split('-').next().unwrap_or_default();
    let seen = answer["messages"].as_array().expect("messages").iter().map(|message| Seen {
        epoch: epoch.to_owned(),
        offset: message["offset"].as_u64().expect("an offset"),
        id: message["id"].as_str().expect("an id").to_owned(),
    });
    Some((seen.collect(), next))
}

/// Reads from the beginning until all that was acked has come, over every kill in between.
pub async fn read_on(topic: &'static str, books: Arc<Books>) -> Vec<Seen> {
    let (http, mut cursor, mut all) = (http(), "earliest".to_owned(), Vec::new());
    loop {
        if books.final_count(topic).is_some_and(|count| all.len() >= count) {
            return all;
        }
        match poll(&http, books.server().await, topic, &cursor, 1).await {
            Some((seen, next)) => {
                all.extend(seen);
                cursor = next;
            }
            None => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// All that a topic has.
pub async fn whole_log(address: SocketAddr, topic: &str) -> Vec<Seen> {
    let (http, mut cursor, mut all) = (http(), "earliest".to_owned(), Vec::new());
    loop {
        let (seen, next) = poll(&http, address, topic, &cursor, 0).await.expect("answers");
        if seen.is_empty() {
            return all;
        }
        all.extend(seen);
        cursor = next;
    }
}
