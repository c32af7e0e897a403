//! What proxies do that read what they carry: WebSockets are refused or swallowed, event streams are gathered up.
//!
//! It reads heads of requests where a browser has put them in one piece, as all do.

use std::mem;

/// What a proxy does with WebSockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebSockets {
    /// They pass.
    #[default]
    Pass,
    /// The request is answered with 403.
    Forbid,
    /// The request's connection is reset.
    Reset,
    /// The upgrade passes, and then nothing does.
    Swallow,
}

/// How a proxy treats what it understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// What becomes of WebSockets.
    pub websockets: WebSockets,
    /// Answers that are event streams are held until they end.
    pub gathers_streams: bool,
    /// What is no page or file is reset: a page can be loaded, and its client reaches nothing.
    pub files_only: bool,
}

/// What is to be done about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Forbid,
    Reset,
}

/// What one connection is used for, as far as the habits care.
#[derive(Debug, Default)]
pub(super) struct Reader {
    use_: Use,
    held: Vec<u8>,
    /// It has become a WebSocket.
    pub(super) websocket: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Use {
    #[default]
    Plain,
    /// Until the head of the answer has passed.
    Upgrading,
    Swallowed,
    Gathered,
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
/// What the client gets in place of an upgrade.
pub(super) const FORBIDDEN: &[u8] =
    b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

impl Reader {
    /// Reads what goes up. A piece of which less is to pass is cut short.
    pub(super) fn up(&mut self, habits: Habits, piece: &mut Vec<u8>) -> Verdict {
        match self.use_ {
            Use::Upgrading | Use::Swallowed => piece.clear(),
            Use::Plain | Use::Gathered => {
                if habits.files_only && is_for(piece, b"/v1/") {
                    return Verdict::Reset;
                }
                if is_upgrade(piece) {
                    match habits.websockets {
                        WebSockets::Pass => self.websocket = true,
                        WebSockets::Forbid => return Verdict::Forbid,
                        WebSockets::Reset => return Verdict::Reset,
                        WebSockets::Swallow => self.use_ = Use::Upgrading,
                    }
                } else if habits.gathers_streams && is_for(piece, b"/v1/sse") {
                    self.use_ = Use::Gathered;
                }
            }
        }
        Verdict::Pass
    }

    /// Reads what goes down. A piece of which less is to pass now is cut short; of one that is empty, the end passes.
    pub(super) fn down(&mut self, piece: &mut Vec<u8>) {
        match self.use_ {
            Use::Plain => {}
            Use::Upgrading => {
                if piece.is_empty() {
                    *piece = mem::take(&mut self.held);
                    return;
                }
                self.held.append(piece);
                if let Some(end) = find(&self.held, END_OF_HEAD) {
                    self.use_ = Use::Swallowed;
                    *piece = mem::take(&mut self.held);
                    piece.truncate(end + END_OF_HEAD.len());
                }
            }
            Use::Swallowed => piece.clear(),
            Use::Gathered => {
                let ends = piece.is_empty();
                self.held.append(piece);
                if ends || self.held.ends_with(LAST_CHUNK) {
                    self.use_ = Use::Plain;
                    *piece = mem::take(&mut self.held);
                }
            }
        }
    }
}

fn is_upgrade(piece: &[u8]) -> bool {
    is_request(piece) && find(&piece.to_ascii_lowercase(), b"\r\nupgrade: websocket\r\n").is_some()
}

fn is_for(piece: &[u8], path: &[u8]) -> bool {
    is_request(piece)
        && piece.split(|byte| *byte == b' ').nth(1).is_some_and(|target| target.starts_with(path))
}

fn is_request(piece: &[u8]) -> bool {
    piece.starts_with(b"GET ") || piece.starts_with(b"POST ")
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
