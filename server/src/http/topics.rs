//! Questions about one topic: a page of its history, and who is on it.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path, Request, State},
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE, VARY},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use everwire_protocol::{
    Code, HistoryRange, ServerFrame, Topic, binary,
    http::{AFTER, BEFORE, LIMIT, MEDIA_BINARY},
    json, limits,
};

use super::{
    App,
    params::Params,
    problem::{Problem, wants_binary},
};
use crate::{auth::Action, counters::Transport, presence::MEMBERS_BYTES, store::Store};

pub async fn history<S: Store>(
    State(app): State<Arc<App<S>>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let topic = topic_of(&mut parts).await?;
    let params = Params::of_query(&parts.uri);
    let range = match (params.number(BEFORE)?, params.number(AFTER)?) {
        (None, None) => HistoryRange::Before(u64::MAX),
        (Some(offset), None) => HistoryRange::Before(offset),
        (None, Some(offset)) => HistoryRange::After(offset),
        (Some(_), Some(_)) => {
            return Err(Problem::new(Code::BAD_REQUEST, "`before` and `after` exclude each other"));
        }
    };
    let limit = params.number(LIMIT)?.unwrap_or(limits::HISTORY);

    let now = app.clock.now();
    let subject = app.subject(now, &parts)?;
    app.hub.check(&subject, Action::History, &topic)?;
    let page = app.hub.store.history(now, &topic, range, limit).await.map_err(crate::hub::Refusal::from)?;
    let records: Vec<_> = page.entries.iter().map(|entry| entry.record.clone()).collect();
    let body = if wants_binary(&parts.headers) {
        Body::Frame(ServerFrame::History { request: 0, epoch: page.epoch, records, more: page.more })
    } else {
        Body::Json(json::body::history(&topic, page.epoch, &records, page.more))
    };
    Ok(respond(&app, body))
}

pub async fn presence<S: Store>(
    State(app): State<Arc<App<S>>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let topic = topic_of(&mut parts).await?;
    let subject = app.subject(app.clock.now(), &parts)?;
    app.hub.check(&subject, Action::Presence, &topic)?;
    app.hub.store.list_members(&topic).await.map_err(crate::hub::Refusal::from)?;
    let (members, _) = app.hub.presence.members(&topic, MEMBERS_BYTES);
    let body = if wants_binary(&parts.headers) {
        Body::Frame(ServerFrame::Presence { request: 0, members })
    } else {
        Body::Json(json::body::presence(&topic, &members))
    };
    Ok(respond(&app, body))
}

async fn topic_of(parts: &mut Parts) -> Result<Topic, Problem> {
    let bad = || Problem::new(Code::BAD_TOPIC, "the path holds no topic name");
    let Path(name) = Path::<String>::from_request_parts(parts, &()).await.map_err(|_| bad())?;
    Topic::new(&name).map_err(|_| bad())
}

/// The answer's form.
enum Body {
    Json(String),
    Frame(ServerFrame),
}

fn respond<S: Store>(app: &App<S>, body: Body) -> Response {
    let (media, body) = match body {
        Body::Json(json) => ("application/json", json.into_bytes()),
        Body::Frame(frame) => {
            let mut out = Vec::new();
            binary::encode_server(&frame, &mut out);
            (MEDIA_BINARY, out)
        }
    };
    app.hub.counters.count_bytes_out(Transport::Request, body.len());
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (VARY, HeaderValue::from_static("accept")),
    ];
    (headers, body).into_response()
}
