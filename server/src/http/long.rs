//! Answers that last: streams of events. hyper keeps two buffers of 8 KiB and more for a connection as long as an answer
//! goes on, which is most of what an idle stream costs. So the handler marks such an answer; its connection hands
//! it over with the socket once all before it is written, and the rest of hyper's state is freed. It knows HTTP/1.1 as far as
//! one answer needs it, and nothing of what the answer says.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use axum::{
    body::Body,
    http::{HeaderName, Method, Request, Response, Version, header, response},
};
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Who goes on talking while it is answered is cut after so many bytes.
const UNHEARD_BYTES: usize = 64 * 1024;

/// In an answer's extensions: it lasts.
#[derive(Clone, Copy, Debug)]
pub struct Lasts;

/// An answer on its way to be written here.
pub struct LongAnswer {
    head: response::Parts,
    body: Body,
    chunked: bool,
}

/// What of a request says how its answer is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    has_body: bool,
    chunked: bool,
}

impl Asked {
    /// Looks at a request.
    pub fn of<B>(request: &Request<B>) -> Self {
        Self { has_body: request.method() != Method::HEAD, chunked: request.version() >= Version::HTTP_11 }
    }

    /// Takes an answer that lasts; gives back any other.
    pub fn take(self, answer: Response<Body>) -> Result<LongAnswer, Response<Body>> {
        if !self.has_body || answer.extensions().get::<Lasts>().is_none() {
            return Err(answer);
        }
        let (head, body) = answer.into_parts();
        Ok(LongAnswer { head, body, chunked: self.chunked })
    }
}

impl LongAnswer {
    /// Writes the answer to its end, or to the client's.
    ///
    /// # Errors
    /// When the client is gone, or has not let it come to its end within `life`.
    pub async fn send<T: AsyncRead + AsyncWrite + Unpin>(
        self,
        mut stream: T,
        life: Duration,
    ) -> io::Result<()> {
        let Self { head, mut body, chunked } = self;
        let bytes = encode_head(&head, chunked)?;
        drop(head);
        let send = async {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            drop(bytes);
            while let Some(piece) = next(&mut body, &mut stream).await? {
                write_piece(&mut stream, piece, chunked).await?;
                // What TLS has taken may wait in it for room in the socket.
                stream.flush().await?;
            }
            if chunked {
                stream.write_all(b"0\r\n\r\n").await?;
            }
            stream.flush().await
        };
        tokio::time::timeout(life, send).await?
    }
}

/// The next piece; `None` at the answer's end.
async fn next(body: &mut Body, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Bytes>> {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            end = gone(stream) => return Err(end),
        };
        match frame.transpose().map_err(io::Error::other)? {
            None => return Ok(None),
            // An empty chunk would be the end, and trailers were not announced.
            Some(frame) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {}
            },
        }
    }
}

/// Waits for the client's end. What it says until then is not heard: after this answer its connection is closed.
async fn gone(stream: &mut (impl AsyncRead + Unpin)) -> io::Error {
    let mut unheard = [0; 128];
    let mut heard = 0;
    while heard < UNHEARD_BYTES {
        match stream.read(&mut unheard).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(read) => heard += read,
            Err(error) => return error,
        }
    }
    io::Error::other("a client does not stop talking")
}

async fn write_piece(stream: &mut (impl AsyncWrite + Unpin), piece: Bytes, chunked: bool) -> io::Result<()> {
    if !chunked {
        return stream.write_all(&piece).await;
    }
    let mut size = [0; 18];
    let mut end = &mut size[..];
    write!(end, "{:x}\r\n", piece.len())?;
    let left = end.len();
    let begin = &size[..size.len() - left];
    stream.write_all_buf(&mut Buf::chain(begin, piece).chain(&b"\r\n"[..])).await
}

fn encode_head(head: &response::Parts, chunked: bool) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    write!(out, "HTTP/1.1 {}\r\n", head.status)?;
    let ours = |name: &HeaderName| {
        [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::DATE].contains(name)
    };
    for (name, value) in head.headers.iter().filter(|(name, _)| !ours(name)) {
        write!(out, "{name}: ")?;
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    write!(out, "connection: close\r\ndate: {}\r\n\r\n", httpdate::fmt_http_date(SystemTime::now()))?;
    Ok(out)
}
