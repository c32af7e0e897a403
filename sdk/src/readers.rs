//! Those who read a stream of the client's own news, each at its own pace. What waits for a slow one is bounded:
//! it misses the oldest. Knows nothing of what it brings.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

/// All readers of one kind of news.
pub(crate) struct Readers<T> {
    readers: Vec<Weak<RefCell<Waiting<T>>>>,
    most: usize,
}

/// One reader's end.
pub(crate) struct Reader<T>(Rc<RefCell<Waiting<T>>>);

struct Waiting<T> {
    news: VecDeque<T>,
    waker: Option<Waker>,
    ended: bool,
}

impl<T: Clone> Readers<T> {
    /// At most so many news wait for each reader.
    pub(crate) fn new(most: usize) -> Self {
        Self { readers: Vec::new(), most }
    }

    /// A further reader, to whom this is news.
    pub(crate) fn add(&mut self, first: Option<T>, ended: bool) -> Reader<T> {
        let waiting =
            Rc::new(RefCell::new(Waiting { news: first.into_iter().collect(), waker: None, ended }));
        self.readers.retain(|reader| reader.strong_count() > 0);
        self.readers.push(Rc::downgrade(&waiting));
        Reader(waiting)
    }

    /// Tells everybody. The wakers are for the caller to wake once it holds nothing borrowed.
    pub(crate) fn tell(&self, news: &T, wakers: &mut Vec<Waker>) {
        self.each(wakers, |waiting| {
            if waiting.news.len() == self.most {
                waiting.news.pop_front();
            }
            waiting.news.push_back(news.clone());
        });
    }

    /// Nothing more will come.
    pub(crate) fn end(&self, wakers: &mut Vec<Waker>) {
        self.each(wakers, |waiting| waiting.ended = true);
    }

    fn each(&self, wakers: &mut Vec<Waker>, change: impl Fn(&mut Waiting<T>)) {
        for reader in self.readers.iter().filter_map(Weak::upgrade) {
            let mut waiting = reader.borrow_mut();
            change(&mut waiting);
            wakers.extend(waiting.waker.take());
        }
    }
}

impl<T> Reader<T> {
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut waiting = self.0.borrow_mut();
        if let Some(news) = waiting.news.pop_front() {
            return Poll::Ready(Some(news));
        }
        if waiting.ended {
            return Poll::Ready(None);
        }
        let replaced = waiting.waker.replace(context.waker().clone());
        drop(waiting);
        drop(replaced);
        Poll::Pending
    }
}
