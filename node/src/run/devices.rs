//! The catalogue of devices is read when the station starts, and again at SIGHUP.

use std::sync::Arc;

use tokio::signal::unix::Signal;

use super::RunError;
use crate::audit::{Audit, Deed};
use crate::catalogue::Shelf;
use crate::config::Config;

/// The catalogue that the configuration names.
pub(super) fn shelf(config: &Config) -> Result<Arc<Shelf>, RunError> {
    let catalogue = &config.catalogue;
    Ok(Arc::new(Shelf::open(catalogue.path.clone(), catalogue.max_devices)?))
}

/// Reads the file again at each SIGHUP.
pub(super) async fn follow(
    mut hangups: Signal,
    shelf: Arc<Shelf>,
    audit: Audit,
) -> (&'static str, Result<(), RunError>) {
    while hangups.recv().await.is_some() {
        let shelf = Arc::clone(&shelf);
        // a long list, on a disk that may be busy
        match tokio::task::spawn_blocking(move || shelf.renew()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(fault)) => {
                tracing::error!(
                    event = "catalogue_refused",
                    "{fault}; the one before stays in force"
                );
                let deed = Deed::refused("catalogue_refused", "SIGHUP", "not valid");
                audit.note(deed.detail(&fault.to_string()));
            }
        }
    }
    ("catalogue", Ok(()))
}
