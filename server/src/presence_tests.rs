//! Presence: what is bounded, and who is told what of members that are on other instances.

use super::*;

fn visitor(name: &str, info: &str) -> Visitor {
    let client_id = ClientId::new(name).expect("a client id");
    Visitor { client_id, subject: None, info: Some(info.into()) }
}

#[test]
fn who_comes_and_goes_all_the_time_takes_no_more_room_than_who_stays() {
    let (presence, topic) = (Presence::new(10, 1).with_most(2), Topic::new("a").expect("a topic"));
    let (ada, bob) = (visitor("ada", "Ada"), visitor("bob", "Bob"));
    assert_eq!(presence.join(&topic, &bob), Ok(true));
    for now in 0..100 {
        assert_eq!(presence.join(&topic, &ada), Ok(now == 0));
        assert!(!presence.leave(now, &topic, &ada, false));
    }
    assert_eq!(presence.lock().leaving.len(), 1);
    assert_eq!(presence.join(&topic, &visitor("eve", "Eve")), Err(Full));
    assert_eq!((presence.expire(108), presence.expire(109)), (vec![], vec![topic.clone()]));
    assert_eq!(presence.join(&topic, &visitor("eve", "Eve")), Ok(true));
    assert!(presence.leave(110, &topic, &bob, true));
    assert_eq!(presence.lock().stays, 1);
}

#[test]
fn a_list_is_bounded_in_its_longest_form_and_a_large_member_hides_no_small_one() {
    let (presence, topic) = (Presence::new(10, 1), Topic::new("a").expect("a topic"));
    for n in 0..100 {
        let info = if n % 2 == 0 { "\u{1}".repeat(limits::INFO_BYTES) } else { "Ada".to_owned() };
        assert_eq!(presence.join(&topic, &visitor(&format!("c{n}"), &info)), Ok(true));
    }
    let (members, _) = presence.members(&topic, 6_000);
    assert_eq!(members.len(), 50);
    let (members, _) = presence.members(&topic, MEMBERS_BYTES);
    let written = everwire_protocol::json::body::presence(&topic, &members).len();
    assert!((MEMBERS_BYTES / 2..=MEMBERS_BYTES + 1_000).contains(&written), "{written}");
}

fn member(id: &str, info: &str) -> Member {
    Member { id: id.into(), subject: None, info: Some(info.into()) }
}

/// A topic, and presence that shares it with an instance `there`.
fn shared() -> (Presence, Topic, elsewhere::Instance) {
    let (presence, topic) = (Presence::new(10, 1), Topic::new("a").expect("a topic"));
    presence.share([7; 16]);
    presence.begin_list(&topic);
    assert!(!presence.end_list(&topic, Vec::new()));
    (presence, topic, "there".into())
}

#[test]
fn instances_that_share_a_secret_give_a_member_the_same_id() {
    let id = |secret: u8, name: &str, client: &str| {
        let (presence, topic) = (Presence::new(10, fastrand::u64(..)), Topic::new(name).expect("a topic"));
        presence.share([secret; 16]);
        assert_eq!(presence.join(&topic, &visitor(client, "x")), Ok(true));
        presence.members(&topic, MEMBERS_BYTES).0[0].id.clone()
    };
    assert_eq!(id(1, "a", "ada"), id(1, "a", "ada"));
    assert_ne!(id(1, "a", "ada"), id(2, "a", "ada"));
    assert_ne!(id(1, "a", "ada"), id(1, "b", "ada"));
    assert_ne!(id(1, "a", "ada"), id(1, "a", "bob"));
}

#[test]
fn the_others_are_told_what_a_member_is_now_and_again_if_that_failed() {
    let (presence, topic, _) = shared();
    let ada = visitor("ada", "Ada");
    assert_eq!(presence.join(&topic, &ada), Ok(true));
    assert_eq!(presence.join(&topic, &ada), Ok(false), "a second tab");
    let told = presence.take_untold(10);
    let [(_, id, Some(member))] = &told[..] else { panic!("one member, not {told:?}") };
    assert_eq!((&member.id, member.info.as_deref()), (id, Some("Ada")));
    assert!(presence.take_untold(10).is_empty());
    presence.still_untold(told.clone());
    assert_eq!(presence.take_untold(10), told);
    assert!(!presence.leave(0, &topic, &ada, true));
    assert!(presence.take_untold(10).is_empty(), "the second tab is there");
    assert!(presence.leave(0, &topic, &ada, true));
    assert_eq!(presence.take_untold(10), [(topic.clone(), told[0].1.clone(), None)]);
}

#[test]
fn who_comes_and_goes_elsewhere_is_told_here() {
    let (presence, topic, there) = shared();
    let (_, cursor) = presence.members(&topic, MEMBERS_BYTES);
    let bob = member("b", "Bob");
    assert!(presence.heard(&topic, &there, &bob.id, Some(bob.clone())));
    assert!(!presence.heard(&topic, &there, &bob.id, Some(bob.clone())), "told twice");
    assert_eq!(presence.members(&topic, MEMBERS_BYTES).0, std::slice::from_ref(&bob));
    let other: elsewhere::Instance = "other".into();
    assert!(!presence.heard(&topic, &other, &bob.id, Some(bob.clone())), "another tab");
    assert!(!presence.heard(&topic, &there, &bob.id, None), "which stays");
    assert_eq!(presence.instances().into_iter().collect::<Vec<_>>(), std::slice::from_ref(&other));
    assert_eq!(presence.forget_instance(&other), [(topic.clone(), bob.id.clone())]);
    let (News::Changes(changes), _) = presence.news(&topic, cursor).expect("news") else { panic!() };
    assert_eq!(changes, [Change::Join(bob.clone()), Change::Leave(bob)]);
    assert_eq!(presence.lock().stays, 0);
}

#[test]
fn who_moves_between_instances_neither_comes_nor_goes() {
    let (presence, topic, there) = shared();
    let ada = visitor("ada", "Ada");
    assert_eq!(presence.join(&topic, &ada), Ok(true));
    let (members, cursor) = presence.members(&topic, MEMBERS_BYTES);
    let id = &members[0].id;
    assert!(!presence.leave(0, &topic, &ada, false));
    assert!(!presence.heard(&topic, &there, id, Some(members[0].clone())), "there within its grace");
    assert_eq!(presence.expire(10), []);
    assert_eq!(presence.members(&topic, MEMBERS_BYTES).0, members);
    assert_eq!(presence.join(&topic, &ada), Ok(false), "and back");
    assert!(!presence.heard(&topic, &there, id, None));
    assert_eq!(presence.news(&topic, cursor), None);
    assert!(presence.leave(0, &topic, &ada, true));
}

#[test]
fn what_is_heard_while_the_list_is_on_its_way_is_newer_than_the_list() {
    let (presence, topic, there) = shared();
    let (bob, eve, kim) = (member("b", "Bob"), member("e", "Eve"), member("k", "Kim"));
    assert!(presence.heard(&topic, &there, &kim.id, Some(kim.clone())));
    presence.begin_list(&topic);
    assert!(presence.heard(&topic, &there, &bob.id, Some(bob.clone())));
    assert!(!presence.heard(&topic, &there, &eve.id, None));
    assert!(presence.end_list(&topic, vec![(there.clone(), eve)]), "kim is gone");
    assert_eq!(presence.members(&topic, MEMBERS_BYTES).0, [bob]);
    presence.forget_elsewhere(&topic);
    assert!(presence.lock().rooms.is_empty() && presence.lock().stays == 0);
    assert!(!presence.heard(&topic, &there, &kim.id.clone(), Some(kim)), "nobody listens");
}

#[test]
fn invariant_5_members_elsewhere_are_bounded_too() {
    let (presence, topic, there) = shared();
    let presence = presence.with_most(2);
    for n in 0..10 {
        let member = member(&format!("m{n}"), "x");
        presence.heard(&topic, &there, &member.id.clone(), Some(member));
    }
    assert_eq!(presence.members(&topic, MEMBERS_BYTES).0.len(), 2);
    assert_eq!(presence.join(&topic, &visitor("ada", "Ada")), Err(Full));
}
