//! Carries the session's wishes to a store, one after the other, in a task of its own: the driver never
//! waits for it. What is forgotten before it was written is never written. Knows no store by name.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Poll, Waker},
    time::Duration,
};

use everwire_core::StoredPublish;
use everwire_protocol::PublishId;
use futures::future::{Either, select};
use wasm_bindgen_futures::spawn_local;

use super::{OutboxStore, StoreError};
use crate::{driver::Driver, platform::sleep};

/// How long connecting waits for what earlier clients left, so that it goes out first.
const HEAD_START: Duration = Duration::from_secs(1);
/// How long the store may take for anything.
const DEADLINE: Duration = Duration::from_secs(15);

/// Starts a keeper for a driver.
pub(crate) type Start = Box<dyn FnOnce(&Weak<Driver>) -> Rc<RefCell<Inbox>>>;

/// What the driver wants kept and forgotten. Bounded by the outbox: what waits here is in it, or was.
#[derive(Default)]
pub(crate) struct Inbox {
    saves: Vec<StoredPublish>,
    forgets: Vec<PublishId>,
    back: bool,
    ended: bool,
    /// The store failed: nothing more is kept.
    failed: bool,
    put_aside: Option<Box<dyn Fn()>>,
    waker: Option<Waker>,
}

/// What to do next.
enum Work {
    Save(Vec<StoredPublish>),
    Forget(Vec<PublishId>),
    Back,
}

impl Inbox {
    /// Returns who is to be woken, as do all of these.
    pub(crate) fn save(&mut self, publish: StoredPublish) -> Option<Waker> {
        if self.failed {
            return None;
        }
        self.saves.push(publish);
        self.waker.take()
    }

    pub(crate) fn forget(&mut self, id: PublishId) -> Option<Waker> {
        // Acks come in the order of the publishes, so it is nearly always the first.
        match self.saves.iter().position(|publish| publish.id == id) {
            Some(place) => drop(self.saves.remove(place)),
            None => self.forgets.push(id),
        }
        self.waker.take()
    }

    /// The page is put aside: at once, since the browser looks when the event is over.
    pub(crate) fn put_aside(&mut self) {
        self.back = false;
        if let Some(put_aside) = &self.put_aside {
            put_aside();
        }
    }

    pub(crate) fn back(&mut self) -> Option<Waker> {
        self.back = true;
        self.waker.take()
    }

    /// Nothing more will come. What waits is still done.
    pub(crate) fn end(&mut self) -> Option<Waker> {
        self.ended = true;
        self.waker.take()
    }

    /// What to do now; `None` when nothing will ever be.
    fn poll(&mut self, waker: &Waker) -> Poll<Option<Work>> {
        Poll::Ready(if std::mem::take(&mut self.back) {
            Some(Work::Back)
        } else if !self.saves.is_empty() {
            Some(Work::Save(std::mem::take(&mut self.saves)))
        } else if !self.forgets.is_empty() {
            Some(Work::Forget(std::mem::take(&mut self.forgets)))
        } else if self.ended {
            None
        } else {
            self.waker = Some(waker.clone());
            return Poll::Pending;
        })
    }

    fn fail(&mut self) {
        self.failed = true;
        self.saves.clear();
    }
}

/// Starts the task. It connects the session when what earlier clients left is known, or is too slow to come.
pub(crate) fn start<S: OutboxStore>(store: S, driver: &Weak<Driver>) -> Rc<RefCell<Inbox>> {
    let store = Rc::new(store);
    let inbox = Rc::new(RefCell::new(Inbox::default()));
    let aside = store.clone();
    inbox.borrow_mut().put_aside = Some(Box::new(move || aside.put_aside()));
    spawn_local(keep(store, inbox.clone(), driver.clone()));
    inbox
}

async fn keep<S: OutboxStore>(store: Rc<S>, inbox: Rc<RefCell<Inbox>>, driver: Weak<Driver>) {
    let failed = |error| {
        inbox.borrow_mut().fail();
        if let Some(driver) = driver.upgrade() {
            driver.unpersisted(error);
        }
    };
    let asked = store.clone();
    let mut load: Pin<Box<dyn Future<Output = _>>> = Box::pin(async move { asked.load().await });
    let early = select(&mut load, sleep(HEAD_START)).await;
    let loaded = match early {
        Either::Left((loaded, _)) => loaded,
        Either::Right(_) => {
            connect(&driver);
            in_time(load).await
        }
    };
    match loaded {
        Ok(left) => {
            if let Some(driver) = driver.upgrade() {
                driver.restore(left);
            }
        }
        Err(error) => failed(error),
    }
    // No effect where that was done.
    connect(&driver);

    loop {
        let work = poll_fn(|context| inbox.borrow_mut().poll(context.waker())).await;
        let store = store.clone();
        let saves = matches!(work, Some(Work::Save(_)));
        let done = match work {
            Some(Work::Save(publishes)) => {
                in_time(Box::pin(async move { store.save(publishes).await })).await
            }
            Some(Work::Forget(ids)) => in_time(Box::pin(async move { store.forget(ids).await })).await,
            Some(Work::Back) => {
                in_time(Box::pin(async move {
                    store.back().await;
                    Ok(())
                }))
                .await
            }
            None => break,
        };
        let told = inbox.borrow().failed;
        // What can't be forgotten is sent once more by the next client, and takes no effect twice.
        if let (true, false, Err(error)) = (saves, told, done) {
            failed(error);
        }
    }
    // It holds the store.
    inbox.borrow_mut().put_aside = None;
}

fn connect(driver: &Weak<Driver>) {
    if let Some(driver) = driver.upgrade() {
        driver.connect();
    }
}

/// Waits until the deadline. What is late goes on unheard: browsers don't take a dropped callback well.
async fn in_time<T: 'static>(
    asked: Pin<Box<dyn Future<Output = Result<T, StoreError>>>>,
) -> Result<T, StoreError> {
    match select(asked, sleep(DEADLINE)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, asked)) => {
            spawn_local(async move { drop(asked.await) });
            Err(StoreError::TimedOut)
        }
    }
}
