//! What each record of the output is of: its first number.

pub(crate) const OPEN: f64 = 1.0;
pub(crate) const SEND: f64 = 2.0;
pub(crate) const POLL: f64 = 3.0;
pub(crate) const CLOSE: f64 = 4.0;
pub(crate) const REQUEST: f64 = 5.0;
pub(crate) const TOKEN: f64 = 6.0;
pub(crate) const TIMER: f64 = 7.0;
pub(crate) const STATE: f64 = 8.0;
pub(crate) const MESSAGES: f64 = 9.0;
pub(crate) const SUBSCRIBED: f64 = 10.0;
pub(crate) const GAP: f64 = 11.0;
pub(crate) const EPHEMERAL: f64 = 12.0;
pub(crate) const MEMBERS: f64 = 13.0;
pub(crate) const JOIN: f64 = 14.0;
pub(crate) const LEAVE: f64 = 15.0;
pub(crate) const FAILED: f64 = 16.0;
pub(crate) const PUBLISHED: f64 = 17.0;
pub(crate) const HISTORY: f64 = 18.0;
pub(crate) const PRESENCE: f64 = 19.0;
/// What was asked is taken, under this number.
pub(crate) const TAKEN: f64 = 20.0;
/// A publish is taken, under this id.
pub(crate) const TAKEN_AS: f64 = 21.0;
/// What was asked is not taken.
pub(crate) const REFUSED: f64 = 22.0;
pub(crate) const STATS: f64 = 23.0;
