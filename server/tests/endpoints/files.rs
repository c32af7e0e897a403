//! The files of a page.

use std::{fs, path::PathBuf};

use crate::support::{config, start_with};

/// A directory that goes away with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path =
            std::env::temp_dir().join(format!("everwire-files-{}-{}", std::process::id(), fastrand::u64(..)));
        fs::create_dir_all(&path).expect("a directory");
        for (name, content) in [
            ("index.html", "<h1>page</h1>"),
            ("app-0123456789abcdef.js", "let x = 1;"),
            ("app-0123456789abcdef_bg.wasm", "\0asm"),
            ("app-0123456789abcdef_bg.wasm.br", "compressed"),
        ] {
            fs::write(path.join(name), content).expect("a file");
        }
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_built_page_is_served_as_browsers_want_it() {
    let directory = Directory::new();
    let mut config = config();
    config.static_dir = Some(directory.0.clone());
    let server = start_with(config).await;
    for (path, status, kind, cache) in [
        ("/", 200, "text/html", "no-cache"),
        ("/index.html", 200, "text/html", "no-cache"),
        ("/dashboard", 200, "text/html", "no-cache"),
        ("/app-0123456789abcdef.js", 200, "text/javascript", "public, max-age=31536000, immutable"),
        ("/app-0123456789abcdef_bg.wasm", 200, "application/wasm", "public, max-age=31536000, immutable"),
        ("/missing.js", 404, "application/problem+json", "no-store"),
        ("/../Cargo.toml", 404, "application/problem+json", "no-store"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], kind, "{path}");
        assert_eq!(answer.headers()["cache-control"], cache, "{path}");
    }
    let request =
        server.http.get(server.url("/app-0123456789abcdef_bg.wasm")).header("accept-encoding", "br");
    let answer = request.send().await.expect("answers");
    assert_eq!(answer.headers()["content-encoding"], "br");
    assert_eq!(answer.headers()["content-type"], "application/wasm");
    assert_eq!(answer.text().await.expect("a body"), "compressed");
    assert_eq!(server.get("/v1/nothing").await.status(), 404, "an endpoint is never a page");
}
