//! One link of a tab, and what it reads. It decides nothing.

use everwire_protocol::{ServerFrame, Topic, binary};

use crate::relay::{TabId, order::Order};

/// A tab that has so many bytes on their way to it is paused until it has taken half of them: a channel has no
/// back-pressure of its own, and a tab that hangs would have everything pile up in it.
const WINDOW: usize = 1024 * 1024;
/// What can't be paused goes on, up to this; then the tab is given up.
const MOST: usize = 4 * WINDOW;

/// A link of a tab.
#[derive(Debug, Default)]
pub(super) struct Tab {
    /// Its first frame has come.
    pub connected: bool,
    pub welcomed: bool,
    /// Frames that wait to be sent.
    pub outgoing: Vec<u8>,
    /// Bytes that were sent, and the tab has not said that it took them.
    pub untaken: usize,
    /// All that it reads is paused until it has taken what is on its way.
    pub full: bool,
    /// Of its publishes that were refused for now.
    pub order: Order,
    next_alias: u32,
}

/// One subscription of a tab.
#[derive(Debug)]
pub(super) struct Reader {
    pub tab: TabId,
    pub topic: Topic,
    pub alias: u32,
    pub presence: bool,
    /// The tab has been told that it stands.
    pub told: bool,
    /// The tab asked for a pause.
    pub paused: bool,
}

impl Tab {
    pub fn send(&mut self, frame: &ServerFrame) {
        binary::encode_server(frame, &mut self.outgoing);
    }

    pub fn new_alias(&mut self) -> u32 {
        self.next_alias = self.next_alias.wrapping_add(1);
        self.next_alias
    }

    fn on_its_way(&self) -> usize {
        self.untaken + self.outgoing.len()
    }

    /// Whether it has become full by what was sent.
    pub fn fills(&mut self) -> bool {
        self.on_its_way() >= WINDOW && !std::mem::replace(&mut self.full, true)
    }

    /// The tab took in so many bytes. Returns whether it is full no more by that.
    pub fn took(&mut self, bytes: usize) -> bool {
        self.untaken = self.untaken.saturating_sub(bytes);
        self.on_its_way() <= WINDOW / 2 && std::mem::take(&mut self.full)
    }

    /// Whether it is beyond hope that it takes what is on its way.
    pub fn hangs(&self) -> bool {
        self.on_its_way() > MOST
    }
}
