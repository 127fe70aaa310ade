//! [`Under`]: how a message names its seal in the log.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Record;
use crate::seal::HeldSeal;

/// Which leaf of which seal a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Under {
    /// The seal's place among those at the head of the commit.
    pub seal: u32,
    /// The leaf.
    pub leaf: u32,
}

/// The seal that a message names, in records of commits one behind the other: nothing but the seals
/// of its commit stands at the head of that.
pub fn seal_of(records: &[Record], put_at: usize) -> Option<Arc<HeldSeal>> {
    let put = records.get(put_at)?.put()?;
    let place = usize::try_from(put.under?.seal).ok()?;
    let is_seal = |record: &Record| matches!(record, Record::Seal(_));
    let end = records.get(..put_at)?.iter().rposition(is_seal)? + 1;
    let begin = records.get(..end)?.iter().rposition(|record| !is_seal(record));
    match records.get(begin.map_or(0, |at| at + 1) + place) {
        Some(Record::Seal(seal)) => Some(Arc::clone(seal)),
        _ => None,
    }
}
