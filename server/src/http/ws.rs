//! The WebSocket endpoint: one peer per socket, driven by what comes in, by the store's wake-ups and by
//! the peer's own deadline.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{
        FromRequestParts, Request, State,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use everwire_protocol::{
    ClientFrame, Code, binary,
    http::{WS_BINARY, WS_JSON},
    json, limits,
};
use futures::FutureExt;
use tungstenite::error::ProtocolError;

use super::{App, TakenSeat, admission::address, drain::Draining, problem::Problem};
use crate::{
    clock::Alarm,
    counters::Transport,
    guard::Address,
    hub::cut,
    peer::{Closing, Outgoing, Peer, encode_binary},
    store::Store,
};

/// The socket's own buffers: frames are made whole before they are written, so it needs little.
const BUFFER_BYTES: usize = 1024;
/// How long the other side may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// After so many wake-ups in a row, what came in is looked at first.
const WAKES: u32 = 8;
/// What a close frame holds beside its code.
const CLOSE_REASON_BYTES: usize = 123;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Codec {
    Binary,
    Json,
}

pub async fn upgrade<S: Store>(
    State(app): State<Arc<App<S>>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|refused| Problem::new(Code::BAD_REQUEST, refused.body_text()))?;
    let offered = upgrade.requested_protocols().next().is_some();
    let upgrade = upgrade.protocols([WS_BINARY, WS_JSON]);
    let codec = match upgrade.selected_protocol() {
        Some(name) if name == WS_BINARY => Codec::Binary,
        Some(_) => Codec::Json,
        // Somebody with a debugging tool, who can read text.
        None if !offered => Codec::Json,
        None => {
            let known = format!("the known subprotocols are {WS_BINARY} and {WS_JSON}");
            return Err(Problem::new(Code::UNSUPPORTED_VERSION, known));
        }
    };
    let address = address(&parts.extensions);
    let seat = app.seat(Transport::WebSocket, address)?;
    let session = app.session();
    // Said here, within the request: a span that lasted as long as the socket would cost memory for each.
    tracing::debug!(session, ?codec, "upgraded");
    // Taken here, so that the server's end waits for this one's also in the moment between the two.
    let tracked = app.tasks.token();
    Ok(upgrade
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * limits::FRAME_BYTES)
        .max_message_size(limits::FRAME_BYTES)
        .max_frame_size(limits::FRAME_BYTES)
        .on_upgrade(move |socket| async move {
            serve(app, socket, codec, session, (address, seat)).await;
            drop(tracked);
        })
        .into_response())
}

/// What the other side did wrong, where an error is that and not the end of the line.
fn fault(error: axum::Error) -> Option<(Code, String)> {
    let error = error.into_inner();
    match error.downcast_ref::<tungstenite::Error>()? {
        tungstenite::Error::Capacity(_) => {
            Some((Code::TOO_LARGE, format!("a message is over {} bytes", limits::FRAME_BYTES)))
        }
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        error @ (tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) => {
            Some((Code::BAD_REQUEST, error.to_string()))
        }
        _ => None,
    }
}

/// What woke the connection.
enum Event {
    Message(Option<Result<Message, axum::Error>>),
    Wake,
    Drain,
}

async fn serve<S: Store>(
    app: Arc<App<S>>,
    socket: WebSocket,
    codec: Codec,
    session: String,
    (address, _seat): (Option<Address>, TakenSeat),
) {
    let now = app.clock.now();
    tracing::debug!(session, "connected");
    let mut peer = Peer::new(Arc::clone(&app.hub), now, session.as_str());
    peer.ends_at(app.ends_at(now));
    peer.comes_from(address);
    let mut connection = Connection { app, socket, codec, peer, clean: false };
    let end = connection.run().await;
    tracing::debug!(session, end, clean = connection.clean, "disconnected");
}

struct Connection<S: Store> {
    app: Arc<App<S>>,
    socket: WebSocket,
    codec: Codec,
    peer: Peer<S>,
    /// The client said goodbye itself.
    clean: bool,
}

impl<S: Store> Drop for Connection<S> {
    /// Whatever the end was, nobody stays among the members for ever.
    fn drop(&mut self) {
        self.peer.leave(self.app.clock.now(), self.clean);
    }
}

impl<S: Store> Connection<S> {
    /// Drives the peer to its end; answers what the end was.
    async fn run(&mut self) -> &'static str {
        let app = Arc::clone(&self.app);
        // Kept over all waits: what is sent costs no timer, and no place in the queue for the drain.
        let mut alarm = app.clock.alarm(self.peer.deadline());
        let mut drain = app.drain.wait();
        let mut wakes = 0;
        loop {
            let out = self.peer.pull(self.app.clock.now()).await;
            let idle = out.is_empty();
            if !idle && !self.send(out).await {
                return "the client takes nothing";
            }
            if idle && let Some(closing) = self.peer.closing().cloned() {
                self.close(closing).await;
                return "closed by the server";
            }
            if self.peer.closing().is_some() {
                // It hears nothing more; and after a message that was too large there is nothing to hear.
                continue;
            }
            // While there is more to send, look at what came in without waiting for it: a pause must be
            // heard in the middle of a long catching up.
            let waits = wakes < WAKES && (idle || self.peer.is_settled());
            let event = if waits { self.wait(&mut alarm, &mut drain).await } else { self.look() };
            wakes = if waits && matches!(event, Event::Wake) { wakes + 1 } else { 0 };
            match event {
                Event::Message(Some(Ok(message))) => {
                    if !self.take(message).await {
                        return "closed by the client";
                    }
                }
                Event::Message(Some(Err(error))) => {
                    let Some((code, message)) = fault(error) else { return "lost" };
                    self.peer.refuse(code, message);
                }
                Event::Message(None) => return "lost",
                Event::Wake => {}
                Event::Drain => self.peer.drain(self.app.settings.drain_window),
            }
        }
    }

    async fn wait(&mut self, alarm: &mut Alarm, drain: &mut Draining) -> Event {
        let deadline = self.peer.deadline();
        tokio::select! {
            // Mostly it was a mark that woke it: then the others need not be asked. They have their turn in `look`.
            biased;
            () = self.peer.wakeup().marked() => Event::Wake,
            message = self.socket.recv() => Event::Message(message),
            () = alarm.until(&self.app.clock, deadline) => Event::Wake,
            () = drain.begun() => Event::Drain,
        }
    }

    fn look(&mut self) -> Event {
        if self.app.drain.has_begun() {
            return Event::Drain;
        }
        self.socket.recv().now_or_never().map_or(Event::Wake, Event::Message)
    }

    /// Takes a message in; false when it was the last.
    async fn take(&mut self, message: Message) -> bool {
        self.app.hub.counters.count_bytes_in(Transport::WebSocket, payload_bytes(&message));
        match (message, self.codec) {
            (Message::Binary(bytes), Codec::Binary) => self.take_binary(bytes).await,
            (Message::Text(text), Codec::Json) => self.take_json(&text).await,
            (Message::Binary(_) | Message::Text(_), _) => {
                self.peer.refuse(Code::BAD_REQUEST, "a message of the other subprotocol's kind");
                true
            }
            (Message::Close(frame), _) => {
                let said = frame.map_or(close_code::NORMAL, |frame| frame.code);
                self.clean = matches!(said, close_code::NORMAL | close_code::AWAY | close_code::STATUS);
                // Gone is gone: its members need not wait for the answer to arrive.
                self.peer.leave(self.app.clock.now(), self.clean);
                self.until_closed().await;
                false
            }
            (Message::Ping(_) | Message::Pong(_), _) => true,
        }
    }

    async fn take_binary(&mut self, mut bytes: Bytes) -> bool {
        loop {
            match binary::decode_client(&mut bytes) {
                Ok(Some(frame)) => self.handle(frame).await,
                Ok(None) => return true,
                Err(error) => {
                    self.peer.refuse(Code::BAD_REQUEST, error.to_string());
                    return true;
                }
            }
            if !self.flush_if_full().await {
                return false;
            }
        }
    }

    async fn take_json(&mut self, text: &str) -> bool {
        match json::decode_client(text) {
            Ok(frames) => {
                for frame in frames {
                    self.handle(frame).await;
                    if !self.flush_if_full().await {
                        return false;
                    }
                }
            }
            Err(error) => self.peer.refuse(Code::BAD_REQUEST, error.to_string()),
        }
        true
    }

    async fn handle(&mut self, frame: ClientFrame) {
        let publish = matches!(frame, ClientFrame::Publish { .. }).then(Instant::now);
        self.peer.handle(self.app.clock.now(), frame).await;
        if let Some(began) = publish {
            self.app.hub.counters.publishes.observe(began.elapsed());
        }
    }

    /// One message may hold thousands of questions: their answers must not pile up.
    async fn flush_if_full(&mut self) -> bool {
        while self.peer.is_full() {
            let out = self.peer.pull(self.app.clock.now()).await;
            if !self.send(out).await {
                return false;
            }
        }
        true
    }

    /// Sends one message; false when the client didn't take it in time.
    async fn send(&mut self, out: Vec<Outgoing>) -> bool {
        let message = match self.codec {
            Codec::Binary => Message::Binary(encode_binary(&out).into()),
            Codec::Json => {
                let frames: Vec<_> = out.into_iter().map(Outgoing::into_frame).collect();
                Message::Text(json::server_message(&frames).into())
            }
        };
        self.app.hub.counters.count_bytes_out(Transport::WebSocket, payload_bytes(&message));
        let mut sending = pin!(self.socket.send(message));
        // Mostly there is room in the socket, and a timer would be made for nothing.
        match sending.as_mut().now_or_never() {
            Some(sent) => sent.is_ok(),
            None => {
                let sent = tokio::time::timeout(self.app.settings.write_timeout, sending).await;
                matches!(sent, Ok(Ok(())))
            }
        }
    }

    async fn close(&mut self, Closing { code, reason }: Closing) {
        let reason = Utf8Bytes::from(&*cut(reason, CLOSE_REASON_BYTES));
        let frame = CloseFrame { code: code.0, reason };
        let said = tokio::time::timeout(CLOSE_TIMEOUT, self.socket.send(Message::Close(Some(frame)))).await;
        if matches!(said, Ok(Ok(()))) {
            self.until_closed().await;
        }
    }

    /// Reads on until both sides have closed. It is reading that sends the answer to a close, without which
    /// a browser takes the end for a broken line.
    async fn until_closed(&mut self) {
        let closed = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        // Who doesn't answer has lost the right to.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    }
}

fn payload_bytes(message: &Message) -> usize {
    match message {
        Message::Binary(bytes) => bytes.len(),
        Message::Text(text) => text.len(),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => 0,
    }
}
