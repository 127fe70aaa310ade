//! What the bus refused somebody, told to the audit log with the name of who it was.

use super::RunError;
use super::names::Names;
use crate::audit::{Audit, Deed};
use crate::bus::{BusRefusal, Tail};

/// Follows the log of our own server; there is none if the bus is run by others.
pub(super) async fn follow(
    log: Option<Tail>,
    mut names: Names,
    audit: Audit,
) -> (&'static str, Result<(), RunError>) {
    if let Some(log) = log {
        log.follow(move |refusal| audit.note(deed(&refusal, &mut names))).await;
    }
    // the loop has ended, which says why
    std::future::pending().await
}

fn deed(refusal: &BusRefusal, names: &mut Names) -> Deed {
    let BusRefusal { reason, user, address, subject, words, .. } = refusal;
    // who is refused before a login is known by the address, and by what they claimed to be
    let who = user.as_ref().map_or_else(|| address.as_str().into(), |user| names.of(user));
    let deed = Deed::refused("bus_refused", &who, reason.word());
    deed.to(subject.as_deref().unwrap_or_default()).detail(&format!("from {address}: {words}"))
}
