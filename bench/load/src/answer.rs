//! HTTP answers as they come in: the head, and then a body that may be in chunks. It knows no socket.

use anyhow::{Context, Result, bail};

/// Most bytes of an answer's head.
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS: usize = 48;

/// What an answer's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many bytes it took.
    pub bytes: usize,
    pub status: u16,
    pub chunked: bool,
    pub length: Option<usize>,
}

/// Reads the head at the beginning of `bytes`; `None` when it is not whole yet.
pub fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(taken) = response.parse(bytes).context("not an HTTP answer")? else {
        if bytes.len() > HEAD_BYTES {
            bail!("an answer's head is over {HEAD_BYTES} bytes");
        }
        return Ok(None);
    };
    let mut head = Head { bytes: taken, status: response.code.unwrap_or(0), chunked: false, length: None };
    for header in response.headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = header.value.eq_ignore_ascii_case(b"chunked");
        } else if header.name.eq_ignore_ascii_case("content-length") {
            head.length = std::str::from_utf8(header.value).ok().and_then(|value| value.parse().ok());
        }
    }
    Ok(Some(head))
}

/// A body in chunks: its reader's state between two pieces of input.
#[derive(Debug, Default)]
pub struct Chunks {
    /// Of the chunk under way.
    left: usize,
    line: Vec<u8>,
    /// What follows is the line end behind a chunk.
    behind: bool,
    ended: bool,
}

impl Chunks {
    /// Takes the next piece of the body off the input; `None` when it needs more, or at the end.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
        while !input.is_empty() && !self.ended {
            if self.left > 0 {
                let (piece, rest) = input.split_at(self.left.min(input.len()));
                *input = rest;
                self.left -= piece.len();
                self.behind = self.left == 0;
                return Ok(Some(piece));
            }
            let (byte, rest) = input.split_first().context("is not empty")?;
            *input = rest;
            match byte {
                b'\n' if self.behind => self.behind = false,
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    let size = std::str::from_utf8(&line)?.split(';').next().unwrap_or_default();
                    self.left = usize::from_str_radix(size.trim(), 16).context("a chunk without a size")?;
                    self.ended = self.left == 0;
                }
                b'\r' => {}
                _ if self.line.len() < 64 => self.line.push(*byte),
                _ => bail!("a chunk's size is a line of over 64 bytes"),
            }
        }
        Ok(None)
    }

    /// Whether the body has come to its end.
    pub fn ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc";
        assert_eq!(head(&bytes[..30]).unwrap(), None);
        let whole = head(bytes).unwrap().unwrap();
        assert_eq!(whole, Head { bytes: bytes.len() - 3, status: 200, chunked: true, length: Some(3) });
        assert!(head(b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_put_together_however_the_bytes_are_cut() {
        let bytes = b"3\r\nabc\r\n0a;x=y\r\n0123456789\r\n0\r\n\r\n";
        for size in 1..=bytes.len() {
            let (mut chunks, mut body) = (Chunks::default(), Vec::new());
            for mut piece in bytes.chunks(size) {
                while let Some(part) = chunks.next(&mut piece).unwrap() {
                    body.extend_from_slice(part);
                }
            }
            assert_eq!((body.as_slice(), chunks.ended()), (&b"abc0123456789"[..], true));
        }
    }
}
