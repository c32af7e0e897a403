//! Brings the session's events to those who wait for them: subscriptions, publishes, questions, readers
//! of the status. Wakes nobody itself: it collects the wakers, and the driver wakes them when nothing is
//! borrowed. Knows no transport.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, task::Waker};

use everwire_core::{Event as Told, Failure, HistoryPage, Outcome, RequestId, State, SubscriptionId};
use everwire_protocol::{Member, PublishId};

use crate::{
    Error, Event, Gap, Status,
    event::Ephemeral,
    outbox::News,
    publish::result,
    queue::{Queue, Taken},
    slot::Filler,
    status::StatusBoard,
};

/// Who asked what, and waits.
pub(crate) enum Question {
    History(Filler<Result<HistoryPage, Failure>>),
    Presence(Filler<Result<Vec<Member>, Failure>>),
}

impl Question {
    fn abandon(self) -> Option<Waker> {
        match self {
            Self::History(filler) => filler.abandon(),
            Self::Presence(filler) => filler.abandon(),
        }
    }
}

/// Everybody who waits.
pub(crate) struct Delivery {
    pub(crate) status: StatusBoard,
    pub(crate) news: News,
    /// What gave way to newer messages, for the session to count as taken.
    conflated: Vec<(SubscriptionId, Taken)>,
    total_conflated: u64,
    subscriptions: Vec<(SubscriptionId, Rc<RefCell<Queue>>)>,
    publishes: VecDeque<(PublishId, Filler<Outcome>)>,
    questions: Vec<(RequestId, Question)>,
}

impl Delivery {
    pub(crate) fn new(status: Status) -> Self {
        Self {
            status: StatusBoard::new(status),
            news: News::new(),
            conflated: Vec::new(),
            total_conflated: 0,
            subscriptions: Vec::new(),
            publishes: VecDeque::new(),
            questions: Vec::new(),
        }
    }

    pub(crate) fn add_subscription(&mut self, id: SubscriptionId, queue: &Rc<RefCell<Queue>>) {
        self.subscriptions.push((id, queue.clone()));
    }

    pub(crate) fn remove_subscription(&mut self, id: SubscriptionId) {
        self.subscriptions.retain(|(other, _)| *other != id);
    }

    pub(crate) fn add_publish(&mut self, id: PublishId, filler: Filler<Outcome>) {
        self.publishes.push_back((id, filler));
    }

    /// Waits for the answer, unless the session is closed: then there will be none.
    pub(crate) fn add_question(&mut self, id: RequestId, question: Question) {
        if self.status.now().state == State::Closed {
            drop(question.abandon());
        } else {
            self.questions.push((id, question));
        }
    }

    /// Delivers one event.
    pub(crate) fn deliver(&mut self, event: Told, wakers: &mut Vec<Waker>) {
        match event {
            Told::State(change) => {
                self.status.tell(Status::new(change), wakers);
                if change.state == State::Closed {
                    self.end(wakers);
                }
            }
            Told::Messages { subscription, epoch, records } => {
                if let Some(queue) = self.queue(subscription).cloned() {
                    let mut queue = queue.borrow_mut();
                    wakers.extend(queue.push_records(epoch, records));
                    if let Some(taken) = queue.take_conflated() {
                        self.total_conflated += taken.messages as u64;
                        self.conflated.push((subscription, taken));
                    }
                }
            }
            Told::Subscribed { subscription, position, recovered } => {
                self.push(subscription, Event::Subscribed { position, recovered }, wakers);
            }
            Told::Gap { subscription, from, to, reason, position } => {
                self.push(subscription, Event::Gap(Gap { from, to, reason, position }), wakers);
            }
            Told::Ephemeral { subscription, time, payload, from } => {
                self.push(
                    subscription,
                    Event::Ephemeral(Ephemeral { data: Ok(payload), time, from }),
                    wakers,
                );
            }
            Told::Members { subscription, members } => {
                self.push(subscription, Event::Members(members), wakers)
            }
            Told::Join { subscription, member } => self.push(subscription, Event::Join(member), wakers),
            Told::Leave { subscription, member } => self.push(subscription, Event::Leave(member), wakers),
            Told::SubscriptionFailed { subscription, code, message } => {
                self.push(subscription, Event::Failed(Error::Refused { code, message }), wakers);
                self.remove_subscription(subscription);
            }
            Told::Published { id, outcome } => {
                // Acks come in the order of the publishes, so it is nearly always the first.
                if let Some(place) = self.publishes.iter().position(|(other, _)| *other == id)
                    && let Some((_, filler)) = self.publishes.remove(place)
                {
                    wakers.extend(filler.fill(outcome));
                } else {
                    // Published by a client that is no more.
                    self.news.restored(id, result(outcome), wakers);
                }
            }
            Told::History { request, result } => {
                if let Some(Question::History(filler)) = self.question(request) {
                    wakers.extend(filler.fill(result));
                }
            }
            Told::Presence { request, result } => {
                if let Some(Question::Presence(filler)) = self.question(request) {
                    wakers.extend(filler.fill(result));
                }
            }
        }
    }

    /// What gave way to newer messages since this was last asked.
    pub(crate) fn take_conflated(&mut self) -> Option<(SubscriptionId, Taken)> {
        self.conflated.pop()
    }

    /// How many messages gave way, over all subscriptions.
    pub(crate) fn conflated(&self) -> u64 {
        self.total_conflated
    }

    /// The session is closed: nobody is left to wait.
    fn end(&mut self, wakers: &mut Vec<Waker>) {
        for (_, queue) in self.subscriptions.drain(..) {
            wakers.extend(queue.borrow_mut().end());
        }
        self.news.end(wakers);
        for (_, filler) in self.publishes.drain(..) {
            wakers.extend(filler.abandon());
        }
        for (_, question) in self.questions.drain(..) {
            wakers.extend(question.abandon());
        }
    }

    fn queue(&self, id: SubscriptionId) -> Option<&Rc<RefCell<Queue>>> {
        self.subscriptions.iter().find(|(other, _)| *other == id).map(|(_, queue)| queue)
    }

    fn push(&self, id: SubscriptionId, event: Event<everwire_protocol::Payload>, wakers: &mut Vec<Waker>) {
        if let Some(queue) = self.queue(id) {
            wakers.extend(queue.borrow_mut().push(event));
        }
    }

    fn question(&mut self, id: RequestId) -> Option<Question> {
        let place = self.questions.iter().position(|(other, _)| *other == id)?;
        Some(self.questions.swap_remove(place).1)
    }
}
