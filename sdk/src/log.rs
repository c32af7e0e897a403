//! What the session was told, what it wants and what it waits for, line by line, through the facade of the crate
//! `log`: only with the feature `log`, and without it none of this is compiled. Each line is a short message and
//! fields (`attempt`, `bytes`, `topic` …); no token and no payload is ever in one, nor a request's query, which
//! may hold a ticket.

/// Writes a line of the driver's log: the time, what it is, and its fields.
#[cfg(feature = "log")]
macro_rules! note {
    ($now:expr, $message:literal $(, $name:ident = $value:expr)* $(,)?) => {
        ::log::debug!(target: "everwire", at = $now.as_millis() $(, $name = $value)*; $message)
    };
}

/// Without the feature the fields stand in functions that nobody calls.
#[cfg(not(feature = "log"))]
macro_rules! note {
    ($now:expr, $message:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $(let _ = || $value;)*
    };
}

pub(crate) use note;

#[cfg(feature = "log")]
pub(crate) use lines::{Deadline, output};

#[cfg(feature = "log")]
mod lines {
    use everwire_core::{Event, Output, Request, Session, Time, TimerName};
    use everwire_protocol::Code;

    /// The deadline that was logged last, so that one line is written for each change.
    #[derive(Default)]
    pub(crate) struct Deadline(Option<(Time, TimerName)>);

    impl Deadline {
        /// The session's next deadline, after an input.
        pub(crate) fn armed(&mut self, now: Time, session: &Session) {
            let next = session.poll_timeout();
            if next != self.0 {
                self.0 = next;
                match next {
                    Some((due, name)) => {
                        let wait = due.since(now).as_millis() as u64;
                        note!(now, "timer armed", timer = name.as_str(), wait = wait);
                    }
                    None => note!(now, "no timer"),
                }
            }
        }
    }

    /// What the session wants.
    pub(crate) fn output(now: Time, output: &Output) {
        match output {
            Output::Open { attempt, transport, request } => {
                let (attempt, path) = (attempt.as_u32(), path(request));
                note!(now, "open", attempt = attempt, transport = transport.as_str(), path = path);
            }
            Output::Send { attempt, data } => {
                note!(now, "send", attempt = attempt.as_u32(), bytes = data.len());
            }
            Output::Poll { attempt, request } => {
                note!(now, "poll", attempt = attempt.as_u32(), path = path(request));
            }
            Output::Close { attempt, code } => {
                note!(now, "close", attempt = attempt.as_u32(), code = *code);
            }
            Output::Request { id, request } => {
                note!(now, "request", request = id.as_u32(), path = path(request));
            }
            Output::FetchToken => note!(now, "fetch token"),
            Output::Save(publish) => note!(now, "save", id = publish.id.as_str()),
            Output::Forget(id) => note!(now, "forget", id = id.as_str()),
            Output::Event(told) => event(now, told),
        }
    }

    /// What the app is told.
    fn event(now: Time, event: &Event) {
        match event {
            Event::State(change) => {
                let transport = change.transport.map(|transport| transport.as_str());
                let retry_in = change.retry_in.map(|wait| wait.as_millis() as u64);
                note!(
                    now,
                    "state",
                    state = change.state.as_str(),
                    transport = transport,
                    reason = change.reason.as_str(),
                    code = change.reason.code(),
                    failures = change.attempt,
                    retry_in = retry_in,
                );
            }
            Event::Messages { subscription, records, .. } => {
                let (first, count) = (records.first().map(|record| record.offset), records.len());
                note!(now, "messages", subscription = subscription.as_u32(), first = first, count = count);
            }
            Event::Subscribed { subscription, position, recovered } => {
                note!(
                    now,
                    "subscribed",
                    subscription = subscription.as_u32(),
                    offset = position.offset,
                    recovered = *recovered,
                );
            }
            Event::Gap { subscription, from, to, .. } => {
                note!(now, "gap", subscription = subscription.as_u32(), from = *from, to = *to);
            }
            Event::Ephemeral { subscription, .. } => {
                note!(now, "ephemeral", subscription = subscription.as_u32());
            }
            Event::Members { subscription, members } => {
                note!(now, "members", subscription = subscription.as_u32(), count = members.len());
            }
            Event::Join { subscription, .. } => note!(now, "join", subscription = subscription.as_u32()),
            Event::Leave { subscription, .. } => note!(now, "leave", subscription = subscription.as_u32()),
            Event::SubscriptionFailed { subscription, code, .. } => {
                note!(now, "subscription failed", subscription = subscription.as_u32(), code = name(*code));
            }
            Event::Published { id, .. } => note!(now, "published", id = id.as_str()),
            Event::History { request, result } => {
                let (request, records) =
                    (request.as_u32(), result.as_ref().ok().map(|page| page.records.len()));
                note!(now, "history", request = request, records = records);
            }
            Event::Presence { request, result } => {
                let (request, members) = (request.as_u32(), result.as_ref().ok().map(Vec::len));
                note!(now, "presence", request = request, members = members);
            }
        }
    }

    fn name(code: Code) -> &'static str {
        code.name()
    }

    /// A request's path: its query may hold a ticket.
    fn path(request: &Request) -> &str {
        request.target.split('?').next().unwrap_or_default()
    }
}
