//! The stamp that every published payload begins with: who published it, its number in its topic, and when.
//! A reader finds stamps in whatever bytes come in, so that all servers and transports are measured by the
//! same means, and reading costs as little with one as with another. It knows no protocol.

use memchr::memmem::Finder;

const MAGIC: &[u8; 4] = b"~ew~";
const PUBLISHER: usize = 4;
const NUMBER: usize = 8;
const TIME: usize = 16;

/// Bytes of a stamp: the least that a payload takes.
pub const STAMP_BYTES: usize = MAGIC.len() + PUBLISHER + NUMBER + TIME;

/// What a payload says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Who published it.
    pub publisher: u16,
    /// Its number among those of this publisher in this topic: 0, 1, 2 …
    pub number: u32,
    /// When it was published, in microseconds since the start of the run.
    pub time: u64,
}

impl Stamp {
    /// A payload of so many bytes of plain letters, which need no escaping anywhere.
    pub fn payload(self, bytes: usize) -> String {
        let Self { publisher, number, time } = self;
        let mut payload = format!("~ew~{publisher:04x}{number:08x}{time:016x}");
        while payload.len() < bytes {
            payload.push(char::from(b'a' + (payload.len() % 26) as u8));
        }
        payload
    }

    /// Reads a stamp at the beginning of some bytes; `None` where what follows the magic is something else.
    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.get(MAGIC.len()..STAMP_BYTES)?).ok()?;
        let (publisher, text) = text.split_at_checked(PUBLISHER)?;
        let (number, time) = text.split_at_checked(NUMBER)?;
        Some(Self {
            publisher: u16::from_str_radix(publisher, 16).ok()?,
            number: u32::from_str_radix(number, 16).ok()?,
            time: u64::from_str_radix(time, 16).ok()?,
        })
    }
}

/// Finds stamps in bytes that come in pieces: one may begin in one piece and end in the next.
#[derive(Debug)]
pub struct Scanner {
    finder: Finder<'static>,
}

/// The end of the last piece, which may be the beginning of a stamp.
#[derive(Debug, Default)]
pub struct Carry {
    bytes: [u8; STAMP_BYTES - 1],
    len: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { finder: Finder::new(MAGIC) }
    }
}

impl Scanner {
    /// Hands every stamp that ends in `piece` to `found`.
    pub fn scan(&self, carry: &mut Carry, piece: &[u8], found: &mut impl FnMut(Stamp)) {
        if carry.len > 0 {
            let mut seam = [0; 2 * (STAMP_BYTES - 1)];
            let head = piece.len().min(STAMP_BYTES - 1);
            let len = carry.len + head;
            seam[..carry.len].copy_from_slice(&carry.bytes[..carry.len]);
            seam[carry.len..len].copy_from_slice(&piece[..head]);
            self.find(&seam[..len], found);
            if piece.len() < STAMP_BYTES - 1 {
                return carry.keep(&seam[..len]);
            }
        }
        self.find(piece, found);
        carry.keep(piece);
    }

    fn find(&self, bytes: &[u8], found: &mut impl FnMut(Stamp)) {
        self.finder.find_iter(bytes).filter_map(|at| Stamp::read(&bytes[at..])).for_each(found);
    }
}

impl Carry {
    fn keep(&mut self, bytes: &[u8]) {
        let end = &bytes[bytes.len().saturating_sub(STAMP_BYTES - 1)..];
        self.bytes[..end.len()].copy_from_slice(end);
        self.len = end.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(pieces: &[&[u8]]) -> Vec<Stamp> {
        let (scanner, mut carry, mut stamps) = (Scanner::default(), Carry::default(), Vec::new());
        pieces.iter().for_each(|piece| scanner.scan(&mut carry, piece, &mut |stamp| stamps.push(stamp)));
        stamps
    }

    #[test]
    fn stamps_are_found_once_however_the_bytes_are_cut() {
        let stamps = [(0, 0, 7), (3, 1, u64::MAX), (u16::MAX, u32::MAX, 0)]
            .map(|(publisher, number, time)| Stamp { publisher, number, time });
        let mut bytes = b"~ew~~ew~not a stamp".to_vec();
        for stamp in stamps {
            bytes.extend_from_slice(stamp.payload(50).as_bytes());
        }
        for size in 1..=bytes.len() {
            assert_eq!(scan(&bytes.chunks(size).collect::<Vec<_>>()), stamps, "in pieces of {size}");
        }
    }

    #[test]
    fn a_payload_has_the_size_that_was_asked_for() {
        let stamp = Stamp { publisher: 1, number: 2, time: 3 };
        assert_eq!(stamp.payload(120).len(), 120);
        assert_eq!(stamp.payload(0).len(), STAMP_BYTES);
    }
}
