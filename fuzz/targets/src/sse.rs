//! The parser of event streams against the standard's algorithm: the same events, ids and reconnection time, however
//! the stream is cut into chunks; and with a limit, nothing but what comes before the limit is broken.

#[path = "../../../sdk/core/tests/sse/standard.rs"]
mod standard;

use everwire_core::sse::{Parser, TooLong};
use standard::{Dispatched, Stream};

/// Reads bytes as a stream. The first byte says how it is cut, the second how long an event may be.
pub fn sse(data: &[u8]) {
    let [cut, limit, stream @ ..] = data else { return };
    let expected = standard::read(stream);
    let (whole, bytes) = ([stream], stream.chunks(1));
    assert_eq!(parsed(Parser::new(), whole.into_iter()), (expected.clone(), Ok(())), "whole");
    assert_eq!(parsed(Parser::new(), bytes.clone()), (expected.clone(), Ok(())), "byte by byte");
    assert_eq!(parsed(Parser::new(), pieces(stream, *cut)), (expected.clone(), Ok(())), "cut by {cut}");

    let limited = || Parser::with_limit(usize::from(*limit));
    let (seen, outcome) = parsed(limited(), whole.into_iter());
    match outcome {
        Ok(()) => assert_eq!(seen, expected),
        Err(TooLong) => assert!(expected.events.starts_with(&seen.events), "{seen:?} of {expected:?}"),
    }
    assert_eq!(parsed(limited(), bytes), (seen.clone(), outcome), "byte by byte, limited");
    assert_eq!(parsed(limited(), pieces(stream, *cut)), (seen, outcome), "cut by {cut}, limited");
}

/// Pieces of changing lengths, drawn from one number.
fn pieces(mut stream: &[u8], cut: u8) -> impl Iterator<Item = &[u8]> {
    let mut state = u32::from(cut) + 1;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        let length = (state >> 28) as usize;
        let (piece, rest) = stream.split_at(length.min(stream.len()));
        let more = !stream.is_empty();
        stream = rest;
        more.then_some(piece)
    })
}

fn parsed<'a>(mut parser: Parser, chunks: impl Iterator<Item = &'a [u8]>) -> (Stream, Result<(), TooLong>) {
    let (mut events, mut outcome) = (Vec::new(), Ok(()));
    for mut chunk in chunks {
        while outcome.is_ok() {
            match parser.next_event(&mut chunk) {
                Ok(Some(event)) => events.push(Dispatched {
                    name: event.name().into_owned(),
                    data: event.data().into_owned(),
                    last_event_id: event.id().into_owned(),
                }),
                Ok(None) => break,
                Err(error) => outcome = Err(error),
            }
        }
    }
    let last_event_id = String::from_utf8_lossy(parser.last_event_id()).into_owned();
    (Stream { events, last_event_id, reconnection_time: parser.retry() }, outcome)
}
