//! Events that wait for the app, as a stream. Bounded; what is done when it is full is for others to say.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

/// So many events wait, or so many bytes in them, and no more.
const EVENTS: usize = 1_000;
const BYTES: usize = 4 * 1024 * 1024;

struct Waiting<E> {
    events: VecDeque<(E, usize)>,
    bytes: usize,
    waker: Option<Waker>,
    ended: bool,
}

/// The app's side.
pub(super) struct Queue<E>(Rc<RefCell<Waiting<E>>>);

/// The other side. When the app's side is dropped, nothing waits any more.
pub(super) struct Feed<E>(Weak<RefCell<Waiting<E>>>);

pub(super) fn queue<E>() -> (Feed<E>, Queue<E>) {
    let waiting = Waiting { events: VecDeque::new(), bytes: 0, waker: None, ended: false };
    let waiting = Rc::new(RefCell::new(waiting));
    (Feed(Rc::downgrade(&waiting)), Queue(waiting))
}

impl<E> Feed<E> {
    /// Puts an event in.
    pub(super) fn push(&self, event: E, bytes: usize) {
        self.change(|waiting| {
            waiting.bytes += bytes;
            waiting.events.push_back((event, bytes));
        });
    }

    /// The event that came last, if it still waits.
    pub(super) fn change_last<R>(&self, change: impl FnOnce(&mut E) -> R) -> Option<R> {
        let waiting = self.0.upgrade()?;
        let mut waiting = waiting.borrow_mut();
        waiting.events.back_mut().map(|(event, _)| change(event))
    }

    /// Nothing comes any more.
    pub(super) fn end(&self) {
        self.change(|waiting| waiting.ended = true);
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.upgrade().is_some_and(|waiting| waiting.borrow().is_over(EVENTS, BYTES))
    }

    fn change(&self, change: impl FnOnce(&mut Waiting<E>)) {
        let Some(waiting) = self.0.upgrade() else { return };
        let waker = {
            let mut waiting = waiting.borrow_mut();
            change(&mut waiting);
            waiting.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<E> Waiting<E> {
    fn is_over(&self, events: usize, bytes: usize) -> bool {
        self.events.len() >= events || self.bytes >= bytes
    }
}

impl<E> Queue<E> {
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<E>> {
        let mut waiting = self.0.borrow_mut();
        if let Some((event, bytes)) = waiting.events.pop_front() {
            waiting.bytes -= bytes;
            return Poll::Ready(Some(event));
        }
        if waiting.ended {
            return Poll::Ready(None);
        }
        let replaced = waiting.waker.replace(context.waker().clone());
        drop(waiting);
        drop(replaced);
        Poll::Pending
    }

    /// Whether there is room again for much.
    pub(super) fn is_half_empty(&self) -> bool {
        !self.0.borrow().is_over(EVENTS / 2, BYTES / 2)
    }
}
