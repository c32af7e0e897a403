//! One topic's stream of events, as the app holds it. Dropped, it unsubscribes.

use std::{
    cell::RefCell,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use everwire_core::{SubscribeOptions, SubscriptionId};
use everwire_protocol::{From, Payload, Position, Topic};
use futures::{Stream, stream::FusedStream};

use crate::{
    Error, Event, Snapshot,
    driver::Driver,
    event::Decode,
    log::note,
    queue::Queue,
    snapshot::{Hook, Load, NoSnapshot, Told, boxed},
};

/// A subscription about to be opened; made by [`Client::subscribe`](crate::Client::subscribe).
#[must_use = "nothing is asked for until it is opened"]
pub struct Subscribe<T, S = NoSnapshot> {
    driver: Rc<Driver>,
    topic: Option<Topic>,
    from: From,
    presence: bool,
    conflate: bool,
    decode: Decode<T>,
    load: Option<Load<S>>,
}

impl<T> Subscribe<T> {
    pub(crate) fn new(driver: &Rc<Driver>, topic: &str, decode: Decode<T>) -> Self {
        Self {
            driver: driver.clone(),
            topic: Topic::new(topic).ok(),
            from: From::default(),
            presence: false,
            conflate: false,
            decode,
            load: None,
        }
    }

    /// Loads state beside the messages, without a race: the position first, then the data. The hook is asked when
    /// the subscription first stands and at each [`Gap`](Event::Gap), with the position after which messages
    /// follow; they wait until it has answered. Its state comes as [`Event::Snapshot`], and messages that the
    /// state has in it do not come again.
    ///
    /// A hook that fails, or takes over 30 s, is told of by [`Event::SnapshotFailed`], and asked again
    /// with backoff for as long as there is the subscription.
    ///
    /// ```no_run
    /// # use everwire::{Client, Event, Position, Snapshot};
    /// # use futures::StreamExt;
    /// # async fn load(_: &str) -> Result<(Vec<String>, Option<Position>), String> { unimplemented!() }
    /// # async fn rooms(client: Client) {
    /// let mut rooms = client.subscribe::<String>("rooms").snapshot(async |_| {
    ///     let (state, position) = load("/api/rooms").await?;
    ///     Ok::<_, String>(Snapshot { state, position })
    /// }).open();
    /// let mut all = Vec::new();
    /// while let Some(event) = rooms.next().await {
    ///     match event {
    ///         Event::Snapshot(state) => all = state,
    ///         Event::Message(message) => all.extend(message.data),
    ///         _ => {}
    ///     }
    /// }
    /// # }
    /// ```
    pub fn snapshot<S, F, R, E>(self, hook: F) -> Subscribe<T, S>
    where
        F: Fn(Position) -> R + 'static,
        R: Future<Output = Result<Snapshot<S>, E>> + 'static,
        E: ToString,
    {
        self.snapshot_from(Some(hook))
    }

    /// [`snapshot`](Self::snapshot) where there may be a hook or not.
    pub fn snapshot_from<S, F, R, E>(self, hook: Option<F>) -> Subscribe<T, S>
    where
        F: Fn(Position) -> R + 'static,
        R: Future<Output = Result<Snapshot<S>, E>> + 'static,
        E: ToString,
    {
        let Self { driver, topic, from, presence, conflate, decode, load: _ } = self;
        Subscribe { driver, topic, from, presence, conflate, decode, load: hook.map(boxed) }
    }
}

impl<T, S> Subscribe<T, S> {
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

    /// Whether only the newest message of each key is of interest: of those that wait for the app, a newer one takes
    /// an older one's place. What comes is still in the order of offsets, but these are no longer contiguous;
    /// messages without a key all come. Off by default.
    pub fn conflate(mut self, conflate: bool) -> Self {
        self.conflate = conflate;
        self
    }

    /// Asks for it. Never fails here: what can go wrong is told by an
    /// [`Event::Failed`](crate::Event::Failed), the subscription's last event.
    ///
    /// Several subscriptions to one topic share one at the server: each yields all that it asked for, at its own
    /// pace.
    pub fn open(self) -> Subscription<T, S> {
        let Self { driver, topic, from, presence, conflate, decode, load } = self;
        let mut queue = Queue::default();
        if conflate {
            queue.conflate();
        }
        let queue = Rc::new(RefCell::new(queue));
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
        Subscription { driver, topic, id, queue, decode, hook: load.map(Hook::new), marker: PhantomData }
    }
}

/// The events of one topic, in order: a [`Stream`] that ends when the client closes or the subscription
/// has failed.
///
/// It is `Unpin`, cancel-safe (an event is taken only by the poll that returns it), and unsubscribes when
/// dropped. An app that takes nothing costs bounded memory: beyond the limits of
/// [`Config::flow`](crate::Config) the server is told to pause, and it goes on from the cursor later.
pub struct Subscription<T, S = NoSnapshot> {
    driver: Rc<Driver>,
    topic: Option<Topic>,
    /// None when it was not taken.
    id: Option<SubscriptionId>,
    queue: Rc<RefCell<Queue>>,
    decode: Decode<T>,
    hook: Option<Hook<S>>,
    marker: PhantomData<fn() -> (T, S)>,
}

impl<T, S> Subscription<T, S> {
    /// The topic; none when its name was not valid.
    #[must_use]
    pub fn topic(&self) -> Option<&Topic> {
        self.topic.as_ref()
    }

    /// Stops the messages until [`resume`](Self::resume): those that wait here still come, and what comes later
    /// stays at the server, which keeps it for as long as its retention says. Costs no memory.
    pub fn pause(&self) {
        if let Some(id) = self.id {
            self.driver.input(|inner, now| {
                note!(now, "pause", subscription = id.as_u32());
                inner.session.pause(now, id);
            });
        }
    }

    /// Goes on from where it was paused.
    pub fn resume(&self) {
        if let Some(id) = self.id {
            self.driver.input(|inner, now| {
                note!(now, "resume", subscription = id.as_u32());
                inner.session.resume(now, id);
            });
        }
    }

    /// How many messages gave way to newer ones of their key; see [`Subscribe::conflate`].
    #[must_use]
    pub fn conflated(&self) -> u64 {
        self.queue.borrow().conflated()
    }

    /// Waits until there is an event, then takes all that wait: for user interfaces, which render once for
    /// a batch. `None` when the subscription has ended. Never an empty batch.
    pub async fn next_batch(&mut self) -> Option<Vec<Event<T, S>>> {
        poll_fn(|context| self.poll_batch(context)).await
    }

    /// The poll form of [`next_batch`](Self::next_batch).
    pub fn poll_batch(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<Event<T, S>>>> {
        let mut batch = Vec::new();
        let end = loop {
            match self.poll_event(context) {
                Poll::Ready(Some(event)) => batch.push(event),
                end => break end,
            }
        };
        self.report();
        if batch.is_empty() { end.map(|_| None) } else { Poll::Ready(Some(batch)) }
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event<T, S>>> {
        loop {
            // The hook is code of the app: nothing is borrowed while it runs.
            if let Some(hook) = &mut self.hook {
                if self.queue.borrow().is_ended() && hook.is_asked() {
                    // Nothing will be built on its state.
                    self.hook = None;
                    self.queue.borrow_mut().drop_messages();
                } else if let Some(told) = ready!(self.wait_for_hook(context)) {
                    return Poll::Ready(Some(told.into()));
                }
            }
            let Some(event) = ready!(self.poll_queue(context)) else { return Poll::Ready(None) };
            match (&event, &mut self.hook) {
                (Event::Message(message), Some(hook)) if hook.covers(message.epoch, message.offset) => {
                    continue;
                }
                (Event::Subscribed { position, .. }, Some(hook)) => hook.subscribed(*position),
                (Event::Gap(gap), Some(hook)) => hook.begin(gap.position),
                _ => {}
            }
            return Poll::Ready(Some(event.decode(self.decode)));
        }
    }

    fn poll_queue(&self, context: &mut Context<'_>) -> Poll<Option<Event<Payload>>> {
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

    /// The hook's news. While it is asked, the end of the subscription wakes, too.
    fn wait_for_hook(&mut self, context: &mut Context<'_>) -> Poll<Option<Told<S>>> {
        let poll = self.hook.as_mut().map_or(Poll::Ready(None), |hook| hook.poll(context));
        if poll.is_pending() {
            let replaced = self.queue.borrow_mut().wait(context.waker());
            drop(replaced);
        }
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

impl<T, S> Stream for Subscription<T, S> {
    type Item = Event<T, S>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event<T, S>>> {
        let event = self.poll_event(context);
        self.report();
        event
    }
}

impl<T, S> FusedStream for Subscription<T, S> {
    fn is_terminated(&self) -> bool {
        let queue = self.queue.borrow();
        queue.is_ended() && queue.is_empty()
    }
}

impl<T, S> Drop for Subscription<T, S> {
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
