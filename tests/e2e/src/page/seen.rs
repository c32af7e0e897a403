//! What the recorder page tells of itself, as `pages/lab.js` and `pages/recorder.js` write it.
//!
//! It must not know how it is asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a subscription got, judged by the page: `pages/recorder.js`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Digest {
    /// Messages, repeats included.
    pub received: u64,
    /// Messages that had come before.
    pub repeats: u64,
    /// Times that the server went on where the subscription had stopped.
    pub resumed: u64,
    /// The first thing that was not in order, or not contiguous.
    pub violation: Option<String>,
    /// What the client was told to be lost.
    pub gaps: Vec<Gap>,
    /// Errors that ended the subscription.
    pub failures: Vec<String>,
    /// The epoch of the last message or gap.
    pub epoch: Option<String>,
    /// The offset of the last message or gap.
    pub offset: Option<u64>,
    /// Where the server took the subscription first.
    pub start: Option<Place>,
    /// What came, as runs of offsets.
    pub ranges: Vec<Range>,
    /// The numbers that came, by run.
    pub runs: BTreeMap<String, Run>,
}

impl Digest {
    /// Whether it has come to that place, by messages or by a gap.
    pub fn has_reached(&self, place: &Place) -> bool {
        self.epoch.as_ref() == Some(&place.epoch) && self.offset >= Some(place.offset)
    }

    /// How many of the messages that were published it should have, which are those after its start, and how many of
    /// them it lacks without having been told so by a gap. `None` before it was subscribed.
    pub fn held_to(&self, published: &[Place]) -> Option<(u64, u64)> {
        let start = self.start.as_ref()?;
        let due = published.iter().filter(|place| place.epoch != start.epoch || place.offset > start.offset);
        let (mut count, mut lost) = (0, 0);
        for place in due {
            count += 1;
            lost += u64::from(!self.has(place) && !self.was_told_of(place));
        }
        Some((count, lost))
    }

    fn has(&self, place: &Place) -> bool {
        let within =
            |range: &Range| range.epoch == place.epoch && (range.first..=range.last).contains(&place.offset);
        self.ranges.iter().any(within)
    }

    fn was_told_of(&self, place: &Place) -> bool {
        self.gaps.iter().any(|gap| {
            gap.epoch.as_ref() == Some(&place.epoch)
                && gap.from <= place.offset
                && gap.to.is_none_or(|to| place.offset <= to)
        })
    }
}

/// A gap as the client tells it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Gap {
    /// The first offset lost.
    pub from: u64,
    /// The last one, where known.
    pub to: Option<u64>,
    /// `evicted` or `epoch`.
    pub reason: String,
    /// The epoch of what is lost.
    pub epoch: Option<String>,
}

/// A position.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Place {
    /// The epoch.
    pub epoch: String,
    /// The offset.
    pub offset: u64,
}

impl Place {
    /// `EPOCH-OFFSET` taken apart.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, offset) = text.rsplit_once('-')?;
        Some(Self { epoch: epoch.to_owned(), offset: offset.parse().ok()? })
    }
}

/// Messages with contiguous offsets.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Range {
    /// Their epoch.
    pub epoch: String,
    /// The first offset.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

/// The numbers of one run.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Run {
    /// The first number that came.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// How many different ones.
    pub count: u64,
}

/// A change of a client's state.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Change {
    /// `connecting`, `connected`, `waiting`, `offline`, `closed`.
    pub state: String,
    /// The transport in use or being tried.
    pub transport: Option<String>,
    /// Why.
    pub reason: String,
    /// When, on the page's clock: [`Page::now`](super::Page::now).
    pub at: f64,
}

/// What became of publishes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Outcomes {
    /// Positions of those that were acked, in the order of the acks.
    pub acked: Vec<String>,
    /// Why others failed.
    pub failed: Vec<String>,
}

/// One of the messages that a client publishes in turn.
#[derive(Clone, Debug, Deserialize)]
pub struct Sent {
    /// Its number: 1, 2, 3 …
    pub n: u64,
    /// Where it stands, once it is acked.
    pub position: Option<String>,
    /// Why it was not taken.
    pub error: Option<String>,
    /// When either was known.
    pub at: Option<f64>,
}

/// How a client came through a fault. Moments are of the page's clock.
#[derive(Clone, Debug, Deserialize)]
pub struct Recovery {
    /// When it found its link lost.
    pub noticed: Option<f64>,
    /// By what.
    pub reason: Option<String>,
    /// When the message came that it is back with.
    pub back: Option<f64>,
}

/// Something that happened to the page: `visibilitychange`, `pageshow`, `freeze` …
#[derive(Clone, Debug, Deserialize)]
pub struct PageEvent {
    /// Its name.
    #[serde(rename = "type")]
    pub name: String,
    /// Whether the page is, or was, kept for going back to.
    pub persisted: Option<bool>,
    /// Whether the page was hidden then.
    pub hidden: bool,
    /// When.
    pub at: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_lost_unless_a_gap_has_told_of_it() {
        let place = |epoch: &str, offset| Place { epoch: epoch.to_owned(), offset };
        let range = |epoch: &str, first, last| Range { epoch: epoch.to_owned(), first, last };
        let gap = |epoch: &str, from, to| Gap { from, to, reason: "epoch".into(), epoch: Some(epoch.into()) };
        let published: Vec<Place> = (1..=10)
            .map(|offset| place("a", offset))
            .chain((1..=5).map(|offset| place("b", offset)))
            .collect();
        let mut digest = Digest {
            start: Some(place("a", 2)),
            ranges: vec![range("a", 3, 8), range("b", 1, 5)],
            gaps: vec![gap("a", 9, None)],
            ..Digest::default()
        };
        assert_eq!(digest.held_to(&published), Some((13, 0)));
        digest.gaps = vec![gap("a", 9, Some(9))];
        assert_eq!(digest.held_to(&published), Some((13, 1)), "beyond the gap");
        digest.gaps.clear();
        assert_eq!(digest.held_to(&published), Some((13, 2)), "no gap");
        digest.ranges = vec![range("a", 3, 10), range("b", 1, 2), range("b", 4, 5)];
        assert_eq!(digest.held_to(&published), Some((13, 1)), "a silent hole");
        digest.start = None;
        assert_eq!(digest.held_to(&published), None);
    }
}
