//! The order of publishes: cases, and a client with a slow line against a store that fails as it likes.

use std::collections::VecDeque;

use proptest::{collection::vec, prelude::*};

use everwire_protocol::Code;

use super::*;

fn id(number: usize) -> PublishId {
    PublishId::new(&format!("ada.{number}")).expect("an id")
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic")
}

fn refusal(code: Code) -> Refusal {
    Refusal { retry_after: Some(RetryWindow { min: 500, max: 5_000 }), ..Refusal::new(code, "not now") }
}

/// Sends these to topic a at a time; those that are `bad` are refused for now. What was taken.
fn send(order: &mut Order, now: u64, ids: impl IntoIterator<Item = usize>, bad: &[usize]) -> Vec<usize> {
    let (topic, mut taken) = (topic("a"), Vec::new());
    for number in ids {
        let id = id(number);
        if order.admit(now, &topic, Some(&id)).is_ok() {
            let refused = bad.contains(&number).then(|| refusal(Code::UNAVAILABLE));
            order.tried(now, &topic, Some(&id), refused.as_ref());
            if refused.is_none() {
                taken.push(number);
            }
        }
    }
    taken
}

#[test]
fn invariant_3_nothing_overtakes_what_was_refused_for_now() {
    let mut order = Order::default();
    assert_eq!(send(&mut order, 0, 1..=5, &[2]), [1]);
    assert_eq!(send(&mut order, 0, 2..=6, &[2]), [0_usize; 0], "refused once more, and all behind it");
    assert_eq!(send(&mut order, 0, 2..=7, &[4]), [2, 3], "and then one behind it");
    assert_eq!(send(&mut order, 0, 4..=8, &[]), [4, 5, 6, 7, 8]);
    assert_eq!((order.remembered, order.rounds.len()), (0, 0));
}

#[test]
fn invariant_3_a_new_one_does_not_overtake_those_whose_refusals_are_still_under_way() {
    let mut order = Order::default();
    assert_eq!(send(&mut order, 0, 1..=3, &[1]), [0_usize; 0]);
    // The client knows of the first refusal only, and sends that again and a new one.
    assert_eq!(send(&mut order, 0, [1, 4], &[]), [1]);
    assert_eq!(send(&mut order, 0, 2..=4, &[]), [2, 3, 4]);

    assert_eq!(send(&mut order, 0, 5..=7, &[5]), [0_usize; 0]);
    assert_eq!(send(&mut order, 0, [5, 8], &[5]), [0_usize; 0], "the same, and it is refused again");
    assert_eq!(send(&mut order, 0, 5..=8, &[]), [5, 6, 7, 8]);
}

#[test]
fn what_was_given_up_holds_up_nothing_for_long() {
    let mut order = Order::default();
    assert_eq!(send(&mut order, 0, 1..=3, &[1]), [0_usize; 0]);
    assert_eq!(send(&mut order, 0, 3..=4, &[]), [3, 4], "1 and 2 have not come again");
    assert_eq!(send(&mut order, 0, [5], &[5]), [0_usize; 0]);
    assert_eq!(send(&mut order, 0, [6], &[]), [0_usize; 0], "5 may still come");
    assert_eq!(send(&mut order, 0, 6..=7, &[]), [6, 7]);
}

#[test]
fn a_client_that_repeats_nothing_is_not_shut_out_for_ever() {
    let mut order = Order::default();
    assert_eq!(send(&mut order, 0, 1..=2, &[1]), [0_usize; 0]);
    assert_eq!(send(&mut order, 64_999, [3], &[]), [0_usize; 0]);
    assert_eq!(send(&mut order, 65_000, 4..=5, &[]), [4, 5]);
    assert_eq!(order.remembered, 0);
}

#[test]
fn each_topic_has_an_order_of_its_own_and_its_own_refusal() {
    let mut order = Order::default();
    assert_eq!(send(&mut order, 0, [1], &[1]), [0_usize; 0]);
    assert_eq!(order.admit(0, &topic("b"), Some(&id(2))), Ok(()));
    order.tried(0, &topic("b"), Some(&id(2)), Some(&refusal(Code::RATE_LIMITED)));
    assert_eq!(order.admit(0, &topic("a"), Some(&id(3))), Err(refusal(Code::UNAVAILABLE)));
    assert_eq!(order.admit(0, &topic("b"), Some(&id(4))), Err(refusal(Code::RATE_LIMITED)));
}

#[test]
fn a_refusal_for_good_holds_up_nothing() {
    let mut order = Order::default();
    order.tried(0, &topic("a"), Some(&id(1)), Some(&refusal(Code::TOO_LARGE)));
    assert_eq!(send(&mut order, 0, 2..=4, &[3]), [2]);
    assert_eq!(order.admit(0, &topic("a"), Some(&id(3))), Ok(()));
    order.tried(0, &topic("a"), Some(&id(3)), Some(&refusal(Code::FORBIDDEN)));
    assert_eq!(send(&mut order, 0, 4..=5, &[]), [4, 5]);
}

#[test]
fn one_without_an_id_holds_up_those_behind_it_in_its_request() {
    let mut order = Order::default();
    assert_eq!(order.admit(0, &topic("a"), None), Ok(()));
    order.tried(0, &topic("a"), None, Some(&refusal(Code::UNAVAILABLE)));
    assert!(order.admit(0, &topic("a"), None).is_err());
    assert_eq!(send(&mut order, 0, 1..=2, &[]), [0_usize; 0]);
}

#[test]
fn invariant_5_what_is_remembered_is_bounded() {
    let mut order = Order::default();
    assert_eq!(send(&mut order, 0, 1..MOST, &[1]), [0_usize; 0]);
    assert!(!order.is_full());
    assert_eq!(send(&mut order, 0, MOST..=3 * MOST, &[]), [0_usize; 0]);
    assert!(order.is_full());
    assert_eq!(order.rounds[&topic("a")].waiting.len(), MOST);
}

/// What a publish is to its client.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Unsent,
    Sent,
    Done,
}

/// A client that sends again in order what was refused, over a line of any delay. It may send new publishes
/// while it waits for the answers to old ones, and it gives some up.
#[derive(Default)]
struct Client {
    states: Vec<Option<State>>,
    holds: bool,
    up: VecDeque<usize>,
    down: VecDeque<(usize, bool)>,
    order: Order,
    log: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish,
    Send,
    Arrive { refused: bool },
    Hear,
    Release,
    GiveUp,
}

impl Client {
    fn step(&mut self, step: Step) {
        match step {
            Step::Publish => self.states.push(Some(State::Unsent)),
            Step::Send if !self.holds => {
                for (number, state) in self.states.iter_mut().enumerate() {
                    if *state == Some(State::Unsent) {
                        *state = Some(State::Sent);
                        self.up.push_back(number);
                    }
                }
            }
            Step::Send => {}
            Step::Arrive { refused } => {
                let Some(number) = self.up.pop_front() else { return };
                let bad = [number];
                let taken = send(&mut self.order, 0, [number], if refused { &bad } else { &[] });
                self.log.extend(&taken);
                self.down.push_back((number, !taken.is_empty()));
            }
            Step::Hear => {
                let Some((number, taken)) = self.down.pop_front() else { return };
                self.holds |= !taken;
                if let Some(state) = &mut self.states[number] {
                    *state = if taken { State::Done } else { State::Unsent };
                }
            }
            Step::Release => self.holds = false,
            Step::GiveUp => {
                let oldest = self.states.iter_mut().find(|state| **state == Some(State::Unsent));
                if let Some(state) = oldest {
                    *state = None;
                }
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Publish),
        3 => Just(Step::Send),
        6 => any::<bool>().prop_map(|refused| Step::Arrive { refused }),
        6 => Just(Step::Hear),
        2 => Just(Step::Release),
        1 => Just(Step::GiveUp),
    ]
}

proptest! {
    #[test]
    fn invariant_3_the_log_has_the_order_of_the_client_and_all_that_it_did_not_give_up(
        steps in vec(step(), 0..200)
    ) {
        let mut client = Client::default();
        steps.into_iter().for_each(|step| client.step(step));
        // The store works again, and the client goes on until it has nothing to send.
        let mut rounds = 0..2_000;
        while rounds.next().is_some() && client.states.iter().flatten().any(|state| *state != State::Done) {
            for step in [Step::Release, Step::Send, Step::Arrive { refused: false }, Step::Hear] {
                client.step(step);
            }
        }
        prop_assert!(client.log.is_sorted_by(|a, b| a < b), "{:?}", client.log);
        prop_assert!(client.states.iter().flatten().all(|state| *state == State::Done));
        let remembered: usize = client.order.rounds.values().map(|round| round.waiting.len()).sum();
        prop_assert_eq!(client.order.remembered, remembered);
    }
}
