//! A server to talk to, and clients that wait for conditions, never for a time.

use std::time::Duration;

use everwire_protocol::{
    ClientFrame, ClientId, Cursor, From, Mode, Payload, Position, PublishId, ServerFrame, Topic, binary,
    event, http::WS_BINARY, json,
};
use everwire_server::{config::Config, server::Server};
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame},
};

/// Longer than anything here takes; a test that waits for it has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn config() -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        static_dir: None,
        metrics_topics: false,
        ..Config::default()
    }
}

/// A running server and a client for its plain requests.
pub struct Tested {
    pub server: Server,
    pub http: reqwest::Client,
    pub address: String,
}

pub async fn start() -> Tested {
    start_with(config()).await
}

pub async fn start_with(config: Config) -> Tested {
    let server = Server::start(config).await.expect("starts");
    let address = server.address().to_string();
    let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().expect("builds");
    Tested { server, http, address }
}

impl Tested {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.expect("answers")
    }

    pub async fn json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path).await;
        serde_json::from_str(&response.text().await.expect("a body")).expect("JSON")
    }

    /// Publishes a JSON number and answers where it stands.
    pub async fn publish(&self, topic: &str, data: u64) -> Position {
        let body = format!(r#"{{"topic":"{topic}","data":{data}}}"#);
        let answer = self.post_publish(&body, None).await;
        assert_eq!(answer.status(), 200);
        let answer: serde_json::Value = answer.json().await.expect("JSON");
        answer["position"].as_str().expect("a position").parse().expect("a position")
    }

    pub async fn post_publish(&self, body: &str, key: Option<&str>) -> reqwest::Response {
        let mut request = self.http.post(self.url("/v1/publish")).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.body(body.to_owned()).send().await.expect("answers")
    }

    pub async fn ws(&self) -> Ws {
        self.ws_as("ada", WS_BINARY).await
    }

    /// A socket that is through its welcome.
    pub async fn ws_as(&self, name: &str, protocol: &str) -> Ws {
        let mut ws = self.raw_ws(Some(protocol)).await;
        let client_id = ClientId::new(name).expect("a client id");
        ws.send(ClientFrame::Connect { client_id, token: None, info: Some(name.to_owned()) }).await;
        assert!(matches!(ws.next().await, ServerFrame::Welcome { .. }));
        ws
    }

    pub async fn raw_ws(&self, protocol: Option<&str>) -> Ws {
        let mut request = format!("ws://{}/v1/ws", self.address).into_client_request().expect("a request");
        if let Some(protocol) = protocol {
            let value = HeaderValue::from_str(protocol).expect("a header");
            request.headers_mut().insert("sec-websocket-protocol", value);
        }
        let (socket, response) = connect_async(request).await.expect("connects");
        assert_eq!(
            response.headers().get("sec-websocket-protocol").map(HeaderValue::as_bytes),
            protocol.map(str::as_bytes)
        );
        Ws { socket, binary: protocol == Some(WS_BINARY), waiting: Default::default() }
    }

    pub async fn sse(&self, query: &str) -> Sse {
        self.sse_with(query, None).await
    }

    pub async fn sse_with(&self, query: &str, last_event_id: Option<&str>) -> Sse {
        let mut request = self.http.get(self.url(&format!("/v1/sse?{query}")));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Sse::of(request.send().await.expect("answers"))
    }
}

pub fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic name")
}

pub fn publish_frame(name: &str, id: &str, payload: Payload) -> ClientFrame {
    let id = PublishId::new(id).expect("an id");
    ClientFrame::Publish { topic: topic(name), id, payload, key: None, ephemeral: false }
}

/// A WebSocket client in either codec.
pub struct Ws {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    binary: bool,
    waiting: std::collections::VecDeque<ServerFrame>,
}

impl Ws {
    pub async fn send(&mut self, frame: ClientFrame) {
        let message = if self.binary {
            let mut out = Vec::new();
            binary::encode_client(&frame, &mut out);
            Message::Binary(out.into())
        } else {
            Message::Text(json::client_message(&[frame]).into())
        };
        self.socket.send(message).await.expect("sends");
    }

    pub async fn subscribe(&mut self, name: &str, from: From) {
        self.send(ClientFrame::Subscribe { topic: topic(name), from, mode: Mode::default() }).await;
    }

    pub async fn subscribe_present(&mut self, name: &str) {
        let mode = Mode { presence: true };
        self.send(ClientFrame::Subscribe { topic: topic(name), from: From::Latest, mode }).await;
    }

    /// The next frame, or how the socket ended.
    pub async fn try_next(&mut self) -> Result<ServerFrame, Option<CloseFrame>> {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Ok(frame);
            }
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("in time");
            match message {
                Some(Ok(Message::Binary(mut bytes))) => {
                    assert!(self.binary);
                    while let Some(frame) = binary::decode_server(&mut bytes).expect("a frame") {
                        self.waiting.push_back(frame);
                    }
                }
                Some(Ok(Message::Text(text))) => {
                    assert!(!self.binary);
                    self.waiting.extend(json::decode_server(&text).expect("frames"));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub async fn next(&mut self) -> ServerFrame {
        self.try_next().await.expect("a frame")
    }

    /// The code that the socket was closed with, after whatever else came.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            if let Err(frame) = self.try_next().await {
                return frame.map(|frame| frame.code.into());
            }
        }
    }

    /// The offsets of the next `count` messages, of all topics.
    pub async fn offsets(&mut self, count: usize) -> Vec<u64> {
        let mut offsets = Vec::new();
        while offsets.len() < count {
            if let ServerFrame::Messages { records, .. } = self.next().await {
                offsets.extend(records.iter().map(|record| record.offset));
            }
        }
        offsets
    }
}

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub data: String,
    pub id: Option<String>,
}

impl Event {
    pub fn frame(&self) -> ServerFrame {
        let name = if self.name.is_empty() { "message" } else { &self.name };
        event::decode(name, self.data.as_bytes()).expect("an event").expect("a frame")
    }

    pub fn cursor(&self) -> Cursor {
        self.id.as_deref().expect("an id").parse().expect("a cursor")
    }
}

/// A reader of `text/event-stream`, as simple as the server's output allows.
pub struct Sse {
    pub response: reqwest::Response,
    text: String,
}

impl Sse {
    pub fn of(response: reqwest::Response) -> Self {
        Self { response, text: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    pub async fn try_next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut event = Event::default();
                let mut data = Vec::new();
                for line in block.lines() {
                    match line.split_once(": ").unwrap_or((line, "")) {
                        ("event", value) => event.name = value.to_owned(),
                        ("data", value) => data.push(value),
                        ("id", value) => event.id = Some(value.to_owned()),
                        ("retry", value) => assert!(value.parse::<u32>().is_ok()),
                        other => panic!("{other:?}"),
                    }
                }
                event.data = data.join("\n");
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("in time");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).expect("whole characters"));
        }
    }

    pub async fn next(&mut self) -> Event {
        self.try_next().await.expect("an event")
    }

    /// The next event of a name, passing over others; the empty name is that of messages.
    pub async fn named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await;
            if event.name == name {
                return event;
            }
        }
    }
}

/// Waits until something holds, asking again and again.
pub async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("in time");
}
