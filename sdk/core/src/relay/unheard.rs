//! Outcomes of publishes whose tab was not there to hear of them. What was given up here must be given up there too: the
//! tab would send it again when it is back, behind what it published later and what went on without it (invariant 3).

use std::collections::VecDeque;

use everwire_protocol::PublishId;

use crate::Outcome;

/// More than a tab's outbox holds.
const MOST: usize = 2_048;

/// The outcomes, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Unheard(VecDeque<(PublishId, Outcome)>);

impl Unheard {
    /// Keeps an outcome for when the publish comes again. One that was taken needs no memory here: the server has it.
    pub fn keep(&mut self, id: PublishId, outcome: Outcome) {
        if matches!(outcome, Outcome::Acked { .. }) {
            return;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((id, outcome));
    }

    /// The outcome of a publish that comes again.
    pub fn take(&mut self, id: &PublishId) -> Option<Outcome> {
        let place = self.0.iter().position(|(kept, _)| kept == id)?;
        self.0.remove(place).map(|(_, outcome)| outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> PublishId {
        number.to_string().parse().unwrap()
    }

    #[test]
    fn what_was_given_up_is_told_once_and_what_was_taken_is_the_servers_to_tell() {
        let mut unheard = Unheard::default();
        unheard.keep(id(1), Outcome::Expired);
        unheard.keep(id(2), Outcome::Acked { position: None });
        assert_eq!(unheard.take(&id(2)), None);
        assert_eq!(unheard.take(&id(1)), Some(Outcome::Expired));
        assert_eq!(unheard.take(&id(1)), None);
    }

    #[test]
    fn invariant_5_it_remembers_no_more_than_the_limit() {
        let mut unheard = Unheard::default();
        (0..=MOST).for_each(|number| unheard.keep(id(number), Outcome::Expired));
        assert_eq!(unheard.take(&id(0)), None);
        assert_eq!(unheard.take(&id(MOST)), Some(Outcome::Expired));
    }
}
