//! Every message comes back as it went, and nothing else is understood.

use super::*;
use crate::Transport;

fn name(byte: u8) -> TabName {
    TabName([byte; 16])
}

fn change(reason: Reason) -> StateChange {
    StateChange {
        state: State::Waiting,
        transport: Some(Transport::Sse),
        reason,
        attempt: 3,
        retry_in: Some(Duration::from_millis(1_500)),
    }
}

fn to_tab() -> Vec<ToTab> {
    let states = STATES.map(|state| StateChange { state, ..change(Reason::Network) }).into_iter();
    let reasons = REASONS.map(change).into_iter();
    let transports =
        Transport::ALL.map(|transport| StateChange { transport: Some(transport), ..change(Reason::Back) });
    let more = [
        StateChange { transport: None, retry_in: None, ..change(Reason::Closed(4_200)) },
        change(Reason::Status(503)),
    ];
    let states = states.chain(reasons).chain(transports).chain(more).map(ToTab::State);
    let others = [
        ToTab::Opened { leader: name(9), client_id: "ada".parse().unwrap() },
        ToTab::Frames(Bytes::from_static(b"frames")),
        ToTab::Expired("a.1.b".parse().unwrap()),
        ToTab::Closed,
    ];
    states.chain(others).collect()
}

fn from_tab() -> [FromTab; 4] {
    [FromTab::Frames(Bytes::from_static(b"frames")), FromTab::Taken(65_537), FromTab::Wake, FromTab::Closed]
}

#[test]
fn every_message_comes_back_as_it_went() {
    for message in to_tab() {
        assert_eq!(ToTab::decode(message.encode()), Ok(message));
    }
    for message in from_tab() {
        assert_eq!(FromTab::decode(message.encode()), Ok(message));
    }
    for message in
        [Announcement::Leader { leader: name(7) }, Announcement::Hello { tab: name(0xf0), link: 9 }]
    {
        assert_eq!(Announcement::decode(message.encode()), Ok(message));
    }
}

#[test]
fn a_message_is_understood_only_where_it_belongs() {
    for message in to_tab().iter().map(ToTab::encode) {
        assert_eq!(FromTab::decode(message.clone()), Err(Unreadable));
        assert_eq!(Announcement::decode(message), Err(Unreadable));
    }
    for message in from_tab().iter().map(FromTab::encode) {
        assert_eq!(ToTab::decode(message), Err(Unreadable));
    }
}

#[test]
fn invariant_12_what_is_cut_or_longer_or_of_another_version_is_refused() {
    let frames = |message: &Bytes| matches!(message[1], TO_TAB | TO_LEADER);
    let all =
        to_tab().iter().map(ToTab::encode).chain(from_tab().iter().map(FromTab::encode)).collect::<Vec<_>>();
    for message in all {
        let mut other = message.to_vec();
        other[0] += 1;
        assert_eq!(ToTab::decode(other.clone().into()), Err(Unreadable));
        assert_eq!(FromTab::decode(other.into()), Err(Unreadable));
        // A name has no length of its own: cut, it is another name.
        if !frames(&message) && !matches!(message[1], OPENED | EXPIRED) {
            for len in 0..message.len() {
                assert_eq!(ToTab::decode(message.slice(..len)), Err(Unreadable), "{message:?} {len}");
                assert_eq!(FromTab::decode(message.slice(..len)), Err(Unreadable), "{message:?} {len}");
            }
            let longer = Bytes::from([&message[..], b"\0"].concat());
            assert_eq!(ToTab::decode(longer.clone()), Err(Unreadable), "{message:?}");
            assert_eq!(FromTab::decode(longer), Err(Unreadable), "{message:?}");
        }
    }
    let large = ToTab::Frames(vec![0; limits::FRAME_BYTES + 1].into()).encode();
    assert_eq!(ToTab::decode(large), Err(Unreadable));
}

#[test]
fn a_tab_s_name_is_hex() {
    assert_eq!(name(0x0f).to_hex(), "0f".repeat(16));
}
