//! What the relay answers to one tab, frame by frame, while the connection is slow or full: a tab's session counts
//! the answers, so each question has one, and in its order.

#![cfg(feature = "relay")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use everwire_core::{
    AttemptId, Config, OutboxConfig, Transport,
    protocol::{About, ClientFrame, Code, From, Mode, Payload, ServerFrame, binary},
    relay::{FromTab, Relay, RelayOutput, TabId, TabName, ToTab},
};
use proptest::{collection::vec, prelude::*};

/// A leader with one tab, which has been welcomed.
struct Leader {
    upstream: World,
    link: AttemptId,
    relay: Relay,
    tab: TabId,
}

impl Leader {
    fn new(outbox: OutboxConfig) -> Self {
        let (upstream, link) = World::connected_with(Config { outbox, ..only(Transport::WebSocket) });
        let mut relay = Relay::new(upstream.now, TabName([1; 16]), "me".parse().unwrap());
        let tab = relay.open().unwrap();
        let mut leader = Self { upstream, link, relay, tab };
        leader.tab_says(&[ClientFrame::Connect {
            client_id: "tab".parse().unwrap(),
            token: None,
            info: None,
        }]);
        leader
    }

    /// The tab says something. Returns what it is answered.
    fn tab_says(&mut self, frames: &[ClientFrame]) -> Vec<ServerFrame> {
        let mut data = Vec::new();
        frames.iter().for_each(|frame| binary::encode_client(frame, &mut data));
        let (relay, tab) = (&mut self.relay, self.tab);
        let message = FromTab::Frames(data.into()).encode();
        self.upstream.act(|session, now| relay.handle_message(now, session, tab, message));
        self.told()
    }

    /// The server says something. Returns what the tab is told.
    fn server_says(&mut self, frames: &[ServerFrame]) -> Vec<ServerFrame> {
        self.upstream.frames(self.link, frames);
        self.told()
    }

    fn told(&mut self) -> Vec<ServerFrame> {
        while let Some(event) = self.upstream.events.pop_front() {
            let relay = &mut self.relay;
            self.upstream.act(|session, now| relay.handle_event(now, session, event));
        }
        let mut all = Vec::new();
        while let Some(output) = self.relay.poll_output() {
            let RelayOutput::Send { data, .. } = output else { continue };
            let Ok(ToTab::Frames(mut data)) = ToTab::decode(data) else { continue };
            while let Some(frame) = binary::decode_server(&mut data).unwrap() {
                all.push(frame);
            }
        }
        all
    }
}

fn subscribe(from: From) -> ClientFrame {
    ClientFrame::Subscribe { topic: topic("room"), from, mode: Mode { presence: false } }
}

fn publish(id: &str, bytes: usize) -> ClientFrame {
    let (id, payload) = (id.parse().unwrap(), Payload::bytes(vec![0; bytes]));
    ClientFrame::Publish { topic: topic("room"), id, payload, key: None, ephemeral: false }
}

fn refused(frames: &[ServerFrame]) -> Vec<String> {
    let id_of = |frame: &ServerFrame| match frame {
        ServerFrame::Error { about: About::Publish(id), retry_after: Some(_), .. } => Some(id.to_string()),
        _ => None,
    };
    frames.iter().filter_map(id_of).collect()
}

/// Answers to a subscribe of the topic, whatever they say.
fn answers(frames: &[ServerFrame]) -> usize {
    let is_answer = |frame: &&ServerFrame| {
        matches!(frame, ServerFrame::Subscribed { .. } | ServerFrame::Error { about: About::Topic(_), .. })
    };
    frames.iter().filter(is_answer).count()
}

#[test]
fn a_subscribe_that_is_given_up_before_it_stands_is_answered_too() {
    let mut leader = Leader::new(OutboxConfig::default());
    let first = leader.tab_says(&[subscribe(From::Last(5))]);
    let again = [ClientFrame::Unsubscribe { topic: topic("room") }, subscribe(From::Earliest)];
    let second = leader.tab_says(&again);
    // The server answers both, one after the other.
    let third = leader.server_says(&[
        subscribed("room", 1, "a-5", false),
        subscribed("room", 2, "a-0", false),
        messages(2, 1..=3),
    ]);
    assert_eq!(answers(&first) + answers(&second) + answers(&third), 2);
    let last = third.iter().rposition(|frame| matches!(frame, ServerFrame::Subscribed { .. }));
    assert!(
        last.is_some_and(|place| place + 1 < third.len()),
        "the last one is the one that stands: {third:?}"
    );
    // One that stands is answered already.
    assert_eq!(answers(&leader.tab_says(&[ClientFrame::Unsubscribe { topic: topic("room") }])), 0);
}

proptest! {
    #[test]
    fn every_subscribe_has_one_answer_whatever_the_tab_and_the_server_do_meanwhile(
        steps in vec((0..3_u8, any::<bool>()), 1..40)
    ) {
        let mut leader = Leader::new(OutboxConfig::default());
        let (mut reads, mut asked, mut answered, mut alias) = (false, 0, 0, 0);
        let unsubscribe = ClientFrame::Unsubscribe { topic: topic("room") };
        // In the end the server answers all that it was asked.
        for (step, other) in steps.into_iter().chain([(2, true); 80]) {
            let told = match step {
                0 if !std::mem::replace(&mut reads, true) => {
                    asked += 1;
                    leader.tab_says(&[subscribe(if other { From::Latest } else { From::Last(3) })])
                }
                1 if std::mem::take(&mut reads) => leader.tab_says(std::slice::from_ref(&unsubscribe)),
                2 => match leader.upstream.sent.pop_front() {
                    Some((_, ClientFrame::Subscribe { .. })) if other => {
                        alias += 1;
                        leader.server_says(&[subscribed("room", alias, "a-0", false)])
                    }
                    Some((_, ClientFrame::Subscribe { topic, .. })) => {
                        let (about, code, message) = (About::Topic(topic), Code::FORBIDDEN, "no".into());
                        leader.server_says(&[ServerFrame::Error { about, code, message, retry_after: None }])
                    }
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            };
            answered += answers(&told);
            prop_assert!(answered <= asked);
        }
        prop_assert_eq!(answered, asked);
    }
}

#[test]
fn invariant_3_a_publish_does_not_overtake_one_of_its_tab_that_found_the_outbox_full() {
    let mut leader = Leader::new(OutboxConfig { bytes: 1_000, ..OutboxConfig::default() });
    let told = leader.tab_says(&[publish("one", 600), publish("two", 600), publish("three", 100)]);
    assert_eq!(refused(&told), ["two", "three"]);
    assert_eq!(leader.upstream.published_on(leader.link), ["one"]);
    // There is room again, and what was made later still has to wait for what was made before.
    let id = "one".parse().unwrap();
    leader.server_says(&[ServerFrame::Ack { id, position: Some(at("a-1")) }]);
    assert_eq!(refused(&leader.tab_says(&[publish("four", 100)])), ["four"]);
    assert_eq!(
        refused(&leader.tab_says(&[publish("two", 600), publish("three", 100), publish("four", 100)])),
        [""; 0]
    );
    assert_eq!(leader.upstream.published_on(leader.link), ["two", "three", "four"]);
}
