//! New certificates come into force while the station runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::RunError;
use crate::audit::{Audit, Deed};
use crate::bus::OwnBus;
use crate::tls::Tls;

/// How often the files are looked at, beside at each SIGHUP.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// SIGHUP, heard from now on: unheard, it ends the process.
pub(super) fn hangups() -> Result<Signal, RunError> {
    signal(SignalKind::hangup()).map_err(RunError::Runtime)
}

/// Looks at the files every minute and at SIGHUP. HTTP shows a new certificate at once, the bus
/// when its server has read it again, a link when it connects the next time.
pub(super) async fn follow(
    mut hangups: Signal,
    tls: Option<Arc<Tls>>,
    bus: std::sync::Weak<OwnBus>,
    audit: Audit,
) -> (&'static str, Result<(), RunError>) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            _ = looks.tick() => false,
            Some(()) = hangups.recv() => true,
        };
        let Some(tls) = tls.clone() else {
            if asked {
                tracing::info!(event = "reload", "there are no certificates to be read again");
            }
            continue;
        };
        // three small files, but on a disk that may be busy
        let outcome = tokio::task::spawn_blocking(move || tls.renew()).await;
        let result = match outcome {
            Ok(Ok(true)) => {
                if let Some(bus) = bus.upgrade() {
                    bus.reload();
                }
                tracing::info!(event = "certificate_renewed", "a new certificate is in force");
                audit.note(Deed::done("certificate_renewed", by(asked)));
                "renewed"
            }
            Ok(Err(fault)) => {
                tracing::error!(
                    event = "certificate_refused",
                    "{fault}; the one before stays in force"
                );
                let deed = Deed::refused("certificate_refused", by(asked), "not valid");
                audit.note(deed.detail(&fault.to_string()));
                "refused"
            }
            Ok(Ok(false)) | Err(_) => {
                if asked {
                    tracing::info!(event = "reload", "the certificate is the same as before");
                }
                continue;
            }
        };
        metrics::counter!("yizhan_tls_renewals_total", "outcome" => result).increment(1);
    }
}

/// Who had the files looked at.
fn by(asked: bool) -> &'static str {
    if asked { "SIGHUP" } else { "the files changed" }
}
