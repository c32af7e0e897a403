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

    /// Scheme, host and port: what does not depend on the path.
    pub(crate) fn origin(&self) -> &str {
        // By bytes: looking for a string brings 8 KB of wasm along.
        let mut slashes = self.0.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
        slashes.nth(2).and_then(|(path, _)| self.0.get(..path)).unwrap_or(&self.0)
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

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test(unsupported = test)]
    fn every_way_to_name_a_server_gives_both_kinds_of_url() {
        for (given, http, ws) in [
            ("https://example.com", "https://example.com/v1/x", "wss://example.com/v1/x"),
            ("https://example.com/", "https://example.com/v1/x", "wss://example.com/v1/x"),
            ("wss://example.com", "https://example.com/v1/x", "wss://example.com/v1/x"),
            ("ws://[::1]:8080/live/", "http://[::1]:8080/live/v1/x", "ws://[::1]:8080/live/v1/x"),
            ("", "http://page.test/v1/x", "ws://page.test/v1/x"),
            ("/", "http://page.test/v1/x", "ws://page.test/v1/x"),
            ("/live", "http://page.test/live/v1/x", "ws://page.test/live/v1/x"),
        ] {
            let address = Address::new(given, || "http://page.test".to_owned());
            assert_eq!((address.http("/v1/x").as_str(), address.ws("/v1/x").as_str()), (http, ws), "{given}");
        }
    }
    #[wasm_bindgen_test(unsupported = test)]
    fn the_origin_is_what_comes_before_the_path() {
        for (given, origin) in [
            ("https://example.com", "https://example.com"),
            ("wss://example.com:8443/live/more", "https://example.com:8443"),
            ("/live", "http://page.test"),
            ("no url", "no url"),
        ] {
            assert_eq!(Address::new(given, || "http://page.test".to_owned()).origin(), origin);
        }
    }
}
