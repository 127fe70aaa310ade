//! [`forget`]: takes one message out of the index of a station that does not run, as a fault of its
//! disk might.
//!
//! It is there to show that reconciliation finds it. The custody log is left alone, so custody is
//! what it was; and an index that is made anew from the log has the message again, for as long as
//! the log has it.

use std::path::Path;

use yizhan_schemas::MessageId;

use super::book::stored;
use crate::spool::messages::DIR;
use crate::spool::{Messages, Row, SpoolError};

/// Why a message was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum NotForgotten {
    /// There is no index.
    #[error("{0} is no index of messages: valid is the data directory of a station that ran")]
    NoIndex(
        /// Where there is none.
        String,
    ),
    /// The index does not have it.
    #[error("message {0} is not in this station's index")]
    Unknown(
        /// The message.
        Box<MessageId>,
    ),
    /// The index cannot be used, or the station runs.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Forgets a message.
///
/// # Errors
/// It is not there, or the station runs.
pub fn forget(data: &Path, id: &MessageId) -> Result<(), NotForgotten> {
    let home = data.join(DIR);
    if !home.is_dir() {
        return Err(NotForgotten::NoIndex(home.display().to_string()));
    }
    // how far the log is does not matter here: the station looks when it starts
    let (mut index, _) = Messages::open(data, u64::MAX)?;
    let page = stored(&index.looker(), id, id.sequence).pop();
    let page = page.ok_or_else(|| NotForgotten::Unknown(Box::new(id.clone())))?;
    // what lies around it stays known
    let before = id.sequence.checked_sub(1).and_then(|last| page.part(0, last));
    let after = page.part(id.sequence.saturating_add(1), u64::MAX);
    let around = [before, after].into_iter().flatten();
    let rows: Vec<Row> = around.filter_map(|page| page.row(true)).collect();
    index.replace((page.ordinal(), page.first()), &rows)?;
    index.sync()?;
    Ok(())
}
