//! One connection through the proxy: two pumps, and what may happen to them.
//!
//! It must not know who gives the orders.

use std::{
    future::pending,
    io,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::sleep,
};

use super::{
    Cut, Orders, Shared, Way,
    habits::{FORBIDDEN, Reader, Verdict},
};

/// How much is taken at a time.
const PIECE: usize = 16 * 1024;

/// Carries one connection until it ends or is cut.
pub(super) async fn carry(mut client: TcpStream, number: u64, shared: Arc<Shared>) {
    shared.open.fetch_add(1, Relaxed);
    let _open = Open(&shared);
    let mut orders = shared.orders.subscribe();
    let Some(upstream) = orders.borrow().upstream else { return };
    let mut server = tokio::select! {
        connected = TcpStream::connect(upstream) => match connected {
            Ok(server) => server,
            Err(_) => return,
        },
        how = cut(&mut orders, number) => return end(&client, how),
    };
    // Without it small pieces wait for acknowledgements, and a delay is measured that nobody asked for.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let reader = Mutex::default();
    let end_of = {
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = server.split();
        let down = pump(Way::Down, number, &shared, &reader, server_reads, client_writes);
        let up = pump(Way::Up, number, &shared, &reader, client_reads, server_writes);
        tokio::select! {
            how = cut(&mut orders, number) => End::Cut(how),
            end = async { tokio::try_join!(down, up) } => end.err().unwrap_or(End::Over),
        }
    };
    if reader.into_inner().unwrap_or_else(PoisonError::into_inner).websocket {
        shared.websockets.fetch_sub(1, Relaxed);
    }
    match end_of {
        End::Cut(how) => {
            end(&client, how);
            end(&server, how);
        }
        End::Forbidden => {
            let _ = client.write_all(FORBIDDEN).await;
        }
        End::Over => {}
    }
}

/// Why a connection is carried no longer.
enum End {
    Cut(Cut),
    Forbidden,
    /// By the two that it connects.
    Over,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Over
    }
}

struct Open<'a>(&'a Shared);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

fn end(stream: &TcpStream, how: Cut) {
    if how == Cut::Rst {
        // With nothing to linger for, the close that follows is a reset.
        let _ = stream.set_zero_linger();
    }
}

/// Resolves when the connection is to be cut.
async fn cut(orders: &mut watch::Receiver<Orders>, number: u64) -> Cut {
    let how = orders.wait_for(|orders| number < orders.cut.0).await.map(|orders| orders.cut.1).ok();
    match how {
        Some(how) => how,
        None => pending().await,
    }
}

/// Resolves as soon as the black hole, if there is one, lets go.
async fn passable(orders: &mut watch::Receiver<Orders>, way: Way, number: u64) {
    if orders.wait_for(|orders| !orders.holds(way, number)).await.is_err() {
        pending().await
    }
}

async fn pump(
    way: Way,
    number: u64,
    shared: &Shared,
    reader: &Mutex<Reader>,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
) -> Result<(), End> {
    let mut orders = shared.orders.subscribe();
    let mut buffer = vec![0; PIECE];
    loop {
        passable(&mut orders, way, number).await;
        let length = tokio::select! {
            length = from.read(&mut buffer) => length?,
            // The order may be to stop.
            _ = orders.changed() => continue,
        };
        let delay = orders.borrow().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        passable(&mut orders, way, number).await;
        let mut piece = buffer[..length].to_vec();
        let habits = orders.borrow().habits;
        {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            let was_websocket = reader.websocket;
            match way {
                Way::Up => match reader.up(habits, &mut piece) {
                    Verdict::Pass if !was_websocket && reader.websocket => {
                        shared.websockets.fetch_add(1, Relaxed);
                    }
                    Verdict::Pass => {}
                    Verdict::Forbid => return Err(End::Forbidden),
                    Verdict::Reset => return Err(End::Cut(Cut::Rst)),
                },
                Way::Down => reader.down(&mut piece),
            }
        }
        let cut = if way == Way::Down { shared.spend(piece.len()) } else { None };
        let passes = cut.map_or(piece.len(), |(passes, _)| passes);
        to.write_all(&piece[..passes]).await?;
        shared.bytes[way as usize].fetch_add(passes as u64, Relaxed);
        if let Some((_, how)) = cut {
            shared.cut(how);
            return pending().await;
        }
        if length == 0 {
            return Ok(to.shutdown().await?);
        }
    }
}
