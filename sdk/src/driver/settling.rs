//! What follows an input: the session's outputs are carried out until there is none, the timer is armed, and who
//! waits is woken when nothing is borrowed any more.

use std::{cell::RefMut, task::Waker};

use everwire_core::{Closed, Event as Told, HIDDEN_FAILURES, Output, State, StateChange, Time, Transport};
use wasm_bindgen_futures::spawn_local;

use super::{Inner, TokenProvider};
#[cfg(feature = "log")]
use crate::log;
#[cfg(feature = "tabs")]
use crate::tabs::Tabs;
use crate::{environment, log::note, outbox::Inbox};

/// What is let go only when nothing is borrowed any more, since it may run code of the app.
#[derive(Default)]
struct Aftermath {
    wakers: Vec<Waker>,
    token: Option<TokenProvider>,
    #[cfg(feature = "tabs")]
    tabs: Option<Tabs>,
}

/// What follows every input; apart from it, so that it is compiled once.
#[inline(never)]
pub(super) fn finish(mut inner: RefMut<'_, Inner>, now: Time) {
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
                #[cfg(feature = "log")]
                log::output(now, &output);
                match output {
                    #[cfg(feature = "tabs")]
                    Output::Event(event) if self.leading.is_some() => self.hear(event),
                    Output::Event(event) => {
                        #[cfg(feature = "tabs")]
                        self.delivery.status.goes_via(self.session.via());
                        gives_up |= gives_up_unseen(&event);
                        self.remember(&event);
                        self.delivery.deliver(event, &mut after.wakers);
                    }
                    Output::FetchToken => self.fetch_token(),
                    Output::Save(publish) => self.tell_outbox(|outbox| outbox.save(publish)),
                    Output::Forget(id) => self.tell_outbox(|outbox| outbox.forget(id)),
                    output => self.links.carry_out(output, now, &self.me),
                }
            }
            // Further inputs come when the outputs are drained, never amid them.
            #[cfg(feature = "tabs")]
            if self.relay(now) {
                continue;
            }
            if let Some((id, taken)) = self.delivery.take_conflated() {
                self.session.consumed(now, id, taken.messages, taken.bytes);
            } else if let Some(attempt) = self.links.take_failed() {
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
            #[cfg(feature = "tabs")]
            std::mem::swap(&mut after.tabs, &mut self.links.tabs);
            self.tell_outbox(Inbox::end);
            self.outbox = None;
            after.token = self.token.take();
        }
        #[cfg(feature = "log")]
        self.deadline.armed(now, &self.session);
        if let Some(timer) = &mut self.timer {
            let due = self.session.poll_timeout().map(|(due, _)| due);
            let due = due.into_iter().chain(self.links.next_deadline());
            #[cfg(feature = "tabs")]
            let due = due.chain(self.leading.as_ref().and_then(|leading| leading.next_deadline()));
            timer.arm(due.min());
        }
        after
    }

    /// Its task is of this crate and runs later, so it may be woken at once.
    pub(super) fn tell_outbox(&self, tell: impl FnOnce(&mut Inbox) -> Option<Waker>) {
        let waker = self.outbox.as_ref().and_then(|outbox| tell(&mut outbox.borrow_mut()));
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What works is tried first on the next page. A tab's channel is no way to the server.
    pub(crate) fn remember(&self, event: &Told) {
        if let Told::State(StateChange { state: State::Connected, transport: Some(transport), .. }) = event
            && *transport != Transport::Tab
        {
            self.memory.keep(*transport);
        }
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
                driver.input(|inner, now| {
                    note!(now, "token", given = token.is_ok());
                    inner.session.handle_token(now, token);
                });
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
