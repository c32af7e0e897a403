//! The place where one awaited answer arrives: a channel for a single value on a single thread. When the
//! client closes, every open slot is filled or abandoned, so that nobody waits for ever.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

struct Inner<T> {
    value: Option<T>,
    waker: Option<Waker>,
    abandoned: bool,
}

/// The driver's side: it fills the slot, or abandons it.
pub(crate) struct Filler<T>(Rc<RefCell<Inner<T>>>);

/// The waiting side; yields `None` when nothing will come.
pub(crate) struct Answer<T>(Rc<RefCell<Inner<T>>>);

/// A slot with its two sides.
pub(crate) fn slot<T>() -> (Filler<T>, Answer<T>) {
    let inner = Rc::new(RefCell::new(Inner { value: None, waker: None, abandoned: false }));
    (Filler(inner.clone()), Answer(inner))
}

impl<T> Filler<T> {
    /// Puts the value in. The waker is for the caller to wake once it holds nothing borrowed.
    #[must_use]
    pub(crate) fn fill(self, value: T) -> Option<Waker> {
        let mut inner = self.0.borrow_mut();
        inner.value = Some(value);
        inner.waker.take()
    }

    /// Says that nothing will come. The waker is for the caller to wake once it holds nothing borrowed.
    #[must_use]
    pub(crate) fn abandon(self) -> Option<Waker> {
        let mut inner = self.0.borrow_mut();
        inner.abandoned = true;
        inner.waker.take()
    }
}

impl<T> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut inner = self.0.borrow_mut();
        match inner.value.take() {
            Some(value) => Poll::Ready(Some(value)),
            None if inner.abandoned => Poll::Ready(None),
            None => {
                inner.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
