//! [`Draw`]: choices made by the fuzzer's bytes, for the most part near what is true, because only
//! a lie that is nearly true gets past the first check.

use arbitrary::Unstructured;
use yizhan_schemas::frame::{Chain, LinkEpoch, SkipReason};
use yizhan_schemas::{Code, Epoch, Lane, StoreId};

/// Codes that a neighbour may speak of: known here, unknown here, and above.
const CODES: [&str; 8] = [
    "510722",
    "510722.101",
    "510722.102",
    "510722.101.001",
    "510722.101.002",
    "510722.102.001",
    "510722.103.009",
    "999999",
];

/// The bytes, as choices. When they are used up every choice is the first one.
#[derive(Debug)]
pub(super) struct Draw<'a>(Unstructured<'a>);

impl<'a> Draw<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0.int_in_range(0..=limit.saturating_sub(1)).unwrap_or(0)
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of these.
    pub(super) fn one_of<'b, T>(&mut self, of: &'b [T]) -> Option<&'b T> {
        of.get(self.below(of.len()))
    }

    /// Any number.
    pub(super) fn any(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Any bytes, at most `most`.
    pub(super) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let wanted = self.below(most + 1).min(self.0.len());
        self.0.bytes(wanted).unwrap_or_default()
    }

    /// A number that is mostly `truth`, else close by, else at an edge, else any.
    pub(super) fn near(&mut self, truth: u64) -> u64 {
        match self.below(16) {
            0..8 => truth,
            8 | 9 => truth.saturating_add(1),
            10 => truth.saturating_sub(1),
            11 => truth.saturating_add(self.below(256) as u64),
            12 => truth.saturating_sub(self.below(256) as u64),
            13 => 0,
            14 => u64::MAX - self.below(3) as u64,
            _ => self.any(),
        }
    }

    /// What is true, or something else of the same kind.
    pub(super) fn mostly<T>(&mut self, truth: T, other: impl FnOnce(&mut Self) -> T) -> T {
        if self.below(8) < 7 { truth } else { other(self) }
    }

    pub(super) fn lane(&mut self) -> Lane {
        *self.one_of(&Lane::ALL).unwrap_or(&Lane::Routine)
    }

    pub(super) fn code(&mut self) -> Code {
        let text = self.one_of(&CODES).copied().unwrap_or("510722");
        Code::parse(text).expect("the list holds codes")
    }

    /// One of few, so that the same come again.
    pub(super) fn store(&mut self) -> StoreId {
        StoreId::from_random(self.below(4) as u64)
    }

    /// One of few, so that the same come again.
    pub(super) fn epoch(&mut self) -> Epoch {
        Epoch::from_random(self.below(8) as u32)
    }

    pub(super) fn link_epoch(&mut self) -> LinkEpoch {
        let n = self.near(0);
        LinkEpoch { epoch: self.epoch(), n: n as u32 }
    }

    pub(super) fn chain(&mut self) -> Chain {
        Chain([self.below(4) as u8; 8])
    }

    pub(super) fn reason(&mut self) -> SkipReason {
        let reasons = [
            SkipReason::Expired,
            SkipReason::Superseded,
            SkipReason::Cancelled,
            SkipReason::Evicted,
            SkipReason::Damaged,
        ];
        *self.one_of(&reasons).unwrap_or(&SkipReason::Expired)
    }
}
