//! The real server without its sockets: the hub, the store and the peers of `everwire-server`, driven in
//! virtual time. It stands in for the HTTP adapter only: it knows requests and frames, not how they travel.

use std::sync::Arc;

use bytes::Bytes;
use everwire_core::{HttpResponse, Request, Transport};
use everwire_protocol::{ClientFrame, Cursor, From, binary, event};
use everwire_server::{
    auth::{Open, Subject},
    hub::{Hub, PeerRules, Publication},
    log::{BatchLimit, Read, RetentionRules},
    peer::{Outgoing, Peer, encode_binary},
    presence::Presence,
    store::{MemoryLimits, MemoryStore, Store},
};
use futures::FutureExt;

use crate::{
    request::{Wanted, one_off},
    schedule::Schedule,
    truth::Truth,
};

/// How long a poll is held, unless it asks for less, in milliseconds.
const LONGEST_POLL: u64 = 25_000;

/// How long a member stays when its connection is lost, in milliseconds.
const PRESENCE_GRACE: u64 = 10_000;

/// One life of the server process.
pub struct Server {
    hub: Arc<Hub<MemoryStore>>,
    sessions: u64,
}

/// What the server holds of one connection.
pub struct Connection {
    peer: Peer<MemoryStore>,
    kind: Kind,
}

enum Kind {
    Socket,
    Stream {
        cursor: Cursor,
    },
    /// Held until there is news, or until its time.
    Poll {
        until: u64,
        body: Vec<u8>,
        news: bool,
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

/// Everything over the store in memory is ready at once.
fn now_or_never<T>(future: impl Future<Output = T>) -> Result<T, String> {
    future.now_or_never().ok_or_else(|| "the store in memory made somebody wait".to_owned())
}

impl Server {
    /// A new life with an empty store.
    #[must_use]
    pub fn start(schedule: &Schedule, seed: u64) -> Self {
        let memory = MemoryLimits {
            retention: RetentionRules { default: schedule.retention, patterns: Vec::new() },
            ..MemoryLimits::default()
        };
        let rules = PeerRules { heartbeat: schedule.heartbeat, ..PeerRules::default() };
        let store = MemoryStore::new(seed, memory);
        let hub = Hub::new(store, Presence::new(PRESENCE_GRACE, seed), Arc::new(Open::default()), rules);
        Self { hub: Arc::new(hub), sessions: 0 }
    }

    /// A connection comes in: a socket, a stream or a poll.
    ///
    /// # Errors
    /// A request that the client should never have made.
    pub fn accept(
        &mut self,
        now: u64,
        transport: Transport,
        request: &Request,
    ) -> Result<Connection, String> {
        self.sessions += 1;
        let session = self.sessions.to_string();
        if transport == Transport::WebSocket {
            return Ok(Connection {
                peer: Peer::new(Arc::clone(&self.hub), now, session),
                kind: Kind::Socket,
            });
        }
        let wanted = Wanted::parse(request)?;
        let mut peer =
            Peer::connected(Arc::clone(&self.hub), now, session, Subject::default(), wanted.visitor);
        for (topic, from, mode) in wanted.topics {
            now_or_never(peer.handle(now, ClientFrame::Subscribe { topic, from, mode }))?;
        }
        let kind = match transport {
            Transport::LongPoll | Transport::Poll => {
                Kind::Poll { until: now + wanted.timeout.min(LONGEST_POLL), body: Vec::new(), news: false }
            }
            _ => Kind::Stream { cursor: Cursor::default() },
        };
        Ok(Connection { peer, kind })
    }

    /// Somebody else publishes: a back end, or another client.
    ///
    /// # Errors
    /// The server refused it.
    pub fn publish(&self, now: u64, publication: Publication) -> Result<(), String> {
        let published = now_or_never(self.hub.publish(now, &Subject::default(), publication))?;
        published.map(drop).map_err(|refusal| refusal.message.to_string())
    }

    /// A one-off request: publishes, a page of history, who is there.
    ///
    /// # Errors
    /// A request that the client should never have made.
    pub fn answer(&self, now: u64, request: &Request, truth: &mut Truth) -> Result<HttpResponse, String> {
        let mut peer = Peer::connected(Arc::clone(&self.hub), now, "", Subject::default(), None);
        drop(now_or_never(peer.pull(now))?);
        for frame in one_off(request)? {
            now_or_never(peer.handle(now, frame))?;
            self.mirror(truth)?;
        }
        let mut body = Vec::new();
        loop {
            let outgoing = now_or_never(peer.pull(now))?;
            if outgoing.is_empty() {
                return Ok(response(200, body));
            }
            body.extend(encode_binary(&outgoing));
        }
    }

    /// Housekeeping.
    pub fn tick(&self, now: u64) {
        self.hub.tick(now);
    }

    /// Copies what was appended since the last time to the truth, and notes what is still kept.
    ///
    /// # Errors
    /// The log broke a promise of its own.
    pub fn mirror(&self, truth: &mut Truth) -> Result<(), String> {
        for topic in crate::world::topics() {
            let store = &self.hub.store;
            // Resolving at time 0 evicts nothing by age.
            let present =
                now_or_never(store.resolve(0, &topic, From::Earliest))?.map_err(|e| e.to_string())?;
            let epoch = present.position.epoch;
            truth.kept_from(&topic, epoch, present.position.offset + 1);
            let mut cursor = truth.top(&topic).filter(|top| top.epoch == epoch).unwrap_or(present.position);
            while let Read::Batch(batch) =
                now_or_never(store.read(&topic, cursor, BatchLimit::default()))?.map_err(|e| e.to_string())?
            {
                for entry in &batch.entries {
                    truth.appended(&topic, epoch, &entry.record)?;
                }
                cursor = batch.last;
            }
        }
        Ok(())
    }
}

impl Connection {
    /// A WebSocket message arrives.
    ///
    /// # Errors
    /// Bytes that the client should never have sent.
    pub fn message(
        &mut self,
        now: u64,
        mut data: Bytes,
        server: &Server,
        truth: &mut Truth,
    ) -> Result<(), String> {
        while let Some(frame) =
            binary::decode_client(&mut data).map_err(|e| format!("the client sent: {e}"))?
        {
            now_or_never(self.peer.handle(now, frame))?;
            server.mirror(truth)?;
        }
        Ok(())
    }

    /// The next thing to send; nothing when there is nothing now.
    ///
    /// # Errors
    /// The peer is not what it promises.
    pub fn pull(&mut self, now: u64) -> Result<Option<Sent>, String> {
        if let Kind::Poll { until, body, news } = &mut self.kind {
            loop {
                let outgoing = now_or_never(self.peer.pull(now))?;
                if outgoing.is_empty() {
                    break;
                }
                *news |= outgoing.iter().any(Outgoing::is_news);
                body.extend(encode_binary(&outgoing));
            }
            let ready = *news || now >= *until;
            return Ok(ready.then(|| Sent::Answer(response(200, std::mem::take(body)))));
        }
        let outgoing = now_or_never(self.peer.pull(now))?;
        if outgoing.is_empty() {
            return Ok(self.peer.closing().map(|closing| Sent::Closed(closing.code.0)));
        }
        Ok(Some(match &mut self.kind {
            Kind::Stream { cursor } => {
                let mut text = String::new();
                outgoing.into_iter().for_each(|o| event::encode(&o.into_frame(), cursor, &mut text));
                Sent::Chunk(text)
            }
            _ => Sent::Message(encode_binary(&outgoing).into()),
        }))
    }

    /// When to pull, if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        match self.kind {
            Kind::Poll { until, .. } => until,
            _ => self.peer.deadline(),
        }
    }

    /// The connection is over.
    pub fn leave(&mut self, now: u64) {
        self.peer.leave(now, false);
    }
}

fn response(status: u16, body: Vec<u8>) -> HttpResponse {
    HttpResponse { status, retry_after: None, body: body.into() }
}
