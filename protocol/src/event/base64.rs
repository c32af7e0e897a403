//! Reads base64 (RFC 4648 section 4, padded). A browser pays for every byte of code, and the `base64`
//! crate's decoder, made for speed on large inputs, takes 4 KB of wasm where this takes a few hundred bytes;
//! the tests hold it to the crate, which the server writes with.

use super::{EventError, header::Result};

pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return Err(EventError::Base64);
    }
    let digits = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &digit in digits {
        bits = bits << 6 | value(digit)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // What is left over belongs to no byte: another text of the same bytes would have other bits here.
    if bits == 0 { Ok(out) } else { Err(EventError::Base64) }
}

fn value(digit: u8) -> Result<u32> {
    Ok(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return Err(EventError::Base64),
    }))
}

#[cfg(test)]
mod tests {
    use ::base64::{Engine, engine::general_purpose::STANDARD};
    use proptest::{collection::vec, prelude::*};

    use super::decode;

    proptest! {
        #[test]
        fn what_the_crate_wrote_comes_back(bytes in vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(decode(STANDARD.encode(&bytes).as_bytes()), Ok(bytes));
        }

        #[test]
        fn what_the_crate_refuses_is_refused(text in "[AQgw/+=9z-]{0,9}={0,2}") {
            prop_assert_eq!(decode(text.as_bytes()).ok(), STANDARD.decode(&text).ok());
        }
    }

    #[test]
    fn every_short_text_is_read_as_the_crate_reads_it() {
        let alphabet = ['A', 'B', 'Q', 'g', '/', '=', '-'];
        for n in 0..alphabet.len().pow(4) {
            let digit = |place: u32| alphabet[n / alphabet.len().pow(place) % alphabet.len()];
            let text = String::from_iter((0..4).map(digit));
            assert_eq!(decode(text.as_bytes()).ok(), STANDARD.decode(&text).ok(), "{text}");
        }
    }
}
