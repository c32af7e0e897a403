//! What can go wrong, by name, and how often it did: nobody should believe in a fault that never happens.

use std::{
    fmt,
    ops::{AddAssign, Range},
};

use fastrand::Rng;

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $name:ident = $weight:literal,)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $($(#[doc = $doc])* $name,)*
        }

        impl Fault {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// How often each is drawn, against the others; those with 0 follow from something else.
            const WEIGHTS: &[u32] = &[$($weight,)*];
        }
    };
}

faults! {
    /// A connection is cut.
    Cut = 8,
    /// Every connection of everybody is.
    CutAll = 2,
    /// What the client sends on a connection goes nowhere.
    HoleUp = 1,
    /// What the server sends on a connection goes nowhere.
    HoleDown = 1,
    /// Neither side's bytes come through.
    HoleBoth = 2,
    /// A connection stands still for seconds; then all of it comes.
    Stall = 2,
    /// It stands still for minutes.
    LongStall = 1,
    /// One connection is many times slower than those beside it, and is overtaken.
    SlowLink = 0,
    /// The client's network swallows everything.
    Unreachable = 2,
    /// The browser says that it is offline.
    Offline = 1,
    /// The page is put aside.
    Suspend = 2,
    /// The machine sleeps; its sockets live on.
    Sleep = 1,
    /// The machine sleeps, and its sockets are dead when it wakes up.
    SleepDead = 1,
    /// The machine sleeps, and the page's clock with it.
    SleepClock = 1,
    /// The machine sleeps, and nobody tells the page when it wakes up.
    SleepUntold = 1,
    /// The page's timers fire at whole seconds only.
    ThrottleSecond = 1,
    /// The page's timers fire at whole minutes only.
    ThrottleMinute = 1,
    /// The page is told that it is awake, without having slept.
    Wakeup = 1,
    /// A proxy refuses WebSockets.
    BlockSocket = 1,
    /// A proxy lets WebSockets open, and passes nothing.
    MuteSocket = 1,
    /// A proxy holds back what a stream brings.
    BufferStream = 1,
    /// The server's process is restarted, and has lost all logs.
    RestartEmpty = 1,
    /// The server's process is restarted, over a store that has everything.
    RestartWhole = 1,
    /// The server goes away in order.
    Drain = 1,
    /// The store fails over to a replica without the newest records, and its readers are told.
    FailOver = 2,
    /// The same, and nobody is told.
    FailOverUntold = 1,
    /// The store answers nothing.
    StoreDown = 1,
    /// The store takes nothing in.
    StoreReadOnly = 1,
    /// The store takes in only some, and lies about some of those.
    StoreFlaky = 2,
    /// More is written at once than is kept.
    Flood = 1,
    /// Bytes that mean nothing come from the server.
    GarbageDown = 2,
    /// Bytes that mean nothing come to the server.
    GarbageUp = 1,
    /// The server takes no more publishes for now: its clients are behind one address, and send too many.
    RateLimited = 0,
    /// Every token ends before its time.
    TokensRevoked = 1,
    /// The provider of tokens fails, or is silent.
    TokenFailed = 0,
    /// A tab is killed; another page of the same app takes its place.
    KillTab = 2,
    /// Of tabs that share a connection, the one that leads is killed; its lock is free a moment later.
    KillLeader = 3,
    /// The tab that leads is put aside, and steps down.
    StepDown = 2,
    /// The tab that leads hangs: what the others say is read late.
    HangLeader = 2,
    /// A tab hangs for some seconds.
    HangTab = 2,
    /// A tab is frozen for minutes.
    FreezeTab = 1,
    /// The timers of the tab that leads fire at whole minutes only.
    ThrottleLeader = 1,
    /// The tab that leads is frozen, loses the lock, and comes back: for a moment two lead.
    TwoLeaders = 2,
    /// The connection that the tabs share is cut, or swallows everything.
    UpstreamLost = 3,
    /// Something that no tab says comes through a channel.
    ChannelGarbage = 2,
    /// A page that leads nobody says that it leads.
    StrangerLeads = 1,
    /// What is said on a link between tabs goes nowhere.
    ChannelHole = 1,
    /// A tab loses its channels for good, and works alone.
    ChannelsFail = 1,
}

/// The first of those that only tabs have.
const OF_TABS: usize = Fault::KillLeader as usize;

impl Fault {
    /// Draws a kind that every client has.
    pub fn draw(rng: &mut Rng) -> Self {
        Self::draw_of(rng, 0..OF_TABS)
    }

    /// Draws a kind that only tabs have.
    pub fn draw_of_tabs(rng: &mut Rng) -> Self {
        Self::draw_of(rng, OF_TABS..Self::ALL.len())
    }

    fn draw_of(rng: &mut Rng, kinds: Range<usize>) -> Self {
        let (kinds, weights) = (&Self::ALL[kinds.clone()], &Self::WEIGHTS[kinds]);
        let sum: u32 = weights.iter().sum();
        let mut left = rng.u32(..sum);
        for (fault, weight) in kinds.iter().zip(weights) {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *fault,
            }
        }
        Self::Cut
    }
}

/// How often each kind happened.
#[derive(Clone, Copy)]
pub struct FaultCounts([u64; Fault::ALL.len()]);

impl Default for FaultCounts {
    fn default() -> Self {
        Self([0; Fault::ALL.len()])
    }
}

impl FaultCounts {
    /// It happened.
    pub fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// It happened so often.
    pub fn count_more(&mut self, fault: Fault, times: u64) {
        self.0[fault as usize] += times;
    }

    /// How often a kind happened.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }
}

impl AddAssign for FaultCounts {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}

impl fmt::Debug for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(Fault::ALL.iter().map(|fault| (fault, self.of(*fault)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_with_a_weight_is_drawn_and_no_other() {
        let mut rng = Rng::with_seed(1);
        let mut counts = FaultCounts::default();
        (0..10_000).for_each(|_| counts.count(Fault::draw(&mut rng)));
        assert_eq!(counts.of(Fault::KillLeader), 0);
        (0..10_000).for_each(|_| counts.count(Fault::draw_of_tabs(&mut rng)));
        for (fault, weight) in Fault::ALL.iter().zip(Fault::WEIGHTS) {
            assert_eq!(counts.of(*fault) > 0, *weight > 0, "{fault:?}");
        }
    }
}
