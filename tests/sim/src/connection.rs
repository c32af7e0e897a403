//! The server's side of one connection: a real peer, and the shape of what it says. It stands in for the endpoints of
//! the HTTP adapter, and knows neither the network nor the client.

use std::sync::Arc;

use bytes::Bytes;
use everwire_core::HttpResponse;
use everwire_protocol::{ClientFrame, Code, Cursor, RetryWindow, ServerFrame, Topic, binary, event};
use everwire_server::{
    hub::Refusal,
    peer::{Outgoing, Peer, encode_binary},
};

use crate::{
    books::Books,
    server::{Server, at_once, response},
    store::Logs,
};

/// How long a poll is held at the most, in milliseconds.
const LONGEST_POLL: u64 = 60_000;

/// What the server holds of one connection.
pub struct Connection {
    peer: Peer<Logs>,
    kind: Kind,
    /// What its client tells of itself.
    pub name: Option<Arc<str>>,
    /// The topics on which it is present.
    present: Vec<Topic>,
    /// Those that it has left, and the server has not told so: it does when it is next to send.
    departing: Vec<Topic>,
}

enum Kind {
    Socket,
    Stream {
        cursor: Cursor,
        ended: bool,
    },
    /// Held until there is news, or until its time.
    Poll {
        until: u64,
        body: Vec<u8>,
        news: bool,
        /// Who is there is news too: somebody came or went since the poll before.
        members_are_news: bool,
    },
}

/// What the server sends.
pub enum Sent {
    /// One WebSocket message.
    Message(Bytes),
    /// Bytes of a stream.
    Chunk(String),
    /// The answer of a poll, after which the connection is over.
    Answer(HttpResponse),
    /// The server ended the connection: with a WebSocket close code.
    Closed(u16),
}

impl Connection {
    /// A socket, whose client has said nothing yet.
    #[must_use]
    pub fn socket(peer: Peer<Logs>) -> Self {
        Self { peer, kind: Kind::Socket, name: None, present: Vec::new(), departing: Vec::new() }
    }

    /// A stream.
    #[must_use]
    pub fn stream(peer: Peer<Logs>) -> Self {
        let kind = Kind::Stream { cursor: Cursor::default(), ended: false };
        Self { kind, ..Self::socket(peer) }
    }

    /// A poll, to be held for so long.
    #[must_use]
    pub fn poll(peer: Peer<Logs>, now: u64, timeout: u64) -> Self {
        let until = now + timeout.min(LONGEST_POLL);
        let kind = Kind::Poll { until, body: Vec::new(), news: false, members_are_news: false };
        Self { kind, ..Self::socket(peer) }
    }

    /// All that the request asked for has been asked for. Answers what was refused, where all was.
    #[must_use]
    pub fn begin(&mut self) -> Option<(Topic, Refusal)> {
        if let Kind::Poll { members_are_news, .. } = &mut self.kind {
            *members_are_news = self.peer.missed_members();
        }
        self.peer.refused_all()
    }

    /// Takes a frame in.
    ///
    /// # Errors
    /// The store made somebody wait, or the log broke a promise.
    pub fn take(
        &mut self,
        now: u64,
        frame: ClientFrame,
        server: &Server,
        books: &mut Books,
    ) -> Result<(), String> {
        if self.peer.closing().is_none() {
            self.enter(now, &frame, server, books);
        }
        at_once(self.peer.handle(now, frame))?;
        server.mirror(books)
    }

    /// Enters into the books who comes and goes by a frame.
    fn enter(&mut self, now: u64, frame: &ClientFrame, server: &Server, books: &mut Books) {
        match frame {
            ClientFrame::Connect { info, .. } => self.name = info.as_deref().map(Arc::from),
            // A store that doesn't answer refuses the subscription, and the presence with it.
            ClientFrame::Subscribe { topic, mode, .. } if mode.presence && server.hub.store.answers() => {
                if let Some(name) = self.name.as_deref().filter(|_| !self.present.contains(topic)) {
                    books.ledger.joined(now, topic, name);
                    self.present.push(topic.clone());
                }
            }
            ClientFrame::Unsubscribe { topic } => {
                if let Some(index) = self.present.iter().position(|present| present == topic) {
                    self.departing.push(self.present.swap_remove(index));
                }
            }
            _ => {}
        }
    }

    /// What it has left counts from now on.
    fn depart(&mut self, now: u64, books: &mut Books) {
        for topic in self.departing.drain(..) {
            if let Some(name) = &self.name {
                books.ledger.parted(now, &topic, name, true);
            }
        }
    }

    /// A WebSocket message arrives. What can't be read is refused, as the endpoint does.
    ///
    /// # Errors
    /// The store made somebody wait, or the log broke a promise.
    pub fn take_bytes(
        &mut self,
        now: u64,
        mut data: Bytes,
        server: &Server,
        books: &mut Books,
    ) -> Result<(), String> {
        loop {
            match binary::decode_client(&mut data) {
                Ok(Some(frame)) => self.take(now, frame, server, books)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.peer.refuse(Code::BAD_REQUEST, error.to_string());
                    return Ok(());
                }
            }
        }
    }

    /// The next thing to send; nothing when there is nothing now.
    ///
    /// # Errors
    /// The peer is not what it promises.
    pub fn pull(&mut self, now: u64, books: &mut Books) -> Result<Option<Sent>, String> {
        self.depart(now, books);
        match &mut self.kind {
            Kind::Poll { .. } => self.pull_poll(now),
            Kind::Stream { ended: true, .. } => Ok(Some(Sent::Closed(0))),
            Kind::Stream { cursor, ended } => {
                let mut text = String::new();
                let outgoing = at_once(self.peer.pull(now))?;
                let idle = outgoing.is_empty();
                outgoing.into_iter().for_each(|o| event::encode(&o.into_frame(), cursor, &mut text));
                match self.peer.closing().filter(|_| idle) {
                    None if idle => return Ok(None),
                    // A drain has been said already.
                    Some(closing) if closing.code == Code::DRAINING => return Ok(Some(Sent::Closed(0))),
                    Some(closing) => {
                        *ended = true;
                        let (code, reason) = (closing.code, closing.reason.clone());
                        event::encode(&ServerFrame::Closed { code, reason }, cursor, &mut text);
                    }
                    None => {}
                }
                Ok(Some(Sent::Chunk(text)))
            }
            Kind::Socket => {
                let outgoing = at_once(self.peer.pull(now))?;
                if outgoing.is_empty() {
                    return Ok(self.peer.closing().map(|closing| Sent::Closed(closing.code.0)));
                }
                Ok(Some(Sent::Message(encode_binary(&outgoing).into())))
            }
        }
    }

    fn pull_poll(&mut self, now: u64) -> Result<Option<Sent>, String> {
        let Kind::Poll { until, body, news, members_are_news } = &mut self.kind else { return Ok(None) };
        loop {
            let outgoing = at_once(self.peer.pull(now))?;
            if outgoing.is_empty() {
                break;
            }
            *news |= outgoing.iter().any(|o| o.is_news() || *members_are_news && o.is_members());
            let told: Vec<_> =
                outgoing.into_iter().filter(|o| *o != Outgoing::Frame(ServerFrame::Heartbeat)).collect();
            body.extend(encode_binary(&told));
        }
        *members_are_news = true;
        let ready = *news || self.peer.closing().is_some() || now >= *until;
        Ok(ready.then(|| Sent::Answer(response(200, std::mem::take(body)))))
    }

    /// The server goes away.
    pub fn drain(&mut self, window: RetryWindow) {
        self.peer.drain(window);
    }

    /// When to pull, if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        match self.kind {
            Kind::Poll { until, .. } => until.min(self.peer.deadline()),
            _ => self.peer.deadline(),
        }
    }

    /// The connection is over; `clean` when the client has said so itself.
    pub fn leave(&mut self, now: u64, clean: bool, books: &mut Books) {
        self.depart(now, books);
        for topic in self.present.drain(..) {
            if let Some(name) = &self.name {
                books.ledger.parted(now, &topic, name, clean);
            }
        }
        self.peer.leave(now, clean);
    }
}
