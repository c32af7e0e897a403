//! What the driver reports of transports. Reports about attempts that are no more change nothing.

use bytes::Bytes;
use everwire_protocol::{About, ClientFrame, Code, ServerFrame, Topic, binary, limits};

use crate::{
    AttemptId, Closed, HttpResponse, Reason, Session, Time, Transport,
    link::{Link, Phase},
    session::end::{End, MALFORMED},
    stream::{Malformed, frame},
};

impl Session {
    /// A WebSocket, or a tab's channel, is open, or an SSE request was answered with 200 and `text/event-stream`.
    pub fn handle_opened(&mut self, now: Time, attempt: AttemptId) {
        let Some(link) = self.current(now, attempt) else { return };
        if link.phase != Phase::Opening || link.transport.is_poll() {
            return;
        }
        link.phase = Phase::Opened;
        link.heard_at(now);
        let round_trip = now.since(link.asked);
        if link.transport.has_frames() {
            let client_id = self.client_id.clone();
            let token = self.token.current.clone();
            let info = self.config.info.clone();
            if let Some(link) = self.link(attempt) {
                link.token.clone_from(&token);
                // The connection has the token of the tab that leads; this one's goes over no channel.
                #[cfg(feature = "relay")]
                let token = token.filter(|_| link.transport != Transport::Tab);
                link.send(ClientFrame::Connect { client_id, token, info });
            }
            self.unsynced = true;
        } else {
            self.stats.round_trip = Some(round_trip);
        }
    }

    /// A message of a WebSocket or of a tab's channel. A text message is handed in as its bytes, and ends the link.
    pub fn handle_message(&mut self, now: Time, attempt: AttemptId, mut data: Bytes) {
        let Some(link) = self.current(now, attempt) else { return };
        if !link.transport.has_frames() || link.phase < Phase::Opened {
            return;
        }
        link.heard_at(now);
        self.stats.bytes_received += data.len() as u64;
        if data.len() > limits::FRAME_BYTES {
            self.malformed(now, attempt);
            return;
        }
        self.read_frames(now, attempt, &mut data);
        self.watch_heartbeat(attempt);
    }

    /// Bytes of an SSE stream.
    pub fn handle_chunk(&mut self, now: Time, attempt: AttemptId, mut chunk: Bytes) {
        let Some(link) = self.current(now, attempt) else { return };
        if link.transport != Transport::Sse || link.phase < Phase::Opened {
            return;
        }
        link.heard_at(now);
        self.stats.bytes_received += chunk.len() as u64;
        while let Some(link) = self.link(attempt) {
            let frame = link.stream.get_or_insert_default().next_frame(&mut chunk);
            if let Ok(None) = frame {
                break;
            }
            self.read_event(now, attempt, frame);
        }
        self.watch_heartbeat(attempt);
    }

    /// An event of a native `EventSource`: `message` or `everwire.…`.
    pub fn handle_event(&mut self, now: Time, attempt: AttemptId, name: &str, data: &str) {
        let Some(link) = self.current(now, attempt) else { return };
        if link.transport != Transport::EventSource || link.phase < Phase::Opened {
            return;
        }
        link.heard_at(now);
        self.stats.bytes_received += data.len() as u64;
        self.read_event(now, attempt, frame(name.as_bytes(), data.as_bytes()));
        self.watch_heartbeat(attempt);
    }

    /// The answer to a poll, whatever its status; or the answer to an SSE request that was refused, so that
    /// its body is read too ([`handle_closed`](Self::handle_closed) does where there is no body to be had).
    pub fn handle_response(&mut self, now: Time, attempt: AttemptId, response: HttpResponse) {
        let Some(link) = self.current(now, attempt) else { return };
        let HttpResponse { status, retry_after, mut body } = response;
        let (asked, held) = (link.asked, link.held);
        let awaited = link.transport.is_poll() && std::mem::take(&mut link.exchanging);
        link.heard_at(now);
        self.stats.bytes_received += body.len() as u64;
        if body.len() > limits::FRAME_BYTES {
            self.malformed(now, attempt);
        } else if status != 200 {
            self.refused(now, attempt, Closed::Status { status, retry_after }, body);
        } else if awaited {
            self.end_watch_of_poll();
            self.read_frames(now, attempt, &mut body);
            self.polled(now, attempt, asked, held);
        }
    }

    /// A request was refused. What the body says is finer than what the headers can.
    fn refused(&mut self, now: Time, attempt: AttemptId, status: Closed, mut body: Bytes) {
        let end = End::reported(status);
        let is_asked = |topic: &Topic, code: Code| {
            let mut links = self.links.iter().filter(|link| link.id == attempt);
            code != Code::NOT_SUBSCRIBED && links.any(|link| link.asked(topic).is_some())
        };
        match binary::decode_server(&mut body) {
            // Of anything else a request without it would be the same request, and refused again.
            Ok(Some(ServerFrame::Error { about: About::Topic(topic), code, message, retry_after }))
                if is_asked(&topic, code) =>
            {
                // All topics were refused, and this is the first: the request is made again without it.
                self.topic_refused(now, attempt, topic, code, message, retry_after.or(end.window));
                if let Some(index) = self.links.iter().position(|link| link.id == attempt) {
                    self.renew_ended(index);
                }
            }
            Ok(Some(ServerFrame::Error { about, code, retry_after, .. }))
                if !matches!(about, About::Topic(_)) =>
            {
                let said = End::said(code, retry_after.or(end.window));
                self.end_link(now, attempt, End { close: None, ..said });
            }
            _ => self.end_link(now, attempt, end),
        }
    }

    /// A transport has ended, or never came to be.
    pub fn handle_closed(&mut self, now: Time, attempt: AttemptId, closed: Closed) {
        if self.current(now, attempt).is_some() {
            self.end_link(now, attempt, End::reported(closed));
        }
    }

    /// The attempt, if it is one that still counts.
    pub(super) fn current(&mut self, now: Time, attempt: AttemptId) -> Option<&mut Link> {
        self.now = now;
        let index = self.links.iter().position(|link| link.id == attempt && link.phase > Phase::Planned);
        if index.is_none() {
            self.stats.stale += 1;
        }
        self.links.get_mut(index?)
    }

    fn read_frames(&mut self, now: Time, attempt: AttemptId, data: &mut Bytes) {
        while self.link(attempt).is_some() {
            match binary::decode_server(data) {
                Ok(Some(frame)) => self.handle_frame(now, attempt, frame),
                Ok(None) => break,
                Err(_) => self.malformed(now, attempt),
            }
        }
    }

    fn read_event(&mut self, now: Time, attempt: AttemptId, frame: Result<Option<ServerFrame>, Malformed>) {
        match frame {
            Ok(Some(frame)) => self.handle_frame(now, attempt, frame),
            Ok(None) => {}
            Err(_) => self.malformed(now, attempt),
        }
    }

    /// The other side sent what can't be read, or what doesn't fit together.
    pub(super) fn malformed(&mut self, now: Time, attempt: AttemptId) {
        self.stats.malformed += 1;
        self.end_link(now, attempt, End::found(Reason::Malformed, MALFORMED));
    }
}
