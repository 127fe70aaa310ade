//! Whose keys are believed: the root may change that while the station runs.

use std::sync::{Arc, Weak};

use tokio::sync::watch;
use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::RunError;
use crate::bus::OwnBus;
use crate::seal::Register;

/// Holds seals and the bus to each new tree: who has lost the right to a key is cut off, and what
/// it signed is not taken any more.
pub(super) async fn follow(
    mut trees: watch::Receiver<Arc<Topology>>,
    register: Arc<Register>,
    bus: Weak<OwnBus>,
    here: Code,
) -> (&'static str, Result<(), RunError>) {
    while trees.changed().await.is_ok() {
        let tree = Arc::clone(&trees.borrow_and_update());
        register.follow(&tree);
        let Some(bus) = bus.upgrade() else { break };
        match bus.admit(&tree, &here) {
            Ok(true) => tracing::info!(event = "bus_keys_changed", "the bus knows the new keys"),
            Ok(false) => tracing::warn!(
                event = "bus_keys_unchanged",
                "the root changed keys, and this bus is run by others (bus.mode = external): \
                 render its users anew, or revoked keys still log in there"
            ),
            Err(fault) => tracing::error!(
                event = "bus_keys_unchanged",
                "{fault}: the bus still lets in who could log in before"
            ),
        }
    }
    // the loop has ended, which says why
    std::future::pending().await
}
