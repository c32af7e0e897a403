//! A socket whose last words arrive. The kernel answers input that comes after a socket was dropped with a
//! reset, and a reset overtakes what the other side has not read yet: the refusal of a message that is too
//! large, above all, whose sender is still sending. So what is dropped here says that no more will come,
//! and stays for a moment to throw away what comes in. It knows sockets, and nothing of what they carry.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_util::task::TaskTracker;

/// How long the other side may take to read to the end and to close.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What others know of a socket that somebody else has.
#[derive(Debug, Default)]
pub struct Link {
    /// Something came that nothing was answered to yet.
    unanswered: AtomicBool,
    /// The last write found no room, so that whoever writes has more to write.
    blocked: AtomicBool,
    last_words: OnceLock<Bytes>,
}

impl Link {
    /// Whether something came in that nothing was answered to yet.
    pub fn is_unanswered(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Whether the last write found no room, so that whoever writes has more to write.
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.blocked.store(written.is_pending(), Ordering::Relaxed);
        written
    }

    /// Nothing is written when the socket is dropped, whatever is said later.
    pub fn stay_silent(&self) {
        self.end_with(Bytes::new());
    }

    /// What to write when the socket is dropped. What was said first counts.
    pub fn end_with(&self, words: Bytes) {
        let _ = self.last_words.set(words);
    }
}

/// A socket and its place among those that are open.
pub struct Linger {
    /// There until it is dropped.
    open: Option<(TcpStream, OwnedSemaphorePermit)>,
    link: Arc<Link>,
    tasks: TaskTracker,
}

impl Linger {
    /// The `permit` is given back, and `tasks` have one less to wait for, when the socket is closed at last.
    pub fn new(stream: TcpStream, permit: OwnedSemaphorePermit, tasks: TaskTracker) -> Self {
        Self { open: Some((stream, permit)), link: Arc::default(), tasks }
    }

    /// What others may know of it.
    pub fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    /// Ends it with these words. They are said before it is dropped: the dropped socket writes what was said by then.
    pub fn dismiss(self, words: Bytes) {
        self.link.end_with(words);
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
        let link = Arc::clone(&self.link);
        let end = async move {
            let parting = async {
                write_all(&stream, link.last_words.get().map_or(&[], |words| &words[..])).await?;
                read_to_the_end(&stream).await
            };
            let _ = tokio::time::timeout(TIMEOUT, parting).await;
            drop((stream, permit));
        };
        self.tasks.spawn_on(end, &runtime);
    }
}

async fn write_all(stream: &TcpStream, mut words: &[u8]) -> io::Result<()> {
    while !words.is_empty() {
        stream.writable().await?;
        match stream.try_write(words) {
            Ok(written) => words = &words[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut *this).stream()?.poll_read(cx, buf);
        if buf.filled().len() > before {
            this.link.unanswered.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Linger {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.link.unanswered.store(false, Ordering::Relaxed);
        let written = self.as_mut().stream()?.poll_write(cx, bytes);
        self.link.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.link.unanswered.store(false, Ordering::Relaxed);
        let written = self.as_mut().stream()?.poll_write_vectored(cx, slices);
        self.link.note(written)
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
