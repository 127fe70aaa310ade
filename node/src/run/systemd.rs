//! What systemd hears of a station: that it is ready, how it is, that its loop turns, that it stops.
//!
//! Promise: `WATCHDOG=1` is sent by the turning loop itself and by nothing else, so a loop that is
//! stuck is missed. Where there is no systemd, nothing is sent.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::sync::watch;
use yizhan_core::link::Link;
use yizhan_core::station::View;

use super::{RunError, pages};
use crate::bus::Client;

/// What the loop calls at its turns. Tells systemd as often as needed, not more.
pub(super) fn watchdog() -> Box<dyn FnMut() + Send> {
    let Some(within) = sd_notify::watchdog_enabled() else { return Box::new(|| ()) };
    let every = every(within);
    let mut told: Option<Instant> = None;
    Box::new(move || {
        if told.is_none_or(|told| told.elapsed() >= every) {
            told = Some(Instant::now());
            say(&[NotifyState::Watchdog]);
        }
    })
}

/// Four times within the time that systemd waits: a turn of an idle loop takes two seconds.
fn every(within: Duration) -> Duration {
    within / 4
}

/// Says that the station is ready as soon as it is, then how it is whenever that changes.
pub(super) async fn tell(
    link: Client,
    mut view: watch::Receiver<View>,
) -> (&'static str, Result<(), RunError>) {
    let (mut ready, mut said) = (false, String::new());
    loop {
        let text = {
            let view = view.borrow_and_update();
            let reasons = pages::unready(&link, &view);
            if !ready && reasons.is_empty() {
                ready = true;
                say(&[NotifyState::Ready]);
            }
            match reasons.as_slice() {
                [] => status(&view),
                reasons => reasons.join("; "),
            }
        };
        if text != said {
            say(&[NotifyState::Status(&text)]);
            said = text;
        }
        if view.changed().await.is_err() {
            // the loop has ended, which says why
            std::future::pending::<()>().await;
        }
    }
}

/// Says that the station stops.
pub(super) fn stopping() {
    say(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

fn status(view: &View) -> String {
    let up = view.links.iter().find(|link| link.link == Link::Up);
    let parent = match up.map(|link| link.up) {
        None => String::new(),
        Some(true) => ", parent connected".to_owned(),
        Some(false) => ", parent not connected".to_owned(),
    };
    let down = view.links.iter().filter(|link| matches!(link.link, Link::Down(_)));
    let (all, connected) = (down.clone().count(), down.filter(|link| link.up).count());
    let children =
        if all > 0 { format!(", {connected} of {all} children connected") } else { String::new() };
    format!("{} ready{parent}{children}", view.code)
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(fault) = sd_notify::notify(states) {
        tracing::debug!(event = "systemd_untold", %fault, "systemd could not be told");
    }
}
