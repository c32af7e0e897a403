//! The publish endpoint: for clients whose transport carries nothing upstream, and for everybody with
//! `curl`.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use everwire_protocol::{About, ClientFrame, Code, PublishId, ServerFrame, binary, http::MEDIA_BINARY, json};

use super::{
    App,
    body::{content_type, read},
    problem::{Problem, media_is},
};
use crate::{
    auth::Subject,
    counters::Transport,
    hub::{Publication, Refusal},
    order::Order,
    store::Store,
};

const JSON: &str = "application/json";

pub async fn publish<S: Store>(
    State(app): State<Arc<App<S>>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let subject = app.subject(app.clock.now(), &parts)?;
    let media = content_type(&parts.headers).unwrap_or(JSON);
    if media_is(media, MEDIA_BINARY) {
        publish_binary(&app, &subject, read(body, app.settings.body_timeout).await?).await
    } else if media_is(media, JSON) {
        let key = parts.headers.get("idempotency-key").map(HeaderValue::to_str).transpose();
        let key = key.map_err(|_| bad_key())?;
        publish_json(&app, &subject, &read(body, app.settings.body_timeout).await?, key).await
    } else {
        let message = format!("the body must be {JSON} or {MEDIA_BINARY}");
        Err(Problem::new(Code::UNSUPPORTED_MEDIA, message))
    }
}

fn bad_key() -> Problem {
    Problem::new(Code::BAD_REQUEST, "`Idempotency-Key` must be 1-128 bytes of letters, digits, `_`, `.`, `-`")
}

/// One answer frame per publish frame, in their order. A body that holds anything else does nothing.
async fn publish_binary<S: Store>(app: &App<S>, subject: &Subject, body: Bytes) -> Result<Response, Problem> {
    app.hub.counters.count_bytes_in(Transport::Request, body.len());
    let mut publications = Vec::new();
    let mut input = body;
    let bad = |message: String| Problem::new(Code::BAD_REQUEST, message);
    while let Some(frame) = binary::decode_client(&mut input).map_err(|error| bad(error.to_string()))? {
        let ClientFrame::Publish { topic, id, payload, key, ephemeral } = frame else {
            return Err(bad("the body may hold publish frames only".to_owned()));
        };
        publications.push((id.clone(), Publication { topic, payload, key, id: Some(id), ephemeral }));
    }
    let (mut order, mut out) = (Order::default(), Vec::new());
    for (id, publication) in publications {
        let answer = answer(app, subject, &mut order, id, publication).await;
        count_refusal(app, &answer);
        binary::encode_server(&answer, &mut out);
    }
    Ok(respond(app, MEDIA_BINARY, out))
}

async fn publish_json<S: Store>(
    app: &App<S>,
    subject: &Subject,
    body: &[u8],
    key: Option<&str>,
) -> Result<Response, Problem> {
    app.hub.counters.count_bytes_in(Transport::Request, body.len());
    let text =
        std::str::from_utf8(body).map_err(|_| Problem::new(Code::BAD_REQUEST, "the body is not UTF-8"))?;
    let body =
        json::body::publish(text).map_err(|error| Problem::new(Code::BAD_REQUEST, error.to_string()))?;
    let body = match key {
        Some(key) => body.with_idempotency_key(key).map_err(|_| bad_key())?,
        None => body,
    };
    // Stands in the answer frames of records without a key, and is not part of the JSON that is made of
    // them.
    let no_id = PublishId::new("-").map_err(|_| bad_key())?;
    let (mut order, mut answers) = (Order::default(), Vec::new());
    for record in body.records {
        let json::body::PublishRecord { topic, payload, key, id, ephemeral } = record;
        let about = id.clone().unwrap_or_else(|| no_id.clone());
        let publication = Publication { topic, payload, key, id, ephemeral };
        answers.push(answer(app, subject, &mut order, about, publication).await);
    }
    if let ([ServerFrame::Error { code, message, retry_after, .. }], false) = (&answers[..], body.many) {
        let refusal = Refusal { code: *code, message: Arc::clone(message), retry_after: *retry_after };
        return Err(refusal.into());
    }
    answers.iter().for_each(|answer| count_refusal(app, answer));
    Ok(respond(app, JSON, json::body::publish_answer(&answers, body.many).into_bytes()))
}

async fn answer<S: Store>(
    app: &App<S>,
    subject: &Subject,
    order: &mut Order,
    id: PublishId,
    publication: Publication,
) -> ServerFrame {
    let began = Instant::now();
    let published = app.hub.publish_in(order, app.clock.now(), subject, publication).await;
    app.hub.counters.publishes.observe(began.elapsed());
    match published {
        Ok(position) => ServerFrame::Ack { id, position },
        Err(Refusal { code, message, retry_after }) => {
            ServerFrame::Error { about: About::Publish(id), code, message, retry_after }
        }
    }
}

/// A refusal in an answer that is none itself.
fn count_refusal<S: Store>(app: &App<S>, answer: &ServerFrame) {
    if let ServerFrame::Error { code, .. } = answer {
        app.hub.counters.refusals.count(*code);
    }
}

fn respond<S: Store>(app: &App<S>, media: &'static str, body: Vec<u8>) -> Response {
    app.hub.counters.count_bytes_out(Transport::Request, body.len());
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}
