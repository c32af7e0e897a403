//! Who sends a request: by the token in its header, or by a ticket. It knows requests, and no rights.

use axum::http::{HeaderMap, Method, header::AUTHORIZATION, request::Parts};
use everwire_protocol::Code;

use super::{App, admission::address, params::StreamRequest, problem::Problem};
use crate::{
    auth::{Denied, Subject},
    counters::Transport,
    store::Store,
};

impl From<Denied> for Problem {
    fn from(Denied { code, message }: Denied) -> Self {
        Self::new(code, message)
    }
}

/// The token of an `Authorization` header. An empty one is one, and so is what is no text: neither is good.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    let text = || std::str::from_utf8(token).unwrap_or_default().trim();
    scheme.eq_ignore_ascii_case(b"bearer").then(text)
}

impl<S: Store> App<S> {
    /// Who sends the request, by its `Authorization` header.
    pub fn subject(&self, now: u64, head: &Parts) -> Result<Subject, Problem> {
        let subject = self.hub.authorizer.authenticate(now, bearer(&head.headers))?;
        Ok(subject.at(address(&head.extensions)))
    }

    /// Who asks for a stream or a poll: a ticket is good for the stream of a native `EventSource`, which can't
    /// send the header, and for nothing else.
    pub async fn subject_of(
        &self,
        now: u64,
        head: &Parts,
        asked: &StreamRequest,
        transport: Transport,
    ) -> Result<Subject, Problem> {
        let Some(ticket) = &asked.ticket else { return self.subject(now, head) };
        if transport != Transport::Sse || head.method != Method::GET {
            return Err(Problem::new(
                Code::TOKEN_INVALID,
                "a ticket is good for GET of an event stream only",
            ));
        }
        if head.headers.contains_key(AUTHORIZATION) {
            return Err(Problem::new(
                Code::TOKEN_INVALID,
                "a ticket stands in place of a token, not beside one",
            ));
        }
        Ok(self.tickets.redeem(&self.hub.store, now, ticket).await?.at(address(&head.extensions)))
    }
}
