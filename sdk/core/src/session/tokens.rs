//! Tokens: asked for before each connect and ahead of their end, and brought to a link that lives without cutting
//! it.

use std::time::Duration;

use everwire_protocol::{ClientFrame, RetryWindow, limits};

#[cfg(feature = "relay")]
use crate::Transport;
use crate::{
    AttemptId, Output, Reason, Session, Time, TimerName, Token,
    backoff::pick_in,
    link::Phase,
    session::end::{DONE, End},
};

/// A new token is asked for this long before the end of the old one, at most: providers are slow, and clocks drift.
/// In milliseconds.
const MARGIN: u32 = 30_000;
/// And never more often than this, however soon the server says that a token ends.
const SOONEST: Duration = Duration::from_secs(1);

impl Session {
    /// The answer to [`Output::FetchToken`](crate::Output::FetchToken): a token, none needed (`Ok(None)`), or
    /// a failure. An answer that nobody waits for is kept for the next connect.
    #[allow(clippy::result_unit_err)]
    pub fn handle_token(&mut self, now: Time, token: Result<Option<String>, ()>) {
        self.now = now;
        if self.is_closed() {
            return;
        }
        self.timers.stop(TimerName::Token);
        self.token.fetching = false;
        let for_round = std::mem::take(&mut self.token.for_round);
        let fits = |token: &Option<String>| token.as_ref().is_none_or(|t| t.len() <= limits::TOKEN_BYTES);
        let Some(token) = token.ok().filter(fits) else {
            self.token_failed(now, for_round);
            return;
        };
        let token = token.map(Token::from);
        self.token.current = token;
        if for_round {
            self.start_next(now);
        }
        self.refresh_link(now, for_round);
        // Once at once; what is refused with a new token too waits for its time.
        if self.outbox.backoff.failures() <= 1 {
            self.release_publishes();
        }
    }

    pub(super) fn fetch_token(&mut self, now: Time) {
        if !std::mem::replace(&mut self.token.fetching, true) {
            self.outputs.push_back(Output::FetchToken);
        }
        self.timers.set(TimerName::Token, now + self.config.token_timeout);
    }

    /// The provider failed, or was too slow.
    pub(super) fn token_missed(&mut self, now: Time) {
        self.token.fetching = false;
        let for_round = std::mem::take(&mut self.token.for_round);
        self.token_failed(now, for_round);
    }

    fn token_failed(&mut self, now: Time, for_round: bool) {
        if self.live.is_some() {
            self.refresh_failed(now);
            if for_round {
                self.selection.end_round();
                self.timers.set(TimerName::Upgrade, now + self.config.remember);
            }
        } else if for_round {
            self.schedule(now, End { close: None, ..End::found(Reason::Token, DONE) });
        }
    }

    /// The server says when the token is over: a new one is asked for some time before, not by all clients at once.
    pub(super) fn token_ends(&mut self, now: Time, id: AttemptId, after: u32) {
        // A poll is told with each answer; the wait after a failure stands.
        if !self.config.has_token || self.live != Some(id) || self.token.backoff.failures() > 0 {
            return;
        }
        // Told of again and again, it would be asked for ever later: the margin shrinks with what is left.
        let end = now + Duration::from_millis(after.into());
        let Some(link) = self.link(id) else { return };
        let known = link.token_ends.replace(end);
        if known.is_some_and(|known| known.since(end).max(end.since(known)) <= SOONEST) {
            link.token_ends = known;
            return;
        }
        let margin = (after / 4).min(MARGIN);
        let early = pick_in(&mut self.rng, RetryWindow { min: margin, max: margin / 2 * 3 });
        let wait = Duration::from_millis(after.into()).saturating_sub(early).max(SOONEST);
        self.timers.put(TimerName::Refresh, (after < u32::MAX).then(|| now + wait));
    }

    /// No new token could be had, or be brought: the link lives on, until the server ends it.
    pub(super) fn refresh_failed(&mut self, now: Time) {
        let wait = self.token.backoff.fail(&self.config.backoff, &mut self.rng).max(SOONEST);
        self.timers.set(TimerName::Refresh, now + wait);
    }

    /// Brings the token to the link: by a frame, or by another request beside it, which then takes over. A
    /// poll's next exchange has it anyway.
    fn refresh_link(&mut self, now: Time, for_round: bool) {
        let token = self.token.current.clone();
        let alone = self.links.len() == 1;
        let Some(link) = self.live_link().filter(|link| link.phase == Phase::Welcomed) else { return };
        if link.token == token {
            if !for_round {
                // The provider keeps its tokens until they are over: it is asked again later.
                self.refresh_failed(now);
            }
            return;
        }
        let transport = link.transport;
        // The connection that tabs share has the token of the tab that leads; this one's goes over no channel.
        #[cfg(feature = "relay")]
        let token = token.filter(|_| transport != Transport::Tab);
        if let (true, Some(token)) = (link.takes_frames(), token) {
            link.token = Some(token.clone());
            link.send(ClientFrame::Refresh { token });
        } else if transport.is_stateless() && !transport.is_poll() {
            if !alone {
                // What is tried beside it may take over, with the new token. If it doesn't, this comes again.
                self.refresh_failed(now);
                return;
            }
            self.start(now, transport);
        }
        self.token.backoff.reset();
    }
}
