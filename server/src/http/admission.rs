//! What every request passes before an endpoint sees it: where it comes from, whether that address has sent too many,
//! and whether its head can be read in one way only. It knows heads, and neither bodies nor subjects.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        Extensions, HeaderMap, HeaderValue, Version,
        header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HOST},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use everwire_protocol::{
    Code,
    http::{SSE_PATH, WS_PATH},
};

use super::{App, problem::Problem};
use crate::{guard::Address, hub::Refusal, store::Store};

/// The other end of a connection, as the listener saw it.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub IpAddr);

/// Where an admitted request comes from.
pub fn address(extensions: &Extensions) -> Option<Address> {
    extensions.get().copied()
}

/// Lets a request through, or refuses it.
pub async fn layer<S: Store>(State(app): State<Arc<App<S>>>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = plain(request.version(), request.headers()) {
        let identity = [(ACCEPT_ENCODING, HeaderValue::from_static("identity"))];
        return match problem.code() {
            Code::UNSUPPORTED_MEDIA => (identity, problem).into_response(),
            _ => problem.into_response(),
        };
    }
    match app.admit(&request) {
        Ok(Some(address)) => request.extensions_mut().insert(address),
        Ok(None) => None,
        Err(refusal) => return Problem::from(refusal).into_response(),
    };
    next.run(request).await
}

/// Refuses what two readers could take for two things, and bodies that are small only until they are unpacked.
fn plain(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let count = |name| headers.get_all(name).iter().count();
    let hosts = count(&HOST);
    if hosts > 1 || (hosts == 0 && version == Version::HTTP_11) {
        return Err(Problem::new(Code::BAD_REQUEST, "a request has one `Host`"));
    }
    if count(&AUTHORIZATION) > 1 {
        return Err(Problem::new(Code::BAD_REQUEST, "a request has one `Authorization` at the most"));
    }
    let encodings = headers.get_all(CONTENT_ENCODING);
    if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(Code::UNSUPPORTED_MEDIA, "bodies are taken as they are, not compressed"));
    }
    Ok(())
}

impl<S: Store> App<S> {
    /// The address of a request; none where nobody says it, as in tests without a listener.
    fn admit(&self, request: &Request) -> Result<Option<Address>, Refusal> {
        let Some(PeerAddress(peer)) = request.extensions().get().copied() else { return Ok(None) };
        let (proxies, guards, now) = (&self.settings.proxies, &self.hub.guards, self.clock.now());
        let said = request.headers().get_all(proxies.header().name());
        let address: Address =
            proxies.client(peer, said.iter().map(|value| value.to_str().unwrap_or_default())).into();
        let admitted = guards.request(now, address).and_then(|()| {
            // Who comes by itself was counted when it was accepted; behind a proxy it is known only now.
            let opens = [WS_PATH, SSE_PATH].contains(&request.uri().path());
            if opens && proxies.trusts(peer) { guards.attempt(now, address) } else { Ok(()) }
        });
        if admitted.is_err() && said.iter().next().is_some() && !proxies.trusts(peer) {
            self.hinted.call_once(|| {
                tracing::warn!(%peer, "too many requests from one address, which speaks for others: if it is a proxy of yours, name it with --trusted-proxy");
            });
        }
        admitted.map(|()| Some(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_in_one_way_or_not_at_all() {
        for (version, headers, refused) in [
            (Version::HTTP_11, &[("host", "a")][..], None),
            (Version::HTTP_11, &[], Some(Code::BAD_REQUEST)),
            (Version::HTTP_10, &[], None),
            (Version::HTTP_11, &[("host", "a"), ("host", "a")], Some(Code::BAD_REQUEST)),
            (
                Version::HTTP_11,
                &[("host", "a"), ("authorization", "b"), ("authorization", "c")],
                Some(Code::BAD_REQUEST),
            ),
            (Version::HTTP_11, &[("host", "a"), ("content-encoding", "gzip")], Some(Code::UNSUPPORTED_MEDIA)),
            (Version::HTTP_11, &[("host", "a"), ("content-encoding", "Identity")], None),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_static(value));
            }
            let code = plain(version, &map).err().map(|problem| problem.code());
            assert_eq!(code, refused, "{headers:?}");
        }
    }
}
