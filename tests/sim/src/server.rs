//! The real server without its sockets: the hub and the peers of `everwire-server`, driven in virtual time over the
//! simulated store. It stands in for the HTTP adapter only: it knows requests and frames, not how they travel.

use std::{net::Ipv4Addr, sync::Arc};

use everwire_core::{HttpResponse, Request, Transport};
use everwire_protocol::{About, ClientFrame, Code, RetryWindow, ServerFrame, Token, Topic, binary};
use everwire_server::{
    auth::Subject,
    guard::{Address, GuardLimits, Guards, Quota},
    hub::{Hub, PeerRules, Publication, Refusal},
    peer::{Peer, encode_binary},
    presence::{Presence, Visitor},
};
use fastrand::Rng;
use futures::FutureExt;

use crate::{
    books::Books,
    connection::{Connection, Sent},
    request::{Wanted, one_off},
    schedule::Schedule,
    store::Logs,
    tokens::Tokens,
};

/// How long a member stays when its connection is lost, in milliseconds.
pub const PRESENCE_GRACE: u64 = 10_000;

/// When clients are to come back to a server that goes away.
const DRAIN: RetryWindow = RetryWindow { min: 500, max: 4_000 };

/// One life of the server's process.
pub struct Server {
    pub(crate) hub: Arc<Hub<Logs>>,
    rng: Rng,
    longest_life: u64,
    sessions: u64,
    /// It is going away: it takes no new connections.
    pub drains: bool,
}

/// What became of a request for a connection.
pub enum Accepted {
    /// There it is.
    Connection(Box<Connection>),
    /// It is refused.
    Refused(HttpResponse),
}

/// Where all clients are.
fn address() -> Option<Address> {
    Some(Address::of(Ipv4Addr::LOCALHOST.into()))
}

/// Everything over the store in memory is ready at once.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> Result<T, String> {
    future.now_or_never().ok_or_else(|| "the store in memory made somebody wait".to_owned())
}

impl Server {
    /// A new life over a store.
    #[must_use]
    pub fn start(schedule: &Schedule, logs: Logs, tokens: Arc<Tokens>, seed: u64) -> Self {
        let rules = PeerRules { heartbeat: schedule.heartbeat, ..PeerRules::default() };
        let publishes = schedule.publish_rate.and_then(|rate| Quota::new(rate, 2 * rate));
        let guards = Guards::new(&GuardLimits { publishes, ..GuardLimits::default() });
        let hub = Hub::new(logs, Presence::new(PRESENCE_GRACE, seed), tokens, rules).with_guards(guards);
        let longest_life = schedule.longest_life;
        Self { hub: Arc::new(hub), rng: Rng::with_seed(seed), longest_life, sessions: 0, drains: false }
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
        books: &mut Books,
    ) -> Result<Accepted, String> {
        self.sessions += 1;
        let session = self.sessions.to_string();
        let ends_at = now + self.rng.u64(self.longest_life / 2..=self.longest_life);
        if transport == Transport::WebSocket {
            let mut peer = Peer::new(Arc::clone(&self.hub), now, session);
            peer.ends_at(ends_at);
            peer.comes_from(address());
            return Ok(Accepted::Connection(Box::new(Connection::socket(peer))));
        }
        let wanted = Wanted::parse(request)?;
        let subject = match self.subject(now, request) {
            Ok(subject) => subject,
            Err(refusal) => return Ok(Accepted::Refused(refused(About::Connection, refusal))),
        };
        let visitor = wanted.visitor.map(|visitor| Visitor { subject: subject.name.clone(), ..visitor });
        let name = visitor.as_ref().and_then(|visitor| visitor.info.clone());
        let mut peer = Peer::connected(Arc::clone(&self.hub), now, session, subject, visitor);
        peer.ends_at(ends_at);
        peer.share_members(wanted.topics.iter().filter(|(.., mode)| mode.presence).count());
        let mut connection = match transport {
            Transport::LongPoll | Transport::Poll => Connection::poll(peer, now, wanted.timeout),
            _ => Connection::stream(peer),
        };
        connection.name = name;
        for (topic, from, mode) in wanted.topics {
            connection.take(now, ClientFrame::Subscribe { topic, from, mode }, self, books)?;
        }
        if let Some((topic, refusal)) = connection.begin() {
            connection.leave(now, false, books);
            return Ok(Accepted::Refused(refused(About::Topic(topic), refusal)));
        }
        Ok(Accepted::Connection(Box::new(connection)))
    }

    /// Somebody else publishes: a back end, or another client. A store in trouble refuses it.
    ///
    /// # Errors
    /// The store made somebody wait.
    pub fn publish(&self, now: u64, publication: Publication) -> Result<(), String> {
        at_once(self.hub.publish(now, &Subject::default(), publication)).map(drop)
    }

    /// A one-off request: publishes, a page of history, who is there.
    ///
    /// # Errors
    /// A request that the client should never have made.
    pub fn answer(&self, now: u64, request: &Request, books: &mut Books) -> Result<HttpResponse, String> {
        let subject = match self.subject(now, request) {
            Ok(subject) => subject,
            Err(refusal) => return Ok(refused(About::Connection, refusal)),
        };
        let mut peer = Peer::connected(Arc::clone(&self.hub), now, "", subject, None);
        drop(at_once(peer.pull(now))?);
        for frame in one_off(request)? {
            at_once(peer.handle(now, frame))?;
            self.mirror(books)?;
        }
        let mut body = Vec::new();
        loop {
            let outgoing = at_once(peer.pull(now))?;
            if outgoing.is_empty() {
                return Ok(response(200, body));
            }
            body.extend(encode_binary(&outgoing));
        }
    }

    fn subject(&self, now: u64, request: &Request) -> Result<Subject, Refusal> {
        let token = request.token.as_ref().map(Token::as_str);
        let authenticated = self.hub.authorizer.authenticate(now, token);
        let subject = authenticated.map_err(|denied| Refusal::new(denied.code, denied.message))?;
        Ok(subject.at(address()))
    }

    /// Somebody who is no client of ours sends bytes that mean nothing: nothing may come of it but a refusal.
    ///
    /// # Errors
    /// The server took it for something.
    pub fn take_garbage(&mut self, now: u64, bytes: Vec<u8>) -> Result<(), String> {
        let mut connection = Connection::socket(Peer::new(Arc::clone(&self.hub), now, "stranger"));
        let mut books = Books::default();
        connection.take_bytes(now, bytes.into(), self, &mut books)?;
        while let Some(sent) = connection.pull(now, &mut books)? {
            if matches!(sent, Sent::Closed(_)) {
                return Ok(());
            }
        }
        Err("invariant 12: the server didn't refuse what means nothing".to_owned())
    }

    /// From now on it goes away: the window to be told to those who are connected.
    pub fn drain(&mut self) -> RetryWindow {
        self.drains = true;
        DRAIN
    }

    /// How often a publish was one too many.
    #[must_use]
    pub fn rate_limited(&self) -> u64 {
        self.hub.counters.refusals.of(Code::RATE_LIMITED)
    }

    /// Housekeeping.
    pub fn tick(&self, now: u64) {
        self.hub.tick(now);
    }

    /// Tells the truth what was written.
    ///
    /// # Errors
    /// The log broke a promise of its own.
    pub fn mirror(&self, books: &mut Books) -> Result<(), String> {
        self.hub.store.mirror(&mut books.truth)
    }

    /// Who is on a topic, by what each tells of itself.
    #[must_use]
    pub fn present(&self, topic: &Topic) -> Vec<String> {
        let (members, _) = self.hub.presence.members(topic, usize::MAX);
        let mut names: Vec<_> =
            members.into_iter().filter_map(|member| Some(member.info?.to_string())).collect();
        names.sort_unstable();
        names
    }
}

pub(crate) fn response(status: u16, body: Vec<u8>) -> HttpResponse {
    HttpResponse { status, retry_after: None, body: body.into() }
}

fn refused(about: About, refusal: Refusal) -> HttpResponse {
    let Refusal { code, message, retry_after } = refusal;
    let mut body = Vec::new();
    binary::encode_server(&ServerFrame::Error { about, code, message, retry_after }, &mut body);
    response(code.status(), body)
}
