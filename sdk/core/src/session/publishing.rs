//! Outcomes of publishes, publishing by HTTP, and the answers to questions.

use std::sync::Arc;

use bytes::Bytes;
use everwire_protocol::{About, Action, Code, Position, PublishId, RetryWindow, ServerFrame, binary, limits};

use crate::{
    Event, HistoryPage, HttpResponse, Outcome, Output, RequestId, Session, Time, TimerName, backoff::pick_in,
    outbox::Gone, question::Ask, request, session::end::window_after,
};

/// What an error says.
struct Problem {
    code: Code,
    message: Arc<str>,
    window: Option<RetryWindow>,
}

impl Session {
    /// The answer to an [`Output::Request`]; `None` when there was none.
    pub fn handle_reply(&mut self, now: Time, request: RequestId, response: Option<HttpResponse>) {
        self.now = now;
        self.stats.bytes_received += response.as_ref().map_or(0, |response| response.body.len()) as u64;
        if let Some(ids) = self.outbox.end_post(request) {
            self.timers.stop(TimerName::PublishAnswer);
            self.publishes_answered(now, &ids, response);
        } else if let Some(ask) = self.questions.take(request) {
            self.set_question_due();
            self.question_answered(now, request, &ask, response);
        } else {
            self.stats.stale += 1;
        }
    }

    pub(super) fn settle(&mut self, id: &PublishId, outcome: Outcome) {
        if let Some(gone) = self.outbox.settle(id) {
            match outcome {
                Outcome::Acked { .. } => self.stats.acked += 1,
                Outcome::Rejected { .. } => self.stats.rejected += 1,
                Outcome::Expired => self.stats.expired += 1,
            }
            self.published(gone, outcome);
            self.set_outbox_age();
        }
    }

    fn published(&mut self, Gone { id, saved }: Gone, outcome: Outcome) {
        if saved {
            self.outputs.push_back(Output::Forget(id.clone()));
        }
        self.event(Event::Published { id, outcome });
    }

    pub(super) fn acked(&mut self, id: &PublishId, position: Option<Position>) {
        self.outbox.backoff.reset();
        self.settle(id, Outcome::Acked { position });
    }

    /// Tells of publishes that have been taken out of the outbox.
    pub(super) fn expired(&mut self, all: Vec<Gone>) {
        for gone in all {
            self.stats.expired += 1;
            self.published(gone, Outcome::Expired);
        }
    }

    pub(super) fn expire_publishes(&mut self, now: Time) {
        let expired = self.outbox.expire(now);
        self.expired(expired);
        self.set_outbox_age();
    }

    pub(super) fn set_outbox_age(&mut self) {
        self.timers.put(TimerName::OutboxAge, self.outbox.next_expiry());
    }

    pub(super) fn publish_refused(
        &mut self,
        now: Time,
        id: &PublishId,
        code: Code,
        message: Arc<str>,
        window: Option<RetryWindow>,
    ) {
        let Some(ephemeral) = self.outbox.is_ephemeral(id) else { return };
        let with_token = code.action() == Action::RetryWithToken;
        if code.action() == Action::Stop || ephemeral || with_token && !self.config.has_token {
            self.settle(id, Outcome::Rejected { code, message });
            return;
        }
        self.outbox.unsend(id);
        self.hold_publishes(now, window);
        if with_token {
            self.fetch_token(now);
        }
    }

    /// Sends no publish for a while.
    fn hold_publishes(&mut self, now: Time, window: Option<RetryWindow>) {
        if self.outbox.is_held() && window.is_none() {
            // What was sent behind it is refused with it: that is one failure.
            return;
        }
        let backoff = self.outbox.backoff.fail(&self.config.backoff, &mut self.rng);
        let wait = window.map_or(backoff, |window| pick_in(&mut self.rng, window));
        let until = self.outbox.held_until().map_or(now + wait, |until| until.max(now + wait));
        self.outbox.hold(Some(until));
        self.timers.set(TimerName::OutboxRetry, until);
    }

    pub(super) fn release_publishes(&mut self) {
        self.outbox.hold(None);
        self.timers.stop(TimerName::OutboxRetry);
    }

    /// Begins a publish request, when there is something to publish and none is under way.
    pub(super) fn post_publishes(&mut self) {
        if self.outbox.len() == 0 || self.outbox.is_posting() || self.outbox.is_held() {
            return;
        }
        let id = self.new_request();
        let Some(frames) = self.outbox.begin_post(id, limits::BATCH_BYTES) else { return };
        let mut body = Vec::new();
        frames.iter().for_each(|frame| binary::encode_client(frame, &mut body));
        self.stats.bytes_sent += body.len() as u64;
        let request = request::publish(body.into(), self.token.current.clone());
        self.timers.set(TimerName::PublishAnswer, self.now + self.config.request_timeout);
        self.outputs.push_back(Output::Request { id, request });
    }

    /// No answer came to a publish request. Whether it took effect is unknown, so it is sent again.
    pub(super) fn post_missed(&mut self, now: Time) {
        self.outbox.abandon_post();
        self.hold_publishes(now, None);
    }

    fn publishes_answered(&mut self, now: Time, ids: &[PublishId], response: Option<HttpResponse>) {
        let Some(response) = response else {
            self.hold_publishes(now, None);
            return;
        };
        if response.status != 200 {
            let Problem { code, message, window } = problem(&response);
            let with_token = code.action() == Action::RetryWithToken;
            if code.action() == Action::Stop || with_token && !self.config.has_token {
                for id in ids {
                    self.settle(id, Outcome::Rejected { code, message: message.clone() });
                }
                return;
            }
            self.hold_publishes(now, window);
            if with_token {
                self.fetch_token(now);
            }
            return;
        }
        let mut body = response.body;
        loop {
            match binary::decode_server(&mut body) {
                Ok(Some(ServerFrame::Ack { id, position })) => self.acked(&id, position),
                Ok(Some(ServerFrame::Error { about: About::Publish(id), code, message, retry_after })) => {
                    self.publish_refused(now, &id, code, message, retry_after);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    self.stats.malformed += 1;
                    break;
                }
            }
        }
        let unanswered = ids.iter().any(|id| self.outbox.is_ephemeral(id).is_some());
        if unanswered && !self.outbox.is_held() {
            // An answer that leaves some out must not be asked for again in a hurry.
            self.hold_publishes(now, None);
        }
    }

    /// The answer to a question came through the link.
    pub(super) fn answered(&mut self, request: RequestId, frame: ServerFrame) {
        if let Some(ask) = self.questions.take(request) {
            self.set_question_due();
            self.tell_answer(request, &ask, Some(frame));
        }
    }

    /// Tells the app what a question was answered with, if that is an answer to it.
    fn tell_answer(&mut self, id: RequestId, ask: &Ask, answer: Option<ServerFrame>) {
        let event = match (ask, answer) {
            (Ask::History { .. }, Some(ServerFrame::History { epoch, records, more, .. })) => {
                Event::History { request: id, result: Ok(HistoryPage { epoch, records, more }) }
            }
            (Ask::Presence { .. }, Some(ServerFrame::Presence { members, .. })) => {
                Event::Presence { request: id, result: Ok(members) }
            }
            (_, Some(ServerFrame::Error { code, message, .. })) => ask.failed(id, code, &message),
            _ => {
                self.stats.malformed += 1;
                ask.failed(id, Code::INTERNAL, "the answer can't be read")
            }
        };
        self.event(event);
    }

    pub(super) fn question_failed(&mut self, request: RequestId, code: Code, message: &str) {
        if let Some(ask) = self.questions.take(request) {
            self.event(ask.failed(request, code, message));
            self.set_question_due();
        }
    }

    fn question_answered(&mut self, now: Time, id: RequestId, ask: &Ask, response: Option<HttpResponse>) {
        let Some(response) = response else {
            self.event(ask.failed(id, Code::UNAVAILABLE, "the request failed"));
            return;
        };
        if response.status == 200 {
            let mut body: Bytes = response.body;
            self.tell_answer(id, ask, binary::decode_server(&mut body).ok().flatten());
            return;
        }
        let Problem { code, message, .. } = problem(&response);
        if code.action() == Action::RetryWithToken && self.config.has_token {
            self.fetch_token(now);
        }
        self.event(ask.failed(id, code, &message));
    }

    pub(super) fn set_question_due(&mut self) {
        self.timers.put(TimerName::Question, self.questions.next_due());
    }

    /// Questions whose time is over.
    pub(super) fn questions_missed(&mut self, now: Time) {
        while let Some((id, ask)) = self.questions.take_due(now) {
            self.event(ask.failed(id, Code::TIMEOUT, "no answer came in time"));
        }
        self.set_question_due();
    }
}

/// What a refused request's answer says: its body where it is an error frame, its status else.
fn problem(response: &HttpResponse) -> Problem {
    let mut body = response.body.clone();
    let by_header = response.retry_after.map(window_after);
    if let Ok(Some(ServerFrame::Error { code, message, retry_after, .. })) = binary::decode_server(&mut body)
    {
        return Problem { code, message, window: retry_after.or(by_header) };
    }
    let code = match (response.status, Action::of_status(response.status)) {
        (401, _) => Code::TOKEN_REQUIRED,
        (403, _) => Code::FORBIDDEN,
        (404, _) => Code::NOT_FOUND,
        (413, _) => Code::TOO_LARGE,
        (429, _) => Code::RATE_LIMITED,
        (_, Action::Stop) => Code::BAD_REQUEST,
        _ => Code::UNAVAILABLE,
    };
    Problem { code, message: "the request was refused".into(), window: by_header }
}
