//! The catalogue of devices is read when the station starts, and again at SIGHUP; what devices show
//! is ended in time.

use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use yizhan_core::input::Input;
use yizhan_core::station::View;
use yizhan_schemas::Code;

use super::RunError;
use crate::adapter::Sessions;
use crate::audit::{Audit, Deed};
use crate::bus::Client;
use crate::catalogue::{InForce, Shelf};
use crate::config::Config;
use crate::mailbox::Mailbox;

/// The catalogue that the configuration names.
pub(super) fn shelf(config: &Config) -> Result<Arc<Shelf>, RunError> {
    let catalogue = &config.catalogue;
    Ok(Arc::new(Shelf::open(catalogue.path.clone(), catalogue.max_devices)?))
}

/// The devices of a station while it runs.
pub(super) struct Devices {
    pub(super) shelf: Arc<Shelf>,
    pub(super) here: Code,
    pub(super) mailbox: Mailbox,
}

impl Devices {
    /// Reads the file again at each SIGHUP.
    pub(super) async fn follow(
        self,
        mut hangups: Signal,
        audit: Audit,
    ) -> (&'static str, Result<(), RunError>) {
        self.tell().await;
        while hangups.recv().await.is_some() {
            let shelf = Arc::clone(&self.shelf);
            // a long list, on a disk that may be busy
            match tokio::task::spawn_blocking(move || shelf.renew()).await {
                Ok(Ok(())) => self.tell().await,
                Ok(Err(fault)) => {
                    tracing::error!(
                        event = "catalogue_refused",
                        "{fault}; the one before stays in force"
                    );
                    let deed = Deed::refused("catalogue_refused", "SIGHUP", "not valid");
                    audit.note(deed.detail(&fault.to_string()));
                }
                Err(fault) => tracing::error!(event = "catalogue_refused", "{fault}"),
            }
        }
        ("catalogue", Ok(()))
    }

    /// Where broadcasts go from now on.
    async fn tell(&self) {
        let hang = loudspeakers(&self.shelf.in_force(), &self.here);
        self.mailbox.tell(Input::Loudspeakers(hang > 0)).await;
        metrics::gauge!("yizhan_catalogue_loudspeakers_here").set(hang as f64);
    }
}

/// How many loudspeakers hang at a station.
pub(super) fn loudspeakers(catalogue: &InForce, here: &Code) -> usize {
    catalogue.now().map_or(0, |catalogue| catalogue.loudspeakers(here).count())
}

/// Closes sessions that are over.
pub(super) async fn close(
    sessions: Sessions,
    client: Client,
    view: watch::Receiver<View>,
) -> (&'static str, Result<(), RunError>) {
    let up = || {
        let view = view.borrow();
        let up = view.links.iter().filter(|link| link.up);
        up.map(|link| link.link.clone()).collect()
    };
    sessions.keep(client, up).await;
    ("sessions", Ok(()))
}
