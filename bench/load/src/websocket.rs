//! A client's side of RFC 6455, as far as a load tool needs it: frames are read where they lie, without a copy and
//! without a buffer per connection, so that what the tool costs is no part of what it measures. Servers send no masked
//! frames and negotiate no extension here. It knows no socket.

use anyhow::{Result, bail};

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Most bytes of a frame's head: a server's has no mask.
const HEAD_BYTES: usize = 10;
/// Most bytes of a control frame.
const CONTROL_BYTES: usize = 125;

/// What a client sends as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Binary,
}

/// What the server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A piece of a message: `first` when the message begins with it, `last` when it ends with it.
    Data { bytes: &'a [u8], first: bool, last: bool },
    /// To be answered by a pong with the same bytes.
    Ping(Vec<u8>),
    /// The end, and its code.
    Close(u16),
}

/// The reader's state between two pieces of input.
#[derive(Debug, Default)]
pub struct Frames {
    head: [u8; HEAD_BYTES],
    have: usize,
    /// Of the frame under way: none between frames.
    left: Option<u64>,
    begun: bool,
    control: Vec<u8>,
}

impl Frames {
    /// Takes the next part off the input; `None` when it needs more.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Part<'a>>> {
        loop {
            let left = match self.left {
                Some(left) => left,
                None => match self.read_head(input)? {
                    Some(length) => length,
                    None => return Ok(None),
                },
            };
            if input.is_empty() && left > 0 {
                self.left = Some(left);
                return Ok(None);
            }
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
            let (bytes, rest) = input.split_at(take);
            *input = rest;
            let left = left - take as u64;
            self.left = (left > 0).then_some(left);
            let opcode = self.head[0] & 0x0f;
            if opcode < CLOSE {
                let first = opcode != CONTINUATION && !std::mem::replace(&mut self.begun, left > 0);
                let last = left == 0 && self.head[0] & 0x80 != 0;
                return Ok(Some(Part::Data { bytes, first, last }));
            }
            self.control.extend_from_slice(bytes);
            if left == 0 {
                let bytes = std::mem::take(&mut self.control);
                match opcode {
                    PING => return Ok(Some(Part::Ping(bytes))),
                    CLOSE => {
                        let code = bytes.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                        return Ok(Some(Part::Close(code)));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Reads a frame's head; answers the length of what follows it.
    fn read_head(&mut self, input: &mut &[u8]) -> Result<Option<u64>> {
        loop {
            let need = match self.head[1] & 0x7f {
                _ if self.have < 2 => 2,
                126 => 4,
                127 => 10,
                _ => 2,
            };
            if self.have == need {
                break;
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(None) };
            self.head[self.have] = *byte;
            self.have += 1;
            *input = rest;
        }
        self.have = 0;
        let [first, second, ..] = self.head;
        if first & 0x70 != 0 || second & 0x80 != 0 {
            bail!("a frame that is masked or uses an extension");
        }
        let length = match second {
            126 => u64::from(u16::from_be_bytes([self.head[2], self.head[3]])),
            127 => u64::from_be_bytes(std::array::from_fn(|at| self.head[at + 2])),
            length => u64::from(length),
        };
        match first & 0x0f {
            CONTINUATION | TEXT | BINARY => {}
            CLOSE | PING | PONG if length <= CONTROL_BYTES as u64 => {}
            opcode => bail!("a frame of type {opcode} and {length} bytes"),
        }
        Ok(Some(length))
    }
}

/// Appends a message of the client.
pub fn put_message(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    put_frame(out, if kind == Kind::Text { TEXT } else { BINARY }, payload);
}

/// Appends the answer to a ping.
pub fn put_pong(out: &mut Vec<u8>, payload: &[u8]) {
    put_frame(out, PONG, payload);
}

/// With a mask of zeros: masking protects proxies from pages, and there is neither here.
fn put_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match u16::try_from(payload.len()) {
        Ok(length @ ..126) => out.push(0x80 | length as u8),
        Ok(length) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        match payload.len() {
            length @ ..126 => out.push(length as u8),
            length @ ..65536 => {
                out.push(126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn messages_of_every_length_are_read_however_the_bytes_are_cut() {
        let messages: Vec<Vec<u8>> = [0, 1, 125, 126, 300, 70_000].map(|length| vec![b'x'; length]).to_vec();
        let mut bytes: Vec<u8> = messages.iter().flat_map(|message| frame(0x82, message)).collect();
        bytes.splice(0..0, frame(0x89, b"ping"));
        for size in [1, 7, 4096, bytes.len()] {
            let (mut frames, mut seen, mut pings) = (Frames::default(), Vec::new(), 0);
            for mut piece in bytes.chunks(size) {
                while let Some(part) = frames.next(&mut piece).unwrap() {
                    match part {
                        Part::Data { bytes, first, last } => {
                            if first {
                                seen.push((Vec::new(), false));
                            }
                            let (message, ended): &mut (Vec<u8>, bool) = seen.last_mut().unwrap();
                            assert!(!*ended, "a message went on after its end");
                            message.extend_from_slice(bytes);
                            *ended = last;
                        }
                        Part::Ping(bytes) => {
                            assert_eq!(bytes, b"ping");
                            pings += 1;
                        }
                        Part::Close(code) => panic!("closed by {code}"),
                    }
                }
            }
            assert!(seen.iter().all(|(_, ended)| *ended));
            assert_eq!(seen.into_iter().map(|(message, _)| message).collect::<Vec<_>>(), messages);
            assert_eq!(pings, 1);
        }
    }

    #[test]
    fn a_close_has_its_code() {
        let bytes = frame(0x88, &4201_u16.to_be_bytes());
        assert_eq!(Frames::default().next(&mut &bytes[..]).unwrap(), Some(Part::Close(4201)));
    }

    #[test]
    fn what_no_server_may_send_is_an_error() {
        for bytes in [&[0x82, 0x80][..], &[0xc2, 0x00], &[0x89, 126, 0, 126], &[0x83, 0]] {
            assert!(Frames::default().next(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
    }
}
