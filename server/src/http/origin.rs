//! Which pages may talk to the server: one check of `Origin`, for WebSocket and CORS alike. A page that
//! this server itself served always may; a request without an `Origin` comes from no page of another site.
//! That is true of the server's own names only: a site may give its name this machine's address, and its
//! pages are then of one origin with the server. So one that trusts its machine looks at `Host` as well.

use std::{collections::HashSet, fmt, net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri, Version,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST,
            ORIGIN, VARY,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use everwire_protocol::Code;

use super::problem::Problem;

/// The origins whose pages may connect, beside the server's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    all: bool,
    /// Pages of this machine, on any port: a development server beside this one.
    local: bool,
    /// The server is reached by a name of this machine, or by that of a listed origin, or not at all.
    local_host: bool,
    list: HashSet<String>,
}

/// A text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadOrigin(String);

impl fmt::Display for BadOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an origin: expected e.g. https://example.com:8443, or `*`", self.0)
    }
}

impl std::error::Error for BadOrigin {}

impl Origins {
    /// Origins by name: `scheme://host[:port]`, or `*` for all.
    ///
    /// # Errors
    /// [`BadOrigin`] names the one that is none.
    pub fn new<S: AsRef<str>>(origins: &[S]) -> Result<Self, BadOrigin> {
        let mut this = Self::default();
        for origin in origins.iter().map(AsRef::as_ref) {
            if origin == "*" {
                this.all = true;
                continue;
            }
            let parsed: Option<Uri> = origin.parse().ok();
            let plain = parsed.is_some_and(|uri| {
                uri.scheme().is_some()
                    && uri.authority().is_some()
                    && uri.path() == "/"
                    && uri.query().is_none()
            });
            if !plain || origin.ends_with('/') || origin.contains('@') {
                return Err(BadOrigin(origin.to_owned()));
            }
            this.list.insert(origin.to_ascii_lowercase());
        }
        Ok(this)
    }

    /// Lets pages in that this machine serves, on any port: for a server that only this machine reaches.
    #[must_use]
    pub fn with_local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Refuses requests to names that are neither this machine's nor a listed origin's: for a server that
    /// lets everybody in because only this machine reaches it.
    #[must_use]
    pub fn with_local_host(mut self) -> Self {
        self.local_host = true;
        self
    }

    fn is_local(authority: &str) -> bool {
        let port = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let host = port.map_or(authority, |(host, _)| host);
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.eq_ignore_ascii_case("localhost")
            || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Whether the name by which the request came is one that the server goes by.
    fn knows_host(&self, version: Version, headers: &HeaderMap) -> bool {
        if !self.local_host || self.all {
            return true;
        }
        let Some(host) = headers.get(HOST) else {
            // Older than any browser that runs scripts.
            return version < Version::HTTP_11;
        };
        let Ok(host) = host.to_str() else { return false };
        let listed = |origin: &String| {
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        };
        Self::is_local(host) || self.list.iter().any(listed)
    }

    /// What the request's `Origin` and `Host` say.
    fn judge(&self, version: Version, headers: &HeaderMap) -> Verdict {
        if !self.knows_host(version, headers) {
            return Verdict::Foreign("this server goes by another name; see --allow-origin");
        }
        let Some(origin) = headers.get(ORIGIN) else { return Verdict::Own };
        let foreign = Verdict::Foreign("pages of this origin may not connect");
        let Ok(text) = origin.to_str() else { return foreign };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let authority = text.split_once("://").map(|(_, authority)| authority);
        if authority.is_some() && authority.zip(host).is_some_and(|(a, h)| a.eq_ignore_ascii_case(h)) {
            Verdict::Own
        } else if self.all
            || self.list.contains(&text.to_ascii_lowercase())
            || (self.local && authority.is_some_and(Self::is_local))
        {
            Verdict::Allowed(origin.clone())
        } else {
            foreign
        }
    }
}

enum Verdict {
    Own,
    Allowed(HeaderValue),
    Foreign(&'static str),
}

/// Refuses requests of pages that may not, and gives the others the CORS headers that they need.
pub async fn layer(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let verdict = origins.judge(request.version(), request.headers());
    let mut response = match &verdict {
        Verdict::Foreign(why) => Problem::new(Code::FORBIDDEN_ORIGIN, *why).into_response(),
        _ if preflight => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Verdict::Allowed(origin) = verdict {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after, x-request-id"));
        if preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            let allowed = "authorization, content-type, idempotency-key, last-event-id";
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(origins: &Origins, origin: &'static str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("example.com:8080"));
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        match origins.judge(Version::HTTP_11, &headers) {
            Verdict::Own => "own",
            Verdict::Allowed(_) => "allowed",
            Verdict::Foreign(_) => "foreign",
        }
    }

    #[test]
    fn the_servers_own_pages_always_may_and_others_by_the_list() -> Result<(), BadOrigin> {
        let origins = Origins::new(&["https://app.example", "http://localhost:3000"])?;
        for (origin, verdict) in [
            ("http://example.com:8080", "own"),
            ("https://EXAMPLE.com:8080", "own"),
            ("https://app.example", "allowed"),
            ("http://localhost:3000", "allowed"),
            ("http://localhost:3001", "foreign"),
            ("http://app.example", "foreign"),
            ("https://app.example.evil", "foreign"),
            ("https://example.com", "foreign"),
            ("null", "foreign"),
        ] {
            assert_eq!(judged(&origins, origin), verdict, "{origin}");
        }
        assert_eq!(judged(&Origins::new(&["*"])?, "https://any.example"), "allowed");
        Ok(())
    }

    #[test]
    fn a_server_of_this_machine_takes_pages_of_this_machine() {
        let origins = Origins::default().with_local();
        for (origin, verdict) in [
            ("http://localhost:3001", "allowed"),
            ("http://127.0.0.1", "allowed"),
            ("http://[::1]:8081", "allowed"),
            ("http://localhost.evil.example", "foreign"),
            ("http://evil.example:127", "foreign"),
            ("null", "foreign"),
        ] {
            assert_eq!(judged(&origins, origin), verdict, "{origin}");
        }
    }

    #[test]
    fn a_server_of_this_machine_goes_by_its_names_and_by_those_of_listed_origins() -> Result<(), BadOrigin> {
        let origins = Origins::new(&["https://app.example:8443"])?.with_local().with_local_host();
        let knows = |origins: &Origins, host: Option<&'static str>, version| {
            let host = host.map(|host| (HOST, HeaderValue::from_static(host)));
            origins.knows_host(version, &HeaderMap::from_iter(host))
        };
        for (host, known) in [
            ("localhost:8080", true),
            ("LocalHost", true),
            ("127.0.0.1:1", true),
            ("127.0.0.2", true),
            ("[::1]:8080", true),
            ("app.example:8443", true),
            ("app.example", false),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("192.168.0.9:8080", false),
            ("", false),
        ] {
            assert_eq!(knows(&origins, Some(host), Version::HTTP_11), known, "{host}");
            assert!(knows(&Origins::default().with_local(), Some(host), Version::HTTP_11));
            assert!(knows(&Origins::new(&["*"])?.with_local_host(), Some(host), Version::HTTP_11));
        }
        assert!(knows(&origins, None, Version::HTTP_10) && !knows(&origins, None, Version::HTTP_11));
        Ok(())
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in ["example.com", "https://example.com/", "https://example.com/path", "", "https://a@b"] {
            assert_eq!(Origins::new(&[bad]), Err(BadOrigin(bad.to_owned())));
        }
    }
}
