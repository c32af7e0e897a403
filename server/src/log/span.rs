//! Which offsets a log keeps, and what that means for a cursor: where readers start, and what they have lost. The same
//! for every place where logs are kept, so it knows no records.

use everwire_protocol::{Epoch, From, GapReason, Position, limits};

use super::{Gap, Start};

/// The offsets that a log keeps: from `oldest` to before `next`; none, when they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The life of the log.
    pub epoch: Epoch,
    /// The oldest record kept; where the next one will stand when none is. At least 1.
    pub oldest: u64,
    /// The offset that the next record gets.
    pub next: u64,
}

impl Span {
    /// A position in this life of the log.
    #[must_use]
    pub fn at(&self, offset: u64) -> Position {
        Position { epoch: self.epoch, offset }
    }

    /// The position of the newest record that was ever appended.
    #[must_use]
    pub fn top(&self) -> Position {
        self.at(self.next - 1)
    }

    /// Where a reader that asks for `from` starts.
    #[must_use]
    pub fn resolve(&self, from: From) -> Start {
        let fresh = |offset| Start { position: self.at(offset), recovered: false, gap: None };
        match from {
            From::Latest => fresh(self.next - 1),
            From::Earliest => fresh(self.oldest - 1),
            From::Last(n) => {
                let n = u64::from(n.min(limits::HISTORY));
                fresh((self.next - 1).saturating_sub(n).max(self.oldest - 1))
            }
            From::Position(position) => match self.gap_after(position) {
                None => Start { position, recovered: true, gap: None },
                Some(gap) => Start { position: gap.position, recovered: false, gap: Some(gap) },
            },
        }
    }

    /// What a reader at `position` has lost, if anything: another epoch, or an offset ahead of the top, is another life
    /// of the log, and one older than retention has lost records (invariant 1).
    #[must_use]
    pub fn gap_after(&self, position: Position) -> Option<Gap> {
        let from = position.offset.saturating_add(1);
        let go_on = self.at(self.oldest - 1);
        if position.epoch != self.epoch || position.offset >= self.next {
            return Some(Gap { from, to: None, reason: GapReason::Epoch, position: go_on });
        }
        let evicted = from < self.oldest;
        evicted.then(|| Gap { from, to: Some(self.oldest - 1), reason: GapReason::Evicted, position: go_on })
    }
}
