//! A session, its clock and its alarm, and how what the session wants done is written. The host carries it out in this order.

use std::time::Duration;

use everwire_core::{
    Alarm, Arm, Clock, Config, Event, Failure, HIDDEN_FAILURES, Outcome, Output, Reason, Request, Session,
    State, StateChange, Time, Transport,
    protocol::{ClientId, Code, GapReason, Kind, limits},
};

use crate::{columns, records, writer::Writer};

/// A client without what it needs of the browser.
pub(crate) struct Machine {
    pub session: Session,
    clock: Clock,
    alarm: Alarm,
    request_timeout: f64,
}

/// What a machine is made of; see [`create`](crate::create).
pub(crate) struct Options<'a> {
    pub seed: u64,
    pub has_token: bool,
    pub times: [f64; 6],
    pub worked: f64,
    pub age: f64,
    pub transports: &'a [u8],
    pub client_id: &'a [u8],
    pub info: Option<Vec<u8>>,
}

impl Machine {
    /// None where the client's id is none.
    pub(crate) fn new(options: Options<'_>) -> Option<Self> {
        let Options { seed, has_token, times, worked, age, transports, client_id, info } = options;
        let client_id = ClientId::new(std::str::from_utf8(client_id).ok()?).ok()?;
        let mut config = Config {
            has_token,
            transports: self::transports(transports),
            info: info.and_then(|info| String::from_utf8(info).ok()),
            remembered: milliseconds(age).and_then(|age| Some((*Transport::ALL.get(worked as usize)?, age))),
            ..Config::default()
        };
        let [backoff_max, connect_timeout, heartbeat_grace, ping_interval, poll_wait, poll_interval] = times;
        set(&mut config.backoff.max, backoff_max);
        set(&mut config.connect_timeout, connect_timeout);
        set(&mut config.heartbeat_grace, heartbeat_grace);
        set(&mut config.ping_interval, ping_interval);
        set(&mut config.poll_wait, poll_wait);
        set(&mut config.poll_interval, poll_interval);
        Some(Self {
            request_timeout: count(config.request_timeout),
            session: Session::new(config, client_id, seed),
            clock: Clock::NEW,
            alarm: Alarm::default(),
        })
    }

    pub(crate) fn read_clock(&mut self, monotonic: f64, wall: f64) {
        self.clock = self.clock.read(monotonic, wall);
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_millis(self.clock.now())
    }

    /// The timer has fired.
    pub(crate) fn fired(&mut self) {
        let now = self.now();
        self.alarm.fired();
        self.session.handle_timeout(now);
    }

    /// Writes all that follows from an input.
    pub(crate) fn settle(&mut self, hidden: bool, out: &mut Writer) {
        loop {
            let mut gives_up = false;
            while let Some(output) = self.session.poll_output() {
                if let Output::Event(Event::State(change)) = &output {
                    gives_up |= hidden && change.state == State::Waiting && change.attempt >= HIDDEN_FAILURES;
                }
                self.output(output, out);
            }
            if !gives_up {
                break;
            }
            // For a page that nobody sees.
            self.session.handle_suspend(self.now());
        }
        let due = self.session.poll_timeout().map(|(due, _)| due);
        match self.alarm.arm(self.clock, due) {
            Arm::Keep => {}
            Arm::Start(delay) => {
                out.whole(records::TIMER);
                out.number(delay.into());
            }
            Arm::Stop => {
                out.whole(records::TIMER);
                out.maybe(None);
            }
        }
    }

    fn output(&mut self, output: Output, out: &mut Writer) {
        match output {
            Output::Open { attempt, transport, request } => {
                out.head(records::OPEN, attempt.as_u32());
                out.whole(transport as u32);
                self.request(&request, out);
            }
            Output::Send { attempt, data } => {
                out.head(records::SEND, attempt.as_u32());
                out.bytes(&data);
            }
            Output::Poll { attempt, request } => {
                out.head(records::POLL, attempt.as_u32());
                self.request(&request, out);
            }
            Output::Close { attempt, code } => {
                out.head(records::CLOSE, attempt.as_u32());
                out.whole(code.into());
            }
            Output::Request { id, request } => {
                out.head(records::REQUEST, id.as_u32());
                out.number(self.request_timeout);
                self.request(&request, out);
            }
            Output::FetchToken => out.whole(records::TOKEN),
            // Nobody keeps publishes here.
            Output::Save(_) | Output::Forget(_) => {}
            Output::Event(event) => Self::event(event, out),
        }
    }

    /// Target, `Accept`, `Content-Type`, token, body, and how large an answer may be.
    fn request(&self, request: &Request, out: &mut Writer) {
        out.text(Some(&request.target));
        out.text(request.accept);
        out.text(request.content_type);
        out.text(request.token.as_ref().map(|token| token.as_str()));
        match &request.body {
            Some(body) => out.bytes(body),
            None => out.text(None),
        }
        out.number(limits::FRAME_BYTES as f64);
    }

    fn event(event: Event, out: &mut Writer) {
        match event {
            Event::State(change) => state(&change, out),
            Event::Messages { subscription, epoch, records } => {
                out.head(records::MESSAGES, subscription.as_u32());
                columns::write(out, epoch, &records);
            }
            Event::Subscribed { subscription, position, recovered } => {
                out.head(records::SUBSCRIBED, subscription.as_u32());
                out.position(position);
                out.flag(recovered);
            }
            Event::Gap { subscription, from, to, reason, position } => {
                out.head(records::GAP, subscription.as_u32());
                out.big(from);
                out.maybe(to.map(|to| to as f64));
                out.flag(reason == GapReason::Epoch);
                out.position(position);
            }
            Event::Ephemeral { subscription, time, payload, from } => {
                out.head(records::EPHEMERAL, subscription.as_u32());
                out.big(time);
                out.text(from.as_deref());
                out.whole(columns::kind(payload.kind).into());
                out.bytes(if payload.kind == Kind::Bytes {
                    &payload.data
                } else {
                    columns::text_of(&payload).0
                });
            }
            Event::Members { subscription, members } => {
                out.head(records::MEMBERS, subscription.as_u32());
                out.members(&members);
            }
            Event::Join { subscription, member } => {
                out.head(records::JOIN, subscription.as_u32());
                out.member(&member);
            }
            Event::Leave { subscription, member } => {
                out.head(records::LEAVE, subscription.as_u32());
                out.member(&member);
            }
            Event::SubscriptionFailed { subscription, code, message } => {
                out.head(records::FAILED, subscription.as_u32());
                coded(code, &message, out);
            }
            Event::Published { id, outcome } => {
                out.whole(records::PUBLISHED);
                out.text(Some(id.as_str()));
                out.flag(matches!(outcome, Outcome::Acked { .. }));
                match outcome {
                    Outcome::Acked { position: Some(position) } => out.position(position),
                    Outcome::Acked { position: None } => out.text(None),
                    Outcome::Rejected { code, message } => coded(code, &message, out),
                    Outcome::Expired => out.error("expired", "no ack came in time", true),
                }
            }
            Event::History { request, result } => {
                out.head(records::HISTORY, request.as_u32());
                if let Some(page) = answer(result, out) {
                    columns::write(out, page.epoch, &page.records);
                    out.flag(page.more);
                }
            }
            Event::Presence { request, result } => {
                out.head(records::PRESENCE, request.as_u32());
                if let Some(members) = answer(result, out) {
                    out.members(&members);
                }
            }
        }
    }

    /// The counters, in the order of `pkg/src/host/records.ts`.
    pub(crate) fn stats(&self, out: &mut Writer) {
        let stats = self.session.stats();
        out.whole(records::STATS);
        out.maybe(stats.round_trip.map(count));
        out.maybe(stats.time_to_detect.map(count));
        out.big(stats.bytes_received);
        out.big(stats.bytes_sent);
        out.big(stats.messages_received);
        out.big(stats.published);
        out.big(stats.acked);
        out.big(stats.rejected);
        out.big(stats.expired);
        out.big(stats.reconnects.total());
        out.big(stats.failed_attempts);
        out.big(stats.resumes);
        out.big(stats.gaps);
        out.big(stats.repeats);
        out.big(stats.stale);
        out.big(stats.malformed);
        out.big(stats.pauses);
        out.whole(stats.outbox_messages as u32);
        out.whole(stats.outbox_bytes as u32);
        out.whole(stats.blocked.iter().fold(0, |all, transport| all | 1 << transport as u32));
    }
}

/// State, transport, reason, code, attempt, how long to the next one.
fn state(change: &StateChange, out: &mut Writer) {
    let StateChange { state, transport, reason, attempt, retry_in } = *change;
    let reason_number = match reason {
        Reason::Asked => 0,
        Reason::Welcomed => 1,
        Reason::Network => 2,
        Reason::Silent => 3,
        Reason::Unanswered => 4,
        Reason::ConnectTimeout => 5,
        Reason::Closed(_) => 6,
        Reason::Status(_) => 7,
        Reason::Drain => 8,
        Reason::Malformed => 9,
        Reason::Token => 10,
        Reason::Offline => 11,
        Reason::Back => 12,
        Reason::Suspended => 13,
        Reason::Transport => 14,
    };
    out.head(records::STATE, state as u32);
    out.maybe(transport.map(|transport| f64::from(transport as u8)));
    out.whole(reason_number);
    out.maybe(reason.code().map(f64::from));
    out.whole(attempt);
    out.maybe(retry_in.map(count));
}

/// 1 before an answer, which is returned; 0 before an error.
fn answer<T>(result: Result<T, Failure>, out: &mut Writer) -> Option<T> {
    out.flag(result.is_ok());
    match result {
        Ok(answer) => Some(answer),
        Err(Failure { code, message }) => {
            coded(code, &message, out);
            None
        }
    }
}

fn coded(code: Code, message: &str, out: &mut Writer) {
    out.error(code.name(), message, code.is_retryable());
}

/// Those of these numbers.
pub(crate) fn transports(numbers: &[u8]) -> Vec<Transport> {
    let mut transports = Vec::new();
    for number in numbers {
        if let Some(transport) = Transport::ALL.get(usize::from(*number)) {
            transports.push(*transport);
        }
    }
    transports
}

/// Not in line, as there are many.
#[inline(never)]
fn milliseconds(number: f64) -> Option<Duration> {
    (number >= 0.0).then(|| Duration::from_millis(number as u64))
}

#[inline(never)]
fn set(time: &mut Duration, number: f64) {
    if let Some(given) = milliseconds(number) {
        *time = given;
    }
}

fn count(duration: Duration) -> f64 {
    duration.as_secs() as f64 * 1e3 + f64::from(duration.subsec_millis())
}
