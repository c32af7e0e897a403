//! TLS on the listener: with a certificate made here, and another one while connections are open.

use std::{path::PathBuf, sync::Arc};

use everwire_protocol::{ClientFrame, ClientId, From, ServerFrame, http::WS_BINARY};
use everwire_server::{
    config::Config,
    http::tls::{Certificate, TlsFiles},
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName},
    },
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::{PATIENCE, Tested, config, start_with, until};

/// Two files in a directory of their own, gone with this.
struct Files {
    dir: PathBuf,
    files: TlsFiles,
}

impl Files {
    fn new() -> Self {
        let name = format!("everwire-tls-{}-{}", std::process::id(), fastrand::u64(..));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).expect("a directory");
        let files = TlsFiles { cert: dir.join("cert.pem"), key: dir.join("key.pem") };
        Self { dir, files }
    }

    /// Writes a new certificate, and answers what a client that trusts it needs.
    fn renew(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        std::fs::write(&self.files.key, signing_key.serialize_pem()).expect("writes");
        std::fs::write(&self.files.cert, cert.pem()).expect("writes");
        cert.der().clone()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

async fn serve(files: &Files) -> Tested {
    start_with(Config { tls: Some(files.files.clone()), ..config() }).await
}

/// A connection to a server whose certificate is this one.
async fn connect(
    server: &Tested,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let client = client.with_safe_default_protocol_versions().expect("versions");
    let mut client = client.with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(&server.address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(client)).connect(name, stream).await
}

/// Sends a request, and reads until the answer has these words: as much HTTP as is needed here, for reqwest is built
/// without TLS.
async fn ask_until(
    server: &Tested,
    trusted: &CertificateDer<'static>,
    head: &str,
    words: &str,
) -> TlsStream<TcpStream> {
    let mut stream = connect(server, trusted, &["http/1.1"]).await.expect("connects");
    let request = format!("{head} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("writes");
    read_until(&mut stream, words).await;
    stream
}

async fn read_until(stream: &mut TlsStream<TcpStream>, words: &str) {
    let mut text = String::new();
    let reading = async {
        let mut some = [0; 1024];
        while !text.contains(words) {
            let count = stream.read(&mut some).await.expect("reads");
            assert!(count > 0, "ended after {text}");
            text.push_str(&String::from_utf8_lossy(&some[..count]));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("in time");
}

/// A WebSocket that is through its welcome.
async fn websocket(server: &Tested, trusted: &CertificateDer<'static>) -> Ws {
    let stream = connect(server, trusted, &["http/1.1"]).await.expect("connects");
    let mut request = "wss://localhost/v1/ws".into_client_request().expect("a request");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(WS_BINARY));
    let (socket, _) = client_async(request, stream).await.expect("upgrades");
    let mut ws = Ws(socket);
    let client_id = ClientId::new("ada").expect("a client id");
    ws.send(ClientFrame::Connect { client_id, token: None, info: None }).await;
    assert!(matches!(ws.next().await[0], ServerFrame::Welcome { .. }));
    ws
}

struct Ws(WebSocketStream<TlsStream<TcpStream>>);

impl Ws {
    async fn send(&mut self, frame: ClientFrame) {
        let mut out = Vec::new();
        everwire_protocol::binary::encode_client(&frame, &mut out);
        futures::SinkExt::send(&mut self.0, Message::Binary(out.into())).await.expect("sends");
    }

    async fn next(&mut self) -> Vec<ServerFrame> {
        let message = tokio::time::timeout(PATIENCE, futures::StreamExt::next(&mut self.0)).await;
        let Some(Ok(Message::Binary(mut bytes))) = message.expect("in time") else { panic!("no message") };
        let mut frames = Vec::new();
        while let Some(frame) = everwire_protocol::binary::decode_server(&mut bytes).expect("a frame") {
            frames.push(frame);
        }
        frames
    }

    async fn ping(&mut self, nonce: u32) {
        self.send(ClientFrame::Ping { nonce }).await;
        assert_eq!(self.next().await, [ServerFrame::Pong { nonce }]);
    }
}

#[tokio::test]
async fn a_websocket_and_a_stream_outlive_the_certificate_that_they_began_with() {
    let files = Files::new();
    let first = files.renew();
    let server = serve(&files).await;
    assert!(server.server.url().starts_with("https://"));
    let mut ws = websocket(&server, &first).await;
    let mut sse = ask_until(&server, &first, "GET /v1/sse?topic=a&format=raw", "everwire.subscribed").await;

    let second = files.renew();
    until(async || connect(&server, &second, &["http/1.1"]).await.is_ok()).await;
    assert!(connect(&server, &first, &["http/1.1"]).await.is_err(), "new connections get the new one");
    ws.ping(1).await;
    let topic = crate::support::topic("a");
    ws.send(ClientFrame::Subscribe { topic, from: From::Latest, mode: Default::default() }).await;
    let publish = crate::support::publish_frame("a", "x.1", everwire_protocol::Payload::json("\"by TLS\""));
    websocket(&server, &second).await.send(publish).await;
    read_until(&mut sse, "data: \"by TLS\"").await;
    assert!(server.server.drain().await, "ends in order");
}

/// More than the socket takes at once: what TLS holds back goes out when there is room again.
#[tokio::test]
async fn a_long_catching_up_comes_through_to_its_end() {
    let files = Files::new();
    let trusted = files.renew();
    let server = serve(&files).await;
    let mut ws = websocket(&server, &trusted).await;
    for n in 0..15 {
        let content = serde_json::json!(format!("{}-{n}", "x".repeat(60_000)));
        let payload = everwire_protocol::Payload::json(content.to_string());
        ws.send(crate::support::publish_frame("a", &format!("x.{n}"), payload)).await;
        assert!(matches!(ws.next().await[0], ServerFrame::Ack { .. }));
    }
    let mut sse =
        ask_until(&server, &trusted, "GET /v1/sse?topic=a&from=earliest&format=raw", "retry:").await;
    // Nothing is read for as long as it takes to answer another: the socket is full then.
    ws.ping(1).await;
    read_until(&mut sse, "x-14\"").await;
}

#[tokio::test]
async fn files_that_do_not_belong_together_leave_the_certificate_as_it_was() {
    let files = Files::new();
    let first = files.renew();
    let certificate = Certificate::load(files.files.clone()).expect("a certificate");
    assert_eq!(certificate.reload(), Ok(false));
    let other = Files::new();
    other.renew();
    std::fs::copy(&other.files.key, &files.files.key).expect("copies");
    let error = certificate.reload().expect_err("is refused").to_string();
    assert!(error.contains("the key is of another certificate"), "{error}");
    assert_eq!(certificate.reload(), Ok(false), "told once");
    std::fs::copy(&other.files.cert, &files.files.cert).expect("copies");
    assert_eq!(certificate.reload(), Ok(true));
    drop(first);
}

#[tokio::test]
async fn only_http_1_is_agreed_on_and_plain_http_gets_no_answer() {
    let files = Files::new();
    let trusted = files.renew();
    let server = serve(&files).await;
    let agreed = connect(&server, &trusted, &["h2", "http/1.1"]).await.expect("connects");
    assert_eq!(agreed.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(connect(&server, &trusted, &["h2"]).await.is_err());
    assert!(server.http.get(server.url("/health/live")).send().await.is_err());
    ask_until(&server, &trusted, "GET /health/live", "\r\n\r\nok\n").await;
}

#[test]
fn wrong_files_are_told_by_option_and_name() {
    let files = Files::new();
    files.renew();
    let TlsFiles { cert, key } = files.files.clone();
    let empty = files.dir.join("empty.pem");
    std::fs::write(&empty, "nothing\n").expect("writes");
    let other = Files::new();
    other.renew();
    for (cert, key, words) in [
        (files.dir.join("none.pem"), key.clone(), &["tls-cert", "none.pem", "No such file"][..]),
        (cert.clone(), files.dir.join("none.pem"), &["tls-key", "none.pem"]),
        (empty.clone(), key.clone(), &["tls-cert", "empty.pem", "nothing of the kind"]),
        (cert.clone(), empty, &["tls-key", "empty.pem", "nothing of the kind"]),
        (cert.clone(), cert.clone(), &["tls-key", "cert.pem", "nothing of the kind"]),
        (cert, other.files.key.clone(), &["tls-cert", "tls-key", "another certificate"]),
    ] {
        let error = TlsFiles { cert, key }.check().expect_err("is refused").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
}
