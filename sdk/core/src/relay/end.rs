//! The tab's end of its link to the leader: reads what comes through the channel, and makes messages of what the
//! session sends. It knows no channel.

use bytes::Bytes;
use everwire_protocol::ClientId;

use crate::{
    AttemptId, Closed, Session, Time,
    relay::message::{FromTab, TabName, ToTab},
};

/// The leader is told of this many bytes at a time that they were taken in: a tab that says nothing for long has
/// what it reads paused.
const TAKEN: usize = 64 * 1024;

/// The tab's end of a link, for one attempt at [`Transport::Tab`](crate::Transport::Tab).
#[derive(Debug)]
pub struct TabEnd {
    attempt: AttemptId,
    leader: Option<(TabName, ClientId)>,
    taken: usize,
}

/// The leader has closed the link, or says what can't be read. The session has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkEnded;

impl TabEnd {
    /// The end of a link that is about to be opened.
    #[must_use]
    pub fn new(attempt: AttemptId) -> Self {
        Self { attempt, leader: None, taken: 0 }
    }

    /// The attempt that it is for.
    #[must_use]
    pub fn attempt(&self) -> AttemptId {
        self.attempt
    }

    /// The message that carries what the session [sends](crate::Output::Send).
    #[must_use]
    pub fn send(data: Bytes) -> Bytes {
        FromTab::Frames(data).encode()
    }

    /// Who leads, and the client id of the connection, once the link stands.
    #[must_use]
    pub fn leader(&self) -> Option<&(TabName, ClientId)> {
        self.leader.as_ref()
    }

    /// A message of the leader came. Gives what to answer, if anything.
    ///
    /// # Errors
    /// [`LinkEnded`]: forget the link.
    pub fn handle_message(
        &mut self,
        now: Time,
        session: &mut Session,
        data: Bytes,
    ) -> Result<Option<Bytes>, LinkEnded> {
        let (attempt, len) = (self.attempt, data.len());
        match ToTab::decode(data) {
            // Another one believes that it leads, and would answer beside the first: nobody could tell whose words
            // are whose.
            Ok(ToTab::Opened { leader, .. })
                if self.leader.as_ref().is_some_and(|(known, _)| *known != leader) =>
            {
                session.handle_closed(now, attempt, Closed::Network);
                return Err(LinkEnded);
            }
            Ok(ToTab::Opened { leader, client_id }) => {
                self.leader = Some((leader, client_id));
                session.handle_opened(now, attempt);
            }
            Ok(ToTab::Frames(frames)) => {
                session.handle_message(now, attempt, frames);
                self.taken += len;
            }
            Ok(ToTab::State(change)) => session.handle_upstream(now, attempt, change),
            Ok(ToTab::Expired(id)) => session.handle_expired(now, attempt, &id),
            Ok(ToTab::Closed) | Err(_) => {
                session.handle_closed(now, attempt, Closed::Network);
                return Err(LinkEnded);
            }
        }
        let taken = self.taken;
        if taken < TAKEN {
            return Ok(None);
        }
        self.taken = 0;
        Ok(Some(FromTab::Taken(taken as u32).encode()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Output, State, Transport};

    /// What a link makes of the words of these leaders, one after the other.
    fn opened_by(leaders: &[u8]) -> (Session, Result<Option<Bytes>, LinkEnded>) {
        let config = Config { transports: vec![Transport::Tab], ..Config::default() };
        let mut session = Session::new(config, "tab".parse().unwrap(), 1);
        session.connect(Time::default());
        let Some(Output::Open { attempt, .. }) =
            std::iter::from_fn(|| session.poll_output()).find(|output| matches!(output, Output::Open { .. }))
        else {
            panic!("an attempt")
        };
        let mut end = TabEnd::new(attempt);
        let say =
            |leader: &u8| ToTab::Opened { leader: TabName([*leader; 16]), client_id: "c".parse().unwrap() };
        let mut heard = Ok(None);
        for message in leaders.iter().map(say) {
            heard = end.handle_message(Time::default(), &mut session, message.encode());
        }
        (session, heard)
    }

    #[test]
    fn a_link_that_two_leaders_answer_on_ends() {
        let (session, heard) = opened_by(&[1, 1]);
        assert_eq!((heard, session.state().state), (Ok(None), State::Connecting));
        let (session, heard) = opened_by(&[1, 2]);
        assert_eq!((heard, session.state().state), (Err(LinkEnded), State::Waiting));
    }
}
