//! The session: its state, and what the app calls. Each other file of this folder is one thing that the
//! session does.
//!
//! Every method mutates once and queues outputs; requests and frames that depend on the whole state are made
//! when the outputs are drained (`sync`), so that what is asked for together travels together.

mod deadlines;
mod end;
mod environment;
mod feeding;
mod frames;
mod liveness;
mod outgoing;
mod publishing;
mod reading;
mod round;
mod sync;
#[cfg(feature = "relay")]
mod tab;
mod tokens;
mod transports;

use std::{collections::VecDeque, fmt};

use everwire_protocol::{ClientId, Code, HistoryRange, Limits, Topic, limits};

use crate::{
    AttemptId, Config, Event, Output, Reason, RequestId, State, StateChange, Stats, Time, TimerName,
    Transport,
    backoff::Backoff,
    feed::Feed,
    link::Link,
    map::Map,
    outbox::Outbox,
    publisher::Publisher,
    question::{Ask, Questions},
    selection::Selection,
    timer::Timers,
    token::TokenState,
};

/// The client's logical connection: a state machine that outlives its transports.
///
/// How to drive it, always in this order:
/// 1. call one method that takes the time (`handle_*`, or what the app asks);
/// 2. call [`poll_output`](Self::poll_output) until it gives `None`, and do what each output says;
/// 3. ask [`poll_timeout`](Self::poll_timeout), and see to it that
///    [`handle_timeout`](Self::handle_timeout) is called at that time, or later, unless 1 comes first.
///
/// Several calls of the app may be made before step 2: what they ask for then travels together.
/// Two sessions with the same configuration, client id, seed and inputs give the same outputs.
pub struct Session {
    config: Config,
    client_id: ClientId,
    rng: fastrand::Rng,
    /// The time of the last input.
    now: Time,
    started: bool,
    offline: bool,
    suspended: bool,
    status: StateChange,
    outputs: VecDeque<Output>,
    timers: Timers,
    /// The link, and the attempts under way.
    links: Vec<Link>,
    /// Which of them is the link: the last one whose welcome came.
    live: Option<AttemptId>,
    selection: Selection,
    backoff: Backoff,
    /// The server said not to come back before this.
    not_before: Option<Time>,
    /// A transport of this round was refused for good.
    refused: Option<Reason>,
    token: TokenState,
    feeds: Map<Topic, Feed>,
    /// Something was changed that the links may have to be told.
    unsynced: bool,
    outbox: Outbox,
    questions: Questions,
    limits: Limits,
    next_attempt: u32,
    next_request: u32,
    next_subscription: u32,
    next_generation: u64,
    next_nonce: u32,
    publisher: Publisher,
    stats: Stats,
    #[cfg(feature = "relay")]
    upstream: Option<tab::Upstream>,
}

/// Shows how it stands, and nothing that was said: frames hold tokens and payloads.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("status", &self.status)
            .field("live", &self.live)
            .field("timers", &self.timers)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session that does nothing before [`connect`](Self::connect).
    ///
    /// `client_id` names this client across reconnects. `seed` is the source of its randomness, which spreads
    /// retries, and makes its publish ids, with the client id, unlike those of any other session: both must be
    /// random.
    #[must_use]
    pub fn new(mut config: Config, client_id: ClientId, seed: u64) -> Self {
        if let Some(info) = &mut config.info {
            info.truncate(info.floor_char_boundary(limits::INFO_BYTES));
        }
        let status = StateChange {
            state: State::Connecting,
            transport: None,
            reason: Reason::Asked,
            attempt: 0,
            retry_in: None,
        };
        Self {
            publisher: Publisher::new(&client_id, seed),
            client_id,
            rng: fastrand::Rng::with_seed(seed),
            now: Time::default(),
            started: false,
            offline: false,
            suspended: false,
            status,
            outputs: VecDeque::new(),
            timers: Timers::default(),
            links: Vec::new(),
            live: None,
            selection: Selection::new(&config.transports),
            backoff: Backoff::default(),
            not_before: None,
            refused: None,
            token: TokenState::default(),
            feeds: Map::default(),
            unsynced: false,
            outbox: Outbox::default(),
            questions: Questions::default(),
            limits: Limits::default(),
            next_attempt: 1,
            next_request: 1,
            next_subscription: 1,
            next_generation: 1,
            next_nonce: 1,
            stats: Stats::default(),
            #[cfg(feature = "relay")]
            upstream: None,
            config,
        }
    }

    /// Starts connecting. Does nothing when that was done before.
    pub fn connect(&mut self, now: Time) {
        self.now = now;
        if self.started || self.is_closed() {
            return;
        }
        self.started = true;
        if let Some((transport, age)) = self.config.remembered {
            self.selection.remember(transport, now + self.config.remember.saturating_sub(age));
        }
        self.come_back(now, Reason::Asked);
    }

    /// Asks for a page of history, of at most [`HISTORY`](limits::HISTORY) records. The answer comes as
    /// [`Event::History`], always, except after [`close`](Self::close): without an answer of the server
    /// it is a failure after [`request_timeout`](Config::request_timeout). A question that a link took with
    /// it is asked again on the next.
    pub fn history(&mut self, now: Time, topic: Topic, range: HistoryRange, limit: u32) -> RequestId {
        self.ask(now, Ask::History { topic, range, limit: limit.clamp(1, limits::HISTORY) })
    }

    /// Asks who is on a topic. The answer comes as [`Event::Presence`], as with
    /// [`history`](Self::history).
    pub fn presence(&mut self, now: Time, topic: Topic) -> RequestId {
        self.ask(now, Ask::Presence { topic })
    }

    /// Ends the session for good. Publishes without an ack expire, questions fail, the state becomes
    /// [`State::Closed`]; after those events there is nothing more, whatever comes in. A publish that was
    /// [saved](Output::Save) stays so: the next session, to which it is [restored](Self::restore), sends it.
    pub fn close(&mut self, now: Time) {
        self.now = now;
        if !self.is_closed() {
            self.end_for_good(Reason::Asked);
        }
    }

    /// What to do next; `None` when there is nothing more until the next input.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            self.sync();
        }
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and what for. Ask after the outputs are
    /// drained.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, TimerName)> {
        self.timers.next()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            outbox_messages: self.outbox.len(),
            outbox_bytes: self.outbox.bytes(),
            blocked: self.selection.blocked(),
            ..self.stats
        }
    }

    /// The connection as the last [`Event::State`] told it.
    #[must_use]
    pub fn state(&self) -> StateChange {
        self.status
    }

    fn ask(&mut self, now: Time, ask: Ask) -> RequestId {
        self.now = now;
        let id = self.new_request();
        if self.is_closed() {
            return id;
        }
        if let Err(ask) = self.questions.push(id, ask, now + self.config.request_timeout) {
            self.event(ask.failed(id, Code::RATE_LIMITED, "too many questions wait"));
        }
        self.set_question_due();
        id
    }

    fn is_closed(&self) -> bool {
        self.status.state == State::Closed
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn new_generation(&mut self) -> u64 {
        self.next_generation += 1;
        self.next_generation - 1
    }

    fn new_request(&mut self) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request = self.next_request.checked_add(1).unwrap_or(1);
        id
    }

    fn new_attempt(&mut self) -> AttemptId {
        let id = AttemptId(self.next_attempt);
        self.next_attempt = self.next_attempt.wrapping_add(1);
        id
    }

    fn link(&mut self, id: AttemptId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.id == id)
    }

    fn live_link(&mut self) -> Option<&mut Link> {
        let live = self.live?;
        self.link(live)
    }

    fn live_transport(&self) -> Option<Transport> {
        let live = self.live?;
        self.links.iter().find(|link| link.id == live).map(|link| link.transport)
    }
}
