//! Pages of other origins: refused, or let in with what CORS asks for.

use everwire_server::http::origin::Origins;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::{Tested, config, start, start_with};

const PATHS: [&str; 4] =
    ["/v1/poll?topic=a&timeout=0", "/v1/topics/a/history", "/v1/sse?topic=a", "/v1/nothing"];

async fn get(server: &Tested, path: &str, origin: &str) -> reqwest::Response {
    server.http.get(server.url(path)).header("origin", origin).send().await.expect("answers")
}

#[tokio::test]
async fn pages_of_a_foreign_origin_are_refused_everywhere() {
    let server = start().await;
    for path in PATHS {
        let answer = get(&server, path, "https://evil.example").await;
        assert_eq!(answer.status(), 403, "{path}");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        assert!(answer.text().await.expect("a body").contains("forbidden_origin"));
    }
    let mut request = format!("ws://{}/v1/ws", server.address).into_client_request().expect("a request");
    request.headers_mut().insert("origin", HeaderValue::from_static("https://evil.example"));
    let refused = connect_async(request).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status().as_u16() == 403));
}

#[tokio::test]
async fn the_servers_own_pages_may() {
    let server = start().await;
    let answer = get(&server, PATHS[0], &format!("http://{}", server.address)).await;
    assert_eq!(answer.status(), 200);
    let mut request = format!("ws://{}/v1/ws", server.address).into_client_request().expect("a request");
    let origin = HeaderValue::from_str(&format!("http://{}", server.address)).expect("a header");
    request.headers_mut().insert("origin", origin);
    assert!(connect_async(request).await.is_ok());
}

#[tokio::test]
async fn a_name_that_another_site_gave_this_machine_is_refused_with_and_without_an_origin() {
    let own = start().await;
    let mut config = config();
    config.anonymous = true;
    let anonymous = start_with(config.clone()).await;
    config.anonymous = false;
    config.origins = Origins::new(&["https://evil.example"]).expect("origins");
    let listed = start_with(config).await;
    for path in PATHS {
        for origin in [None, Some("http://evil.example")] {
            let ask = async |server: &Tested| {
                let request = server.http.get(server.url(path)).header("host", "evil.example");
                let request = origin.into_iter().fold(request, |request, it| request.header("origin", it));
                request.send().await.expect("answers")
            };
            let answer = ask(&own).await;
            assert_eq!(answer.status(), 403, "{path}");
            assert!(answer.text().await.expect("a body").contains("forbidden_origin"));
            assert_ne!(ask(&anonymous).await.status(), 403, "{path}");
            assert_ne!(ask(&listed).await.status(), 403, "{path}");
        }
    }
    let mut request = format!("ws://{}/v1/ws", own.address).into_client_request().expect("a request");
    request.headers_mut().insert("host", HeaderValue::from_static("evil.example"));
    let refused = connect_async(request).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status().as_u16() == 403));
}

#[tokio::test]
async fn pages_of_an_allowed_origin_get_the_cors_headers() {
    let mut config = config();
    config.origins = Origins::new(&["https://app.example"]).expect("origins");
    let server = start_with(config).await;
    for path in PATHS {
        let answer = get(&server, path, "https://app.example").await;
        assert_ne!(answer.status(), 403);
        assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example", "{path}");
        assert!(answer.headers().get_all("vary").iter().any(|vary| vary == "origin"));
    }
    let preflight = server.http.request(reqwest::Method::OPTIONS, server.url("/v1/publish"));
    let preflight =
        preflight.header("origin", "https://app.example").header("access-control-request-method", "POST");
    let answer = preflight.send().await.expect("answers");
    assert_eq!(answer.status(), 204);
    let allowed = answer.headers()["access-control-allow-headers"].to_str().expect("text");
    for header in ["authorization", "content-type", "last-event-id", "idempotency-key"] {
        assert!(allowed.contains(header), "{header}");
    }
}
