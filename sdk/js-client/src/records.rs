//! What each record of the output is of: its first number.

pub(crate) const OPEN: u32 = 1;
pub(crate) const SEND: u32 = 2;
pub(crate) const POLL: u32 = 3;
pub(crate) const CLOSE: u32 = 4;
pub(crate) const REQUEST: u32 = 5;
pub(crate) const TOKEN: u32 = 6;
pub(crate) const TIMER: u32 = 7;
pub(crate) const STATE: u32 = 8;
pub(crate) const MESSAGES: u32 = 9;
pub(crate) const SUBSCRIBED: u32 = 10;
pub(crate) const GAP: u32 = 11;
pub(crate) const EPHEMERAL: u32 = 12;
pub(crate) const MEMBERS: u32 = 13;
pub(crate) const JOIN: u32 = 14;
pub(crate) const LEAVE: u32 = 15;
pub(crate) const FAILED: u32 = 16;
pub(crate) const PUBLISHED: u32 = 17;
pub(crate) const HISTORY: u32 = 18;
pub(crate) const PRESENCE: u32 = 19;
/// What was asked is taken, under this number.
pub(crate) const TAKEN: u32 = 20;
/// A publish is taken, under this id.
pub(crate) const TAKEN_AS: u32 = 21;
/// What was asked is not taken.
pub(crate) const REFUSED: u32 = 22;
pub(crate) const STATS: u32 = 23;
