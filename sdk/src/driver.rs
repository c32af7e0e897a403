//! Owns the session and everything that it drives. The only place where the session is called: one input,
//! then all of its outputs carried out, then the timer armed; wakers are woken last, when nothing is
//! borrowed. No code of the app ever runs inside.
//!
//! The browser's callbacks hold the driver weakly; whoever the app holds (client, subscriptions) holds it
//! strongly. So when the app lets go, timers, listeners and transports go with the driver.

mod settling;

use std::{
    cell::RefCell,
    pin::Pin,
    rc::{Rc, Weak},
    task::Waker,
};

use everwire_core::{
    Config, Outcome, Publish, Session, StoredPublish, SubscribeError, SubscribeOptions, SubscriptionId, Time,
};
use everwire_protocol::{ClientId, PublishId, Topic};

#[cfg(feature = "log")]
use crate::log;
use crate::{
    Error, PublishError, Status, StoreError,
    address::Address,
    delivery::Delivery,
    environment::{self, Change, Environment},
    log::note,
    memory::Memory,
    outbox::{self, Inbox},
    platform::{Callback, Timer, now, random},
    queue::{Queue, Taken},
    slot::{Answer, slot},
    transport::Links,
};

#[cfg(feature = "tabs")]
use crate::tabs::Leading;

/// Asks the app for its token.
pub(crate) type TokenProvider = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Option<String>, ()>>>>>;

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
    memory: Memory,
    outbox: Option<Rc<RefCell<Inbox>>>,
    kept_offline: bool,
    /// The relay for the other tabs, in the upstream driver of the tab that leads.
    #[cfg(feature = "tabs")]
    pub(crate) leading: Option<Leading>,
    #[cfg(feature = "log")]
    deadline: log::Deadline,
}

impl Driver {
    /// A driver of a session that is not started yet.
    pub(crate) fn new(
        address: Address,
        mut config: Config,
        client_id: ClientId,
        token: Option<TokenProvider>,
        outbox: Option<outbox::Start>,
    ) -> Rc<Self> {
        let memory = Memory::new(&address);
        config.remembered = config.remembered.or_else(|| memory.recall());
        let links = Links::new(address, config.request_timeout);
        let session = Session::new(config, client_id, u64::from_le_bytes(random()));
        Rc::new_cyclic(|me: &Weak<Self>| {
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
                memory,
                outbox: outbox.map(|start| start(me)),
                kept_offline: false,
                #[cfg(feature = "tabs")]
                leading: None,
                #[cfg(feature = "log")]
                deadline: log::Deadline::default(),
            }))
        })
    }

    /// Starts the session. With somebody who keeps its publishes, it connects when that one knows what there is
    /// already.
    pub(crate) fn start(&self) {
        let waits = self.input(|inner, now| {
            if environment::is_offline() {
                inner.session.handle_offline(now);
            }
            inner.outbox.is_some()
        });
        if !waits {
            self.connect();
        }
    }

    /// Gives the session an input, then does all that it asks for.
    pub(crate) fn input<R>(&self, input: impl FnOnce(&mut Inner, Time) -> R) -> R {
        let now = now();
        let mut inner = self.0.borrow_mut();
        let result = input(&mut inner, now);
        settling::finish(inner, now);
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
            note!(now, "subscribe", topic = topic.as_str());
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
            note!(now, "unsubscribe", subscription = id.as_u32());
            inner.delivery.remove_subscription(id);
            inner.session.unsubscribe(now, id);
        });
    }

    pub(crate) fn consumed(&self, id: SubscriptionId, taken: Taken) {
        self.input(|inner, now| {
            note!(now, "consumed", subscription = id.as_u32(), messages = taken.messages);
            inner.session.consumed(now, id, taken.messages, taken.bytes);
        });
    }

    pub(crate) fn publish(&self, publish: Publish) -> Result<(PublishId, Answer<Outcome>), PublishError> {
        self.input(|inner, now| {
            note!(now, "publish", topic = publish.topic.as_str(), bytes = publish.payload.data.len());
            let id = inner.session.publish(now, publish).map_err(PublishError::from)?;
            let (filler, answer) = slot();
            inner.delivery.add_publish(id.clone(), filler);
            Ok((id, answer))
        })
    }

    /// Behaves as if there were no network, until told otherwise.
    pub(crate) fn keep_offline(&self, offline: bool) {
        self.input(|inner, now| {
            note!(now, "kept offline", offline = offline);
            inner.kept_offline = offline;
            if offline || environment::is_offline() {
                inner.session.handle_offline(now);
            } else {
                inner.session.handle_online(now);
            }
        });
    }

    /// Starts connecting; no effect where that was done.
    pub(crate) fn connect(&self) {
        self.input(|inner, now| {
            note!(now, "connect");
            inner.session.connect(now);
        });
    }

    pub(crate) fn close(&self) {
        self.input(|inner, now| {
            note!(now, "shut");
            inner.session.close(now);
        });
    }

    /// What earlier clients left.
    pub(crate) fn restore(&self, publishes: Vec<StoredPublish>) {
        self.input(|inner, now| {
            note!(now, "restore", publishes = publishes.len());
            inner.session.restore(now, publishes);
        });
    }

    /// Publishes are no longer kept.
    pub(crate) fn unpersisted(&self, error: StoreError) {
        let mut wakers = Vec::new();
        self.look(|inner| inner.delivery.news.failed(error, &mut wakers));
        wakers.into_iter().for_each(Waker::wake);
    }

    fn timer_fired(&self) {
        self.input(|inner, now| {
            if let Some(timer) = &mut inner.timer {
                timer.fired();
            }
            inner.links.give_up(now);
            #[cfg(feature = "tabs")]
            inner.relay_timer_fired(now);
            if let Some((due, name)) = inner.session.poll_timeout().filter(|(due, _)| *due <= now) {
                let late = now.since(due).as_millis() as u64;
                note!(now, "timer fired", timer = name.as_str(), late = late);
                inner.session.handle_timeout(now);
            }
        });
    }

    fn environment_changed(&self, change: Change) {
        self.input(|inner, now| {
            note!(now, "environment", change = change.as_str());
            #[cfg(feature = "tabs")]
            inner.links.tabs_before(change);
            match change {
                Change::Online if inner.kept_offline => {}
                Change::Online => inner.session.handle_online(now),
                Change::Offline => inner.session.handle_offline(now),
                Change::Wakeup => {
                    inner.tell_outbox(Inbox::back);
                    inner.session.handle_wakeup(now);
                }
                Change::Suspend => {
                    inner.tell_outbox(|outbox| {
                        outbox.put_aside();
                        None
                    });
                    inner.session.handle_suspend(now);
                }
            }
            #[cfg(feature = "tabs")]
            inner.links.tabs_after(change);
        });
    }
}
