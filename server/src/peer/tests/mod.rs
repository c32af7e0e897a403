//! Peers driven by hand, in a time of their own.

use everwire_protocol::{
    ClientFrame, ClientId, Epoch, From, GapReason, HistoryRange, Kind, Member, Mode, Payload, Position,
    PublishId, Topic, binary, limits,
};
use futures::FutureExt;

use super::*;
use crate::{
    auth::Open,
    hub::PeerRules,
    log::{KeyLimits, NewRecord, Retention, RetentionRules},
    presence::Presence,
    store::{MemoryLimits, MemoryStore},
};

mod answers;
mod order;
mod rollback;
mod token;

type TestPeer = Peer<MemoryStore>;

fn hub() -> Arc<Hub<MemoryStore>> {
    let retention = RetentionRules {
        default: Retention { records: 2_000, ..Retention::default() },
        patterns: vec![(
            "small:*".parse().expect("a pattern"),
            Retention { records: 3, ..Retention::default() },
        )],
    };
    let limits = MemoryLimits { retention, keys: KeyLimits::default(), ..MemoryLimits::default() };
    let store = MemoryStore::new(1, limits);
    let open = Open::new(vec!["metrics:*".parse().expect("a pattern")]);
    Arc::new(Hub::new(store, Presence::new(10_000, 1), Arc::new(open), PeerRules::default()))
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a topic name")
}

fn client_id(name: &str) -> ClientId {
    ClientId::new(name).expect("a client id")
}

fn append(hub: &Hub<MemoryStore>, name: &str, text: &str) -> Position {
    let new = NewRecord { payload: Payload::text(text), key: None, from: None, id: None };
    let appended = hub.store.append(1, &topic(name), new).now_or_never().expect("at once");
    appended.expect("appends").position
}

fn connect(hub: &Arc<Hub<MemoryStore>>, name: &str) -> TestPeer {
    let mut peer = Peer::new(Arc::clone(hub), 0, "s1");
    let connect =
        ClientFrame::Connect { client_id: client_id(name), token: None, info: Some(name.to_owned()) };
    say(&mut peer, 0, connect);
    assert!(matches!(pull(&mut peer, 0)[..], [ServerFrame::Welcome { .. }]));
    peer
}

fn say(peer: &mut TestPeer, now: u64, frame: ClientFrame) {
    peer.handle(now, frame).now_or_never().expect("a store in memory answers at once");
}

fn subscribe(peer: &mut TestPeer, name: &str, from: From, presence: bool) {
    say(peer, 0, ClientFrame::Subscribe { topic: topic(name), from, mode: Mode { presence } });
}

fn publish(id: &str, name: &str, payload: Payload) -> ClientFrame {
    let id = PublishId::new(id).expect("an id");
    ClientFrame::Publish { topic: topic(name), id, payload, key: None, ephemeral: false }
}

/// One pull, through the binary codec and back.
fn pull(peer: &mut TestPeer, now: u64) -> Vec<ServerFrame> {
    let out = peer.pull(now).now_or_never().expect("a store in memory answers at once");
    let mut bytes = encode_binary(&out).into();
    let mut frames = Vec::new();
    while let Some(frame) = binary::decode_server(&mut bytes).expect("a frame") {
        frames.push(frame);
    }
    assert_eq!(
        frames,
        out.into_iter().map(Outgoing::into_frame).collect::<Vec<_>>(),
        "both ways of encoding"
    );
    frames
}

fn pull_all(peer: &mut TestPeer, now: u64) -> Vec<ServerFrame> {
    let mut all = Vec::new();
    loop {
        let frames = pull(peer, now);
        if frames.is_empty() {
            return all;
        }
        all.extend(frames);
    }
}

/// Alias and offsets of the messages.
fn messages(frames: &[ServerFrame]) -> Vec<(u32, u64)> {
    let each = |frame: &ServerFrame| match frame {
        ServerFrame::Messages { alias, records } => records.iter().map(|r| (*alias, r.offset)).collect(),
        _ => Vec::new(),
    };
    frames.iter().flat_map(each).collect()
}

fn codes(frames: &[ServerFrame]) -> Vec<Code> {
    let code = |frame: &ServerFrame| match frame {
        ServerFrame::Error { code, .. } => Some(*code),
        _ => None,
    };
    frames.iter().filter_map(code).collect()
}

#[test]
fn the_first_frame_must_be_connect() {
    let mut peer = Peer::new(hub(), 0, "s1");
    say(&mut peer, 0, ClientFrame::Ping { nonce: 1 });
    assert_eq!(codes(&pull(&mut peer, 0)), [Code::BAD_REQUEST]);
    assert_eq!(peer.closing().map(|closing| closing.code), Some(Code::BAD_REQUEST));
}

#[test]
fn invariant_6_a_client_that_says_nothing_is_closed_in_time() {
    let mut peer = Peer::new(hub(), 500, "s1");
    assert_eq!(peer.deadline(), 10_500);
    assert_eq!(pull(&mut peer, 10_499), []);
    assert_eq!(codes(&pull(&mut peer, 10_500)), [Code::TIMEOUT]);
    assert_eq!(peer.closing().map(|closing| closing.code), Some(Code::TIMEOUT));
}

#[test]
fn pipelined_frames_are_answered_in_their_order() {
    let mut peer = Peer::new(hub(), 0, "s1");
    say(&mut peer, 0, ClientFrame::Connect { client_id: client_id("ada"), token: None, info: None });
    subscribe(&mut peer, "a", From::Latest, false);
    say(&mut peer, 0, publish("ada.1", "a", Payload::json("1")));
    say(&mut peer, 0, ClientFrame::Ping { nonce: 9 });
    let frames = pull_all(&mut peer, 0);
    assert!(matches!(
        frames[..],
        [
            ServerFrame::Welcome { heartbeat: 25_000, .. },
            ServerFrame::Subscribed { alias: 0, recovered: false, .. },
            ServerFrame::Ack { position: Some(Position { offset: 1, .. }), .. },
            ServerFrame::Pong { nonce: 9 },
            ServerFrame::Messages { alias: 0, .. },
        ]
    ));
}

#[test]
fn a_subscriber_gets_what_piled_up_in_one_frame() {
    let hub = hub();
    let mut peer = connect(&hub, "ada");
    subscribe(&mut peer, "a", From::Latest, false);
    pull_all(&mut peer, 0);
    for n in 0..100 {
        append(&hub, "a", &n.to_string());
    }
    let frames = pull(&mut peer, 0);
    assert_eq!(frames.len(), 1);
    assert_eq!(messages(&frames).len(), 100);
    assert_eq!(pull(&mut peer, 0), []);
}

#[test]
fn invariant_1_a_resumed_subscription_continues_at_the_next_offset() {
    let hub = hub();
    for _ in 0..5 {
        append(&hub, "a", "x");
    }
    let third = Position { offset: 3, ..append(&hub, "a", "x") };
    let mut peer = connect(&hub, "ada");
    subscribe(&mut peer, "a", From::Position(third), false);
    let frames = pull_all(&mut peer, 0);
    assert!(
        matches!(&frames[0], ServerFrame::Subscribed { recovered: true, position, .. } if *position == third)
    );
    assert_eq!(messages(&frames), [(0, 4), (0, 5), (0, 6)]);
}

#[test]
fn invariant_1_a_start_that_cannot_be_recovered_is_a_gap_before_any_record() {
    let hub = hub();
    let first = append(&hub, "small:a", "x");
    for _ in 0..5 {
        append(&hub, "small:a", "x");
    }
    let foreign = Position { epoch: Epoch::from_number(5), offset: 77 };
    for (from, lost, to, reason) in
        [(first, 2, Some(3), GapReason::Evicted), (foreign, 78, None, GapReason::Epoch)]
    {
        let mut peer = connect(&hub, "ada");
        subscribe(&mut peer, "small:a", From::Position(from), false);
        let frames = pull_all(&mut peer, 0);
        let go_on = Position { offset: 3, ..first };
        assert!(matches!(
            &frames[0],
            ServerFrame::Subscribed { recovered: false, position, .. } if *position == go_on
        ));
        assert_eq!(frames[1], ServerFrame::Gap { alias: 0, from: lost, to, reason, position: go_on });
        assert_eq!(messages(&frames), [(0, 4), (0, 5), (0, 6)]);
    }
}

#[test]
fn invariant_1_a_live_reader_that_falls_behind_retention_is_told() {
    let hub = hub();
    let mut peer = connect(&hub, "ada");
    subscribe(&mut peer, "small:a", From::Latest, false);
    pull_all(&mut peer, 0);
    for _ in 0..5 {
        append(&hub, "small:a", "x");
    }
    let frames = pull_all(&mut peer, 0);
    assert!(matches!(frames[0], ServerFrame::Gap { from: 1, to: Some(2), reason: GapReason::Evicted, .. }));
    assert_eq!(messages(&frames), [(0, 3), (0, 4), (0, 5)]);
}

#[test]
fn a_message_is_about_64_kib_at_most_and_topics_take_turns() {
    let hub = hub();
    for _ in 0..20 {
        append(&hub, "a", &"a".repeat(20_000));
        append(&hub, "b", &"b".repeat(20_000));
    }
    append(&hub, "c", "small");
    let mut peer = connect(&hub, "ada");
    for name in ["a", "b", "c"] {
        subscribe(&mut peer, name, From::Earliest, false);
    }
    let mut order = Vec::new();
    loop {
        let out = peer.pull(0).now_or_never().expect("at once");
        if out.is_empty() {
            break;
        }
        assert!(encode_binary(&out).len() <= limits::BATCH_BYTES + 1024);
        let frames: Vec<_> = out.into_iter().map(Outgoing::into_frame).collect();
        order.push(messages(&frames));
    }
    let seen: Vec<_> = order.concat();
    assert_eq!(seen.len(), 41);
    for alias in 0..3 {
        let offsets: Vec<_> = seen.iter().filter(|(of, _)| *of == alias).map(|(_, offset)| *offset).collect();
        assert!(offsets.is_sorted_by(|a, b| a + 1 == *b), "{offsets:?}");
    }
    assert!(order[..3].concat().contains(&(2, 1)), "the small topic did not wait for the large ones");
}

#[test]
fn one_record_always_fits() {
    let hub = hub();
    append(&hub, "a", "small");
    append(&hub, "a", &"x".repeat(limits::PAYLOAD_BYTES));
    append(&hub, "b", &"y".repeat(limits::PAYLOAD_BYTES));
    let mut peer = connect(&hub, "ada");
    subscribe(&mut peer, "a", From::Earliest, false);
    subscribe(&mut peer, "b", From::Earliest, false);
    assert_eq!(messages(&pull_all(&mut peer, 0)), [(0, 1), (1, 1), (0, 2)]);
}

#[test]
fn a_paused_topic_waits_and_goes_on_where_it_was() {
    let hub = hub();
    let mut peer = connect(&hub, "ada");
    subscribe(&mut peer, "a", From::Latest, false);
    append(&hub, "a", "1");
    pull_all(&mut peer, 0);
    say(&mut peer, 0, ClientFrame::Pause { topic: topic("a") });
    for _ in 0..3 {
        append(&hub, "a", "x");
    }
    assert_eq!(pull_all(&mut peer, 0), []);
    say(&mut peer, 0, ClientFrame::Resume { topic: topic("a") });
    assert_eq!(messages(&pull_all(&mut peer, 0)), [(0, 2), (0, 3), (0, 4)]);
    say(&mut peer, 0, ClientFrame::Pause { topic: topic("other") });
    assert_eq!(codes(&pull_all(&mut peer, 0)), [Code::NOT_SUBSCRIBED]);
}

#[test]
fn an_unsubscribed_topic_is_silent_and_its_alias_is_not_used_again() {
    let hub = hub();
    let mut peer = connect(&hub, "ada");
    subscribe(&mut peer, "a", From::Latest, false);
    say(&mut peer, 0, ClientFrame::Unsubscribe { topic: topic("a") });
    say(&mut peer, 0, ClientFrame::Unsubscribe { topic: topic("a") });
    append(&hub, "a", "x");
    pull(&mut peer, 0);
    assert_eq!(pull_all(&mut peer, 0), []);
    subscribe(&mut peer, "a", From::Earliest, false);
    assert_eq!(messages(&pull_all(&mut peer, 0)), [(1, 1)]);
}

#[test]
fn a_topic_is_subscribed_to_once_and_topics_are_bounded() {
    let mut peer = connect(&hub(), "ada");
    for n in 0..limits::TOPICS {
        subscribe(&mut peer, &format!("t{n}"), From::Latest, false);
    }
    assert_eq!(codes(&pull_all(&mut peer, 0)), []);
    subscribe(&mut peer, "one-more", From::Latest, false);
    subscribe(&mut peer, "t5", From::Latest, false);
    assert_eq!(codes(&pull_all(&mut peer, 0)), [Code::TOO_MANY_TOPICS, Code::ALREADY_SUBSCRIBED]);
}

#[test]
fn a_heartbeat_comes_when_nothing_else_did() {
    let hub = hub();
    let mut peer = connect(&hub, "ada");
    subscribe(&mut peer, "a", From::Latest, false);
    pull_all(&mut peer, 0);
    append(&hub, "a", "x");
    assert_eq!(pull(&mut peer, 10_000).len(), 1);
    assert_eq!(peer.deadline(), 32_500, "before the announced 25 s are over");
    assert_eq!(pull(&mut peer, 32_499), []);
    assert_eq!(pull(&mut peer, 32_500), [ServerFrame::Heartbeat]);
    assert_eq!(pull(&mut peer, 32_500), []);
}

#[test]
fn a_drain_is_said_and_then_nothing_more() {
    let hub = hub();
    let mut peer = connect(&hub, "ada");
    subscribe(&mut peer, "a", From::Latest, false);
    pull_all(&mut peer, 0);
    let window = RetryWindow { min: 1, max: 2 };
    peer.drain(window);
    append(&hub, "a", "x");
    assert_eq!(pull_all(&mut peer, 0), [ServerFrame::Drain { window }]);
    assert_eq!(peer.closing().map(|closing| closing.code), Some(Code::DRAINING));
    say(&mut peer, 0, ClientFrame::Ping { nonce: 1 });
    assert_eq!(pull_all(&mut peer, 90_000), []);
}

#[test]
fn a_connection_ends_at_its_longest_life() {
    let mut peer = connect(&hub(), "ada");
    peer.ends_at(5_000);
    assert_eq!(peer.deadline(), 5_000);
    assert_eq!(pull_all(&mut peer, 5_000), []);
    assert_eq!(peer.closing().map(|closing| closing.code), Some(Code::EXPIRED));
}
