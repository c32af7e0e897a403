//! What differs between servers and transports: how a subscriber asks, how it knows that it is one, and how
//! something is published. It knows no socket.

use bytes::Bytes;
use clap::ValueEnum;
use everwire_protocol::{ClientFrame, ClientId, From, Mode, ServerFrame, Topic, binary, http::WS_BINARY};

use crate::websocket::{Kind, put_message};
use anyhow::{Context, Result, bail};

/// The servers that can be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Server {
    /// Everwire itself.
    Everwire,
    /// nginx with nchan, configured as in `peers/nginx.conf`.
    Nchan,
    /// `peers/socketio.mjs`.
    Socketio,
}

/// How subscribers are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// A WebSocket, in the server's own subprotocol.
    Websocket,
    /// A stream of server-sent events.
    Sse,
}

/// One server's way on one transport.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// The server.
    pub server: Server,
    /// The transport.
    pub transport: Transport,
}

/// How far a subscriber has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// It waits for more.
    Waits,
    /// It is a subscriber: whatever is published from now on must come.
    Done,
}

impl Dialect {
    /// A way that is there.
    ///
    /// # Errors
    /// When the server doesn't speak the transport.
    pub fn new(server: Server, transport: Transport) -> Result<Self> {
        if server == Server::Socketio && transport == Transport::Sse {
            bail!("socket.io has no event streams");
        }
        Ok(Self { server, transport })
    }

    /// The request that a subscriber begins with.
    pub fn request(self, host: &str, topic: &str) -> String {
        let path = match (self.server, self.transport) {
            (Server::Everwire, Transport::Websocket) => "/v1/ws".to_owned(),
            (Server::Everwire, Transport::Sse) => format!("/v1/sse?topic={topic}&from=latest"),
            (Server::Nchan, _) => format!("/sub?id={topic}"),
            (Server::Socketio, _) => format!("/socket.io/?EIO=4&transport=websocket&topic={topic}"),
        };
        let ask = match self.transport {
            Transport::Sse => "Accept: text/event-stream\r\n".to_owned(),
            Transport::Websocket => {
                let protocol = match self.server {
                    Server::Everwire => format!("Sec-WebSocket-Protocol: {WS_BINARY}\r\n"),
                    Server::Nchan | Server::Socketio => String::new(),
                };
                // Any key does: nothing between here and there could answer in the server's place.
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    .to_owned()
                    + &protocol
            }
        };
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{ask}\r\n")
    }

    /// The status of an answer that lets the subscriber in.
    pub fn welcome_status(self) -> u16 {
        if self.transport == Transport::Websocket { 101 } else { 200 }
    }

    /// What a subscriber says first, once it is let in; and whether it is a subscriber by that.
    ///
    /// # Errors
    /// When the topic's name is none.
    pub fn begin(self, number: usize, topic: &str, out: &mut Vec<u8>) -> Result<Joining> {
        match (self.server, self.transport) {
            (Server::Everwire, Transport::Websocket) => {
                let client_id = ClientId::new(&format!("load-{number}"))?;
                let topic = Topic::new(topic)?;
                let mut message = Vec::new();
                let connect = ClientFrame::Connect { client_id, token: None, info: None };
                binary::encode_client(&connect, &mut message);
                let subscribe = ClientFrame::Subscribe { topic, from: From::Latest, mode: Mode::default() };
                binary::encode_client(&subscribe, &mut message);
                put_message(out, Kind::Binary, &message);
                Ok(Joining::Waits)
            }
            (Server::Nchan, _) => Ok(Joining::Done),
            (Server::Everwire | Server::Socketio, _) => Ok(Joining::Waits),
        }
    }

    /// Looks at a whole message, or at all of a stream so far.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn join(self, said: &[u8], out: &mut Vec<u8>) -> Result<Joining> {
        match (self.server, self.transport) {
            (Server::Everwire, Transport::Websocket) => {
                let mut frames = Bytes::copy_from_slice(said);
                while let Some(frame) = binary::decode_server(&mut frames)? {
                    match frame {
                        ServerFrame::Subscribed { .. } => return Ok(Joining::Done),
                        ServerFrame::Error { message, .. } => bail!("the server refuses: {message}"),
                        _ => {}
                    }
                }
                Ok(Joining::Waits)
            }
            (Server::Everwire, Transport::Sse) => {
                let whole = said.ends_with(b"\n\n");
                let subscribed = memchr::memmem::find(said, b"event: everwire.subscribed\n").is_some();
                Ok(if whole && subscribed { Joining::Done } else { Joining::Waits })
            }
            (Server::Nchan, _) => Ok(Joining::Done),
            (Server::Socketio, _) => match said {
                [b'0', ..] => {
                    put_message(out, Kind::Text, b"40");
                    Ok(Joining::Waits)
                }
                [b'4', b'0', ..] => Ok(Joining::Done),
                _ => bail!("socket.io says {:?}", String::from_utf8_lossy(said)),
            },
        }
    }

    /// What a message of the server's wants as an answer, if anything: socket.io's heartbeat is one.
    pub fn answer(self, message: &[u8], out: &mut Vec<u8>) {
        if self.server == Server::Socketio && message == b"2" {
            put_message(out, Kind::Text, b"3");
        }
    }

    /// The request that publishes.
    ///
    /// # Errors
    /// When the payload can't be written as JSON.
    pub fn publish(self, host: &str, topic: &str, payload: &str) -> Result<String> {
        let (path, media, body) = match self.server {
            Server::Everwire => {
                let body = serde_json::to_string(&serde_json::json!({ "topic": topic, "data": payload }));
                ("/v1/publish".to_owned(), "application/json", body.context("a body")?)
            }
            Server::Nchan | Server::Socketio => {
                (format!("/pub?id={topic}"), "text/plain", payload.to_owned())
            }
        };
        let length = body.len();
        Ok(format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }
}
