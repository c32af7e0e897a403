//! Which transport to try next. It knows what worked and what kept dying, and starts nothing itself.

use std::time::Duration;

use crate::{Config, Time, Transport, Transports};

/// A link that dies this often while young is demoted.
const YOUNG_DEATHS: u32 = 3;

/// The order of transports, and the round of tries that is under way.
#[derive(Debug)]
pub(crate) struct Selection {
    order: Vec<Transport>,
    /// What worked on an earlier page, until when.
    remembered: Option<(Transport, Time)>,
    /// What is left to be tried in this round.
    round: Vec<Transport>,
    /// A failure doesn't bring on the next transport in this round; only hanging does.
    cautious: bool,
    /// What worked last, and when it last did.
    worked: Option<(Transport, Time)>,
    /// What keeps dying young, and since when it is put last.
    demoted: Option<(Transport, Time)>,
    young_deaths: u32,
    /// What passed nothing in this round.
    silent: Transports,
    /// What passed nothing while another one worked.
    blocked: Transports,
}

impl Selection {
    pub fn new(transports: &[Transport]) -> Self {
        Self {
            remembered: None,
            order: normalised(transports),
            round: Vec::new(),
            cautious: false,
            worked: None,
            demoted: None,
            young_deaths: 0,
            silent: Transports::default(),
            blocked: Transports::default(),
        }
    }

    /// What worked on an earlier page is tried first, until then. Where tabs share, that is for the one that leads.
    pub fn remember(&mut self, transport: Transport, until: Time) {
        let shares = self.order.first() == Some(&Transport::Tab);
        self.remembered = (self.allows(transport) && !shares).then_some((transport, until));
    }

    /// Chooses another order. Returns whether it is another one.
    pub fn set_order(&mut self, transports: &[Transport]) -> bool {
        let order = normalised(transports);
        let changed = order != self.order;
        if changed {
            *self = Self::new(&order);
        }
        changed
    }

    pub fn allows(&self, transport: Transport) -> bool {
        self.order.contains(&transport)
    }

    /// Whether any transport needs no topic to ask for.
    pub fn allows_frames(&self) -> bool {
        self.order.iter().any(|transport| transport.has_frames())
    }

    /// Whether any transport is made of HTTP requests.
    pub fn allows_requests(&self) -> bool {
        self.order.iter().any(|transport| transport.is_stateless())
    }

    /// Begins a round: what worked lately first, then the others. After a failure or two of what worked
    /// lately the others are not tried yet, unless it hangs: a restarting server refuses every transport, and
    /// clients should not end up on a lesser one because it was tried at the right moment.
    pub fn begin(&mut self, now: Time, remember: Duration, failures: u32) {
        let worked = self.worked_lately(now, remember);
        // On a fresh page a failure of what is remembered means that the place is another one.
        self.cautious = worked.is_some() && failures <= 2;
        self.round = self.ordered(now, remember);
        if let Some(first) = worked.or_else(|| self.remembered(now)) {
            self.round.retain(|transport| *transport != first);
            self.round.insert(0, first);
        }
    }

    /// When something better than `current` is to be tried: what is remembered counts from when it began.
    pub fn next_upgrade(&self, now: Time, remember: Duration, current: Transport) -> Option<Time> {
        let lesser = self.order.first() != Some(&current);
        let remembered = self.remembered.filter(|(transport, until)| *transport == current && *until > now);
        lesser.then(|| remembered.map_or(now + remember, |(_, until)| until))
    }

    /// Begins a round of what is better than `current`; of all, when that is not allowed any more.
    pub fn begin_better(&mut self, now: Time, remember: Duration, current: Transport) {
        self.round = self.ordered(now, remember);
        let place = self.round.iter().position(|transport| *transport == current);
        self.round.truncate(place.unwrap_or(self.round.len()));
        self.cautious = false;
    }

    pub fn end_round(&mut self) {
        // When all fail alike, it is not the transports that are to blame.
        self.silent = Transports::default();
        self.round.clear();
    }

    /// Whether another transport may be started beside those that hang.
    pub fn has_more(&self) -> bool {
        !self.round.is_empty()
    }

    /// The next transport of the round.
    pub fn next(&mut self) -> Option<Transport> {
        if self.round.is_empty() { None } else { Some(self.round.remove(0)) }
    }

    /// The transport that [`next`](Self::next) would give.
    pub fn peek(&self) -> Option<Transport> {
        self.round.first().copied()
    }

    /// The next transport, after one that failed rather than hung.
    pub fn next_after_failure(&mut self) -> Option<Transport> {
        if self.cautious { None } else { self.next() }
    }

    /// The welcome came through it.
    pub fn works(&mut self, now: Time, transport: Transport) {
        self.worked = Some((transport, now));
        for silent in self.silent.iter() {
            self.blocked.insert(silent);
        }
        self.blocked.remove(transport);
        self.end_round();
    }

    /// It was tried, and no welcome came through it; `beside` a link that works, or in a round.
    pub fn passed_nothing(&mut self, transport: Transport, beside: bool) {
        if beside {
            self.blocked.insert(transport);
        } else {
            self.silent.insert(transport);
        }
    }

    /// What passed nothing while another one worked.
    pub fn blocked(&self) -> Transports {
        self.blocked
    }

    /// What worked did so until now.
    pub fn worked_until(&mut self, now: Time) {
        if let Some((_, at)) = &mut self.worked {
            *at = now;
        }
    }

    /// A link of it lived long enough.
    pub fn healthy(&mut self) {
        self.young_deaths = 0;
    }

    /// A link of it died before it was healthy.
    pub fn died_young(&mut self, now: Time, transport: Transport) {
        self.young_deaths += 1;
        if self.young_deaths >= YOUNG_DEATHS {
            self.young_deaths = 0;
            self.demoted = Some((transport, now));
            self.worked = None;
            self.remembered = None;
        }
    }

    fn remembered(&self, now: Time) -> Option<Transport> {
        self.remembered.filter(|(_, until)| now < *until).map(|(transport, _)| transport)
    }

    fn worked_lately(&self, now: Time, remember: Duration) -> Option<Transport> {
        self.worked.filter(|(_, at)| now.since(*at) < remember).map(|(transport, _)| transport)
    }

    /// The transports in their order, the demoted one last.
    fn ordered(&self, now: Time, remember: Duration) -> Vec<Transport> {
        let mut order = self.order.clone();
        if let Some((demoted, _)) = self.demoted.filter(|(_, at)| now.since(*at) < remember)
            && let Some(place) = order.iter().position(|transport| *transport == demoted)
        {
            order.remove(place);
            order.push(demoted);
        }
        order
    }
}

fn normalised(transports: &[Transport]) -> Vec<Transport> {
    let transports = if transports.is_empty() { &Config::TRANSPORTS } else { transports };
    let mut order = Vec::with_capacity(transports.len());
    for transport in transports {
        if !order.contains(transport) {
            order.push(*transport);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMEMBER: Duration = Duration::from_secs(1_800);
    const START: Time = Time::from_millis(0);

    fn round(selection: &mut Selection) -> Vec<Transport> {
        std::iter::from_fn(|| selection.next()).collect()
    }

    #[test]
    fn what_worked_is_tried_first_for_as_long_as_it_is_remembered() {
        let mut selection = Selection::new(&[]);
        selection.begin(START, REMEMBER, 0);
        assert_eq!(round(&mut selection), Config::TRANSPORTS);
        selection.works(START, Transport::LongPoll);
        selection.begin(START, REMEMBER, 1);
        assert_eq!(round(&mut selection), [Transport::LongPoll, Transport::WebSocket, Transport::Sse]);
        selection.begin(START + REMEMBER, REMEMBER, 1);
        assert_eq!(round(&mut selection), Config::TRANSPORTS);
    }

    #[test]
    fn a_refusal_of_what_worked_brings_on_the_others_in_the_third_round_only() {
        let mut selection = Selection::new(&[]);
        selection.works(START, Transport::WebSocket);
        for (failures, next) in [(1, None), (2, None), (3, Some(Transport::Sse))] {
            selection.begin(START, REMEMBER, failures);
            assert_eq!(selection.next(), Some(Transport::WebSocket));
            assert_eq!(selection.next_after_failure(), next, "{failures}");
        }
    }

    #[test]
    fn what_keeps_dying_young_is_put_last() {
        let mut selection = Selection::new(&[]);
        selection.works(START, Transport::WebSocket);
        for _ in 0..2 {
            selection.died_young(START, Transport::WebSocket);
        }
        selection.begin(START, REMEMBER, 1);
        assert_eq!(selection.next(), Some(Transport::WebSocket));
        selection.died_young(START, Transport::WebSocket);
        selection.begin(START, REMEMBER, 1);
        assert_eq!(round(&mut selection), [Transport::Sse, Transport::LongPoll, Transport::WebSocket]);
        selection.begin_better(START, REMEMBER, Transport::Sse);
        assert_eq!(round(&mut selection), [], "not before its time is over");
        selection.begin_better(START + REMEMBER, REMEMBER, Transport::Sse);
        assert_eq!(round(&mut selection), [Transport::WebSocket]);
    }

    #[test]
    fn only_better_ones_are_tried_beside_one_that_works() {
        let mut selection = Selection::new(&[]);
        selection.begin_better(START, REMEMBER, Transport::LongPoll);
        assert_eq!(round(&mut selection), [Transport::WebSocket, Transport::Sse]);
        selection.begin_better(START, REMEMBER, Transport::Poll);
        assert_eq!(round(&mut selection), Config::TRANSPORTS);
    }
}
