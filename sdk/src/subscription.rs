//! One topic's stream of events, as the app holds it. Dropped, it unsubscribes.

use std::{
    cell::RefCell,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use everwire_core::{SubscribeOptions, SubscriptionId};
use everwire_protocol::{From, Topic};
use futures::{Stream, stream::FusedStream};

use crate::{
    Error, Event,
    driver::Driver,
    event::{self, Decode},
    queue::Queue,
};

/// A subscription about to be opened; made by [`Client::subscribe`](crate::Client::subscribe).
#[must_use = "nothing is asked for until it is opened"]
pub struct Subscribe<T> {
    driver: Rc<Driver>,
    topic: Option<Topic>,
    from: From,
    presence: bool,
    decode: Decode<T>,
}

impl<T> Subscribe<T> {
    pub(crate) fn new(driver: &Rc<Driver>, topic: &str, decode: Decode<T>) -> Self {
        let (from, presence) = (From::default(), false);
        Self { driver: driver.clone(), topic: Topic::new(topic).ok(), from, presence, decode }
    }

    /// Where to start: by default with what is written from now on ([`From::Latest`]).
    pub fn from(mut self, from: From) -> Self {
        self.from = from;
        self
    }

    /// Whether to be listed among the topic's members, and to be told who comes and goes. Off by default.
    pub fn presence(mut self, presence: bool) -> Self {
        self.presence = presence;
        self
    }

    /// Asks for it. Never fails here: what can go wrong is told by an
    /// [`Event::Failed`](crate::Event::Failed), the subscription's last event.
    pub fn open(self) -> Subscription<T> {
        let Self { driver, topic, from, presence, decode } = self;
        let queue = Rc::new(RefCell::new(Queue::default()));
        let result = match &topic {
            Some(topic) => driver.subscribe(topic.clone(), SubscribeOptions { from, presence }, &queue),
            None => Err(Error::BadTopic),
        };
        let id = match result {
            Ok(id) => Some(id),
            Err(error) => {
                let _ = queue.borrow_mut().push(Event::Failed(error));
                None
            }
        };
        Subscription { driver, topic, id, queue, decode, marker: PhantomData }
    }
}

/// The events of one topic, in order: a [`Stream`] that ends when the client closes or the subscription
/// has failed.
///
/// It is `Unpin`, cancel-safe (an event is taken only by the poll that returns it), and unsubscribes when
/// dropped. An app that takes nothing costs bounded memory: beyond the limits of
/// [`Config::flow`](crate::Config) the server is told to pause, and it goes on from the cursor later.
pub struct Subscription<T> {
    driver: Rc<Driver>,
    topic: Option<Topic>,
    /// None when it was not taken.
    id: Option<SubscriptionId>,
    queue: Rc<RefCell<Queue>>,
    decode: Decode<T>,
    marker: PhantomData<fn() -> T>,
}

impl<T> Subscription<T> {
    /// The topic; none when its name was not valid.
    #[must_use]
    pub fn topic(&self) -> Option<&Topic> {
        self.topic.as_ref()
    }

    /// Waits until there is an event, then takes all that wait: for user interfaces, which render once for
    /// a batch. `None` when the subscription has ended. Never an empty batch.
    pub async fn next_batch(&mut self) -> Option<Vec<Event<T>>> {
        poll_fn(|context| self.poll_batch(context)).await
    }

    /// The poll form of [`next_batch`](Self::next_batch).
    pub fn poll_batch(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<Event<T>>>> {
        let mut batch = Vec::new();
        let mut last = self.poll_event(context);
        while let Poll::Ready(Some(event)) = last {
            batch.push(event.decode(self.decode));
            last = match self.queue.borrow_mut().pop() {
                Some(event) => Poll::Ready(Some(event)),
                None => Poll::Pending,
            };
        }
        self.report();
        if batch.is_empty() { last.map(|_| None) } else { Poll::Ready(Some(batch)) }
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event<everwire_protocol::Payload>>> {
        let (poll, replaced) = {
            let mut queue = self.queue.borrow_mut();
            match queue.pop() {
                Some(event) => (Poll::Ready(Some(event)), None),
                None if queue.is_ended() => (Poll::Ready(None), None),
                None => (Poll::Pending, queue.wait(context.waker())),
            }
        };
        drop(replaced);
        poll
    }

    /// Tells the session what was taken: its flow control resumes a paused topic by that.
    fn report(&self) {
        let taken = self.queue.borrow_mut().taken();
        if let (Some(taken), Some(id)) = (taken, self.id) {
            self.driver.consumed(id, taken);
        }
    }
}

impl<T> Stream for Subscription<T> {
    type Item = Event<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event<T>>> {
        let event = self.poll_event(context);
        self.report();
        event.map(|event| event.map(|event| event.decode(self.decode)))
    }
}

impl<T> FusedStream for Subscription<T> {
    fn is_terminated(&self) -> bool {
        let queue = self.queue.borrow();
        queue.is_ended() && queue.is_empty()
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.driver.unsubscribe(id);
        }
        // A task that shares the subscription with whoever dropped it may wait still, and it would for ever.
        let waker = self.queue.borrow_mut().end();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl event::Event<everwire_protocol::Payload> {
    /// The same with its payload in the app's type.
    pub(crate) fn decode<T>(self, decode: Decode<T>) -> Event<T> {
        match self {
            Event::Message(m) => Event::Message(event::Message {
                data: m.data.and_then(decode),
                offset: m.offset,
                epoch: m.epoch,
                time: m.time,
                key: m.key,
                from: m.from,
                id: m.id,
            }),
            Event::Ephemeral(m) => Event::Ephemeral(event::Ephemeral {
                data: m.data.and_then(decode),
                time: m.time,
                from: m.from,
            }),
            Event::Gap(gap) => Event::Gap(gap),
            Event::Members(members) => Event::Members(members),
            Event::Join(member) => Event::Join(member),
            Event::Leave(member) => Event::Leave(member),
            Event::Subscribed { position, recovered } => Event::Subscribed { position, recovered },
            Event::Failed(error) => Event::Failed(error),
        }
    }
}
