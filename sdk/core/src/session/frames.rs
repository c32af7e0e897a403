//! What the server says: each frame that came through a link, and what it changes.

use everwire_protocol::{About, Action, ServerFrame};

use crate::{
    AttemptId, RequestId, Session, Time, TimerName, backoff::pick_in, link::Phase, session::end::End,
};

impl Session {
    pub(super) fn handle_frame(&mut self, now: Time, id: AttemptId, frame: ServerFrame) {
        let Some(link) = self.link(id) else { return };
        let welcomed = link.phase == Phase::Welcomed;
        match frame {
            ServerFrame::Welcome { heartbeat, limits, .. } if !welcomed => {
                self.welcome(now, id, heartbeat, limits)
            }
            // Each answer of a poll begins with one.
            ServerFrame::Welcome { .. } | ServerFrame::Heartbeat => {}
            ServerFrame::Expires { after } => self.token_ends(now, id, after),
            ServerFrame::Error { about: About::Connection, code, retry_after, .. } => {
                link.window = retry_after.or(link.window);
                if welcomed && code.action() == Action::RetryWithToken && self.config.has_token {
                    self.fetch_token(now);
                }
            }
            ServerFrame::Closed { code, .. } => self.end_link(now, id, End::said(code, None)),
            ServerFrame::Drain { window } => {
                // It is about the server that says it: an attempt beside the link may be at another one.
                let about_link = self.live.is_none_or(|live| live == id);
                if about_link && self.timers.get(TimerName::Drain).is_none() {
                    let wait = pick_in(&mut self.rng, window);
                    self.timers.set(TimerName::Drain, now + wait);
                }
            }
            _ if !welcomed => self.malformed(now, id),
            ServerFrame::Subscribed { topic, alias, position, recovered } => {
                self.subscribed(now, id, topic, alias, position, recovered);
            }
            ServerFrame::Messages { alias, records } => self.messages(now, id, alias, records),
            ServerFrame::Gap { alias, from, to, reason, position } => {
                self.gap(now, id, alias, (from, to, reason), position);
            }
            ServerFrame::Ephemeral { alias, .. }
            | ServerFrame::Members { alias, .. }
            | ServerFrame::Join { alias, .. }
            | ServerFrame::Leave { alias, .. } => self.told_now(id, alias, frame),
            ServerFrame::Ack { id, position } => self.acked(&id, position),
            ServerFrame::Presence { request, .. } | ServerFrame::History { request, .. } => {
                self.answered(RequestId(request), frame);
            }
            ServerFrame::Error { about: About::Topic(topic), code, message, retry_after } => {
                self.topic_refused(now, id, topic, code, message, retry_after);
            }
            ServerFrame::Error { about: About::Publish(publish), code, message, retry_after } => {
                self.publish_refused(now, &publish, code, message, retry_after);
            }
            ServerFrame::Error { about: About::Request(request), code, message, .. } => {
                self.question_failed(RequestId(request), code, &message);
            }
            ServerFrame::Pong { nonce } => self.pong(now, nonce),
        }
    }
}
