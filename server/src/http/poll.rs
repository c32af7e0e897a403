//! The poll endpoint: what a stream would send, in one answer, held until there is something.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};
use everwire_protocol::{ServerFrame, http::MEDIA_BINARY, json};

use super::{
    App,
    params::{Params, StreamRequest},
    problem::{Problem, wants_binary},
    sse::Live,
};
use crate::{
    counters::Transport,
    peer::{Outgoing, encode_binary},
    store::Store,
};

/// How long a poll is held when it doesn't say, in seconds.
const DEFAULT_HOLD: u64 = 25;
/// How long one may be held, in seconds: proxies cut what is silent for a minute.
const MAX_HOLD: u64 = 60;

pub async fn answer<S: Store>(State(app): State<Arc<App<S>>>, request: Request) -> Result<Response, Problem> {
    let (params, head) = Params::of_request(request, app.settings.body_timeout).await?;
    let asked = StreamRequest::read(&params, &head.headers)?;
    let hold = asked.timeout.unwrap_or(DEFAULT_HOLD).min(MAX_HOLD) * 1000;
    let mut live = Live::open(app, &head, &asked, Transport::Poll).await?;
    let mut out = hold_until_something(&mut live, hold).await;
    live.peer.tell_end_again(live.app.clock.now(), &mut out);

    let (media, body) = if wants_binary(&head.headers) {
        (MEDIA_BINARY, encode_binary(&out))
    } else {
        let mut cursor = asked.cursor();
        let frames: Vec<_> = out.into_iter().map(Outgoing::into_frame).collect();
        ("application/json", json::body::poll(&frames, &mut cursor).into_bytes())
    };
    live.app.hub.counters.count_bytes_out(Transport::Poll, body.len());
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Everything up to the first pull that has news, or up to the end of the hold.
async fn hold_until_something<S: Store>(live: &mut Live<S>, hold: u64) -> Vec<Outgoing> {
    let Live { app, peer, .. } = live;
    let until = app.clock.now().saturating_add(hold);
    let mut out = Vec::new();
    let mut members_are_news = peer.missed_members();
    loop {
        // The first pull is what the request itself caused. What is ready behind it is part of the answer.
        let pulled = peer.pull(app.clock.now()).await;
        let more = !pulled.is_empty();
        // Who came and went between two polls is news; who is there otherwise is not.
        let news = pulled.iter().any(|o| o.is_news() || (members_are_news && o.is_members()));
        out.extend(pulled.into_iter().filter(|o| *o != Outgoing::Frame(ServerFrame::Heartbeat)));
        if news || peer.closing().is_some() {
            return out;
        }
        if more {
            continue;
        }
        if app.clock.now() >= until {
            return out;
        }
        // Who came and went while it was held may be too much for a list of changes.
        members_are_news = true;
        tokio::select! {
            () = peer.wakeup().marked() => {}
            () = app.clock.sleep_until(until.min(peer.deadline())) => {}
            () = app.drain.token().cancelled() => peer.drain(app.settings.drain_window),
        }
    }
}
