//! Counters, for the app and for the connection panel. Nothing acts on them.

use std::time::Duration;

use crate::{Reason, Transports};

/// What has happened since the session began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The last round-trip time measured.
    pub round_trip: Option<Duration>,
    /// Bytes that came in: WebSocket messages, SSE streams, HTTP bodies.
    pub bytes_received: u64,
    /// Bytes that went out: WebSocket messages, HTTP bodies.
    pub bytes_sent: u64,
    /// Messages delivered to the app.
    pub messages_received: u64,
    /// Publishes taken.
    pub published: u64,
    /// Publishes that took effect.
    pub acked: u64,
    /// Publishes that the server refused.
    pub rejected: u64,
    /// Publishes that expired.
    pub expired: u64,
    /// Links lost or given up after their welcome, by cause.
    pub reconnects: Reconnects,
    /// Tries that ended before their welcome.
    pub failed_attempts: u64,
    /// Subscriptions that went on where they had stopped.
    pub resumes: u64,
    /// Gaps told to the app.
    pub gaps: u64,
    /// Messages dropped because the app had them already.
    pub repeats: u64,
    /// Times that a topic was asked for again, because its next message was not the next one.
    pub asked_again: u64,
    /// Reports about attempts that are no more, and frames of subscriptions that are no more.
    pub stale: u64,
    /// Frames or events that could not be read.
    pub malformed: u64,
    /// Times that a topic was paused because the app did not drain it.
    pub pauses: u64,
    /// Publishes that wait for their ack now.
    pub outbox_messages: usize,
    /// Their bytes.
    pub outbox_bytes: usize,
    /// Transports through which nothing came while another one welcomed: something on the way lets only
    /// some of them pass. None where all fail alike, as they do offline.
    pub blocked: Transports,
    /// How long the link had been silent when it was last found dead by a deadline.
    pub time_to_detect: Option<Duration>,
}

/// Links lost or given up after their welcome, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconnects {
    /// The transport failed or ended.
    pub network: u64,
    /// A deadline found it dead: silence, or a probe without an answer.
    pub dead: u64,
    /// The server closed it, with a code or a status.
    pub server: u64,
    /// The server drained.
    pub drain: u64,
    /// What came could not be read.
    pub malformed: u64,
    /// The app asked, chose another transport, or brought a new token.
    pub asked: u64,
    /// The network or the page went away.
    pub away: u64,
}

impl Reconnects {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.network + self.dead + self.server + self.drain + self.malformed + self.asked + self.away
    }

    pub(crate) fn count(&mut self, reason: Reason) {
        let counter = match reason {
            Reason::Network => &mut self.network,
            Reason::Silent | Reason::Unanswered | Reason::ConnectTimeout => &mut self.dead,
            Reason::Closed(_) | Reason::Status(_) => &mut self.server,
            Reason::Drain => &mut self.drain,
            Reason::Malformed => &mut self.malformed,
            Reason::Asked | Reason::Transport | Reason::Token | Reason::Welcomed => &mut self.asked,
            Reason::Offline | Reason::Suspended | Reason::Back => &mut self.away,
        };
        *counter += 1;
    }
}
