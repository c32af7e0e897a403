//! How a peer's token ends, and what another one changes.

use everwire_protocol::Token;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::*;
use crate::auth::{Jwt, KeySources, Keyring, TokenRules};

const SECRET: &str = "a shared secret of at least 32 bytes";

fn strict() -> Arc<Hub<MemoryStore>> {
    let sources = KeySources { secret: Some(SECRET.to_owned().into()), ..KeySources::default() };
    let keyring = Arc::new(Keyring::load(sources).expect("keys"));
    let store = MemoryStore::new(1, MemoryLimits::default());
    let jwt = Jwt::new(keyring, TokenRules::default());
    Arc::new(Hub::new(store, Presence::new(10_000, 1), Arc::new(jwt), PeerRules::default()))
}

/// A token that ends at a second, and allows to do all with these topics.
fn token(subject: &str, exp: u64, topics: &[&str]) -> Token {
    let grants = json!({ "subscribe": topics, "publish": topics, "presence": topics });
    let claims = json!({ "sub": subject, "exp": exp, "everwire": grants });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).expect("a token").into()
}

fn connect_with(hub: &Arc<Hub<MemoryStore>>, token: Option<Token>) -> (TestPeer, Vec<ServerFrame>) {
    let mut peer = Peer::new(Arc::clone(hub), 0, "s1");
    say(&mut peer, 0, ClientFrame::Connect { client_id: client_id("ada"), token, info: None });
    let frames = pull(&mut peer, 0);
    (peer, frames)
}

fn ada(hub: &Arc<Hub<MemoryStore>>, exp: u64, topics: &[&str]) -> TestPeer {
    let (peer, frames) = connect_with(hub, Some(token("ada", exp, topics)));
    assert!(matches!(frames[..], [ServerFrame::Welcome { .. }, ServerFrame::Expires { .. }]), "{frames:?}");
    peer
}

fn closing(peer: &TestPeer) -> Option<Code> {
    peer.closing().map(|closing| closing.code)
}

#[test]
fn the_end_of_a_token_is_told_after_the_welcome_and_kept_to() {
    let hub = strict();
    let (mut peer, frames) = connect_with(&hub, Some(token("ada", 20, &["a"])));
    assert_eq!(frames[1..], [ServerFrame::Expires { after: 20_000 }]);
    subscribe(&mut peer, "a", From::Latest, false);
    pull_all(&mut peer, 0);
    append(&hub, "a", "x");
    assert_eq!(peer.deadline(), 20_000);
    assert_eq!(messages(&pull_all(&mut peer, 19_999)), [(0, 1)]);
    append(&hub, "a", "x");
    assert_eq!(pull_all(&mut peer, 20_000), [], "not one record after it");
    assert_eq!(closing(&peer), Some(Code::TOKEN_EXPIRED));
}

#[test]
fn what_is_asked_after_the_end_of_a_token_has_no_effect() {
    let hub = strict();
    let mut peer = ada(&hub, 20, &["a"]);
    say(&mut peer, 20_000, publish("p.1", "a", Payload::json("1")));
    assert_eq!(pull_all(&mut peer, 20_000), []);
    assert_eq!(closing(&peer), Some(Code::TOKEN_EXPIRED));
    let page = hub.store.history(0, &topic("a"), HistoryRange::Before(9), 9).now_or_never();
    assert!(page.expect("at once").expect("a page").entries.is_empty());
}

#[test]
fn an_end_that_lies_beyond_what_a_frame_can_say_is_the_most_that_it_can() {
    let hub = strict();
    let (_, frames) = connect_with(&hub, Some(token("ada", u64::MAX, &["a"])));
    assert_eq!(frames[1..], [ServerFrame::Expires { after: u32::MAX }]);
}

#[test]
fn a_bad_token_and_none_are_refused_with_their_codes() {
    let hub = strict();
    for (token, code) in [
        (None, Code::TOKEN_REQUIRED),
        (Some("no token".into()), Code::TOKEN_INVALID),
        (Some(token("ada", 0, &["a"])), Code::TOKEN_EXPIRED),
    ] {
        let (peer, frames) = connect_with(&hub, token);
        assert_eq!((codes(&frames), closing(&peer)), (vec![code], Some(code)));
    }
}

#[test]
fn a_refresh_in_place_gives_the_connection_the_new_end() {
    let hub = strict();
    let mut peer = ada(&hub, 20, &["a"]);
    subscribe(&mut peer, "a", From::Latest, false);
    pull_all(&mut peer, 0);
    say(&mut peer, 15_000, ClientFrame::Refresh { token: token("ada", 60, &["a"]) });
    assert_eq!(pull_all(&mut peer, 15_000), [ServerFrame::Expires { after: 45_000 }]);
    append(&hub, "a", "x");
    assert_eq!(messages(&pull_all(&mut peer, 30_000)), [(0, 1)], "what stood goes on");
    pull_all(&mut peer, 60_000);
    assert_eq!(closing(&peer), Some(Code::TOKEN_EXPIRED));
}

#[test]
fn a_refresh_ends_what_is_not_allowed_any_more() {
    let hub = strict();
    let mut peer = ada(&hub, 20, &["a", "b", "c"]);
    for (name, presence) in [("a", false), ("b", true), ("c", true)] {
        subscribe(&mut peer, name, From::Latest, presence);
    }
    pull_all(&mut peer, 0);
    let grants = json!({ "subscribe": ["b", "c"], "presence": ["c"] });
    let claims = json!({ "sub": "ada", "exp": 60, "everwire": grants });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = encode(&Header::default(), &claims, &key).expect("a token").into();
    say(&mut peer, 0, ClientFrame::Refresh { token });
    say(&mut peer, 0, publish("p.1", "c", Payload::json("1")));
    let frames = pull_all(&mut peer, 0);
    assert_eq!(frames[0], ServerFrame::Expires { after: 60_000 });
    let ended: Vec<_> = frames[1..3]
        .iter()
        .map(|frame| match frame {
            ServerFrame::Error { about: About::Topic(topic), code: Code::FORBIDDEN, .. } => topic.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ended, ["a", "b"]);
    assert!(matches!(&frames[3], ServerFrame::Error { about: About::Publish(_), code: Code::FORBIDDEN, .. }));
    for name in ["a", "b", "c"] {
        append(&hub, name, "x");
    }
    assert_eq!(messages(&pull_all(&mut peer, 0)), [(2, 1)]);
    assert!(hub.presence.members(&topic("b"), usize::MAX).0.is_empty(), "it has left");
    assert_eq!(hub.presence.members(&topic("c"), usize::MAX).0.len(), 1);
}

#[test]
fn a_refresh_that_is_refused_ends_the_connection_with_its_code() {
    for (token, code) in [
        (token("bob", 60, &["a"]), Code::TOKEN_OTHER_SUBJECT),
        (token("ada", 0, &["a"]), Code::TOKEN_EXPIRED),
        ("no token".into(), Code::TOKEN_INVALID),
    ] {
        let mut peer = ada(&strict(), 20, &["a"]);
        say(&mut peer, 0, ClientFrame::Refresh { token });
        assert_eq!(codes(&pull_all(&mut peer, 0)), [code]);
        assert_eq!(closing(&peer), Some(code));
        assert_eq!(code.action(), everwire_protocol::Action::RetryWithToken, "and it may come back");
    }
}

#[test]
fn an_answer_that_was_held_tells_the_time_that_is_left_when_it_goes() {
    let hub = strict();
    let token = token("ada", 20, &["a"]);
    let subject = hub.authorizer.authenticate(0, Some(token.as_str())).expect("is let in");
    let peer = &mut Peer::connected(Arc::clone(&hub), 0, "s1", subject, None);
    let mut out = peer.pull(0).now_or_never().expect("at once");
    assert!(!out.iter().any(Outgoing::is_news), "a poll is held all the same");
    peer.tell_end_again(5_000, &mut out);
    assert_eq!(out[1], Outgoing::Frame(ServerFrame::Expires { after: 15_000 }));
}
