//! Requests as bytes, and what came back, in words: the status, and the code of its document.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use everwire_protocol::{Code, ServerFrame, binary};
use socket2::{Domain, Socket, Type};

/// Longer than anything here takes; what waits for it hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A connection from one of many addresses, so that no case uses up what another needs.
pub fn connect(address: &str) -> TcpStream {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    connect_as([127, 0, 2, NEXT.fetch_add(1, Ordering::Relaxed)], address)
}

/// A connection from an address that is this case's alone.
pub fn connect_from(last: u8, address: &str) -> TcpStream {
    connect_as([127, 0, 1, last], address)
}

fn connect_as(from: [u8; 4], address: &str) -> TcpStream {
    // All of 127.0.0.0/8 is this machine, where the system knows it so.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((from, 0)).into()).expect("binds");
    let to: SocketAddr = address.parse().expect("an address");
    socket.connect(&to.into()).expect("connects");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("sets");
    stream.set_write_timeout(Some(PATIENCE)).expect("sets");
    stream
}

/// Reads an answer up to the end of its body; nothing where the connection ended without one. What streams has no
/// end, and is answered by its head.
pub fn answer(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut byte = [0; 1];
        match stream.read(&mut byte) {
            Ok(0) => return None,
            Ok(_) => bytes.extend(byte),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no answer in time: {error}"),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).expect("the whole body");
    Some((head, body))
}

/// The status, and the code where the answer has one.
pub fn in_words(answer: Option<(String, Vec<u8>)>) -> String {
    let Some((head, body)) = answer else { return "closed".to_owned() };
    assert!(!body.windows(3).any(|window| window == b"eyJ"), "a token in an answer");
    let status = head.split(' ').nth(1).expect("a status").trim().to_owned();
    let code = if head.contains("application/problem+json") {
        let body: serde_json::Value = serde_json::from_slice(&body).expect("a document");
        body["code"].as_str().map(str::to_owned)
    } else if head.contains("content-type: application/vnd.everwire") && status != "200" {
        let frame = binary::decode_server(&mut body.into()).expect("a frame");
        let Some(ServerFrame::Error { code, .. }) = frame else { panic!("no error: {frame:?}") };
        Some(code.name().to_owned())
    } else {
        None
    };
    let Some(code) = code else { return status };
    let known = Code::ALL.iter().find(|known| known.name() == code).expect("a known code");
    assert_eq!(known.status().to_string(), status, "the status of {code}");
    if ["rate_limited", "too_many_connections"].contains(&&*code) {
        assert!(head.contains("retry-after: "), "{head}");
    }
    format!("{status} {code}")
}

/// What is answered to these bytes. The other side may have had enough of them before their end.
pub fn send(address: &str, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = connect(address);
    let _ = stream.write_all(bytes.as_ref());
    in_words(answer(&mut stream))
}

/// All answers to these bytes, until the connection is closed.
pub fn send_to_the_end(address: &str, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = connect(address);
    let _ = stream.write_all(bytes.as_ref());
    let mut words = Vec::new();
    while let Some(answer) = answer(&mut stream) {
        words.push(in_words(Some(answer)));
    }
    words.push("closed".to_owned());
    words.join(", ")
}

/// A request: its line without the version, more headers with their line ends, and a body.
pub fn request(line: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let head = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{length}{headers}\r\n");
    [head.as_bytes(), body].concat()
}

pub fn get(address: &str, path: &str) -> String {
    get_with(address, path, "")
}

pub fn get_with(address: &str, path: &str, headers: &str) -> String {
    send(address, request(&format!("GET {path}"), headers, ""))
}

/// A poll, or a stream, or whatever else is at the path, with this token.
pub fn get_as(address: &str, path: &str, token: &str) -> String {
    get_with(address, path, &format!("authorization: Bearer {token}\r\n"))
}

pub fn post(address: &str, path: &str, headers: &str, body: impl AsRef<[u8]>) -> String {
    send(address, request(&format!("POST {path}"), headers, body))
}

/// Publishes without a token.
pub fn publish(address: &str, body: impl AsRef<[u8]>) -> String {
    post(address, "/v1/publish", "content-type: application/json\r\n", body)
}
