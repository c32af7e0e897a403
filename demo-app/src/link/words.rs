//! The connection told in words that need no manual. Pure.

use everwire::{Reason, Reconnects, State, Transport};

/// A transport's name as people know it.
#[must_use]
pub const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::WebSocket => "WebSocket",
        Transport::Sse => "SSE",
        Transport::EventSource => "EventSource",
        Transport::LongPoll => "Long poll",
        Transport::Poll => "Poll",
        Transport::Tab => "Shared tab",
    }
}

/// What a transport is, in one line.
#[must_use]
pub const fn about(transport: Transport) -> &'static str {
    match transport {
        Transport::WebSocket => "Both ways over one socket",
        Transport::Sse => "A stream by fetch, publishing by POST",
        Transport::EventSource => "The browser’s own stream",
        Transport::LongPoll => "Requests that the server holds",
        Transport::Poll => "A request every two seconds",
        Transport::Tab => "The connection of another tab",
    }
}

/// What a state means for the user. `left` is how many seconds it is to the next try.
#[must_use]
pub fn state(state: State, left: Option<u64>) -> String {
    match (state, left) {
        (State::Connecting, _) => "Connecting".to_owned(),
        (State::Connected, _) => "Connected".to_owned(),
        (State::Waiting, Some(left)) if left > 0 => format!("Retrying in {left} s"),
        (State::Waiting, _) => "Retrying".to_owned(),
        (State::Offline, _) => "Offline".to_owned(),
        (State::Closed, _) => "Closed".to_owned(),
    }
}

/// Why it came to a state, as the second half of a sentence.
#[must_use]
pub fn reason(reason: Reason) -> String {
    match reason {
        Reason::Asked => "you asked for it".to_owned(),
        Reason::Welcomed => "the server welcomed us".to_owned(),
        Reason::Network => "the connection broke".to_owned(),
        Reason::Silent => "the server fell silent".to_owned(),
        Reason::Unanswered => "a probe was not answered".to_owned(),
        Reason::ConnectTimeout => "no welcome in time".to_owned(),
        Reason::Closed(code) => format!("the server closed it ({code})"),
        Reason::Status(status) => format!("the server answered {status}"),
        Reason::Drain => "the server restarts in order".to_owned(),
        Reason::Malformed => "the answer made no sense".to_owned(),
        Reason::Token => "no access token".to_owned(),
        Reason::Offline => "the network is away".to_owned(),
        Reason::Back => "the network is back".to_owned(),
        Reason::Suspended => "the page was put aside".to_owned(),
        Reason::Transport => "another transport".to_owned(),
    }
}

/// The causes of reconnects that there were, with their counts.
#[must_use]
pub fn causes(reconnects: &Reconnects) -> Vec<(&'static str, u64)> {
    let all = [
        ("connection broke", reconnects.network),
        ("found dead", reconnects.dead),
        ("server closed", reconnects.server),
        ("server drained", reconnects.drain),
        ("unreadable", reconnects.malformed),
        ("asked for", reconnects.asked),
        ("network or page away", reconnects.away),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_is_told_until_it_is_over() {
        assert_eq!(state(State::Waiting, Some(3)), "Retrying in 3 s");
        assert_eq!(state(State::Waiting, Some(0)), "Retrying");
        assert_eq!(state(State::Connected, Some(3)), "Connected");
    }

    #[test]
    fn only_causes_that_there_were_are_told() {
        let reconnects = Reconnects { network: 2, asked: 1, ..Reconnects::default() };
        assert_eq!(causes(&reconnects), [("connection broke", 2), ("asked for", 1)]);
        assert!(causes(&Reconnects::default()).is_empty());
    }
}
