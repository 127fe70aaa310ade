//! [`Mutant`]: deliberate faults, to see that the simulator's oracle catches each.
//!
//! Promise: they exist only in a build with `--cfg yizhan_mutants` (`make sim-mutants`). In any
//! other, [`is`] is the constant `false` and no trace of them is left. That build also leaves out
//! the core's own checks: what is to be shown is that the oracle outside needs none of them.

/// One deliberate fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Effects are said before their commit.
    AckBeforeCommit,
    /// Effects of a step that writes nothing do not wait for the commit before it.
    EmptyStepOvertakes,
    /// A restart goes on in the old epoch: sequences are used again.
    EpochForgotten,
    /// What was seen is not looked up.
    SeenForgotten,
    /// Sending goes on one leg too far after a hello.
    ResumeOffByOne,
    /// What is published counts as handed over.
    SentIsHandedOver,
    /// A receiver acks one leg more than it has.
    AckBeyondDurable,
    /// A neighbour's lost store gets only what was not acked.
    LostStoreNotRefilled,
    /// Time to live runs by the wall clock.
    ExpiryByWallClock,
    /// The time that frames spend on their way counts for nothing.
    TransitIgnored,
    /// The most urgent lane goes last.
    FlashNotFirst,
    /// Bulk in flight does not follow the link.
    WindowFixed,
    /// The part of the spool that is for flash alone is given to all.
    FlashReserveDropped,
    /// A message carried to a newer segment owes again what had ended.
    ReappendRevives,
    /// A segment is given up although legs in it are owed.
    DiscardedWhileOwed,
    /// Publishers' keys are forgotten before the index has them.
    KeysForgotten,
    /// What the inbox has taken counts as synced.
    ReleasedAtPubAck,
    /// A log is read from the page cache at open, and not made durable.
    PageCacheTrusted,
    /// A segment goes before the snapshot that stands for it is synced.
    UnlinkedBeforeSnapshot,
    /// A device that was about to be told when its station ended is told again.
    AttemptRunAgain,
    /// A step that may not be taken is taken.
    IllegalStepTaken,
    /// A step whose subject has come is forgotten.
    WaitingStepDropped,
    /// A step that waited is counted as refused, whatever it does.
    WaitingStepMiscounted,
    /// The tier below does not heed what the one above answers.
    AnswerFromAboveForgotten,
    /// A child's counts are added each time that they are told.
    DigestAddedTwice,
    /// An application is told that its answer is noted, and it is not.
    AnswerDropped,
    /// What no seal covers is taken like anything else.
    SealsUnchecked,
    /// A station passes messages of others on without their seals.
    SealsDropped,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::AckBeforeCommit,
        Self::EmptyStepOvertakes,
        Self::EpochForgotten,
        Self::SeenForgotten,
        Self::ResumeOffByOne,
        Self::SentIsHandedOver,
        Self::AckBeyondDurable,
        Self::LostStoreNotRefilled,
        Self::ExpiryByWallClock,
        Self::TransitIgnored,
        Self::FlashNotFirst,
        Self::WindowFixed,
        Self::FlashReserveDropped,
        Self::ReappendRevives,
        Self::DiscardedWhileOwed,
        Self::KeysForgotten,
        Self::ReleasedAtPubAck,
        Self::PageCacheTrusted,
        Self::UnlinkedBeforeSnapshot,
        Self::AttemptRunAgain,
        Self::IllegalStepTaken,
        Self::WaitingStepDropped,
        Self::WaitingStepMiscounted,
        Self::AnswerFromAboveForgotten,
        Self::DigestAddedTwice,
        Self::AnswerDropped,
        Self::SealsUnchecked,
        Self::SealsDropped,
    ];
}

impl Mutant {
    /// True if it takes a county at work to notice it: it is about what messages mean.
    pub fn is_of_matters(self) -> bool {
        matches!(self, Self::IllegalStepTaken | Self::DigestAddedTwice)
    }
}

/// True if this build has mutants at all.
pub const BRED: bool = cfg!(yizhan_mutants);

/// True if the present mutant is this one.
#[cfg(not(yizhan_mutants))]
#[inline(always)]
pub const fn is(_mutant: Mutant) -> bool {
    false
}

#[cfg(yizhan_mutants)]
mod bred {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Mutant;

    /// Which one is present: its number plus one.
    static PRESENT: AtomicUsize = AtomicUsize::new(0);

    /// True if the present mutant is this one.
    pub fn is(mutant: Mutant) -> bool {
        PRESENT.load(Ordering::Relaxed) == mutant as usize + 1
    }

    /// From now on this one is present, or none.
    pub fn breed(mutant: Option<Mutant>) {
        PRESENT.store(mutant.map_or(0, |mutant| mutant as usize + 1), Ordering::Relaxed);
    }
}

#[cfg(yizhan_mutants)]
pub use bred::{breed, is};

/// An assertion for our own mistakes: on in every build but that of the mutants.
macro_rules! check {
    ($($assertion:tt)*) => {
        if !$crate::mutant::BRED {
            assert!($($assertion)*);
        }
    };
}
pub(crate) use check;
