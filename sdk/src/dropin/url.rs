//! URLs as the app gave them, made absolute as the page would. Knows nothing of what is done with them.

use wasm_bindgen::prelude::*;

use crate::platform::{self, get};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = URL)]
    type Url;

    #[wasm_bindgen(constructor, catch, js_class = "URL")]
    fn new(url: &str, base: &JsValue) -> Result<Url, JsValue>;

    #[wasm_bindgen(method, getter)]
    fn href(this: &Url) -> String;
}

/// The absolute URL, seen from the page or the worker's script. `None` for what is none.
pub(super) fn resolve(url: &str) -> Option<String> {
    let global = platform::global();
    let base = get(&global, "document").and_then(|document| get(&document, "baseURI"));
    let base = base.or_else(|| get(&get(&global, "location")?, "href"));
    Url::new(url, &base.unwrap_or(JsValue::UNDEFINED)).ok().map(|url| url.href())
}

/// The same for a WebSocket, whose scheme may be given as that of HTTP.
pub(super) fn resolve_ws(url: &str) -> Option<String> {
    let url = resolve(url)?;
    if let Some(rest) = url.strip_prefix("http") {
        return Some(["ws", rest].concat());
    }
    url.starts_with("ws").then_some(url)
}

/// Scheme, host and port of an absolute URL.
pub(super) fn origin(url: &str) -> &str {
    let mut slashes = url.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    slashes.nth(2).and_then(|(path, _)| url.get(..path)).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test(unsupported = test)]
    fn the_origin_is_what_stands_before_the_path() {
        for (url, expected) in [
            ("https://example.com/a/b?c", "https://example.com"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("http://example.com", "http://example.com"),
            ("", ""),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
