//! How much the lists of members in one answer may take together. It knows sizes, and no topics.

use everwire_protocol::Member;

use crate::presence::{MEMBERS_BYTES, size};

/// What is left for lists of members. Each list gets an even share, and leaves to those behind it what it
/// does not need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Budget {
    /// Each list is an answer of its own.
    #[default]
    Each,
    Shared {
        bytes: usize,
        lists: usize,
    },
}

impl Budget {
    pub fn shared_by(lists: usize) -> Self {
        Self::Shared { bytes: MEMBERS_BYTES, lists }
    }

    /// What the next list may take.
    pub fn share(self) -> usize {
        match self {
            Self::Each => MEMBERS_BYTES,
            Self::Shared { bytes, lists } => bytes / lists.max(1),
        }
    }

    /// A list has been made.
    pub fn take(&mut self, members: &[Member]) {
        if let Self::Shared { bytes, lists } = self {
            *bytes = bytes.saturating_sub(members.iter().map(size).sum());
            *lists = lists.saturating_sub(1);
        }
    }
}
