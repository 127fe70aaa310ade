//! What a station writes down of clocks.

use serde::{Deserialize, Serialize};

use crate::link::Link;
use crate::time::BootId;

/// See [`Record::Exchanged`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchanged {
    /// The neighbour.
    pub link: Link,
    /// Its machine's boot.
    pub their_boot: BootId,
    /// Its clock since that boot, milliseconds.
    pub their_ms: u64,
    /// Our machine's boot.
    pub boot: BootId,
    /// Our clock since that boot, milliseconds.
    pub our_ms: u64,
}

/// See [`Record::Bridged`]: a reading of the clock of `from` is one of the clock of `to` plus
/// `offset_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridged {
    /// A boot that is over.
    pub from: BootId,
    /// The boot at the time of writing.
    pub to: BootId,
    /// What to add to a reading in `from` to get one in `to`, milliseconds; mostly negative.
    pub offset_ms: i64,
}
