//! Accepting connections: bounded in number, each with a deadline for its request, for what it leaves
//! unread and for its answers, and all of them ended in order. It knows sockets, and nothing of what is
//! said over them.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    pin::{self, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use everwire_protocol::Code;
use hyper::{
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    time::{Instant, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    admission::PeerAddress,
    door::Door,
    linger::{Linger, Link},
    long::{Asked, Handover, LongAnswer},
};

/// Most connections that are turned away at one time, each with an answer; more are cut without one.
const TURNED_AWAY: usize = 256;
/// Most bytes of a request's head, and of an answer that waits in front of the socket.
const BUFFER_BYTES: usize = 64 * 1024;
/// After a failed accept (no file handles left, mostly): retrying at once would only spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The bounds of what is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most TCP connections; more are turned away.
    pub connections: usize,
    /// How long a client may take to send the head of a request.
    pub header_timeout: Duration,
    /// How long sent bytes may stay unacknowledged.
    pub write_timeout: Duration,
    /// Longest life of an answer. It ends itself before; one whose client reads so slowly that it never
    /// gets to its end is cut, [`Limits::write_timeout`] later.
    pub answer_life: Duration,
}

/// Serves, over TLS where there is a certificate, until `stop`, then accepts no more, lets the connections end, and returns when they, and all
/// other `tasks`, have.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    (door, tls, limits): (Arc<Door>, Option<TlsAcceptor>, Limits),
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let leaving = Arc::new(Semaphore::new(TURNED_AWAY));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(BUFFER_BYTES);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, peer)) = accepted else { continue };
        let admitted = door.admit(peer.ip());
        let admitted =
            admitted.and_then(|()| Arc::clone(&room).try_acquire_owned().map_err(|_| Door::full()));
        let permit = match admitted {
            Ok(permit) => permit,
            Err(refusal) => {
                let answer = door.answer(&refusal);
                if let Ok(permit) = Arc::clone(&leaving).try_acquire_owned() {
                    // Words that are not encrypted would be none.
                    let words = if tls.is_none() { answer } else { Bytes::new() };
                    Linger::new(stream, permit, tasks.clone()).dismiss(words);
                }
                continue;
            }
        };
        if let Err(error) = prepare(&stream, limits.write_timeout) {
            tracing::debug!(%error, "a connection was gone before it began");
            continue;
        }
        let stream = Linger::new(stream, permit, tasks.clone());
        let of = Of { peer: PeerAddress(peer.ip()), door: Arc::clone(&door), link: stream.link(), limits };
        let (http, router, tasks_of, stop) = (http.clone(), router.clone(), tasks.clone(), stop.clone());
        match tls.clone() {
            None => tasks.spawn(answer(http, stream, router, of, tasks_of, stop)),
            Some(tls) => tasks.spawn(async move {
                if let Some(stream) = greet(&tls, stream, &of, &stop).await {
                    answer(http, stream, router, of, tasks_of, stop).await;
                }
            }),
        };
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// Whose connection it is, and what it is held to.
struct Of {
    peer: PeerAddress,
    door: Arc<Door>,
    link: Arc<Link>,
    limits: Limits,
}

/// The TLS handshake, within the time that a request's head may take. From then on, words that are not encrypted would
/// be none.
async fn greet(
    tls: &TlsAcceptor,
    stream: Linger,
    of: &Of,
    stop: &CancellationToken,
) -> Option<TlsStream<Linger>> {
    of.link.stay_silent();
    let greeted = tokio::select! {
        greeted = timeout(of.limits.header_timeout, tls.accept(stream)) => greeted,
        () = stop.cancelled() => return None,
    };
    match greeted {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS was agreed on");
            of.door.count(Code::BAD_REQUEST);
        }
        Err(_) => {
            tracing::debug!("a client did not finish its TLS handshake");
            of.door.count(Code::TIMEOUT);
        }
    }
    None
}

/// One connection, up to its end or its upgrade.
async fn answer<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    http: http1::Builder,
    stream: T,
    router: Router,
    of: Of,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let limits = of.limits;
    if let Some((stream, answer)) = connection(http, stream, router, of, stop).await {
        // A task of its own: this one is as large as all that hyper needed.
        tasks.spawn(async move {
            if let Err(error) = answer.send(stream, limits.answer_life + limits.write_timeout).await {
                tracing::debug!(%error, "a stream was ended by its client");
            }
        });
    }
}

/// The same, up to an answer that lasts.
async fn connection<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    http: http1::Builder,
    stream: T,
    router: Router,
    Of { peer, door, link, limits }: Of,
    stop: CancellationToken,
) -> Option<(T, LongAnswer)> {
    let (asked, handover) = (Notify::new(), Handover::default());
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: hyper::Request<_>| {
        request.extensions_mut().insert(peer);
        asked.notify_one();
        let (how, answered, handover) = (Asked::of(&request), router.call(request), &handover);
        async move { Ok::<_, Infallible>(handover.pass(how, answered.await?).await) }
    });
    let mut connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut overdue = pin!(sleep(limits.answer_life));
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = &mut connection => break ended,
            () = handover.has_one() => match timeout(limits.write_timeout, written(&mut connection, &link)).await {
                Ok(None) => {
                    let stream = connection.into_parts().map(|parts| parts.io.into_inner());
                    return stream.zip(handover.take());
                }
                Ok(Some(ended)) => break ended,
                Err(_) => {
                    tracing::debug!("a client does not read its answer: cut");
                    return None;
                }
            },
            () = asked.notified() => overdue.as_mut().reset(Instant::now() + limits.answer_life),
            () = overdue.as_mut() => {
                pin::Pin::new(&mut connection).graceful_shutdown();
                match timeout(limits.write_timeout, &mut connection).await {
                    Ok(ended) => break ended,
                    Err(_) => {
                        tracing::debug!("a client does not read its answer: cut");
                        return None;
                    }
                }
            }
            () = stop.cancelled(), if !stopping => {
                // What is under way is finished; an idle connection ends at once.
                pin::Pin::new(&mut connection).graceful_shutdown();
                stopping = true;
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
        if error.is_timeout() && link.is_unanswered() {
            link.end_with(door.answer(&Door::late()));
        } else if error.is_parse() {
            // hyper has answered.
            door.count(if error.is_parse_too_large() { Code::TOO_LARGE } else { Code::BAD_REQUEST });
        }
    }
    None
}

/// Drives a connection until all that it has answered is written; answers how it ended, if it did before.
async fn written<C: Future + Unpin>(connection: &mut C, link: &Link) -> Option<C::Output> {
    poll_fn(|cx| match pin::Pin::new(&mut *connection).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending if link.is_blocked() => Poll::Pending,
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "can't accept a connection");
            sleep(ACCEPT_RETRY).await;
            None
        }
    }
}

/// Small frames go out at once, and a peer that takes nothing is given up by the kernel itself: also
/// where nothing above is waiting for it, as under a stream of events.
fn prepare(stream: &TcpStream, write_timeout: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(write_timeout))?;
    #[cfg(not(target_os = "linux"))]
    let _ = write_timeout;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use futures::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{clock::Clock, guard::Proxies};

    /// What is answered to these bytes, up to the end of the connection.
    async fn answer(stream: &mut TcpStream, request: &[u8]) -> String {
        stream.write_all(request).await.expect("writes");
        let mut answer = String::new();
        let read = timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await;
        read.expect("in time").expect("text");
        answer
    }

    async fn start(answer_life: Duration) -> SocketAddr {
        start_with(10, answer_life).await
    }

    async fn start_with(connections: usize, answer_life: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("an address");
        let endless = || async { Body::from_stream(stream::pending::<Result<String, std::io::Error>>()) };
        let router = Router::new().route("/endless", get(endless)).route("/", get(|| async { "ok" }));
        let write_timeout = Duration::from_millis(20);
        let header_timeout = Duration::from_millis(50);
        let limits = Limits { connections, header_timeout, write_timeout, answer_life };
        let door = Door {
            guards: Arc::default(),
            proxies: Proxies::default(),
            counters: Arc::default(),
            clock: Clock::default(),
        };
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, router, (Arc::new(door), None, limits), TaskTracker::new(), stop));
        address
    }

    fn client() -> reqwest::Client {
        reqwest::Client::builder().no_proxy().build().expect("builds")
    }

    #[tokio::test]
    async fn invariant_6_an_answer_that_never_ends_is_cut() {
        let address = start(Duration::from_millis(20)).await;
        let request = client().get(format!("http://{address}/endless"));
        let mut answer = request.send().await.expect("answers");
        let end = timeout(Duration::from_secs(10), answer.chunk()).await.expect("in time");
        assert!(end.is_err(), "{end:?}");
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_refused() {
        let address = start(Duration::from_secs(60)).await;
        let request =
            client().get(format!("http://{address}/")).header("x-long", "x".repeat(2 * BUFFER_BYTES));
        assert_eq!(request.send().await.expect("answers").status(), 431);
    }

    #[tokio::test]
    async fn invariant_6_a_head_that_does_not_come_is_told_so_and_silence_ends_in_silence() {
        let address = start(Duration::from_secs(60)).await;
        let mut slow = TcpStream::connect(address).await.expect("connects");
        let told = answer(&mut slow, b"GET / HTTP/1.1\r\nhost: a\r\nx-").await;
        assert!(told.starts_with("HTTP/1.1 408 ") && told.contains("\"timeout\""), "{told}");
        let mut silent = TcpStream::connect(address).await.expect("connects");
        assert_eq!(answer(&mut silent, b"").await, "");
        let mut idle = TcpStream::connect(address).await.expect("connects");
        let told = answer(&mut idle, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(told.starts_with("HTTP/1.1 200 ") && told.ends_with("ok"), "and nothing behind it: {told}");
    }

    #[tokio::test]
    async fn a_connection_too_many_is_told_so() {
        let address = start_with(1, Duration::from_secs(60)).await;
        let mut first = TcpStream::connect(address).await.expect("connects");
        first.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("writes");
        assert!(first.read_u8().await.is_ok(), "it is served");
        let mut second = TcpStream::connect(address).await.expect("connects");
        let told = answer(&mut second, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("too_many_connections"), "{told}");
        assert!(told.contains("retry-after: "), "{told}");
    }
}
