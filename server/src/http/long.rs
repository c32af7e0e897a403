//! Answers that last: streams of events. hyper keeps two buffers of 8 KiB and more for a connection as long as an answer
//! goes on, which is most of what an idle stream costs. So the handler marks such an answer; its connection hands
//! it over with the socket once all before it is written, and the rest of hyper's state is freed. It knows HTTP/1.1 as far as
//! one answer needs it, and nothing of what the answer says.

use std::{
    future::pending,
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    body::Body,
    http::{HeaderName, Method, Request, Response, Version, header, response},
};
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::Notify,
};

/// Up to so many bytes, a piece is copied to be written with what is around it by one plain write, which costs the system
/// less than one of several parts.
const COPIED_BYTES: usize = 4 * 1024;
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
    #[allow(clippy::result_large_err, reason = "what is given back is what was given, once a request")]
    pub fn take(self, answer: Response<Body>) -> Result<LongAnswer, Response<Body>> {
        if !self.has_body || answer.extensions().get::<Lasts>().is_none() {
            return Err(answer);
        }
        let (head, body) = answer.into_parts();
        Ok(LongAnswer { head, body, chunked: self.chunked })
    }
}

/// Where a connection's service leaves an answer that lasts, for the connection to take.
#[derive(Default)]
pub struct Handover {
    answer: Mutex<Option<LongAnswer>>,
    there: Notify,
}

impl Handover {
    /// Passes an answer on, or keeps it when it lasts: it is written elsewhere, and hyper is left waiting for one.
    pub async fn pass(&self, how: Asked, answer: Response<Body>) -> Response<Body> {
        match how.take(answer) {
            Err(answer) => answer,
            Ok(answer) => {
                *self.lock() = Some(answer);
                self.there.notify_one();
                pending().await
            }
        }
    }

    /// Waits until there is one.
    pub async fn has_one(&self) {
        self.there.notified().await;
    }

    /// Takes it.
    pub fn take(&self) -> Option<LongAnswer> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<LongAnswer>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
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
            // A client that is gone fails the next write.
            biased;
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
    if piece.len() <= COPIED_BYTES {
        return stream.write_all(&[begin, &piece, b"\r\n"].concat()).await;
    }
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

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use futures::stream;
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    fn pieces(pieces: &'static [&'static str]) -> Response<Body> {
        let body = Body::from_stream(stream::iter(pieces.iter().map(|piece| io::Result::Ok(*piece))));
        lasting(body)
    }

    fn lasting(body: Body) -> Response<Body> {
        let mut answer = Response::new(body);
        answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        answer.extensions_mut().insert(Lasts);
        answer
    }

    fn request(version: Version) -> Request<()> {
        let mut request = Request::new(());
        *request.version_mut() = version;
        request
    }

    async fn written(answer: LongAnswer) -> String {
        let (mut client, server): (DuplexStream, DuplexStream) = duplex(16);
        let (sent, text) = tokio::join!(answer.send(server, LIFE), async {
            let mut text = String::new();
            client.read_to_string(&mut text).await.expect("text");
            text
        });
        sent.expect("is sent");
        text
    }

    fn take(version: Version, answer: Response<Body>) -> LongAnswer {
        let Ok(answer) = Asked::of(&request(version)).take(answer) else { panic!("it lasts") };
        answer
    }

    #[tokio::test]
    async fn an_answer_is_written_in_chunks_and_ends() {
        let text = written(take(Version::HTTP_11, pieces(&["data: 1\n\n", "", "data: seventeen\n\n"]))).await;
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        for line in ["cache-control: no-store", "transfer-encoding: chunked", "connection: close"] {
            assert!(head.lines().any(|l| l == line), "{line} in {head}");
        }
        assert_eq!(body, "9\r\ndata: 1\n\n\r\n11\r\ndata: seventeen\n\n\r\n0\r\n\r\n");
    }

    #[tokio::test]
    async fn a_client_of_http_1_0_gets_no_chunks() {
        let text = written(take(Version::HTTP_10, pieces(&["a", "b"]))).await;
        assert!(text.ends_with("\r\n\r\nab") && !text.contains("chunked"), "{text}");
    }

    #[tokio::test]
    async fn invariant_6_a_client_that_goes_or_talks_on_ends_it() {
        let endless = || lasting(Body::from_stream(stream::pending::<io::Result<Bytes>>()));
        let (client, server) = duplex(1024);
        drop(client);
        assert!(take(Version::HTTP_11, endless()).send(server, LIFE).await.is_err());
        let (mut client, server) = duplex(1024);
        let talk = async {
            // Fails when the server has had enough.
            while client.write_all(&[b'x'; 512]).await.is_ok() {}
        };
        let (sent, ()) = tokio::join!(take(Version::HTTP_11, endless()).send(server, LIFE), talk);
        assert!(sent.expect_err("is cut").to_string().contains("talking"));
        let (_silent, server) = duplex(1024);
        let sent = take(Version::HTTP_11, endless()).send(server, Duration::from_millis(10)).await;
        assert_eq!(sent.expect_err("is cut").kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn only_what_is_marked_and_has_a_body_is_taken() {
        let mut head = request(Version::HTTP_11);
        *head.method_mut() = Method::HEAD;
        assert!(Asked::of(&head).take(pieces(&["a"])).is_err());
        let plain = Response::builder().status(StatusCode::OK).body(Body::empty()).expect("builds");
        assert!(Asked::of(&request(Version::HTTP_11)).take(plain).is_err());
    }
}
