//! Invariant 12: whatever comes in, no decoder panics, none makes more of it than there is, and one cut
//! short is told from a whole one.

use everwire_protocol::{ClientFrame, Cursor, From, Member, Record, ServerFrame, binary, event, json};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{client_frames, server_frames, strategies};

/// How a good input is spoilt.
#[derive(Clone, Debug)]
enum Harm {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Repeat(Index),
}

fn harm() -> impl Strategy<Value = Vec<Harm>> {
    let at = any::<Index>;
    vec(
        prop_oneof![
            4 => (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Set(at, byte)),
            2 => (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Insert(at, byte)),
            2 => at().prop_map(Harm::Remove),
            1 => at().prop_map(Harm::Cut),
            1 => at().prop_map(Harm::Repeat),
        ],
        1..6,
    )
}

fn spoil(mut bytes: Vec<u8>, harm: &[Harm]) -> Vec<u8> {
    for harm in harm {
        let place = |at: &Index, bytes: &[u8]| at.index(bytes.len().max(1));
        match harm {
            Harm::Set(at, byte) => {
                let at = place(at, &bytes);
                bytes.iter_mut().skip(at).take(1).for_each(|old| *old = *byte);
            }
            Harm::Insert(at, byte) => bytes.insert(place(at, &bytes).min(bytes.len()), *byte),
            Harm::Remove(at) => drop(bytes.drain(place(at, &bytes)..).next()),
            Harm::Cut(at) => bytes.truncate(place(at, &bytes)),
            Harm::Repeat(at) => bytes.extend_from_within(place(at, &bytes).min(bytes.len())..),
        }
    }
    bytes
}

/// The bytes that the texts and payloads of frames hold: no more than the input, where it was not encoded.
fn content(frames: &[ServerFrame]) -> usize {
    let record = |record: &Record| {
        let texts = [&record.key, &record.from].into_iter().flatten().map(|text| text.len()).sum::<usize>();
        record.payload.data.len() + texts
    };
    let member = |member: &Member| {
        let texts = [&member.subject, &member.info].into_iter().flatten().map(|text| text.len());
        1 + member.id.len() + texts.sum::<usize>()
    };
    let frame = |frame: &ServerFrame| match frame {
        ServerFrame::Messages { records, .. } | ServerFrame::History { records, .. } => {
            records.iter().map(|r| 1 + record(r)).sum()
        }
        ServerFrame::Members { members, .. } | ServerFrame::Presence { members, .. } => {
            members.iter().map(member).sum()
        }
        ServerFrame::Ephemeral { payload, .. } => payload.data.len(),
        ServerFrame::Error { message, .. } => message.len(),
        ServerFrame::Closed { reason, .. } => reason.len(),
        _ => 0,
    };
    frames.iter().map(frame).sum()
}

/// Every decoder of what comes from a client.
fn offer_to_server(bytes: &[u8]) {
    let _ = client_frames(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = json::decode_client(&text);
    let _ = json::body::publish(&text).map(|body| body.with_idempotency_key(&text));
    let _ = (text.parse::<Cursor>(), text.parse::<From>());
}

/// Every decoder of what comes from a server.
fn offer_to_client(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for frames in [server_frames(bytes).ok(), json::decode_server(&text).ok()].into_iter().flatten() {
        assert!(content(&frames) <= bytes.len().max(text.len()), "{frames:?}");
    }
    for name in event::NAMES.into_iter().chain([""]) {
        if let Ok(Some(frame)) = event::decode(name, text.as_bytes()) {
            assert!(content(&[frame]) <= text.len() + 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn invariant_12_any_bytes_do_no_harm(bytes in vec(any::<u8>(), 0..200)) {
        offer_to_server(&bytes);
        offer_to_client(&bytes);
    }

    #[test]
    fn invariant_12_any_text_does_no_harm(text in "[\\PC\n]{0,80}", words in "[0-9a-z=%: \n-]{0,60}") {
        for text in [text, words] {
            offer_to_server(text.as_bytes());
            offer_to_client(text.as_bytes());
        }
    }

    #[test]
    fn invariant_12_spoilt_client_frames_do_no_harm(
        frames in vec(strategies::client_frame(), 1..4),
        harm in harm(),
    ) {
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| binary::encode_client(frame, &mut bytes));
        offer_to_server(&spoil(bytes, &harm));
        offer_to_server(&spoil(json::client_message(&frames).into_bytes(), &harm));
    }

    #[test]
    fn invariant_12_spoilt_server_frames_do_no_harm(
        frames in vec(strategies::server_frame(), 1..4),
        harm in harm(),
    ) {
        let (mut bytes, mut cursor, mut stream) = (Vec::new(), Cursor::default(), String::new());
        for frame in &frames {
            binary::encode_server(frame, &mut bytes);
            event::encode(frame, &mut cursor, &mut stream);
        }
        offer_to_client(&spoil(bytes, &harm));
        offer_to_client(&spoil(json::server_message(&frames).into_bytes(), &harm));
        for (_, data) in crate::events(&stream).0 {
            offer_to_client(&spoil(data.into_bytes(), &harm));
        }
    }

    #[test]
    fn a_message_that_was_cut_is_told_from_a_whole_one(
        frames in vec(strategies::client_frame(), 1..4),
        at in any::<Index>(),
    ) {
        let (mut bytes, mut ends) = (Vec::new(), vec![0]);
        for frame in &frames {
            binary::encode_client(frame, &mut bytes);
            ends.push(bytes.len());
        }
        let at = at.index(bytes.len());
        let expected = match ends.binary_search(&at) {
            Ok(whole) => Ok::<Vec<ClientFrame>, _>(frames[..whole].to_vec()),
            Err(_) => Err(binary::DecodeError::Truncated),
        };
        prop_assert_eq!(client_frames(&bytes[..at]), expected);
        let text = json::client_message(&frames);
        let mut cut = at.min(text.len() - 1);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        prop_assert!(json::decode_client(&text[..cut]).is_err());
    }

    #[test]
    fn a_count_that_lies_is_refused_before_anything_is_kept(count in 4_u64.., flavour in 0..3_usize) {
        // Messages, history and presence, each of so many records or members, with three bytes behind.
        let mut body = [vec![0x83, 0, 1], vec![0x8a, 0, 0, 1, b'e', 1], vec![0x89, 0]][flavour].clone();
        let mut rest = count;
        while rest >= 0x80 {
            body.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        body.extend([rest as u8, 0, 0, 0]);
        body.insert(0, body.len() as u8);
        prop_assert_eq!(server_frames(&body), Err(binary::DecodeError::Invalid));
    }
}
