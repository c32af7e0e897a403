//! Accepting connections: bounded in number, each with a deadline for its request, for what it leaves
//! unread and for its answers, and all of them ended in order. It knows sockets, and nothing of what is
//! said over them.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::{self, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::Router;
use hyper::{
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    linger::{Blocked, Linger},
    long::{Asked, Handover, LongAnswer},
};

/// How long a client may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// Most bytes of a request's head, and of an answer that waits in front of the socket.
const BUFFER_BYTES: usize = 64 * 1024;
/// After a failed accept (no file handles left, mostly): retrying at once would only spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The bounds of what is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most TCP connections; more wait in the kernel's queue.
    pub connections: usize,
    /// How long sent bytes may stay unacknowledged.
    pub write_timeout: Duration,
    /// Longest life of an answer. It ends itself before; one whose client reads so slowly that it never
    /// gets to its end is cut, [`Limits::write_timeout`] later.
    pub answer_life: Duration,
}

/// Serves until `stop`, then accepts no more, lets the connections end, and returns when they, and all
/// other `tasks`, have.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(BUFFER_BYTES);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, permit)) = accepted else { continue };
        if let Err(error) = prepare(&stream, limits.write_timeout) {
            tracing::debug!(%error, "a connection was gone before it began");
            continue;
        }
        let stream = Linger::new(stream, permit, tasks.clone());
        let connection = connection(http.clone(), stream, router.clone(), limits, stop.clone());
        let long_tasks = tasks.clone();
        tasks.spawn(async move {
            if let Some((stream, answer)) = connection.await {
                // A task of its own: this one is as large as all that hyper needed.
                long_tasks.spawn(last(stream, answer, limits));
            }
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// An answer that lasts, up to its end.
async fn last(stream: Linger, answer: LongAnswer, limits: Limits) {
    if let Err(error) = answer.send(stream, limits.answer_life + limits.write_timeout).await {
        tracing::debug!(%error, "a stream was ended by its client");
    }
}

/// One connection, up to its end, its upgrade, or an answer that lasts.
async fn connection(
    http: http1::Builder,
    stream: Linger,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) -> Option<(Linger, LongAnswer)> {
    let (asked, handover, blocked) = (Notify::new(), Handover::default(), stream.blocked());
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request| {
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
            () = handover.has_one() => match timeout(limits.write_timeout, written(&mut connection, &blocked)).await {
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
    }
    None
}

/// Drives a connection until all that it has answered is written; answers how it ended, if it did before.
async fn written<C: Future + Unpin>(connection: &mut C, blocked: &Blocked) -> Option<C::Output> {
    poll_fn(|cx| match pin::Pin::new(&mut *connection).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending if blocked.is() => Poll::Pending,
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
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
    use std::net::SocketAddr;

    use axum::{body::Body, routing::get};
    use futures::stream;

    use super::*;

    async fn start(answer_life: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("an address");
        let endless = || async { Body::from_stream(stream::pending::<Result<String, std::io::Error>>()) };
        let router = Router::new().route("/endless", get(endless)).route("/", get(|| async { "ok" }));
        let write_timeout = Duration::from_millis(20);
        let limits = Limits { connections: 10, write_timeout, answer_life };
        tokio::spawn(serve(listener, router, limits, TaskTracker::new(), CancellationToken::new()));
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
}
