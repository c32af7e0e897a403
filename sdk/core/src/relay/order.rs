//! The order of a tab's publishes where some are refused for now: none overtakes an earlier one that comes again, as
//! at the server. It knows neither the outbox nor why they are refused.

use everwire_protocol::PublishId;

/// A tab that has more refused has to open a new link: there it begins anew, and in order.
const MOST: usize = 4_096;

/// What was refused for now, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Order(Vec<Waiting>);

/// A publish that comes again, unless its tab gives it up.
#[derive(Debug)]
struct Waiting {
    id: PublishId,
    attempts: u32,
}

impl Order {
    /// Whether a publish may be tried now: not while an earlier one waits. Tabs send again in order, so an earlier one
    /// that has not come as often as this one has been given up.
    pub fn admits(&mut self, id: &PublishId) -> bool {
        let Some(place) = self.place(id) else { return self.0.is_empty() };
        self.0[place].attempts += 1;
        let attempts = self.0[place].attempts;
        let mut at = 0..;
        self.0.retain(|waiting| at.next() >= Some(place) || waiting.attempts >= attempts);
        self.place(id) == Some(0)
    }

    /// It was refused for now.
    pub fn refused(&mut self, id: &PublishId) {
        if self.place(id).is_none() {
            self.0.push(Waiting { id: id.clone(), attempts: 1 });
        }
    }

    /// It was taken, or refused for good.
    pub fn settled(&mut self, id: &PublishId) {
        self.0.retain(|waiting| waiting.id != *id);
    }

    pub fn is_full(&self) -> bool {
        self.0.len() > MOST
    }

    fn place(&self, id: &PublishId) -> Option<usize> {
        self.0.iter().position(|waiting| waiting.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> PublishId {
        name.parse().unwrap()
    }

    /// Tries all of them while there is no room.
    fn refuse(order: &mut Order, names: &[&str]) {
        for name in names {
            let _ = order.admits(&id(name));
            order.refused(&id(name));
        }
    }

    #[test]
    fn invariant_3_only_the_first_of_those_that_wait_is_tried() {
        let mut order = Order::default();
        refuse(&mut order, &["a", "b", "c"]);
        assert!(order.admits(&id("a")));
        order.settled(&id("a"));
        assert!(!order.admits(&id("d")), "it was sent before its tab knew of the others");
        order.refused(&id("d"));
        for name in ["b", "c", "d"] {
            assert!(order.admits(&id(name)), "{name}");
            order.settled(&id(name));
        }
        assert!(order.admits(&id("e")));
    }

    #[test]
    fn who_gives_one_up_is_not_shut_out() {
        let mut order = Order::default();
        refuse(&mut order, &["a", "b"]);
        assert!(order.admits(&id("b")), "a would have come first");
        let mut order = Order::default();
        refuse(&mut order, &["a"]);
        refuse(&mut order, &["new"]);
        assert!(order.admits(&id("new")));
    }

    #[test]
    fn invariant_5_it_remembers_no_more_than_the_limit() {
        let mut order = Order::default();
        for number in 0..=MOST {
            assert!(!order.is_full());
            refuse(&mut order, &[&number.to_string()]);
            refuse(&mut order, &["same"]);
        }
        assert!(order.is_full());
    }
}
