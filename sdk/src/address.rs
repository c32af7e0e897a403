//! The server's address, and the URLs made of it. Knows no transport.

/// The base of all URLs: `http(s)://host[:port][/prefix]`, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// Takes what the app gave: a URL with `http`, `https`, `ws` or `wss`, or a path on the page's own
    /// origin (`""` and `/` are its root).
    pub(crate) fn new(url: &str, origin: impl FnOnce() -> String) -> Self {
        let url = url.trim_end_matches('/');
        Self(if let Some(rest) = url.strip_prefix("ws").filter(|rest| rest.contains("://")) {
            ["http", rest].concat()
        } else if url.is_empty() || url.starts_with('/') {
            [&origin(), url].concat()
        } else {
            url.to_owned()
        })
    }

    /// The URL of a request's target.
    pub(crate) fn http(&self, target: &str) -> String {
        [&self.0, target].concat()
    }

    /// The same for a WebSocket.
    pub(crate) fn ws(&self, target: &str) -> String {
        ["ws", self.0.strip_prefix("http").unwrap_or(&self.0), target].concat()
    }
}
