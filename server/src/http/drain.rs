//! The server's going away, as connections wait for it. Each waits for as long as it lasts and is woken for other things
//! meanwhile, so looking whether it has come costs one load, and waiting on costs nothing. It knows no connection.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Begun when the server goes away: each connection then says so and ends. A clone is the same one.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    /// The same as the token says, without its lock, which all connections share.
    begun: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Drain {
    /// Begins it.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Cancelled when it begins, for those who know no connection.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// To wait for it, in one task at a time.
    #[must_use]
    pub fn wait(&self) -> Draining {
        let begin = Box::pin(self.token.clone().cancelled_owned());
        Draining { begun: Arc::clone(&self.begun), begin, asked_by: None }
    }
}

/// One who waits for the drain.
#[derive(Debug)]
pub struct Draining {
    begun: Arc<AtomicBool>,
    begin: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Who will be woken.
    asked_by: Option<Waker>,
}

impl Draining {
    /// Waits until it begins. Cancel-safe, and may be called again.
    pub async fn begun(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.begun.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if !self.asked_by.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            self.asked_by = Some(context.waker().clone());
            return self.begin.as_mut().poll(context);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_waits_is_woken_whichever_task_asked_last() {
        let drain = Drain::default();
        let mut draining = drain.wait();
        assert!(draining.begun().now_or_never().is_none(), "asked by one that is gone");
        let waiting = tokio::spawn(async move {
            // Another task's way of asking, and then its own, twice.
            assert!(draining.begun().now_or_never().is_none());
            draining.begun().await;
            draining.begun().await;
        });
        tokio::task::yield_now().await;
        assert!(!drain.has_begun());
        drain.begin();
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("in time").expect("runs");
        assert!(drain.has_begun() && drain.token().is_cancelled());
    }
}
