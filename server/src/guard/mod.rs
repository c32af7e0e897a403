//! What keeps one client from taking what is there for all: rates, and how many connections there may be. It
//! knows subjects and addresses, and neither sockets nor requests; the time is passed in.

mod address;
mod places;
mod rate;

use std::{net::IpAddr, sync::Arc};

use everwire_protocol::{Code, RetryWindow};

pub use address::{Address, ForwardHeader, Proxies};
pub use places::Place;
pub use rate::{KEYS, Quota, Rate};

use crate::{auth::Subject, hub::Refusal};
use places::Places;

/// When a client that found no room should come back.
pub const FULL_RETRY: RetryWindow = RetryWindow { min: 2_000, max: 15_000 };

/// What the operator said about each bound; what is left out is as [`GuardRules::limits`] says. Zero is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardRules {
    /// Publishes a second, of one subject.
    pub publish_rate: Option<u32>,
    /// And so many at once.
    pub publish_burst: Option<u32>,
    /// Requests a second, of one address.
    pub request_rate: Option<u32>,
    /// And so many at once.
    pub request_burst: Option<u32>,
    /// Connections that are begun a second, by one address.
    pub connect_rate: Option<u32>,
    /// And so many at once.
    pub connect_burst: Option<u32>,
    /// Most connections of one subject.
    pub subject_connections: Option<u32>,
    /// Most connections of one address.
    pub address_connections: Option<u32>,
}

/// The bounds of a server. By default there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardLimits {
    /// Publishes of one subject; of one address, where it has no name.
    pub publishes: Option<Quota>,
    /// Requests of one address.
    pub requests: Option<Quota>,
    /// Connections that are begun by one address.
    pub attempts: Option<Quota>,
    /// Most connections of one subject.
    pub of_subject: Option<u32>,
    /// Most connections of one address.
    pub of_address: Option<u32>,
}

impl GuardRules {
    /// The bounds, with the defaults filled in. Where only its own machine reaches a server and may do everything,
    /// there is nobody to guard it from: it has those bounds that it was given, and no others.
    #[must_use]
    pub fn limits(&self, trusting: bool) -> GuardLimits {
        let filled = |value: Option<u32>, default| value.unwrap_or(if trusting { 0 } else { default });
        let quota = |rate, burst: Option<u32>, [default, at_once]: [u32; 2]| {
            Quota::new(filled(rate, default), burst.unwrap_or(at_once))
        };
        let most = |value, default| Some(filled(value, default)).filter(|most| *most > 0);
        GuardLimits {
            publishes: quota(self.publish_rate, self.publish_burst, [20, 40]),
            requests: quota(self.request_rate, self.request_burst, [200, 1_000]),
            attempts: quota(self.connect_rate, self.connect_burst, [50, 500]),
            of_subject: most(self.subject_connections, 16),
            of_address: most(self.address_connections, 1_000),
        }
    }
}

/// The guards of a server.
#[derive(Debug, Default)]
pub struct Guards {
    publishes: Rate,
    requests: Rate,
    attempts: Rate,
    subjects: Places<Arc<str>>,
    addresses: Places<Address>,
}

impl Guards {
    /// Guards with these bounds.
    #[must_use]
    pub fn new(limits: &GuardLimits) -> Self {
        Self {
            publishes: Rate::new(limits.publishes),
            requests: Rate::new(limits.requests),
            attempts: Rate::new(limits.attempts),
            subjects: Places::new(limits.of_subject),
            addresses: Places::new(limits.of_address),
        }
    }

    /// One more publish of a subject; of its address, when it has no name.
    ///
    /// # Errors
    /// [`Code::RATE_LIMITED`], with the time to come back at.
    pub fn publish(&self, now: u64, subject: &Subject) -> Result<(), Refusal> {
        let checked = match (&subject.name, subject.address) {
            (Some(name), _) => self.publishes.check(now, name),
            (None, Some(address)) => self.publishes.check(now, &address),
            (None, None) => Ok(()),
        };
        checked.map_err(|window| limited("too many publishes", window))
    }

    /// One more request of an address.
    ///
    /// # Errors
    /// [`Code::RATE_LIMITED`], with the time to come back at.
    pub fn request(&self, now: u64, address: Address) -> Result<(), Refusal> {
        self.requests.check(now, &address).map_err(|window| limited("too many requests", window))
    }

    /// One more connection that an address begins.
    ///
    /// # Errors
    /// [`Code::RATE_LIMITED`], with the time to come back at.
    pub fn attempt(&self, now: u64, address: Address) -> Result<(), Refusal> {
        self.attempts.check(now, &address).map_err(|window| limited("too many new connections", window))
    }

    /// A connection of a subject, until the place is dropped. Who has no name is counted by address alone.
    ///
    /// # Errors
    /// [`Code::TOO_MANY_CONNECTIONS`].
    pub fn place_of(&self, subject: &Subject) -> Result<Option<Place>, Refusal> {
        let Some(name) = &subject.name else { return Ok(None) };
        self.subjects.take(Arc::clone(name)).map_err(|most| full("subject", most))
    }

    /// A connection of an address, until the place is dropped.
    ///
    /// # Errors
    /// [`Code::TOO_MANY_CONNECTIONS`].
    pub fn place_at(&self, address: Option<Address>) -> Result<Option<Place>, Refusal> {
        let Some(address) = address else { return Ok(None) };
        self.addresses.take(address).map_err(|most| full("address", most))
    }

    /// Forgets whoever has been quiet; call it every second or so.
    pub fn tick(&self) {
        [&self.publishes, &self.requests, &self.attempts].into_iter().for_each(Rate::forget_quiet);
    }
}

fn limited(what: &str, window: RetryWindow) -> Refusal {
    Refusal { retry_after: Some(window), ..Refusal::new(Code::RATE_LIMITED, what) }
}

fn full(of: &str, most: u32) -> Refusal {
    let refusal = Refusal::new(Code::TOO_MANY_CONNECTIONS, format!("one {of} may have {most} connections"));
    Refusal { retry_after: Some(FULL_RETRY), ..refusal }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self::of(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Subject {
        Subject { name: Some(name.into()), ..Subject::default() }
    }

    #[test]
    fn the_defaults_are_for_servers_that_others_reach() {
        let rules = GuardRules::default();
        assert_eq!(rules.limits(true), GuardLimits::default());
        let limits = rules.limits(false);
        assert_eq!(limits.publishes, Quota::new(20, 40));
        assert_eq!((limits.of_subject, limits.of_address), (Some(16), Some(1_000)));
        let said = GuardRules { publish_rate: Some(5), subject_connections: Some(0), ..rules };
        assert_eq!(said.limits(true).publishes, Quota::new(5, 40));
        assert_eq!(said.limits(false).of_subject, None);
    }

    #[test]
    fn who_has_no_name_is_known_by_address() {
        let guards = Guards::new(&GuardLimits { publishes: Quota::new(1, 1), ..GuardLimits::default() });
        let at = |address: &str| Subject {
            address: Some(address.parse::<IpAddr>().expect("an address").into()),
            ..Subject::default()
        };
        assert!(guards.publish(0, &at("192.0.2.1")).is_ok());
        let refusal = guards.publish(0, &at("192.0.2.1")).expect_err("is refused");
        assert_eq!(refusal.code, Code::RATE_LIMITED);
        assert!(refusal.retry_after.is_some());
        assert!(guards.publish(0, &at("192.0.2.2")).is_ok());
        assert!(guards.publish(0, &named("ada")).is_ok());
        assert!(guards.publish(0, &named("ada")).is_err());
        assert!(guards.publish(0, &Subject::default()).is_ok(), "nothing is known of it");
    }

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let guards = Guards::new(&GuardLimits { of_subject: Some(2), ..GuardLimits::default() });
        let (first, second) = (guards.place_of(&named("ada")), guards.place_of(&named("ada")));
        assert!(first.is_ok() && second.is_ok() && guards.place_of(&named("bob")).is_ok());
        let code = |taken: Result<_, Refusal>| taken.map(|_: Option<Place>| ()).map_err(|r| r.code);
        assert_eq!(code(guards.place_of(&named("ada"))), Err(Code::TOO_MANY_CONNECTIONS));
        drop(first);
        assert_eq!(code(guards.place_of(&named("ada"))), Ok(()));
    }
}
