//! What both drop-ins need of the browser: one timer, the page's life, and the order of things. An input changes the state
//! machine, then all that follows is carried out, one after the other; the app is called when nothing is borrowed.
//!
//! The browser's callbacks hold the host weakly, the app holds it strongly: when the app lets go, all of it goes.

use std::{
    cell::{Cell, RefCell, RefMut},
    process::abort,
    rc::{Rc, Weak},
};

use everwire_core::{HIDDEN_FAILURES, Time};

use crate::{
    environment::{self, Change, Environment},
    platform::{Callback, Timer, now},
};

/// A state machine with what it has open.
pub(super) trait Part: Sized + 'static {
    /// What the app is told.
    type Event;

    /// Carries out the next output.
    fn step(&mut self, now: Time, me: &Weak<Host<Self>>) -> Step<Self::Event>;

    fn timeout(&self) -> Option<Time>;

    fn handle_timeout(&mut self, now: Time);

    fn handle_change(&mut self, now: Time, change: Change);

    /// Failures in a row, while the next attempt waits for its time.
    fn failures(&self) -> u32;

    /// Closed for good.
    fn is_over(&self) -> bool;
}

/// What came of an output.
pub(super) enum Step<E> {
    /// There was none.
    Idle,
    /// It is done.
    Done,
    /// Tell the app.
    Tell(E),
    /// Ask the app, outside of everything.
    Ask(Box<dyn FnOnce()>),
}

/// See the module.
pub(super) struct Host<P: Part> {
    part: RefCell<P>,
    watch: RefCell<Option<(Timer, Environment)>>,
    tell: Box<dyn Fn(P::Event)>,
    settling: Cell<bool>,
    me: Weak<Self>,
}

impl<P: Part> Host<P> {
    pub(super) fn new(part: P, tell: Box<dyn Fn(P::Event)>) -> Rc<Self> {
        let host = Rc::new_cyclic(|me: &Weak<Self>| {
            let (timer, environment) = (me.clone(), me.clone());
            let timer = Timer::new(Callback::new(move |_| {
                if let Some(host) = timer.upgrade() {
                    host.timer_fired();
                }
            }));
            let environment = Environment::listen(move |change| {
                if let Some(host) = environment.upgrade() {
                    host.input(|part, now| part.handle_change(now, change));
                }
            });
            Self {
                part: RefCell::new(part),
                watch: RefCell::new(Some((timer, environment))),
                tell,
                settling: Cell::new(false),
                me: me.clone(),
            }
        });
        if environment::is_offline() {
            host.input(|part, now| part.handle_change(now, Change::Offline));
        }
        host
    }

    /// Gives the part an input, then does all that follows from it.
    pub(super) fn input<R>(&self, input: impl FnOnce(&mut P, Time) -> R) -> R {
        let result = input(&mut lend(&self.part), now());
        self.settle();
        result
    }

    /// Looks, or changes what nothing follows from.
    pub(super) fn look<R>(&self, look: impl FnOnce(&mut P) -> R) -> R {
        look(&mut lend(&self.part))
    }

    /// Tells the app.
    pub(super) fn tell(&self, event: P::Event) {
        (self.tell)(event);
    }

    fn timer_fired(&self) {
        if let Some((timer, _)) = &mut *lend(&self.watch) {
            timer.fired();
        }
        self.input(|part, now| {
            if part.timeout().is_some_and(|due| due <= now) {
                part.handle_timeout(now);
            }
        });
    }

    /// An input that the app gives while it is told something waits its turn here.
    fn settle(&self) {
        if self.settling.replace(true) {
            return;
        }
        loop {
            let step = lend(&self.part).step(now(), &self.me);
            match step {
                Step::Done => {}
                Step::Tell(event) => (self.tell)(event),
                Step::Ask(ask) => ask(),
                Step::Idle => {
                    // A page that nobody sees stops trying, until it is seen again.
                    let mut part = lend(&self.part);
                    if part.failures() >= HIDDEN_FAILURES && environment::is_hidden() {
                        part.handle_change(now(), Change::Suspend);
                    }
                    break;
                }
            }
        }
        self.settling.set(false);
        let part = lend(&self.part);
        let mut watch = lend(&self.watch);
        if part.is_over() {
            *watch = None;
        } else if let Some((timer, _)) = &mut *watch {
            timer.arm(part.timeout());
        }
    }
}

/// What is under a borrow is lent to code of this crate only, and never twice. A panic that could say so would bring the code of
/// all formatting into every page.
fn lend<T>(cell: &RefCell<T>) -> RefMut<'_, T> {
    cell.try_borrow_mut().unwrap_or_else(|_| abort())
}
