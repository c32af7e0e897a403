//! The answers to connections that no request was read from: those that are one too many, and those whose request
//! does not come. Made of a status and a document, as other refusals are, and counted with them. It knows addresses
//! and refusals, and no sockets.

use std::{net::IpAddr, sync::Arc};

use axum::http::StatusCode;
use bytes::Bytes;
use everwire_protocol::{Code, json};

use super::problem::retry_seconds;
use crate::{
    clock::Clock,
    counters::Counters,
    guard::{FULL_RETRY, Guards, Proxies},
    hub::Refusal,
};

/// Who lets connections in.
#[derive(Debug)]
pub struct Door {
    /// What bounds them.
    pub guards: Arc<Guards>,
    /// Whose connections are those of others.
    pub proxies: Proxies,
    /// Where refusals are counted.
    pub counters: Arc<Counters>,
    /// The time.
    pub clock: Clock,
}

impl Door {
    /// One more connection of an address. Those of a proxy are told apart by what their requests say.
    pub(super) fn admit(&self, peer: IpAddr) -> Result<(), Refusal> {
        if self.proxies.trusts(peer) {
            return Ok(());
        }
        self.guards.attempt(self.clock.now(), peer.into())
    }

    /// There are as many connections as there may be.
    pub(super) fn full() -> Refusal {
        let refusal =
            Refusal::new(Code::TOO_MANY_CONNECTIONS, "the server has no room for another connection");
        Refusal { retry_after: Some(FULL_RETRY), ..refusal }
    }

    /// The head of a request did not come in time.
    pub(super) fn late() -> Refusal {
        Refusal::new(Code::TIMEOUT, "the head of the request did not come in time")
    }

    /// What to write to the socket, which is closed then.
    pub(super) fn answer(&self, refusal: &Refusal) -> Bytes {
        let Refusal { code, message, retry_after } = refusal;
        self.count(*code);
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry =
            retry_after.map_or(String::new(), |window| format!("retry-after: {}\r\n", retry_seconds(window)));
        let body = json::body::problem(*code, message, *retry_after);
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
             content-length: {}\r\n{retry}connection: close\r\n\r\n",
            body.len()
        );
        (head + &body).into()
    }

    /// Something was refused without a word of ours.
    pub(super) fn count(&self, code: Code) {
        self.counters.refusals.count(code);
    }
}
