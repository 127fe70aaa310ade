//! [`Outages`]: when links of this station were down, and when it did not run itself: what its
//! messages waited for.
//!
//! Kept in a small file of the data directory, so that a wait over a restart has its reason too. It
//! is written when a link changes, and every minute: how long the station did not run is known to
//! that minute. It is no part of custody: lost, it costs reasons, no message.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use yizhan_core::link::Link;
use yizhan_core::station::View;
use yizhan_schemas::query::{Wait, WaitReason};

use crate::clock;

/// The file in the data directory.
const FILE: &str = "outages.json";
/// Outages that are remembered; the oldest go first.
const SPANS_MAX: usize = 1024;
/// How often it is written that the station runs.
const ALIVE_EVERY: Duration = Duration::from_secs(60);
/// A wait that is shorter needs no reason.
const WAIT_MS_MIN: u64 = 1_000;

/// When links were down. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outages {
    book: Arc<Mutex<Book>>,
    file: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    /// When this was written, Unix milliseconds.
    alive_ms: u64,
    spans: VecDeque<Span>,
}

/// One outage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    /// The link, or none if the station itself did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<Link>,
    from_ms: u64,
    /// None as long as it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_ms: Option<u64>,
}

impl Span {
    /// How much of it lies between two times.
    fn within(&self, from_ms: u64, to_ms: u64) -> u64 {
        let end = self.to_ms.unwrap_or(u64::MAX).min(to_ms);
        end.saturating_sub(self.from_ms.max(from_ms))
    }
}

impl Outages {
    /// Those of a data directory. From the last time that it was written to until now the station
    /// did not run.
    pub fn open(data: &std::path::Path) -> Self {
        let file = data.join(FILE);
        let read = std::fs::read(&file).ok();
        let mut book: Book =
            read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let now_ms = clock::now().wall_ms;
        if (1..now_ms).contains(&book.alive_ms) {
            book.push(Span { link: None, from_ms: book.alive_ms, to_ms: Some(now_ms) });
        }
        Self { book: Arc::new(Mutex::new(book)), file }
    }

    /// Takes note of every change until the loop is gone.
    pub async fn watch(self, mut view: watch::Receiver<View>) {
        let mut known: BTreeMap<Link, bool> = BTreeMap::new();
        loop {
            let links: Vec<(Link, bool)> =
                view.borrow_and_update().links.iter().map(|it| (it.link.clone(), it.up)).collect();
            let mut changed = false;
            for (link, up) in links {
                if known.insert(link.clone(), up) != Some(up) {
                    self.book().changed(link, up, clock::now().wall_ms);
                    changed = true;
                }
            }
            if changed {
                self.write();
            }
            match tokio::time::timeout(ALIVE_EVERY, view.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => self.write(),
            }
        }
    }

    /// What a message waited for that stayed for so long and then went to a link.
    pub fn waits(&self, link: &Link, from_ms: u64, to_ms: u64) -> Vec<Wait> {
        let held_ms = to_ms.saturating_sub(from_ms);
        if held_ms < WAIT_MS_MIN {
            return Vec::new();
        }
        let book = self.book();
        let stopped: Vec<&Span> = book.spans.iter().filter(|span| span.link.is_none()).collect();
        let stopped_ms: u64 = stopped.iter().map(|span| span.within(from_ms, to_ms)).sum();
        let down = book.spans.iter().filter(|span| span.link.as_ref() == Some(link));
        // a link of a station that does not run is down as well: that is one reason, not two
        let down = down.map(|span| {
            let (first, last) =
                (span.from_ms.max(from_ms), span.to_ms.unwrap_or(u64::MAX).min(to_ms));
            let both: u64 = stopped.iter().map(|span| span.within(first, last)).sum();
            span.within(from_ms, to_ms).saturating_sub(both)
        });
        let down_ms: u64 = down.sum();
        let lane_ms = held_ms.saturating_sub(stopped_ms.saturating_add(down_ms));
        let closed = match link {
            Link::Inbox | Link::Adapter => WaitReason::InboxClosed,
            Link::Up | Link::Down(_) => WaitReason::LinkDown,
        };
        let all = [
            (WaitReason::StationDown, stopped_ms, 1),
            (closed, down_ms, 1),
            (WaitReason::Lane, lane_ms, WAIT_MS_MIN),
        ];
        let all = all.into_iter().filter(|(_, ms, least)| ms >= least);
        all.map(|(why, ms, _)| Wait { why, ms }).collect()
    }

    fn write(&self) {
        let bytes = {
            let mut book = self.book();
            book.alive_ms = clock::now().wall_ms;
            serde_json::to_vec(&*book).unwrap_or_default()
        };
        let fresh = self.file.with_extension("new");
        let done = std::fs::write(&fresh, bytes).and_then(|()| std::fs::rename(&fresh, &self.file));
        if let Err(fault) = done {
            tracing::debug!(event = "outages_unwritten", %fault, "outages are not written down");
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn changed(&mut self, link: Link, up: bool, now_ms: u64) {
        let of_link = |span: &&mut Span| span.link.as_ref() == Some(&link) && span.to_ms.is_none();
        match (self.spans.iter_mut().rev().find(of_link), up) {
            (Some(open), true) => open.to_ms = Some(now_ms),
            // an outage goes on over a restart
            (Some(_), false) | (None, true) => {}
            (None, false) => {
                self.push(Span { link: Some(link), from_ms: now_ms, to_ms: None });
            }
        }
    }

    fn push(&mut self, span: Span) {
        self.spans.push_back(span);
        if self.spans.len() > SPANS_MAX {
            self.spans.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(outages: &Outages, from_ms: u64, to_ms: u64) -> Vec<(WaitReason, u64)> {
        outages.waits(&Link::Up, from_ms, to_ms).iter().map(|wait| (wait.why, wait.ms)).collect()
    }

    #[test]
    fn a_wait_is_told_by_what_was_down_in_it_and_the_rest_is_the_lanes() {
        let dir = tempfile::tempdir().unwrap();
        let outages = Outages::open(dir.path());
        outages.book().changed(Link::Up, false, 10_000);
        outages.book().changed(Link::Inbox, false, 0);
        outages.book().changed(Link::Up, true, 40_000);
        assert_eq!(waits(&outages, 0, 999), []);
        assert_eq!(waits(&outages, 0, 5_000), [(WaitReason::Lane, 5_000)]);
        assert_eq!(waits(&outages, 20_000, 40_500), [(WaitReason::LinkDown, 20_000)]);
        let all = [(WaitReason::LinkDown, 30_000), (WaitReason::Lane, 30_000)];
        assert_eq!(waits(&outages, 0, 60_000), all);
        let inbox = outages.waits(&Link::Inbox, 0, 2_000);
        assert_eq!(inbox, [Wait { why: WaitReason::InboxClosed, ms: 2_000 }]);
    }

    #[test]
    fn an_outage_goes_on_over_a_restart_which_is_a_reason_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let before = Outages::open(dir.path());
        let start = clock::now().wall_ms;
        before.book().changed(Link::Up, false, start - 60_000);
        before.write();
        // as if it had been written a while ago
        let text = std::fs::read_to_string(&before.file).unwrap();
        let mut book: Book = serde_json::from_str(&text).unwrap();
        book.alive_ms = start - 40_000;
        std::fs::write(&before.file, serde_json::to_vec(&book).unwrap()).unwrap();
        let after = Outages::open(dir.path());
        after.book().changed(Link::Up, false, start);
        let told = waits(&after, start - 60_000, start);
        assert_eq!(told, [(WaitReason::StationDown, 40_000), (WaitReason::LinkDown, 20_000)]);
    }
}
