//! What another catalogue of devices changes; what devices show is ended in time.

use tokio::sync::watch;
use yizhan_core::input::Input;
use yizhan_core::station::View;
use yizhan_schemas::Code;

use super::RunError;
use crate::adapter::Sessions;
use crate::bus::Client;
use crate::catalogue::InForce;
use crate::mailbox::Mailbox;

/// Tells the core where broadcasts go, whenever there is another catalogue.
pub(super) async fn tell(
    mut catalogue: InForce,
    here: Code,
    mailbox: Mailbox,
) -> (&'static str, Result<(), RunError>) {
    loop {
        let hang = loudspeakers(&catalogue, &here);
        mailbox.tell(Input::Loudspeakers(hang > 0)).await;
        metrics::gauge!("yizhan_catalogue_loudspeakers_here").set(hang as f64);
        if !catalogue.changed().await {
            return ("catalogue", Ok(()));
        }
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
