//! [`Tally`]: what has passed a line in one direction.

use tokio::time::Instant;

/// Bytes and times of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes that have passed.
    pub bytes: u64,
    /// When the first of them began to.
    pub first: Option<Instant>,
    /// When the last of them had.
    pub last: Option<Instant>,
    /// When the packet with the mark began to pass, and the bytes before it.
    pub marked: Option<(Instant, u64)>,
}

/// Keeps a tally, and looks out for a mark.
#[derive(Debug, Default)]
pub(super) struct Meter {
    tally: Tally,
    mark: &'static [u8],
    /// The end of what passed last: a mark may lie across two packets.
    tail: Vec<u8>,
}

impl Meter {
    pub(super) fn watching(mark: &'static [u8]) -> Self {
        Self { mark, ..Self::default() }
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// A packet has passed, between these times.
    pub(super) fn passed(&mut self, packet: &[u8], from: Instant, until: Instant) {
        self.tally.first.get_or_insert(from);
        if self.tally.marked.is_none() && self.shows(packet) {
            self.tally.marked = Some((from, self.tally.bytes));
        }
        self.tally.bytes += packet.len() as u64;
        self.tally.last = Some(until);
    }

    fn shows(&mut self, packet: &[u8]) -> bool {
        if self.mark.is_empty() {
            return false;
        }
        self.tail.extend_from_slice(packet);
        let seen = self.tail.windows(self.mark.len()).any(|part| part == self.mark);
        let old = (self.tail.len() + 1).saturating_sub(self.mark.len());
        self.tail.drain(..old.min(self.tail.len()));
        seen
    }
}
