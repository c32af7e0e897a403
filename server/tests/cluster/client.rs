//! A client: the real session, and a driver of it over real sockets. What its app is told is noted, and when it
//! connects.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use everwire_core::{
    AttemptId, Closed, Config, Event, HttpResponse, Method, Outcome, Output, Publish, Request, RequestId,
    Session, State, StateChange, SubscribeOptions, Time, Transport,
};
use everwire_protocol::{ClientId, From, Payload, Topic, http::WS_BINARY};
use futures::{SinkExt, StreamExt};
use tokio::{
    sync::{
        mpsc::{UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinHandle,
    time::Instant,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// What a client has seen and done so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub connected: bool,
    /// The texts, in the order in which they came.
    pub texts: Vec<String>,
    pub gaps: usize,
    /// What the server sent again, and the session kept from its app.
    pub repeats: u64,
    /// Publishes that were acknowledged, and those that never will be.
    pub acked: usize,
    pub failed: usize,
    /// When it began to connect, each time.
    pub opened: Vec<Instant>,
    /// How long it was to wait, each time that its instance went away.
    pub waits: Vec<Duration>,
}

/// What is asked of a client.
enum Ask {
    Publish(String),
}

/// A running client.
pub struct Client {
    pub seen: watch::Receiver<Seen>,
    ask: UnboundedSender<Ask>,
    task: JoinHandle<()>,
}

impl Client {
    /// One that reads a topic from its beginning, through a transport.
    pub fn start(address: &str, transport: Transport, topic: &str, seed: u64) -> Self {
        let (seen, receiver) = watch::channel(Seen::default());
        let (ask, asked) = unbounded_channel();
        let config = Config { transports: vec![transport], ..Config::default() };
        let id = ClientId::new(&format!("client-{seed}")).expect("a client id");
        let topic = Topic::new(topic).expect("a topic");
        let driver = Driver {
            address: address.to_owned(),
            session: Session::new(config, id, seed),
            began: Instant::now(),
            http: reqwest::Client::builder().no_proxy().build().expect("builds"),
            links: HashMap::new(),
            input: unbounded_channel().0,
            topic,
            seen,
        };
        Self { seen: receiver, ask, task: tokio::spawn(driver.run(asked)) }
    }

    /// Publishes a text to the topic.
    pub fn publish(&self, text: String) {
        self.ask.send(Ask::Publish(text)).expect("the client runs");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What comes in.
enum Input {
    Opened(AttemptId),
    Message(AttemptId, Bytes),
    Chunk(AttemptId, Bytes),
    Closed(AttemptId, Closed),
    Response(AttemptId, HttpResponse),
    Reply(RequestId, Option<HttpResponse>),
}

/// A transport under way. Dropped, it is aborted.
struct Link {
    task: JoinHandle<()>,
    out: Option<UnboundedSender<Bytes>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Driver {
    address: String,
    session: Session,
    began: Instant,
    http: reqwest::Client,
    links: HashMap<AttemptId, Link>,
    input: UnboundedSender<Input>,
    topic: Topic,
    seen: watch::Sender<Seen>,
}

impl Driver {
    fn now(&self) -> Time {
        Time::from_millis(self.began.elapsed().as_millis() as u64)
    }

    async fn run(mut self, mut asked: tokio::sync::mpsc::UnboundedReceiver<Ask>) {
        let (input, mut inputs) = unbounded_channel();
        self.input = input;
        let options = SubscribeOptions { from: From::Earliest, presence: false };
        let now = self.now();
        self.session.subscribe(now, self.topic.clone(), options).expect("subscribes");
        self.session.connect(now);
        loop {
            while let Some(output) = self.session.poll_output() {
                self.act(output);
            }
            let due =
                self.session.poll_timeout().map(|(at, _)| self.began + Duration::from_millis(at.as_millis()));
            let timer = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(input) = inputs.recv() => self.take(input),
                Some(Ask::Publish(text)) = asked.recv() => {
                    let payload = Payload::text(text);
                    let publish = Publish { topic: self.topic.clone(), payload, key: None, ephemeral: false };
                    self.session.publish(self.now(), publish).expect("there is room");
                }
                () = timer => self.session.handle_timeout(self.now()),
            }
        }
    }

    fn take(&mut self, input: Input) {
        let now = self.now();
        match input {
            Input::Opened(attempt) => self.session.handle_opened(now, attempt),
            Input::Message(attempt, data) => self.session.handle_message(now, attempt, data),
            Input::Chunk(attempt, data) => self.session.handle_chunk(now, attempt, data),
            Input::Closed(attempt, closed) => self.session.handle_closed(now, attempt, closed),
            Input::Response(attempt, response) => self.session.handle_response(now, attempt, response),
            Input::Reply(request, response) => self.session.handle_reply(now, request, response),
        }
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Open { attempt, transport, request } => {
                self.seen.send_modify(|seen| seen.opened.push(Instant::now()));
                let link = match transport {
                    Transport::WebSocket => self.open_socket(attempt),
                    Transport::Sse => self.open_stream(attempt, request),
                    other => panic!("{other:?} is not among the transports"),
                };
                self.links.insert(attempt, link);
            }
            Output::Send { attempt, data } => {
                if let Some(out) = self.links.get(&attempt).and_then(|link| link.out.as_ref()) {
                    // Where it has just ended, that is on its way to the session.
                    let _ = out.send(data);
                }
            }
            Output::Close { attempt, .. } => drop(self.links.remove(&attempt)),
            Output::Request { id, request } => {
                let (answer, input) = (exchange(&self.http, &self.address, request), self.input.clone());
                tokio::spawn(async move { input.send(Input::Reply(id, answer.await.ok())) });
            }
            Output::Event(event) => self.note(event),
            other => panic!("{other:?} was not asked for"),
        }
    }

    fn note(&mut self, event: Event) {
        let repeats = self.session.stats().repeats;
        self.seen.send_modify(|seen| match event {
            Event::Messages { records, .. } => {
                let texts =
                    records.iter().map(|record| String::from_utf8_lossy(&record.payload.data).into_owned());
                seen.texts.extend(texts);
                seen.repeats = repeats;
            }
            Event::Gap { .. } => seen.gaps += 1,
            Event::Published { outcome: Outcome::Acked { .. }, .. } => seen.acked += 1,
            Event::Published { .. } | Event::SubscriptionFailed { .. } => seen.failed += 1,
            Event::State(StateChange { state, retry_in, .. }) => {
                seen.connected = state == State::Connected;
                seen.waits.extend(retry_in);
            }
            _ => {}
        });
    }

    fn open_socket(&self, attempt: AttemptId) -> Link {
        let (out, mut outgoing) = unbounded_channel::<Bytes>();
        let (input, url) = (self.input.clone(), format!("ws://{}/v1/ws", self.address));
        let task = tokio::spawn(async move {
            let closed = async {
                let mut request = url.into_client_request().map_err(|_| Closed::Network)?;
                let protocol = WS_BINARY.parse().map_err(|_| Closed::Network)?;
                request.headers_mut().insert("sec-websocket-protocol", protocol);
                let (mut socket, _) = connect_async(request).await.map_err(|_| Closed::Code(1006))?;
                let _ = input.send(Input::Opened(attempt));
                loop {
                    tokio::select! {
                        Some(data) = outgoing.recv() => {
                            socket.send(Message::Binary(data)).await.map_err(|_| Closed::Code(1006))?;
                        }
                        message = socket.next() => match message {
                            Some(Ok(Message::Binary(data))) => {
                                let _ = input.send(Input::Message(attempt, data));
                            }
                            Some(Ok(Message::Close(Some(frame)))) => return Err(Closed::Code(frame.code.into())),
                            Some(Ok(_)) => {}
                            Some(Err(_)) | None => return Err::<(), _>(Closed::Code(1006)),
                        },
                    }
                }
            };
            if let Err(closed) = closed.await {
                let _ = input.send(Input::Closed(attempt, closed));
            }
        });
        Link { task, out: Some(out) }
    }

    fn open_stream(&self, attempt: AttemptId, request: Request) -> Link {
        let (input, asked) = (self.input.clone(), ask(&self.http, &self.address, request));
        let task = tokio::spawn(async move {
            let Ok(answer) = asked.send().await else {
                let _ = input.send(Input::Closed(attempt, Closed::Network));
                return;
            };
            if answer.status() != 200 {
                let end = match read(answer).await {
                    Ok(response) => Input::Response(attempt, response),
                    Err(_) => Input::Closed(attempt, Closed::Network),
                };
                let _ = input.send(end);
                return;
            }
            let _ = input.send(Input::Opened(attempt));
            let mut chunks = answer.bytes_stream();
            while let Some(Ok(chunk)) = chunks.next().await {
                let _ = input.send(Input::Chunk(attempt, chunk));
            }
            let _ = input.send(Input::Closed(attempt, Closed::Network));
        });
        Link { task, out: None }
    }
}

fn ask(http: &reqwest::Client, address: &str, request: Request) -> reqwest::RequestBuilder {
    let Request { method, target, accept, content_type, body, .. } = request;
    let url = format!("http://{address}{target}");
    let mut asked = match method {
        Method::Get => http.get(url),
        Method::Post => http.post(url),
    };
    for (name, value) in [("accept", accept), ("content-type", content_type)] {
        if let Some(value) = value {
            asked = asked.header(name, value);
        }
    }
    asked.body(body.unwrap_or_default())
}

fn exchange(
    http: &reqwest::Client,
    address: &str,
    request: Request,
) -> impl Future<Output = reqwest::Result<HttpResponse>> + use<> {
    let asked = ask(http, address, request);
    async { read(asked.send().await?).await }
}

async fn read(answer: reqwest::Response) -> reqwest::Result<HttpResponse> {
    let status = answer.status().as_u16();
    let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let retry_after = after.map(Duration::from_secs);
    Ok(HttpResponse { status, retry_after, body: answer.bytes().await? })
}

/// The texts that all clients have to have been given, once each.
pub fn assert_nothing_lost_or_repeated(clients: &[Client], published: &[Arc<str>]) {
    let expected: std::collections::HashSet<_> = published.iter().map(|text| &**text).collect();
    for client in clients {
        let seen = client.seen.borrow();
        let given: std::collections::HashSet<_> = seen.texts.iter().map(String::as_str).collect();
        assert_eq!(given.len(), seen.texts.len(), "repeated");
        assert_eq!(given, expected, "lost");
        assert_eq!((seen.gaps, seen.failed), (0, 0));
    }
}
