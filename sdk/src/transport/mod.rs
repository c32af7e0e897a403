//! What the session has open: its attempts and its requests, each dropped when it is done with, and what
//! is dropped falls silent. Maps the session's outputs to the browser's transports; decides nothing.

pub(crate) mod body;
mod event_source;
mod fetch;
pub(crate) mod socket;
#[cfg(feature = "tabs")]
mod tab;
mod websocket;

use std::{collections::VecDeque, rc::Weak, time::Duration};

use everwire_core::{AttemptId, Closed, HttpResponse, Method, Output, Request, RequestId, Time, Transport};
use everwire_protocol::http::{TICKET, TICKET_PATH};

use crate::{address::Address, driver::Driver, log::note};

use event_source::EventSource;
use fetch::{Exchange, Purpose};
use websocket::WebSocket;

#[cfg(feature = "tabs")]
pub(crate) use tab::{TabLink, Way};

/// The bare ticket; and where it is refused, the reason in the binary codec.
const TICKET_MEDIA: &str = "text/plain, application/vnd.everwire.v1";

/// One open transport. Dropped, it is closed, and nothing of it is heard any more.
enum Link {
    WebSocket(WebSocket),
    #[cfg(feature = "tabs")]
    Tab(TabLink),
    EventSource {
        _closes: EventSource,
    },
    /// An event source that waits for what stands for the token in its URL.
    Ticket {
        url: String,
        _aborts: Exchange,
    },
    /// An SSE stream, or the present exchange of a poll.
    Exchange {
        _aborts: Exchange,
    },
}

/// Everything that is open.
pub(crate) struct Links {
    address: Address,
    open: Vec<(AttemptId, Link)>,
    /// Requests beside the transport, the oldest first, with the time at which to give them up: the session
    /// stops waiting by itself, and this frees what the browser holds.
    requests: VecDeque<(RequestId, Time, Exchange)>,
    request_timeout: Duration,
    failed: Vec<AttemptId>,
    /// What this client shares with other tabs.
    #[cfg(feature = "tabs")]
    pub(crate) tabs: Option<crate::tabs::Tabs>,
}

impl Links {
    pub(crate) fn new(address: Address, request_timeout: Duration) -> Self {
        Self {
            address,
            open: Vec::new(),
            requests: VecDeque::new(),
            request_timeout,
            failed: Vec::new(),
            #[cfg(feature = "tabs")]
            tabs: None,
        }
    }

    /// Does what an output says. What fails at once is told by [`take_failed`](Self::take_failed).
    pub(crate) fn carry_out(&mut self, output: Output, now: Time, driver: &Weak<Driver>) {
        match output {
            Output::Open { attempt, transport, request } => {
                match self.open(attempt, transport, &request, driver) {
                    Some(link) => self.open.push((attempt, link)),
                    None => self.failed.push(attempt),
                }
            }
            Output::Send { attempt, data } => match self.open.iter().find(|(id, _)| *id == attempt) {
                Some((_, Link::WebSocket(socket))) => socket.send(&data),
                #[cfg(feature = "tabs")]
                Some((_, Link::Tab(link))) => link.send(data),
                _ => {}
            },
            Output::Poll { attempt, request } => {
                let exchange = self.exchange(Purpose::Poll(attempt), &request, driver);
                if let Some((_, link)) = self.open.iter_mut().find(|(id, _)| *id == attempt) {
                    *link = Link::Exchange { _aborts: exchange };
                }
            }
            Output::Close { attempt, code } => {
                if let Some(Link::WebSocket(socket)) = self.remove(attempt) {
                    socket.close(code);
                }
            }
            Output::Request { id, request } => {
                let exchange = self.exchange(Purpose::Reply(id), &request, driver);
                self.requests.push_back((id, now + self.request_timeout, exchange));
            }
            // The driver's own business.
            Output::FetchToken | Output::Save(_) | Output::Forget(_) | Output::Event(_) => {}
        }
    }

    /// Attempts that failed before they began.
    pub(crate) fn take_failed(&mut self) -> Option<AttemptId> {
        self.failed.pop()
    }

    /// When the oldest request is to be given up.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.requests.front().map(|(_, deadline, _)| *deadline)
    }

    /// Aborts requests that nobody waits for any more.
    pub(crate) fn give_up(&mut self, now: Time) {
        while self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.requests.pop_front();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
        self.requests.clear();
    }

    fn open(
        &mut self,
        attempt: AttemptId,
        transport: Transport,
        request: &Request,
        driver: &Weak<Driver>,
    ) -> Option<Link> {
        Some(match transport {
            Transport::WebSocket => {
                Link::WebSocket(WebSocket::open(&self.address.ws(&request.target), attempt, driver)?)
            }
            Transport::EventSource => {
                let url = self.address.http(&request.target);
                if request.token.is_some() {
                    // It can send no header, and a URL holds no token.
                    let trade = Request {
                        method: Method::Post,
                        target: TICKET_PATH.into(),
                        accept: Some(TICKET_MEDIA),
                        content_type: None,
                        body: None,
                        token: request.token.clone(),
                    };
                    let exchange = self.exchange(Purpose::Ticket(attempt), &trade, driver);
                    Link::Ticket { url, _aborts: exchange }
                } else {
                    Link::EventSource { _closes: EventSource::open(&url, attempt, driver)? }
                }
            }
            Transport::Sse => {
                Link::Exchange { _aborts: self.exchange(Purpose::Stream(attempt), request, driver) }
            }
            #[cfg(feature = "tabs")]
            Transport::Tab => Link::Tab(self.tabs.as_mut()?.open(attempt)?),
            #[cfg(not(feature = "tabs"))]
            Transport::Tab => return None,
            Transport::LongPoll | Transport::Poll => {
                Link::Exchange { _aborts: self.exchange(Purpose::Poll(attempt), request, driver) }
            }
        })
    }

    fn exchange(&self, purpose: Purpose, request: &Request, driver: &Weak<Driver>) -> Exchange {
        Exchange::start(&self.address.http(&request.target), request, purpose, driver)
    }

    fn remove(&mut self, attempt: AttemptId) -> Option<Link> {
        let place = self.open.iter().position(|(id, _)| *id == attempt)?;
        Some(self.open.swap_remove(place).1)
    }
}

impl Driver {
    /// A transport is open.
    fn opened(&self, attempt: AttemptId) {
        self.input(|inner, now| {
            note!(now, "opened", attempt = attempt.as_u32());
            inner.session.handle_opened(now, attempt);
        });
    }

    /// A transport has ended by itself.
    fn ended(&self, attempt: AttemptId, closed: Closed) {
        self.input(|inner, now| {
            note!(now, "closed", attempt = attempt.as_u32(), code = code_of(closed));
            drop(inner.links.remove(attempt));
            inner.session.handle_closed(now, attempt, closed);
        });
    }

    /// A poll was answered, or a stream or a poll was refused.
    fn answered(&self, attempt: AttemptId, response: HttpResponse) {
        self.input(|inner, now| {
            let (status, bytes) = (response.status, response.body.len());
            note!(now, "response", attempt = attempt.as_u32(), status = status, bytes = bytes);
            // A refusal is the end of its attempt: the session speaks of it no more, not even to close it.
            if response.status != 200 {
                drop(inner.links.remove(attempt));
            }
            inner.session.handle_response(now, attempt, response);
        });
    }

    /// The ticket for an event source came, or the token was refused.
    fn ticketed(&self, attempt: AttemptId, response: HttpResponse, me: &Weak<Self>) {
        if response.status != 200 {
            self.answered(attempt, response);
            return;
        }
        self.input(|inner, now| {
            note!(now, "ticket", attempt = attempt.as_u32());
            let Some(Link::Ticket { url, .. }) = inner.links.remove(attempt) else { return };
            let ticket = String::from_utf8_lossy(&response.body);
            let url = [&url, "&", TICKET, "=", &ticket].concat();
            match EventSource::open(&url, attempt, me) {
                Some(source) => inner.links.open.push((attempt, Link::EventSource { _closes: source })),
                None => inner.session.handle_closed(now, attempt, Closed::Network),
            }
        });
    }

    /// A request beside the transport was answered, or failed.
    fn replied(&self, id: RequestId, response: Option<HttpResponse>) {
        self.input(|inner, now| {
            let status = response.as_ref().map(|response| response.status);
            note!(now, "reply", request = id.as_u32(), status = status);
            inner.links.requests.retain(|(other, ..)| *other != id);
            inner.session.handle_reply(now, id, response);
        });
    }
}

/// A WebSocket's close code, or a status.
fn code_of(closed: Closed) -> Option<u16> {
    match closed {
        Closed::Code(code) => Some(code),
        Closed::Status { status, .. } => Some(status),
        Closed::Network => None,
    }
}
