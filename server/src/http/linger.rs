//! A socket whose last words arrive. The kernel answers input that comes after a socket was dropped with a
//! reset, and a reset overtakes what the other side has not read yet: the refusal of a message that is too
//! large, above all, whose sender is still sending. So what is dropped here says that no more will come,
//! and stays for a moment to throw away what comes in. It knows sockets, and nothing of what they carry.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_util::task::TaskTracker;

/// How long the other side may take to read to the end and to close.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A socket and its place among those that are open.
pub struct Linger {
    /// There until it is dropped.
    open: Option<(TcpStream, OwnedSemaphorePermit)>,
    tasks: TaskTracker,
    blocked: Blocked,
}

/// Whether the last write found no room, so that whoever writes has more to write.
#[derive(Clone, Debug, Default)]
pub struct Blocked(Arc<AtomicBool>);

impl Blocked {
    /// Whether it did.
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.0.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl Linger {
    /// The `permit` is given back, and `tasks` have one less to wait for, when the socket is closed at last.
    pub fn new(stream: TcpStream, permit: OwnedSemaphorePermit, tasks: TaskTracker) -> Self {
        Self { open: Some((stream, permit)), tasks, blocked: Blocked::default() }
    }

    /// To be looked at while somebody else has the socket.
    pub fn blocked(&self) -> Blocked {
        self.blocked.clone()
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        let open = self.get_mut().open.as_mut();
        open.map(|(stream, _)| Pin::new(stream)).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Linger {
    fn drop(&mut self) {
        let (Some((stream, permit)), Ok(runtime)) = (self.open.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let end = async move {
            let _ = tokio::time::timeout(TIMEOUT, read_to_the_end(&stream)).await;
            drop((stream, permit));
        };
        self.tasks.spawn_on(end, &runtime);
    }
}

async fn read_to_the_end(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write)?;
    let mut unheard = [0; 4096];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut unheard) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

impl AsyncRead for Linger {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Linger {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream()?.poll_write(cx, bytes);
        self.blocked.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream()?.poll_write_vectored(cx, slices);
        self.blocked.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
