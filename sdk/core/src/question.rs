//! History and presence questions until their answers. It knows who asked what, not how it travels.

use everwire_protocol::{ClientFrame, Code, HistoryRange, Topic};

use crate::{Event, Failure, Request, RequestId, Time, Token, request};

/// No more questions than this wait at a time.
const MOST: usize = 128;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    History { topic: Topic, range: HistoryRange, limit: u32 },
    Presence { topic: Topic },
}

impl Ask {
    pub fn frame(&self, id: RequestId) -> ClientFrame {
        let request = id.0;
        match self {
            Self::History { topic, range, limit } => {
                ClientFrame::History { request, topic: topic.clone(), range: *range, limit: *limit }
            }
            Self::Presence { topic } => ClientFrame::Presence { request, topic: topic.clone() },
        }
    }

    pub fn request(&self, token: Option<Token>) -> Request {
        match self {
            Self::History { topic, range, limit } => request::history(topic, *range, *limit, token),
            Self::Presence { topic } => request::presence(topic, token),
        }
    }

    /// The event that says that there is no answer.
    pub fn failed(&self, request: RequestId, code: Code, message: &str) -> Event {
        let failure = Failure { code, message: message.into() };
        match self {
            Self::History { .. } => Event::History { request, result: Err(failure) },
            Self::Presence { .. } => Event::Presence { request, result: Err(failure) },
        }
    }
}

/// How far a question has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    No,
    OnLink,
    ByRequest,
}

#[derive(Debug)]
struct Question {
    id: RequestId,
    ask: Ask,
    due: Time,
    sent: Sent,
}

/// The questions, in the order in which they were asked, which is that of their deadlines.
#[derive(Debug, Default)]
pub(crate) struct Questions(Vec<Question>);

impl Questions {
    /// Takes a question; gives it back when there are too many.
    pub fn push(&mut self, id: RequestId, ask: Ask, due: Time) -> Result<(), Ask> {
        if self.0.len() >= MOST {
            return Err(ask);
        }
        self.0.push(Question { id, ask, due, sent: Sent::No });
        Ok(())
    }

    /// The next one to send, marked as sent on the link or by a request of its own.
    pub fn next_to_send(&mut self, on_link: bool) -> Option<(RequestId, &Ask)> {
        let question = self.0.iter_mut().find(|question| question.sent == Sent::No)?;
        question.sent = if on_link { Sent::OnLink } else { Sent::ByRequest };
        Some((question.id, &question.ask))
    }

    /// What was asked on the link is to be asked again.
    pub fn link_lost(&mut self) {
        for question in &mut self.0 {
            if question.sent == Sent::OnLink {
                question.sent = Sent::No;
            }
        }
    }

    pub fn take(&mut self, id: RequestId) -> Option<Ask> {
        let index = self.0.iter().position(|question| question.id == id)?;
        Some(self.0.remove(index).ask)
    }

    /// Takes one whose time is over.
    pub fn take_due(&mut self, now: Time) -> Option<(RequestId, Ask)> {
        if self.next_due()? <= now { self.pop() } else { None }
    }

    /// Takes any.
    pub fn pop(&mut self) -> Option<(RequestId, Ask)> {
        self.0.first()?;
        let question = self.0.remove(0);
        Some((question.id, question.ask))
    }

    pub fn next_due(&self) -> Option<Time> {
        self.0.first().map(|question| question.due)
    }
}
