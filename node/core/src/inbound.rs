//! [`Inbound`]: what has come from one neighbour in one lane, as a cursor and a chain.

use serde::{Deserialize, Serialize};
use yizhan_schemas::MessageId;
use yizhan_schemas::frame::{Chain, Have, LinkEpoch};

/// The receiving end of one lane of one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The neighbour's numbering; absent until it first offered one.
    pub link_epoch: Option<LinkEpoch>,
    /// The leg sequence that is taken next.
    pub expected: u64,
    /// The chain through `expected - 1`.
    pub chain: Chain,
}

/// What to make of a leg sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The one expected.
    Next,
    /// Taken before.
    Again,
    /// One before it is missing.
    Early,
}

impl Default for Inbound {
    fn default() -> Self {
        Self { link_epoch: None, expected: 1, chain: Chain::default() }
    }
}

impl Inbound {
    /// What to make of this leg sequence.
    pub fn arrival(&self, sequence: u64) -> Arrival {
        match sequence.cmp(&self.expected) {
            std::cmp::Ordering::Less => Arrival::Again,
            std::cmp::Ordering::Equal => Arrival::Next,
            std::cmp::Ordering::Greater => Arrival::Early,
        }
    }

    /// A leg with this message was taken.
    pub fn took(&mut self, sequence: u64, id: &MessageId) {
        let chain = self.chain.then(sequence, id);
        self.moved(sequence, chain);
    }

    /// Everything up to this leg was taken.
    pub fn moved(&mut self, through: u64, chain: Chain) {
        self.expected = through.saturating_add(1);
        self.chain = chain;
    }

    /// What a hello says of this lane.
    pub fn have(&self) -> Have {
        Have { link_epoch: self.link_epoch, expected: self.expected, chain: self.chain }
    }
}
