//! The state machine with the browser's socket.

use std::rc::{Rc, Weak};

use everwire_core::{
    AttemptId, Time, TimerName,
    dropin::{ReadyState, WebSocket, WebSocketEvent, WebSocketOutput},
};
use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::BinaryType;

use super::SocketEvent;
use crate::{
    dropin::{
        host::{self, Host, Step},
        url,
    },
    environment::Change,
    transport::socket::{Heard, Socket},
};

/// Takes the URL that the app gives for an attempt; `None` when it has none now.
pub(super) type Answer = Box<dyn FnOnce(Option<String>)>;

/// Asks the app for the URL.
pub(super) type Provider = Rc<dyn Fn(Answer)>;

/// Whether the app wants no more attempts after a close with this code and reason.
pub(super) type IsFatal = Rc<dyn Fn(u16, &str) -> bool>;

pub(super) struct Part {
    pub machine: WebSocket<JsValue>,
    pub url: String,
    pub given_url: String,
    pub provider: Option<Provider>,
    pub protocols: Array,
    pub binary_type: BinaryType,
    pub is_fatal: Option<IsFatal>,
    /// The attempt that goes on, and its socket when it has come to one.
    pub open: Option<(AttemptId, Option<Socket>)>,
}

impl Part {
    /// The browser's socket, if there is one.
    pub fn web(&self) -> Option<&web_sys::WebSocket> {
        self.open.as_ref()?.1.as_ref().map(Socket::as_web)
    }

    fn connect(&mut self, now: Time, attempt: AttemptId, given: Option<String>, me: &Weak<Host<Self>>) {
        if self.open.as_ref().is_none_or(|(current, _)| *current != attempt) {
            return;
        }
        let socket = given.and_then(|url| url::resolve_ws(&url)).and_then(|url| {
            self.url = url;
            web_sys::WebSocket::new_with_str_sequence(&self.url, &self.protocols).ok()
        });
        let Some(socket) = socket else {
            self.open = None;
            // What the browser refuses once it always refuses; a provider may know better the next time.
            self.machine.handle_unable(now, attempt, self.provider.is_none());
            return;
        };
        socket.set_binary_type(self.binary_type);
        let (me, is_fatal) = (me.clone(), self.is_fatal.clone());
        let socket = Socket::listen(socket, move |heard| {
            if let Some(host) = me.upgrade() {
                take(&host, attempt, heard, is_fatal.as_ref());
            }
        });
        self.open = Some((attempt, Some(socket)));
    }
}

fn take(host: &Host<Part>, attempt: AttemptId, heard: Heard, is_fatal: Option<&IsFatal>) {
    match heard {
        Heard::Opened => host.input(|part, now| part.machine.handle_opened(now, attempt)),
        Heard::Message(data) => {
            if host.input(|part, now| part.machine.handle_message(now, attempt)) {
                host.tell(SocketEvent::Message(data));
            }
        }
        Heard::Closed(event) => {
            let (code, reason) = (event.code(), event.reason());
            let fatal = is_fatal.is_some_and(|is_fatal| is_fatal(code, &reason));
            host.input(|part, now| {
                part.open.take_if(|(current, _)| *current == attempt);
                part.machine.handle_closed(now, attempt, code, reason, event.was_clean(), fatal);
            });
        }
    }
}

impl host::Part for Part {
    type Event = SocketEvent<JsValue>;

    fn step(&mut self, now: Time, me: &Weak<Host<Self>>) -> Step<Self::Event> {
        match self.machine.poll_output() {
            None => return Step::Idle,
            Some(WebSocketOutput::Event(event)) => {
                return Step::Tell(match event {
                    WebSocketEvent::Open => SocketEvent::Open,
                    WebSocketEvent::Error => SocketEvent::Error,
                    WebSocketEvent::Close(close) => SocketEvent::Close(close),
                });
            }
            Some(WebSocketOutput::Open { attempt }) => {
                self.open = Some((attempt, None));
                if let Some(provider) = self.provider.clone() {
                    let me = me.clone();
                    let answer: Answer = Box::new(move |url| {
                        if let Some(host) = me.clone().upgrade() {
                            host.input(|part, now| part.connect(now, attempt, url, &me));
                        }
                    });
                    return Step::Ask(Box::new(move || provider(answer)));
                }
                self.connect(now, attempt, Some(self.given_url.clone()), me);
            }
            Some(WebSocketOutput::Send { attempt, message }) => {
                if let Some((current, Some(socket))) = &self.open
                    && *current == attempt
                {
                    socket.send_value(&message);
                }
            }
            Some(WebSocketOutput::Close { code, reason, .. }) => {
                if let Some(socket) = self.web() {
                    let _ = match code {
                        Some(code) => socket.close_with_code_and_reason(code, &reason),
                        None => socket.close(),
                    };
                }
            }
            Some(WebSocketOutput::Abandon { attempt }) => {
                self.open.take_if(|(current, _)| *current == attempt);
            }
        }
        Step::Done
    }

    fn timeout(&self) -> Option<Time> {
        self.machine.poll_timeout().map(|(due, _)| due)
    }

    fn handle_timeout(&mut self, now: Time) {
        self.machine.handle_timeout(now);
    }

    fn handle_change(&mut self, now: Time, change: Change) {
        match change {
            Change::Online => self.machine.handle_online(now),
            Change::Offline => self.machine.handle_offline(),
            Change::Wakeup => self.machine.handle_wakeup(now),
            Change::Suspend => self.machine.handle_suspend(now),
        }
    }

    fn failures(&self) -> u32 {
        match self.machine.poll_timeout() {
            Some((_, TimerName::Retry)) => self.machine.failures(),
            _ => 0,
        }
    }

    fn is_over(&self) -> bool {
        self.machine.ready_state() == ReadyState::Closed
    }
}
