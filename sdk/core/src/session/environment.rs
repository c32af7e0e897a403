//! What the app and the page say of the connection as a whole: other transports, online and offline, put
//! aside and back.

use crate::{
    Reason, Session, State, Time, Transport,
    session::end::{DONE, MOVED},
};

impl Session {
    /// Chooses other transports. When the current one is not the new first choice, the link moves at once:
    /// the new one is opened beside, and takes over from the cursors with its welcome.
    pub fn set_transports(&mut self, now: Time, transports: Vec<Transport>) {
        self.now = now;
        if !self.selection.set_order(&transports) || self.is_closed() || !self.started {
            return;
        }
        self.close_attempts(None);
        self.stop_round();
        if self.live.is_some() {
            // Begins nothing where the link is the best already.
            self.begin_round(now, Reason::Transport);
        } else if self.status.state != State::Offline {
            self.come_back(now, Reason::Transport);
        }
    }

    /// Cuts the link and connects again at once, without backoff. While offline or put aside it waits for
    /// that to end.
    pub fn reconnect(&mut self, now: Time, reason: Reason) {
        self.now = now;
        if self.is_closed() || !self.started || self.offline || self.suspended {
            return;
        }
        self.shut_all(now, reason, MOVED);
        self.begin_round(now, reason);
    }

    /// The network is back: connects at once, or probes the link. A moment that the server named is kept.
    pub fn handle_online(&mut self, now: Time) {
        self.now = now;
        self.offline = false;
        self.back(now);
    }

    /// The network is away: closes the link, and tries nothing until [`handle_online`](Self::handle_online).
    pub fn handle_offline(&mut self, now: Time) {
        self.now = now;
        self.offline = true;
        self.go_away(now, Reason::Offline, MOVED);
    }

    /// The page is visible or running again (`visibilitychange`, `pageshow`, `resume`): probes the link, or
    /// connects at once.
    pub fn handle_wakeup(&mut self, now: Time) {
        self.now = now;
        self.suspended = false;
        self.back(now);
    }

    /// The page is put aside (`pagehide`, `freeze`): closes the link, and tries nothing until
    /// [`handle_wakeup`](Self::handle_wakeup).
    pub fn handle_suspend(&mut self, now: Time) {
        self.now = now;
        self.suspended = true;
        self.go_away(now, Reason::Suspended, DONE);
    }

    fn back(&mut self, now: Time) {
        if self.live.is_some() {
            self.probe(now);
        } else if matches!(self.status.state, State::Waiting | State::Offline) {
            self.come_back(now, Reason::Back);
        }
    }

    fn go_away(&mut self, now: Time, reason: Reason, code: u16) {
        if self.is_closed() || !self.started {
            return;
        }
        let transport = self.status.transport;
        self.shut_all(now, reason, code);
        self.transition(State::Offline, reason, transport, None);
    }
}
