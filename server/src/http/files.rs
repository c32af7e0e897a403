//! The files of a built page, e.g. the demo: compressed where the build left compressed ones beside them,
//! and cached for ever where their name holds the hash of their content.

use std::{convert::Infallible, path::Path};

use axum::{
    Router,
    extract::Request,
    http::{
        HeaderValue, StatusCode,
        header::{ACCEPT, CACHE_CONTROL, HeaderName},
    },
    middleware::{self, Next},
    response::Response,
};
use tower_http::services::{ServeDir, ServeFile};

/// A hash in a file's name has at least so many hexadecimal digits.
const HASH_DIGITS: usize = 8;

/// Serves a directory. Paths that a page routes by itself get the page.
pub fn service(
    directory: &Path,
) -> impl tower_service::Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + use<>
{
    let page = directory.join("index.html");
    let page = ServeFile::new(page).precompressed_br().precompressed_gzip();
    let files = ServeDir::new(directory).precompressed_br().precompressed_gzip();
    let pages = Router::new().fallback_service(page).layer(middleware::from_fn(only_pages));
    Router::new().fallback_service(files.fallback(pages)).layer(middleware::from_fn(headers))
}

/// A missing script must be missing, and not be a page.
async fn only_pages(request: Request, next: Next) -> Result<Response, StatusCode> {
    let is_file = request.uri().path().rsplit('/').next().is_some_and(|name| name.contains('.'));
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    if is_file || !(accept.contains("text/html") || accept.contains("*/*")) {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(next.run(request).await)
}

async fn headers(request: Request, next: Next) -> Response {
    let hashed = is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    let cache = if hashed && response.status().is_success() {
        "public, max-age=31536000, immutable"
    } else {
        // May be kept, and must be asked about each time.
        "no-cache"
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    let nosniff = HeaderName::from_static("x-content-type-options");
    response.headers_mut().insert(nosniff, HeaderValue::from_static("nosniff"));
    response
}

/// `name-0123456789abcdef.js`, `name-0123456789abcdef_bg.wasm`.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split(['-', '.', '_']).skip(1).any(|part| {
        part.len() >= HASH_DIGITS
            && part.bytes().all(|b| b.is_ascii_hexdigit())
            && part.bytes().any(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_cached_for_ever() {
        for (path, hashed) in [
            ("/demo-app-0a1b2c3d4e5f6789.js", true),
            ("/assets/demo-app-0a1b2c3d4e5f6789_bg.wasm", true),
            ("/index.html", false),
            ("/", false),
            ("/everwire.wasm", false),
            ("/decade-facade.js", false),
        ] {
            assert_eq!(is_hashed(path), hashed, "{path}");
        }
    }
}
