//! What a peer answers: acks, presence, history, ephemeral messages.

use super::*;

#[test]
fn invariant_4_a_repeated_publish_gets_the_first_ack() {
    let hub = hub();
    let mut acks = Vec::new();
    for connection in 0..2 {
        let mut peer = connect(&hub, &format!("ada{connection}"));
        say(&mut peer, 0, publish("ada.1", "a", Payload::json("{}")));
        acks.extend(pull_all(&mut peer, 0));
    }
    assert!(matches!(acks[0], ServerFrame::Ack { position: Some(Position { offset: 1, .. }), .. }));
    assert_eq!(acks[0], acks[1]);
}

#[test]
fn what_may_not_be_published_is_refused_with_its_code() {
    let mut peer = connect(&hub(), "ada");
    let broken = Payload { kind: Kind::Json, data: "{\"a\":".into() };
    for (name, payload, code) in [
        ("$sys", Payload::text("x"), Code::FORBIDDEN),
        ("metrics:cpu", Payload::text("x"), Code::FORBIDDEN),
        ("a", Payload::bytes(vec![0; limits::PAYLOAD_BYTES + 1]), Code::TOO_LARGE),
        ("a", broken, Code::BAD_REQUEST),
        ("a", Payload { kind: Kind::Text, data: vec![0xff].into() }, Code::BAD_REQUEST),
    ] {
        say(&mut peer, 0, publish("ada.1", name, payload));
        assert_eq!(codes(&pull_all(&mut peer, 0)), [code], "{name}");
    }
    assert_eq!(peer.closing(), None);
}

#[test]
fn ephemeral_messages_are_acked_without_a_position_and_not_logged() {
    let hub = hub();
    let (mut ada, mut bob) = (connect(&hub, "ada"), connect(&hub, "bob"));
    subscribe(&mut bob, "a", From::Latest, false);
    pull_all(&mut bob, 0);
    let ClientFrame::Publish { topic, id, payload, key, .. } = publish("ada.1", "a", Payload::json("1"))
    else {
        panic!()
    };
    say(&mut ada, 7, ClientFrame::Publish { topic, id, payload, key, ephemeral: true });
    assert!(matches!(pull_all(&mut ada, 7)[..], [ServerFrame::Ack { position: None, .. }]));
    let frames = pull_all(&mut bob, 7);
    let payload = Payload::json("1");
    assert_eq!(frames, [ServerFrame::Ephemeral { alias: 0, time: 7, payload, from: None }]);
    let mut late = connect(&hub, "late");
    subscribe(&mut late, "a", From::Earliest, false);
    assert_eq!(messages(&pull_all(&mut late, 7)), []);
}

fn name_of(member: &Member) -> &str {
    member.info.as_deref().unwrap_or_default()
}

fn news(frames: &[ServerFrame]) -> Vec<String> {
    let each = |frame: &ServerFrame| match frame {
        ServerFrame::Join { member, .. } => Some(format!("+{}", name_of(member))),
        ServerFrame::Leave { member, .. } => Some(format!("-{}", name_of(member))),
        ServerFrame::Members { members, .. } => {
            let mut names: Vec<_> = members.iter().map(name_of).collect();
            names.sort_unstable();
            Some(names.join(","))
        }
        _ => None,
    };
    frames.iter().filter_map(each).collect()
}

#[test]
fn presence_tells_who_is_there_who_comes_and_who_goes() {
    let hub = hub();
    let (mut ada, mut bob) = (connect(&hub, "ada"), connect(&hub, "bob"));
    subscribe(&mut ada, "a", From::Latest, true);
    assert_eq!(news(&pull_all(&mut ada, 0)), ["ada"]);
    subscribe(&mut bob, "a", From::Latest, true);
    assert_eq!(news(&pull_all(&mut bob, 0)), ["ada,bob"]);
    assert_eq!(news(&pull_all(&mut ada, 0)), ["+bob"]);
    bob.leave(100, true);
    assert_eq!(news(&pull_all(&mut ada, 100)), ["-bob"]);
    say(&mut ada, 100, ClientFrame::Presence { request: 4, topic: topic("a") });
    let frames = pull_all(&mut ada, 100);
    assert!(matches!(&frames[..], [ServerFrame::Presence { request: 4, members }] if members.len() == 1));
}

#[test]
fn a_topic_asked_for_anew_in_one_go_is_no_coming_and_going() {
    let hub = hub();
    let (mut ada, mut bob) = (connect(&hub, "ada"), connect(&hub, "bob"));
    subscribe(&mut ada, "a", From::Latest, true);
    subscribe(&mut bob, "a", From::Latest, true);
    pull_all(&mut ada, 0);
    pull_all(&mut bob, 0);
    say(&mut bob, 0, ClientFrame::Unsubscribe { topic: topic("a") });
    subscribe(&mut bob, "a", From::Latest, true);
    assert_eq!(news(&pull_all(&mut bob, 0)), ["ada,bob"]);
    assert_eq!(news(&pull_all(&mut ada, 0)), [""; 0]);
    say(&mut bob, 0, ClientFrame::Unsubscribe { topic: topic("a") });
    pull_all(&mut bob, 0);
    assert_eq!(news(&pull_all(&mut ada, 0)), ["-bob"]);
    subscribe(&mut bob, "a", From::Latest, true);
    say(&mut bob, 0, ClientFrame::Unsubscribe { topic: topic("a") });
    bob.leave(0, false);
    assert_eq!(news(&pull_all(&mut ada, 0)), ["+bob", "-bob"], "it said so before its connection was lost");
}

#[test]
fn a_lost_member_stays_for_its_grace_and_a_quick_return_is_no_news() {
    let hub = hub();
    let (mut ada, mut bob) = (connect(&hub, "ada"), connect(&hub, "bob"));
    subscribe(&mut ada, "a", From::Latest, true);
    subscribe(&mut bob, "a", From::Latest, true);
    pull_all(&mut ada, 0);
    bob.leave(1_000, false);
    hub.tick(10_999);
    assert_eq!(news(&pull_all(&mut ada, 10_999)), [""; 0]);
    let mut back = connect(&hub, "bob");
    subscribe(&mut back, "a", From::Latest, true);
    hub.tick(11_000);
    assert_eq!(news(&pull_all(&mut ada, 11_000)), [""; 0]);
    back.leave(12_000, false);
    hub.tick(22_000);
    assert_eq!(news(&pull_all(&mut ada, 22_000)), ["-bob"]);
}

#[test]
fn a_reader_that_slept_through_many_changes_gets_the_members_anew() {
    let hub = hub();
    let mut ada = connect(&hub, "ada");
    subscribe(&mut ada, "a", From::Latest, true);
    pull_all(&mut ada, 0);
    let mut crowd: Vec<_> = (0..200).map(|n| connect(&hub, &format!("c{n}"))).collect();
    crowd.iter_mut().for_each(|peer| subscribe(peer, "a", From::Latest, true));
    let frames = pull_all(&mut ada, 0);
    assert!(matches!(&frames[..], [ServerFrame::Members { members, .. }] if members.len() == 201));
}

#[test]
fn history_is_a_page_of_records() {
    let hub = hub();
    for _ in 0..9 {
        append(&hub, "a", "x");
    }
    let mut peer = connect(&hub, "ada");
    let range = HistoryRange::Before(8);
    say(&mut peer, 0, ClientFrame::History { request: 3, topic: topic("a"), range, limit: 2 });
    let frames = pull_all(&mut peer, 0);
    let ServerFrame::History { request: 3, records, more: true, .. } = &frames[0] else {
        panic!("{frames:?}")
    };
    assert_eq!(records.iter().map(|record| record.offset).collect::<Vec<_>>(), [6, 7]);
}

#[test]
fn invariant_5_questions_do_not_pile_up_without_bound() {
    let hub = hub();
    for _ in 0..50 {
        append(&hub, "a", &"x".repeat(2_000));
    }
    let mut peer = connect(&hub, "ada");
    let range = HistoryRange::After(0);
    let asked = (0..1000).find(|request| {
        say(&mut peer, 0, ClientFrame::History { request: *request, topic: topic("a"), range, limit: 1000 });
        peer.is_full()
    });
    assert!(asked.is_some_and(|asked| asked < 10));
    pull_all(&mut peer, 0);
    assert!(!peer.is_full());
}
