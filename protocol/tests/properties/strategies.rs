//! Frames of all sorts, within their bounds.

use std::sync::Arc;

use everwire_protocol::*;
use proptest::{collection::vec, option, prelude::*};

pub fn topic() -> impl Strategy<Value = Topic> {
    "\\$?[A-Za-z0-9_.:/-]{1,40}".prop_map(|name| Topic::new(&name).unwrap())
}

fn publish_id() -> impl Strategy<Value = PublishId> {
    "[A-Za-z0-9_.-]{1,40}".prop_map(|name| PublishId::new(&name).unwrap())
}

fn epoch() -> impl Strategy<Value = Epoch> {
    "[A-Za-z0-9]{1,15}".prop_map(|name| Epoch::new(&name).unwrap())
}

pub fn position() -> impl Strategy<Value = Position> {
    (epoch(), wide()).prop_map(|(epoch, offset)| Position { epoch, offset })
}

pub fn cursor() -> impl Strategy<Value = Cursor> {
    // Few epochs, so that neighbours often share one.
    let position =
        ("[ab]", wide()).prop_map(|(epoch, offset)| Position { epoch: epoch.parse().unwrap(), offset });
    vec(position, 1..limits::TOPICS).prop_map(Cursor)
}

pub fn start() -> impl Strategy<Value = From> {
    prop_oneof![
        Just(From::Latest),
        Just(From::Earliest),
        any::<u32>().prop_map(From::Last),
        position().prop_map(From::Position),
    ]
}

/// Small numbers, numbers around the edges of varints and doubles, and any others.
fn wide() -> impl Strategy<Value = u64> {
    prop_oneof![0..200_u64, (0..64_u32, 0..2_u64).prop_map(|(bit, less)| (1 << bit) - less), any::<u64>()]
}

/// Text of any characters, control characters among them, of at most 160 bytes.
fn text() -> impl Strategy<Value = String> {
    let any_text = vec(any::<char>(), 0..40).prop_map(String::from_iter);
    prop_oneof![any_text, "[ %=\r\n\t\u{0}a\"\\\\\u{2028}\u{feff}]{0,12}"]
}

fn shared() -> impl Strategy<Value = Arc<str>> {
    text().prop_map(Into::into)
}

fn member_id() -> impl Strategy<Value = Arc<str>> {
    vec(any::<char>(), 0..16).prop_map(|chars| String::from_iter(chars).into())
}

fn json_text() -> impl Strategy<Value = String> {
    prop_oneof![
        text().prop_map(|text| serde_json::json!({ "text": text, "n": [1.5, null] }).to_string()),
        Just("{\"a\" :\r\n[ 1.50,1e2 ] }".to_owned()),
        "[0-9a-z{}\\[\\],:\" \n]{0,12}",
    ]
}

/// A payload as a client publishes it: JSON, well-formed or not, and text are UTF-8. White space around
/// JSON is not kept by the JSON codec, and so is left out.
pub fn published() -> impl Strategy<Value = Payload> {
    prop_oneof![
        json_text().prop_map(|json| Payload::json(json.trim())),
        text().prop_map(Payload::text),
        vec(any::<u8>(), 0..60).prop_map(Payload::bytes),
    ]
}

/// A payload as a client must be ready to get it: of any kind, it may hold any bytes.
pub fn payload() -> impl Strategy<Value = Payload> {
    let broken = (any::<bool>(), vec(any::<u8>(), 0..20)).prop_map(|(json, mut data)| {
        data.insert(0, 0xff);
        data.push(0xff);
        Payload { kind: if json { Kind::Json } else { Kind::Text }, data: data.into() }
    });
    prop_oneof![4 => published(), 1 => broken]
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let rest = (wide(), payload(), option::of(shared()), option::of(shared()), option::of(publish_id()));
    (1..u64::MAX - 10, vec(rest, 1..6)).prop_map(|(first, records)| {
        let numbered = records.into_iter().zip(first..);
        numbered
            .map(|((time, payload, key, from, id), offset)| Record { offset, time, payload, key, from, id })
            .collect()
    })
}

fn member() -> impl Strategy<Value = Member> {
    (member_id(), option::of(shared()), option::of(shared())).prop_map(|(id, subject, info)| Member {
        id,
        subject,
        info,
    })
}

fn window() -> impl Strategy<Value = RetryWindow> {
    (any::<u32>(), any::<u32>()).prop_map(|(a, b)| RetryWindow { min: a.min(b), max: a.max(b) })
}

fn about() -> impl Strategy<Value = About> {
    prop_oneof![
        Just(About::Connection),
        topic().prop_map(About::Topic),
        publish_id().prop_map(About::Publish),
        any::<u32>().prop_map(About::Request),
    ]
}

pub fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let client_id = "[A-Za-z0-9_-]{1,64}".prop_map(|id| ClientId::new(&id).unwrap());
    let range = prop_oneof![wide().prop_map(HistoryRange::Before), wide().prop_map(HistoryRange::After)];
    prop_oneof![
        (client_id, option::of(text()), option::of(text())).prop_map(|(client_id, token, info)| {
            ClientFrame::Connect { client_id, token: token.map(Token::from), info }
        }),
        (topic(), start(), any::<bool>()).prop_map(|(topic, from, presence)| ClientFrame::Subscribe {
            topic,
            from,
            mode: Mode { presence }
        }),
        topic().prop_map(|topic| ClientFrame::Unsubscribe { topic }),
        topic().prop_map(|topic| ClientFrame::Pause { topic }),
        topic().prop_map(|topic| ClientFrame::Resume { topic }),
        (topic(), publish_id(), published(), option::of(shared()), any::<bool>()).prop_map(
            |(topic, id, payload, key, ephemeral)| ClientFrame::Publish {
                topic,
                id,
                payload,
                key,
                ephemeral
            }
        ),
        (any::<u32>(), topic()).prop_map(|(request, topic)| ClientFrame::Presence { request, topic }),
        (any::<u32>(), topic(), range, any::<u32>()).prop_map(|(request, topic, range, limit)| {
            ClientFrame::History { request, topic, range, limit }
        }),
        text().prop_map(|token| ClientFrame::Refresh { token: token.into() }),
        any::<u32>().prop_map(|nonce| ClientFrame::Ping { nonce }),
    ]
}

/// Frames that travel by events too. Aliases are those of a stream of four topics.
pub fn event_frame() -> impl Strategy<Value = ServerFrame> {
    let limits = (any::<u32>(), any::<u32>(), any::<u32>());
    let limits = limits.prop_map(|(payload, frame, topics)| Limits { payload, frame, topics });
    let alias = 0..4_u32;
    let code = any::<u16>().prop_map(Code);
    prop_oneof![
        (shared(), any::<u32>(), limits, shared()).prop_map(|(session, heartbeat, limits, server)| {
            ServerFrame::Welcome { session, heartbeat, limits, server }
        }),
        (topic(), alias.clone(), position(), any::<bool>()).prop_map(
            |(topic, alias, position, recovered)| {
                ServerFrame::Subscribed { topic, alias, position, recovered }
            }
        ),
        (alias.clone(), records()).prop_map(|(alias, records)| ServerFrame::Messages { alias, records }),
        (alias.clone(), wide(), option::of(wide()), any::<bool>(), position()).prop_map(
            |(alias, from, more, epoch, position)| {
                let to = more.map(|more| from.saturating_add(more));
                let reason = if epoch { GapReason::Epoch } else { GapReason::Evicted };
                ServerFrame::Gap { alias, from, to, reason, position }
            }
        ),
        (alias.clone(), wide(), payload(), option::of(shared())).prop_map(|(alias, time, payload, from)| {
            ServerFrame::Ephemeral { alias, time, payload, from }
        }),
        (alias.clone(), vec(member(), 0..4))
            .prop_map(|(alias, members)| ServerFrame::Members { alias, members }),
        (alias.clone(), member()).prop_map(|(alias, member)| ServerFrame::Join { alias, member }),
        (alias, member()).prop_map(|(alias, member)| ServerFrame::Leave { alias, member }),
        (about(), code.clone(), shared(), option::of(window())).prop_map(
            |(about, code, message, retry_after)| ServerFrame::Error { about, code, message, retry_after }
        ),
        Just(ServerFrame::Heartbeat),
        window().prop_map(|window| ServerFrame::Drain { window }),
        any::<u32>().prop_map(|after| ServerFrame::Expires { after }),
        (code, shared()).prop_map(|(code, reason)| ServerFrame::Closed { code, reason }),
    ]
}

pub fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let page = prop_oneof![records(), Just(Vec::new())];
    prop_oneof![
        event_frame(),
        event_frame(),
        (publish_id(), option::of(position())).prop_map(|(id, position)| ServerFrame::Ack { id, position }),
        (any::<u32>(), vec(member(), 0..4))
            .prop_map(|(request, members)| ServerFrame::Presence { request, members }),
        (any::<u32>(), epoch(), page, any::<bool>()).prop_map(|(request, epoch, records, more)| {
            ServerFrame::History { request, epoch, records, more }
        }),
        any::<u32>().prop_map(|nonce| ServerFrame::Pong { nonce }),
    ]
}
