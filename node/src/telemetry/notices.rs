//! What the core's notices become: log lines and metrics.

use metrics::{counter, gauge, histogram};
use yizhan_core::effect::Notice;

use super::REFUSALS;
use crate::audit::Audit;
use crate::audit::witness::deed_of;
use crate::driver::NoticeSink;

/// A sink for the driver; what somebody answers for is written down.
pub fn notices(audit: Audit) -> NoticeSink {
    Box::new(move |notice| {
        note(notice);
        if let Some(deed) = deed_of(notice) {
            audit.note(deed);
        }
    })
}

fn note(notice: &Notice) {
    match notice {
        Notice::LinkUp { link } => {
            tracing::info!(event = "link_up", link = link.word(), "a session stands");
        }
        Notice::LinkDown { link, why } => {
            tracing::warn!(event = "link_down", link = link.word(), why, "the session ended");
        }
        Notice::HelloRefused { link, why } => {
            counter!("yizhan_hellos_refused_total", "link" => link.word().to_owned()).increment(1);
            if let Some(before) = REFUSALS.due("hello_refused", link.word()) {
                let link = link.word();
                tracing::warn!(event = "hello_refused", link, why, before, "a hello was refused");
            }
        }
        Notice::StoreReplaced { link } => {
            tracing::error!(
                event = "store_replaced",
                link = link.word(),
                "this neighbour came with another data directory and was admitted in place of the \
                 old one; if nobody replaced its disk, find out who this is"
            );
        }
        Notice::Renumbered { link, lane, from } => {
            let (link, lane) = (link.word(), lane.word());
            tracing::warn!(
                event = "renumbered",
                link,
                lane,
                from,
                "histories differ: offering anew"
            );
        }
        Notice::DuplicateSuppressed { link, id } => {
            counter!("yizhan_duplicates_suppressed_total", "link" => link.word().to_owned())
                .increment(1);
            tracing::debug!(event = "duplicate", link = link.word(), %id, "was here already");
        }
        Notice::Gap { link, lane, from, through, reason } => {
            let legs = through.saturating_sub(*from) + 1;
            counter!("yizhan_custody_gap_total", "link" => link.word().to_owned()).increment(legs);
            let (link, lane) = (link.word(), lane.word());
            tracing::error!(event = "custody_gap", link, lane, from, through, ?reason, legs);
        }
        Notice::Quarantined { link, why } => {
            counter!("yizhan_quarantined_total", "link" => link.word().to_owned()).increment(1);
            if let Some(before) = REFUSALS.due("quarantined", link.word()) {
                tracing::error!(
                    event = "quarantined",
                    link = link.word(),
                    why,
                    before,
                    "put aside"
                );
            }
        }
        Notice::Unsealed { link, id, fault } => {
            let labels = [("link", link.word().to_owned()), ("reason", fault.word().to_owned())];
            counter!("yizhan_seals_refused_total", &labels).increment(1);
            if let Some(before) = REFUSALS.due("unsealed", link.word()) {
                let link = link.word();
                tracing::error!(event = "unsealed", link, %id, %fault, before, "not taken");
            }
        }
        Notice::Forbidden { link, id, why } => {
            counter!("yizhan_forbidden_total", "link" => link.word().to_owned()).increment(1);
            if let Some(before) = REFUSALS.due("forbidden", link.word()) {
                let link = link.word();
                tracing::error!(event = "forbidden", link, %id, why, before, "not taken");
            }
        }
        Notice::Amended { added, revoked } => {
            tracing::warn!(event = "keys_changed", added, revoked, "the root changed keys");
        }
        Notice::Ruled { version } => {
            tracing::info!(event = "policy_in_force", version, "the root's rules count now");
        }
        Notice::Unheeded { why } => {
            counter!("yizhan_policy_unheeded_total").increment(1);
            tracing::error!(event = "policy_unheeded", why, "what the root says was not done here");
        }
        Notice::HandedOver { link, legs, held_us, .. } => {
            let seconds = std::time::Duration::from_micros(*held_us).as_secs_f64();
            let legs = usize::try_from(*legs).unwrap_or(usize::MAX);
            histogram!("yizhan_handover_seconds", "link" => link.word().to_owned())
                .record_many(seconds, legs);
        }
        Notice::RoundTrip { link, rtt_us } => {
            let seconds = std::time::Duration::from_micros(*rtt_us).as_secs_f64();
            gauge!("yizhan_round_trip_seconds", "link" => link.word().to_owned()).set(seconds);
        }
        Notice::InboxLost { from } => {
            counter!("yizhan_inbox_lost_total").increment(1);
            tracing::error!(event = "inbox_lost", from, "YZ_INBOX lost messages: delivering again");
        }
        Notice::Resent { link, lane, from } => {
            counter!("yizhan_resent_total", "link" => link.word().to_owned()).increment(1);
            let (link, lane) = (link.word(), lane.word());
            tracing::debug!(event = "resent", link, lane, from, "sent again");
        }
        // counted in the view, which knows of those before this start as well
        Notice::Resolved { outcome, pairs } => {
            tracing::debug!(event = "resolved", %outcome, pairs, "an origin knows more");
        }
        Notice::Late { link, id } => {
            counter!("yizhan_late_total", "link" => link.word().to_owned()).increment(1);
            tracing::info!(event = "late", link = link.word(), %id, "came behind its successors");
        }
        Notice::Astray { origin } => {
            counter!("yizhan_astray_total").increment(1);
            tracing::warn!(
                event = "astray",
                %origin,
                "a receipt's origin is no station known here"
            );
        }
        Notice::Full { link } => {
            counter!("yizhan_full_total", "link" => link.word().to_owned()).increment(1);
            tracing::warn!(event = "full", link = link.word(), "no room: it will be sent again");
        }
        Notice::CacheShort { legs } => {
            counter!("yizhan_two_hop_short_total").increment(*legs);
            tracing::warn!(event = "cache_short", legs, "spool.two_hop_max_bytes is reached");
        }
        Notice::Ended { link, lane, legs, reason } => {
            let why = format!("{reason:?}").to_lowercase();
            let labels = [("link", link.word().to_owned()), ("reason", why)];
            counter!("yizhan_ended_total", &labels).increment(*legs);
            tracing::info!(event = "ended", link = link.word(), lane = lane.word(), legs, ?reason);
        }
    }
}
