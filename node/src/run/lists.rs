//! The lists of a station (its devices, its people) are read when it starts, and again at SIGHUP.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::Signal;

use super::RunError;
use crate::audit::{Audit, Deed};
use crate::shelf::{Listed, Shelf};

/// The list that the configuration names.
pub(super) fn shelf<T: Listed>(
    path: &Option<PathBuf>,
    entries_max: u64,
) -> Result<Arc<Shelf<T>>, RunError> {
    Ok(Arc::new(Shelf::open(path.clone(), entries_max)?))
}

/// Reads the file of a list again at each SIGHUP.
pub(super) async fn follow<T: Listed>(
    shelf: Arc<Shelf<T>>,
    mut hangups: Signal,
    audit: Audit,
) -> (&'static str, Result<(), RunError>) {
    while hangups.recv().await.is_some() {
        let again = Arc::clone(&shelf);
        // a long list, on a disk that may be busy
        let why = match tokio::task::spawn_blocking(move || again.renew()).await {
            Ok(Ok(())) => continue,
            Ok(Err(fault)) => fault.to_string(),
            Err(fault) => fault.to_string(),
        };
        T::say_refused(&why);
        audit.note(Deed::refused(T::REFUSED, "SIGHUP", "not valid").detail(&why));
    }
    (T::NAME, Ok(()))
}
