//! How links and attempts end, and what each end asks for: read from close codes, statuses and frames alike. It
//! decides nothing.

use std::time::Duration;

use everwire_protocol::{Action, Code, RetryWindow};

use crate::{Closed, Reason};

/// Close code for a link that is no more needed: the client is gone for good, or away for long.
pub(super) const DONE: u16 = 1000;
/// Close code for a link that another one takes the place of. The server keeps the client's presence.
pub(super) const MOVED: u16 = 4010;
/// Close code for a link that is not heard of.
pub(super) const DEAD: u16 = Code::TIMEOUT.0;
/// Close code for a link that sends what can't be read.
pub(super) const MALFORMED: u16 = Code::BAD_REQUEST.0;

/// How a link, or an attempt, ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub reason: Reason,
    pub action: Action,
    pub window: Option<RetryWindow>,
    /// The server itself said so, so another transport would hear the same.
    pub spoken: bool,
    /// It has to be closed, with this code: it has not ended by itself.
    pub close: Option<u16>,
}

impl End {
    /// Found bad by this side.
    pub fn found(reason: Reason, close: u16) -> Self {
        Self { reason, action: Action::Retry, window: None, spoken: false, close: Some(close) }
    }

    /// Ended by the other side, or by the network.
    pub fn reported(closed: Closed) -> Self {
        let end = |reason, action, window, spoken| Self { reason, action, window, spoken, close: None };
        match closed {
            // No close frame came, or no TLS: a browser's words for what the network did.
            Closed::Code(1006 | 1015) | Closed::Network => end(Reason::Network, Action::Retry, None, false),
            Closed::Code(code) => {
                let action = Action::of_close(code);
                end(Reason::Closed(code), action, None, code >= 4000 || action == Action::Stop)
            }
            // A portal's page, say: it is not from the server.
            Closed::Status { status, .. } if (200..300).contains(&status) && status != 204 => {
                end(Reason::Malformed, Action::Retry, None, false)
            }
            Closed::Status { status, retry_after } => {
                let action = Action::of_status(status);
                let spoken = status == 204 || action == Action::RetryWithToken || retry_after.is_some();
                end(Reason::Status(status), action, retry_after.map(window_after), spoken)
            }
        }
    }

    /// Ended by a code in a frame, on a transport that has no close codes of its own.
    pub fn said(code: Code, window: Option<RetryWindow>) -> Self {
        let (reason, action) = (Reason::Closed(code.0), code.action());
        Self { reason, action, window, spoken: true, close: Some(MOVED) }
    }
}

/// `Retry-After` names a moment; clients that came back in it together would be a herd.
pub(super) fn window_after(retry_after: Duration) -> RetryWindow {
    let min = u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX);
    RetryWindow { min, max: min.saturating_add(min / 4).saturating_add(500) }
}
