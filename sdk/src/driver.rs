//! Owns the session and everything that it drives. The only place where the session is called: one input,
//! then all of its outputs carried out, then the timer armed; wakers are woken last, when nothing is
//! borrowed. No code of the app ever runs inside.
//!
//! The browser's callbacks hold the driver weakly; whoever the app holds (client, subscriptions) holds it
//! strongly. So when the app lets go, timers, listeners and transports go with the driver.

use std::{
    cell::{RefCell, RefMut},
    pin::Pin,
    rc::{Rc, Weak},
    task::Waker,
};

use everwire_core::{
    Closed, Config, Event as Told, Outcome, Output, Publish, Session, State, SubscribeError,
    SubscribeOptions, SubscriptionId, Time,
};
use everwire_protocol::{ClientId, PublishId, Topic};
use wasm_bindgen_futures::spawn_local;

use crate::{
    Error, PublishError, Status,
    address::Address,
    delivery::Delivery,
    environment::{self, Change, Environment},
    platform::{Callback, Timer, now, random},
    queue::{Queue, Taken},
    slot::{Answer, slot},
    transport::Links,
};

/// Asks the app for its token.
pub(crate) type TokenProvider = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Option<String>, ()>>>>>;

/// A page that nobody sees stops trying after this many failures in a row, until it is seen again.
pub(crate) const HIDDEN_FAILURES: u32 = 10;

/// See the module.
pub(crate) struct Driver(RefCell<Inner>);

/// What is under the driver's one borrow.
pub(crate) struct Inner {
    pub(crate) session: Session,
    pub(crate) delivery: Delivery,
    pub(crate) links: Links,
    me: Weak<Driver>,
    timer: Option<Timer>,
    environment: Option<Environment>,
    token: Option<TokenProvider>,
    kept_offline: bool,
}

impl Driver {
    /// Starts a session.
    pub(crate) fn start(
        address: Address,
        config: Config,
        client_id: ClientId,
        token: Option<TokenProvider>,
    ) -> Rc<Self> {
        let links = Links::new(address, config.request_timeout);
        let session = Session::new(config, client_id, u64::from_le_bytes(random()));
        let driver = Rc::new_cyclic(|me: &Weak<Self>| {
            let timer = {
                let me = me.clone();
                Timer::new(Callback::new(move |_| {
                    if let Some(driver) = me.upgrade() {
                        driver.timer_fired();
                    }
                }))
            };
            let environment = {
                let me = me.clone();
                Environment::listen(move |change| {
                    if let Some(driver) = me.upgrade() {
                        driver.environment_changed(change);
                    }
                })
            };
            Self(RefCell::new(Inner {
                delivery: Delivery::new(Status::new(session.state())),
                session,
                links,
                me: me.clone(),
                timer: Some(timer),
                environment: Some(environment),
                token,
                kept_offline: false,
            }))
        });
        driver.input(|inner, now| {
            if environment::is_offline() {
                inner.session.handle_offline(now);
            }
            inner.session.connect(now);
        });
        driver
    }

    /// Gives the session an input, then does all that it asks for.
    pub(crate) fn input<R>(&self, input: impl FnOnce(&mut Inner, Time) -> R) -> R {
        let now = now();
        let mut inner = self.0.borrow_mut();
        let result = input(&mut inner, now);
        finish(inner, now);
        result
    }

    /// Looks, and changes nothing.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut Inner) -> R) -> R {
        look(&mut self.0.borrow_mut())
    }

    pub(crate) fn subscribe(
        &self,
        topic: Topic,
        options: SubscribeOptions,
        queue: &Rc<RefCell<Queue>>,
    ) -> Result<SubscriptionId, Error> {
        self.input(|inner, now| {
            let id = inner.session.subscribe(now, topic, options).map_err(|error| match error {
                SubscribeError::TooMany => Error::TooManyTopics,
                SubscribeError::Closed => Error::Closed,
            })?;
            inner.delivery.add_subscription(id, queue);
            Ok(id)
        })
    }

    pub(crate) fn unsubscribe(&self, id: SubscriptionId) {
        self.input(|inner, now| {
            inner.delivery.remove_subscription(id);
            inner.session.unsubscribe(now, id);
        });
    }

    pub(crate) fn consumed(&self, id: SubscriptionId, taken: Taken) {
        self.input(|inner, now| inner.session.consumed(now, id, taken.messages, taken.bytes));
    }

    pub(crate) fn publish(&self, publish: Publish) -> Result<(PublishId, Answer<Outcome>), PublishError> {
        self.input(|inner, now| {
            let id = inner.session.publish(now, publish).map_err(PublishError::from)?;
            let (filler, answer) = slot();
            inner.delivery.add_publish(id.clone(), filler);
            Ok((id, answer))
        })
    }

    /// Behaves as if there were no network, until told otherwise.
    pub(crate) fn keep_offline(&self, offline: bool) {
        self.input(|inner, now| {
            inner.kept_offline = offline;
            if offline || environment::is_offline() {
                inner.session.handle_offline(now);
            } else {
                inner.session.handle_online(now);
            }
        });
    }

    fn timer_fired(&self) {
        self.input(|inner, now| {
            if let Some(timer) = &mut inner.timer {
                timer.fired();
            }
            inner.links.give_up(now);
            if inner.session.poll_timeout().is_some_and(|(due, _)| due <= now) {
                inner.session.handle_timeout(now);
            }
        });
    }

    fn environment_changed(&self, change: Change) {
        self.input(|inner, now| match change {
            Change::Online if inner.kept_offline => {}
            Change::Online => inner.session.handle_online(now),
            Change::Offline => inner.session.handle_offline(now),
            Change::Wakeup => inner.session.handle_wakeup(now),
            Change::Suspend => inner.session.handle_suspend(now),
        });
    }
}

/// What is let go only when nothing is borrowed any more, since it may run code of the app.
#[derive(Default)]
struct Aftermath {
    wakers: Vec<Waker>,
    token: Option<TokenProvider>,
}

/// What follows every input; apart from it, so that it is compiled once.
#[inline(never)]
fn finish(mut inner: RefMut<'_, Inner>, now: Time) {
    let after = inner.settle(now);
    drop(inner);
    for waker in after.wakers {
        waker.wake();
    }
}

impl Inner {
    fn settle(&mut self, now: Time) -> Aftermath {
        let mut after = Aftermath::default();
        loop {
            let mut gives_up = false;
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Event(event) => {
                        gives_up |= gives_up_unseen(&event);
                        self.delivery.deliver(event, &mut after.wakers);
                    }
                    Output::FetchToken => self.fetch_token(),
                    output => self.links.carry_out(output, now, &self.me),
                }
            }
            // Further inputs come when the outputs are drained, never amid them.
            if let Some(attempt) = self.links.take_failed() {
                self.session.handle_closed(now, attempt, Closed::Network);
            } else if gives_up {
                self.session.handle_suspend(now);
            } else {
                break;
            }
        }
        if self.session.state().state == State::Closed {
            self.timer = None;
            self.environment = None;
            self.links.clear();
            after.token = self.token.take();
        }
        if let Some(timer) = &mut self.timer {
            let due = self.session.poll_timeout().map(|(due, _)| due);
            timer.arm(now, due.into_iter().chain(self.links.next_deadline()).min());
        }
        after
    }

    fn fetch_token(&self) {
        let (me, provider) = (self.me.clone(), self.token.clone());
        // The provider is code of the app: it is called later, from the browser's task queue.
        spawn_local(async move {
            let token = match provider {
                Some(provider) => provider().await,
                None => Err(()),
            };
            if let Some(driver) = me.upgrade() {
                driver.input(|inner, now| inner.session.handle_token(now, token));
            }
        });
    }
}

fn gives_up_unseen(event: &Told) -> bool {
    match event {
        Told::State(change) => {
            change.state == State::Waiting && change.attempt >= HIDDEN_FAILURES && environment::is_hidden()
        }
        _ => false,
    }
}
