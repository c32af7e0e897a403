//! The proxy over real sockets, in front of a server that echoes.

use std::time::Instant;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::wait::until;

const SOON: Duration = Duration::from_secs(10);
/// How long silence is listened to.
const A_WHILE: Duration = Duration::from_millis(200);

/// Sends back what it gets, with `mark` before each piece.
async fn echo(mark: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut piece = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = stream.read(&mut piece).await {
                    if stream.write_all(&[mark, &piece[..length]].concat()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

async fn proxy() -> Proxy {
    Proxy::start(Some(echo(b"").await)).await.expect("a free port")
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.expect("the proxy listens")
}

async fn say(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.expect("it is connected");
}

async fn hear(stream: &mut TcpStream, text: &[u8]) {
    let mut heard = vec![0; text.len()];
    timeout(SOON, stream.read_exact(&mut heard)).await.expect("an answer in time").expect("an answer");
    assert_eq!(heard, text);
}

/// All that still comes, and how it ends.
async fn rest(stream: &mut TcpStream) -> (usize, io::Result<()>) {
    let mut rest = Vec::new();
    let end = timeout(SOON, stream.read_to_end(&mut rest)).await.expect("an end in time");
    (rest.len(), end.map(|_| ()))
}

#[tokio::test]
async fn bytes_pass_and_are_counted() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    say(&mut stream, b"hello").await;
    hear(&mut stream, b"hello").await;
    assert_eq!(proxy.counts(), Counts { connections: 1, open: 1, websockets: 0, down: 5, up: 5, cuts: 0 });
    drop(stream);
    let closed = || async { Ok((proxy.counts().open == 0).then_some(())) };
    until("the end passes too", SOON, closed).await.expect("closed");
}

#[tokio::test]
async fn a_cut_ends_every_connection_as_told_and_new_ones_pass() {
    for how in [Cut::Fin, Cut::Rst] {
        let proxy = proxy().await;
        let mut streams = [connect(&proxy).await, connect(&proxy).await];
        for stream in &mut streams {
            say(stream, b"x").await;
            hear(stream, b"x").await;
        }
        proxy.cut(how);
        for stream in &mut streams {
            let (_, end) = rest(stream).await;
            assert_eq!(
                end.err().map(|e| e.kind()),
                (how == Cut::Rst).then_some(io::ErrorKind::ConnectionReset)
            );
        }
        let mut again = connect(&proxy).await;
        say(&mut again, b"y").await;
        hear(&mut again, b"y").await;
        assert_eq!(proxy.counts().cuts, 1);
    }
}

#[tokio::test]
async fn a_planned_cut_falls_after_exactly_so_many_bytes() {
    let proxy = proxy().await;
    proxy.plan([PlannedCut { after: 7, how: Cut::Fin }, PlannedCut { after: 100_001, how: Cut::Fin }]);
    for expected in [7, 100_001] {
        let mut stream = connect(&proxy).await;
        let (mut reads, mut writes) = stream.split();
        let sent = async { (0..200).map(|_| [7; 1000]).collect::<Vec<_>>().concat() };
        let bytes = sent.await;
        let mut received = Vec::new();
        // The echo's answers are cut while it still writes: both ends are served at once.
        let (_, read) = tokio::join!(writes.write_all(&bytes), reads.read_to_end(&mut received));
        drop(read);
        assert_eq!(received.len(), expected);
    }
    assert_eq!((proxy.planned(), proxy.counts().cuts, proxy.counts().down), (0, 2, 100_008));
}

#[tokio::test]
async fn a_seed_gives_the_same_cuts_again() {
    let plan = PlannedCut::random(42, 20, 50_000);
    assert_eq!(plan, PlannedCut::random(42, 20, 50_000));
    assert_ne!(plan, PlannedCut::random(43, 20, 50_000));
    assert!(plan.len() == 20 && plan.iter().all(|cut| (1..=50_000).contains(&cut.after)));
    assert!(plan.iter().any(|cut| cut.how == Cut::Fin) && plan.iter().any(|cut| cut.how == Cut::Rst));
}

#[tokio::test]
async fn a_frozen_connection_is_silent_without_an_end_while_new_ones_pass() {
    for ways in [&[Way::Down][..], &[Way::Up], &[Way::Down, Way::Up]] {
        let proxy = proxy().await;
        let mut stream = connect(&proxy).await;
        say(&mut stream, b"a").await;
        hear(&mut stream, b"a").await;
        proxy.freeze(ways);
        say(&mut stream, b"b").await;
        let silent = timeout(A_WHILE, stream.read_u8()).await;
        assert!(silent.is_err(), "{ways:?}: {silent:?}");
        let mut other = connect(&proxy).await;
        say(&mut other, b"c").await;
        hear(&mut other, b"c").await;
        let silent = timeout(A_WHILE, stream.read_u8()).await;
        assert!(silent.is_err(), "{ways:?}: {silent:?}");
    }
}

#[tokio::test]
async fn a_stop_holds_new_connections_too_and_lets_go_without_loss() {
    let proxy = proxy().await;
    let mut before = connect(&proxy).await;
    say(&mut before, b"a").await;
    hear(&mut before, b"a").await;
    proxy.stop(&[Way::Down, Way::Up]);
    let mut after = connect(&proxy).await;
    for stream in [&mut before, &mut after] {
        say(stream, b"held").await;
        assert!(timeout(A_WHILE, stream.read_u8()).await.is_err());
    }
    proxy.flow();
    hear(&mut before, b"held").await;
    hear(&mut after, b"held").await;
}

#[tokio::test]
async fn refusing_closes_the_door_and_opens_it_on_the_same_port() {
    let proxy = proxy().await;
    let mut inside = connect(&proxy).await;
    say(&mut inside, b"a").await;
    hear(&mut inside, b"a").await;
    proxy.refuse(true).await;
    let refused = TcpStream::connect(proxy.address()).await.expect_err("nothing listens");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    say(&mut inside, b"b").await;
    hear(&mut inside, b"b").await;
    proxy.refuse(false).await;
    let mut stream = connect(&proxy).await;
    say(&mut stream, b"c").await;
    hear(&mut stream, b"c").await;
}

#[tokio::test]
async fn a_delay_is_kept() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    proxy.delay(Duration::from_millis(150));
    let asked = Instant::now();
    say(&mut stream, b"there and back").await;
    hear(&mut stream, b"there and back").await;
    assert!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn new_connections_go_to_another_upstream() {
    let proxy = Proxy::start(None).await.expect("a free port");
    let mut nowhere = connect(&proxy).await;
    assert_eq!(rest(&mut nowhere).await.0, 0);
    for mark in [b"1", b"2"] {
        proxy.set_upstream(echo(mark).await);
        let mut stream = connect(&proxy).await;
        say(&mut stream, b"x").await;
        hear(&mut stream, &[mark[0], b'x']).await;
    }
    proxy.set_upstream(([127, 0, 0, 1], 1).into());
    let mut gone = connect(&proxy).await;
    assert_eq!(rest(&mut gone).await.0, 0);
}

const UPGRADE: &[u8] = b"GET /v1/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test]
async fn a_proxy_that_blocks_websockets_lets_other_requests_pass() {
    for websockets in [WebSockets::Forbid, WebSockets::Reset] {
        let proxy = proxy().await;
        proxy.set_habits(Habits { websockets, ..Habits::default() });
        let mut stream = connect(&proxy).await;
        say(&mut stream, b"GET /v1/poll HTTP/1.1\r\n\r\n").await;
        hear(&mut stream, b"GET /v1/poll HTTP/1.1\r\n\r\n").await;
        say(&mut stream, UPGRADE).await;
        let (length, end) = rest(&mut stream).await;
        let expected = if websockets == WebSockets::Forbid { habits::FORBIDDEN.len() } else { 0 };
        assert_eq!((length, end.is_ok()), (expected, websockets == WebSockets::Forbid), "{websockets:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_swallows_websockets_passes_the_upgrade_and_then_nothing() {
    let proxy = proxy().await;
    proxy.set_habits(Habits { websockets: WebSockets::Swallow, ..Habits::default() });
    let mut stream = connect(&proxy).await;
    say(&mut stream, UPGRADE).await;
    hear(&mut stream, UPGRADE).await;
    say(&mut stream, b"a frame").await;
    assert!(timeout(A_WHILE, stream.read_u8()).await.is_err());
}

#[tokio::test]
async fn a_proxy_that_gathers_streams_holds_them_until_they_end() {
    let proxy = proxy().await;
    proxy.set_habits(Habits { gathers_streams: true, ..Habits::default() });
    let mut stream = connect(&proxy).await;
    let request = b"GET /v1/sse?topic=a HTTP/1.1\r\n\r\n";
    say(&mut stream, request).await;
    assert!(timeout(A_WHILE, stream.read_u8()).await.is_err());
    say(&mut stream, b"\r\n0\r\n\r\n").await;
    hear(&mut stream, &[&request[..], b"\r\n0\r\n\r\n"].concat()).await;
    say(&mut stream, b"GET / HTTP/1.1\r\n\r\n").await;
    hear(&mut stream, b"GET / HTTP/1.1\r\n\r\n").await;
}

#[tokio::test]
async fn open_websockets_are_counted_and_a_proxy_for_files_lets_none_come() {
    let proxy = proxy().await;
    let mut stream = connect(&proxy).await;
    say(&mut stream, UPGRADE).await;
    hear(&mut stream, UPGRADE).await;
    assert_eq!(proxy.counts().websockets, 1);
    drop(stream);
    let none = || async { Ok((proxy.counts().websockets == 0).then_some(())) };
    until("the end of it is seen", SOON, none).await.expect("closed");

    proxy.set_habits(Habits { files_only: true, ..Habits::default() });
    let mut stream = connect(&proxy).await;
    say(&mut stream, b"GET /recorder.html HTTP/1.1\r\n\r\n").await;
    hear(&mut stream, b"GET /recorder.html HTTP/1.1\r\n\r\n").await;
    say(&mut stream, b"POST /v1/publish HTTP/1.1\r\n\r\n").await;
    assert!(rest(&mut stream).await.1.is_err());
}
