//! The event stream endpoint: one peer per response, whose body pulls. There is no state of it on the
//! server but the stream itself; topics and cursors are in the request.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use everwire_protocol::{About, ClientFrame, Code, Cursor, Mode, ServerFrame, event};
use futures::stream;

use super::{
    App, TakenSeat,
    admission::address,
    drain::Draining,
    long::Lasts,
    params::{Asked, Params, StreamRequest},
    problem::Problem,
};
use crate::{
    clock::Alarm,
    counters::Transport,
    guard::Place,
    hub::Refusal,
    peer::{Outgoing, Peer, size},
    presence::Visitor,
    store::Store,
};

/// About how many bytes an event has around its payload.
const EVENT_BYTES: usize = 96;
/// How long a native `EventSource` waits before it comes back, in milliseconds: not all at one moment.
const RETRY: std::ops::Range<u32> = 1_000..3_000;

pub async fn answer<S: Store>(State(app): State<Arc<App<S>>>, request: Request) -> Result<Response, Problem> {
    let (params, head) = Params::of_request(request, app.settings.body_timeout).await?;
    let asked = StreamRequest::read(&params, &head.headers)?;
    let live = Live::open(app, &head, &asked, Transport::Sse).await?;
    let events = Events {
        alarm: live.app.clock.alarm(live.peer.deadline()),
        drain: live.app.drain.wait(),
        live,
        cursor: asked.cursor(),
        raw: asked.raw,
        retry: Some(fastrand::u32(RETRY)),
        ended: false,
    };
    // In a box, since it is handed on with every piece.
    let body = stream::unfold(Box::new(events), |mut events| async {
        let chunk = events.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), events))
    });
    let mut response = Body::from_stream(body).into_response();
    response.extensions_mut().insert(Lasts);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold the events back.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// The events of one stream.
struct Events<S: Store> {
    live: Live<S>,
    alarm: Alarm,
    drain: Draining,
    cursor: Cursor,
    raw: bool,
    /// To be set by the first event.
    retry: Option<u32>,
    ended: bool,
}

impl<S: Store> Events<S> {
    /// The next events as text; `None` at the end of the stream.
    async fn next(&mut self) -> Option<String> {
        let Self { live: Live { app, peer, .. }, alarm, drain, .. } = self;
        while !self.ended {
            if app.drain.has_begun() {
                // Also in the middle of a long catching up, when nothing is waited for.
                peer.drain(app.settings.drain_window);
            }
            let out = peer.pull(app.clock.now()).await;
            if !out.is_empty() {
                return Some(self.encode(out));
            }
            if let Some(closing) = peer.closing() {
                self.ended = true;
                // A drain has been said already.
                if closing.code == Code::DRAINING {
                    break;
                }
                let closed = ServerFrame::Closed { code: closing.code, reason: Arc::clone(&closing.reason) };
                return Some(self.encode(vec![Outgoing::Frame(closed)]));
            }
            let deadline = peer.deadline();
            tokio::select! {
                // The drain is looked at above, and deadlines by every pull.
                biased;
                () = peer.wakeup().marked() => {}
                () = alarm.until(&app.clock, deadline) => {}
                () = drain.begun() => {}
            }
        }
        None
    }

    fn encode(&mut self, out: Vec<Outgoing>) -> String {
        let mut text = String::with_capacity(size(&out, EVENT_BYTES));
        if let Some(retry) = self.retry.take() {
            event::encode_retry(retry, &mut text);
        }
        let encode = if self.raw { event::encode_raw } else { event::encode };
        for outgoing in &out {
            match outgoing {
                Outgoing::Frame(frame) => encode(frame, &mut self.cursor, &mut text),
                Outgoing::Messages { alias, batch } => {
                    let records = batch.entries.iter().map(|entry| &entry.record);
                    event::encode_messages(*alias, records, self.raw, &mut self.cursor, &mut text);
                }
            }
        }
        self.live.app.hub.counters.count_bytes_out(Transport::Sse, text.len());
        text
    }
}

/// The peer of a request, for as long as the request lasts.
pub struct Live<S: Store> {
    pub app: Arc<App<S>>,
    pub peer: Peer<S>,
    _seat: (TakenSeat, Option<Place>),
}

impl<S: Store> Live<S> {
    /// Subscribes to all that a request asks for. A topic that is refused is told as an error frame, and
    /// the others go on; when none is left, the request is refused.
    pub async fn open(
        app: Arc<App<S>>,
        head: &Parts,
        asked: &StreamRequest,
        transport: Transport,
    ) -> Result<Self, Problem> {
        let now = app.clock.now();
        let seat = app.seat(transport, address(&head.extensions))?;
        let subject = app.subject_of(now, head, asked, transport).await?;
        let place = app.hub.guards.place_of(&subject)?;
        let visitor = asked.client_id.clone().map(|client_id| Visitor {
            client_id,
            subject: subject.name.clone(),
            info: asked.info.clone(),
        });
        let hub = Arc::clone(&app.hub);
        let mut peer = Peer::connected(hub, now, app.session(), subject, visitor);
        peer.ends_at(app.ends_at(now));
        peer.share_members(asked.topics.iter().filter(|asked| asked.presence).count());
        for Asked { topic, from, presence } in &asked.topics {
            let (topic, mode) = (topic.clone(), Mode { presence: *presence });
            peer.handle(now, ClientFrame::Subscribe { topic, from: *from, mode }).await;
        }
        match peer.refused_all() {
            Some((topic, refusal)) => Err(problem_of(topic, refusal)),
            None => Ok(Self { app, peer, _seat: (seat, place) }),
        }
    }
}

fn problem_of(topic: everwire_protocol::Topic, refusal: Refusal) -> Problem {
    Problem::about(About::Topic(topic), refusal)
}

impl<S: Store> Drop for Live<S> {
    /// The client is gone, or the stream is at its end and the client comes back: either way it has its
    /// grace.
    fn drop(&mut self) {
        self.peer.leave(self.app.clock.now(), false);
    }
}
