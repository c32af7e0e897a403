//! WebSocket frames as bytes, and what came back, in words: errors and the close by their codes, and whether the
//! connection lives on.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use everwire_protocol::{Code, ServerFrame, binary, json};

use crate::http;

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;

/// The head of an upgrade, with more headers.
pub fn upgrade(headers: &str) -> String {
    format!(
        "GET /v1/ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// An open socket.
pub fn open(address: &str, protocol: &str) -> TcpStream {
    let mut stream = http::connect(address);
    let head = upgrade(&format!("sec-websocket-protocol: everwire.v1.{protocol}\r\n"));
    stream.write_all(head.as_bytes()).expect("writes");
    let (head, _) = http::answer(&mut stream).expect("an answer");
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    stream
}

/// A frame with this first byte, masked with zeros.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// What comes back on a socket, up to its end, or up to a `pong` of ours.
pub fn read(stream: &mut TcpStream) -> String {
    let mut words: Vec<String> = Vec::new();
    loop {
        let Some((opcode, payload)) = read_frame(stream) else {
            words.push("cut".to_owned());
            break;
        };
        assert!(!payload.windows(3).any(|window| window == b"eyJ"), "a token in an answer");
        let frames = match opcode {
            1 => json::decode_server(std::str::from_utf8(&payload).expect("text")).expect("frames"),
            2 => {
                let mut bytes = payload.into();
                std::iter::from_fn(|| binary::decode_server(&mut bytes).expect("frames")).collect()
            }
            8 => {
                words.push(close(&payload));
                break;
            }
            _ => continue,
        };
        let mut lives = false;
        for frame in frames {
            match frame {
                ServerFrame::Error { code, .. } => words.push(format!("error {code}")),
                ServerFrame::Ack { .. } => words.push("ack".to_owned()),
                ServerFrame::Pong { .. } => lives = true,
                _ => {}
            }
        }
        if lives {
            words.push("lives on".to_owned());
            break;
        }
    }
    words.dedup();
    words.join(", ")
}

fn close(payload: &[u8]) -> String {
    let Some(code) = payload.first_chunk::<2>() else { return "close".to_owned() };
    let code = u16::from_be_bytes(*code);
    match Code::ALL.iter().find(|known| known.0 == code) {
        Some(known) => format!("close {code} {known}"),
        None => format!("close {code}"),
    }
}

fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    match stream.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("no answer in time"),
        Err(_) => return None,
    }
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).ok()?;
            usize::from(u16::from_be_bytes(length))
        }
        127 => {
            let mut length = [0; 8];
            stream.read_exact(&mut length).ok()?;
            usize::try_from(u64::from_be_bytes(length)).ok()?
        }
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).ok()?;
    Some((head[0] & 0x0f, payload))
}

const CONNECT: &str = r#"{"type":"connect","client_id":"eve"}"#;

/// What comes of these JSON messages, after a `connect`.
pub fn json<T: AsRef<str>>(address: &str, messages: &[T]) -> String {
    let frames: Vec<u8> =
        messages.iter().flat_map(|message| frame(TEXT, message.as_ref().as_bytes())).collect();
    after_connect(address, &frames)
}

/// What comes of these bytes, after a `connect` in JSON.
pub fn after_connect(address: &str, bytes: &[u8]) -> String {
    raw(address, "json", &[&frame(TEXT, CONNECT.as_bytes()), bytes].concat())
}

/// What comes of these bytes. The other side may have had enough of them before their end.
pub fn raw(address: &str, protocol: &str, bytes: &[u8]) -> String {
    let mut stream = open(address, protocol);
    let _ = stream.write_all(bytes);
    read(&mut stream)
}

/// What comes of a binary message.
pub fn binary(address: &str, message: &[u8]) -> String {
    raw(address, "bin", &frame(BINARY, message))
}

/// What comes of a `connect` with this token.
pub fn connect_as(address: &str, token: &str, then: &[String]) -> String {
    let connect = format!(r#"{{"type":"connect","client_id":"eve","token":"{token}"}}"#);
    let frames = [&[connect][..], then].concat();
    raw(address, "json", &frames.iter().flat_map(|text| frame(TEXT, text.as_bytes())).collect::<Vec<_>>())
}
