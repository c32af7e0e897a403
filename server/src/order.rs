//! The order of one connection's publishes, where one of them is refused for now: those that were sent behind it, before
//! the refusal was known, must not overtake it (invariant 3). So they are refused too, until it has come again. It
//! knows ids, and neither topics nor logs.

use std::collections::VecDeque;

use everwire_protocol::PublishId;

use crate::hub::Refusal;

/// Most refused publishes that are remembered. Clients keep no more unanswered.
const WAITING: usize = 1_000;

/// What was refused for now on one connection, or in one request.
#[derive(Debug, Default)]
pub struct Order {
    /// The first is the one that was refused for its own sake.
    waiting: VecDeque<PublishId>,
    refusal: Option<Refusal>,
}

impl Order {
    /// Whether a publish may be tried now.
    ///
    /// # Errors
    /// The refusal of the one before it, for it as well.
    pub fn admit(&mut self, id: Option<&PublishId>) -> Result<(), Refusal> {
        if let Some(place) = self.waiting.iter().position(|waiting| Some(waiting) == id) {
            // It comes again, and what was before it hasn't: that has been given up, or this would not be here.
            self.waiting.drain(..=place);
            return Ok(());
        }
        let Some(refusal) = self.refusal.as_ref().filter(|_| !self.waiting.is_empty()) else {
            return Ok(());
        };
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
        }
        self.waiting.extend(id.cloned());
        Err(refusal.clone())
    }

    /// One that was admitted has been refused. When that is not for good, what comes behind it has to wait.
    pub fn refused(&mut self, id: Option<&PublishId>, refusal: &Refusal) {
        if let Some(id) = id.filter(|_| refusal.code.is_retryable()) {
            // Those that had waited behind it are on their way again, behind it.
            self.waiting = VecDeque::from([id.clone()]);
            self.refusal = Some(refusal.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use everwire_protocol::Code;

    use super::*;

    fn id(number: u32) -> PublishId {
        PublishId::new(&format!("ada.{number}")).expect("an id")
    }

    /// Sends these; `bad` is refused for now. What was let through.
    fn send(order: &mut Order, ids: impl IntoIterator<Item = u32>, bad: u32) -> Vec<u32> {
        let mut through = Vec::new();
        for number in ids {
            if order.admit(Some(&id(number))).is_ok() {
                if number == bad {
                    order.refused(Some(&id(number)), &Refusal::new(Code::UNAVAILABLE, "not now"));
                } else {
                    through.push(number);
                }
            }
        }
        through
    }

    #[test]
    fn invariant_3_nothing_overtakes_what_was_refused_for_now() {
        let mut order = Order::default();
        assert_eq!(send(&mut order, 1..=5, 2), [1]);
        assert_eq!(send(&mut order, 2..=6, 2), [0_u32; 0], "refused once more, and all behind it");
        assert_eq!(send(&mut order, 2..=7, 0), [2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn what_was_given_up_holds_up_nothing_for_long() {
        let mut order = Order::default();
        assert_eq!(send(&mut order, 1..=3, 1), [0_u32; 0]);
        assert_eq!(send(&mut order, 3..=4, 0), [3, 4], "1 and 2 have not come again");
        assert_eq!(send(&mut order, 5..=5, 5), [0_u32; 0]);
        assert_eq!(send(&mut order, 6..=6, 0), [0_u32; 0], "5 may still come");
        assert_eq!(send(&mut order, 6..=7, 0), [6, 7]);
    }

    #[test]
    fn a_refusal_for_good_holds_up_nothing() {
        let mut order = Order::default();
        order.refused(Some(&id(1)), &Refusal::new(Code::TOO_LARGE, "never"));
        assert_eq!(send(&mut order, 2..=3, 0), [2, 3]);
    }

    #[test]
    fn invariant_5_no_more_is_remembered_than_clients_keep() {
        let mut order = Order::default();
        assert_eq!(send(&mut order, 1..=3_000, 1), [0_u32; 0]);
        assert_eq!(order.waiting.len(), WAITING);
        assert_eq!(send(&mut order, 3_000..=3_001, 0), [3_000, 3_001]);
    }
}
