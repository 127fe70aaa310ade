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
use yizhan_core::station::{LinkView, View};
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
    /// True if the link was up, and the neighbour had no room.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    full: bool,
    from_ms: u64,
    /// None as long as it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_ms: Option<u64>,
}

/// Whether messages get over a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    Down,
    /// It is up, and the neighbour has no room.
    Full,
}

fn way(link: &LinkView) -> Way {
    match (link.up, link.full) {
        (false, _) => Way::Down,
        (true, true) => Way::Full,
        (true, false) => Way::Open,
    }
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
            book.push(Span {
                link: None,
                full: false,
                from_ms: book.alive_ms,
                to_ms: Some(now_ms),
            });
        }
        Self { book: Arc::new(Mutex::new(book)), file }
    }

    /// Takes note of every change until the loop is gone.
    pub async fn watch(self, mut view: watch::Receiver<View>) {
        let mut known: BTreeMap<Link, Way> = BTreeMap::new();
        loop {
            let links: Vec<(Link, Way)> = view
                .borrow_and_update()
                .links
                .iter()
                .map(|it| (it.link.clone(), way(it)))
                .collect();
            let mut changed = false;
            for (link, way) in links {
                if known.insert(link.clone(), way) != Some(way) {
                    self.book().changed(&link, way, clock::now().wall_ms);
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
        // a link of a station that does not run is down as well: that is one reason, not two
        let alone_ms = |span: &Span| {
            let (first, last) =
                (span.from_ms.max(from_ms), span.to_ms.unwrap_or(u64::MAX).min(to_ms));
            let both: u64 = stopped.iter().map(|span| span.within(first, last)).sum();
            span.within(from_ms, to_ms).saturating_sub(both)
        };
        let of_link = book.spans.iter().filter(|span| span.link.as_ref() == Some(link));
        let (full, down): (Vec<&Span>, Vec<&Span>) = of_link.partition(|span| span.full);
        let [full_ms, down_ms] =
            [full, down].map(|spans| spans.into_iter().map(alone_ms).sum::<u64>());
        let lane_ms = held_ms.saturating_sub(stopped_ms.saturating_add(down_ms + full_ms));
        let closed = match link {
            Link::Inbox | Link::Adapter => WaitReason::InboxClosed,
            Link::Up | Link::Down(_) => WaitReason::LinkDown,
        };
        let all = [
            (WaitReason::StationDown, stopped_ms, 1),
            (closed, down_ms, 1),
            (WaitReason::Quota, full_ms, 1),
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
    fn changed(&mut self, link: &Link, way: Way, now_ms: u64) {
        for (full, lasts) in [(false, way == Way::Down), (true, way == Way::Full)] {
            let open = |span: &&mut Span| {
                span.link.as_ref() == Some(link) && span.full == full && span.to_ms.is_none()
            };
            match (self.spans.iter_mut().rev().find(open), lasts) {
                (Some(open), false) => open.to_ms = Some(now_ms),
                // an outage goes on over a restart
                (Some(_), true) | (None, false) => {}
                (None, true) => {
                    let link = Some(link.clone());
                    self.push(Span { link, full, from_ms: now_ms, to_ms: None });
                }
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

    fn code() -> yizhan_schemas::Code {
        yizhan_schemas::Code::parse("510722.101").unwrap()
    }

    fn waits(outages: &Outages, from_ms: u64, to_ms: u64) -> Vec<(WaitReason, u64)> {
        outages.waits(&Link::Up, from_ms, to_ms).iter().map(|wait| (wait.why, wait.ms)).collect()
    }

    #[test]
    fn a_wait_is_told_by_what_was_down_in_it_and_the_rest_is_the_lanes() {
        let dir = tempfile::tempdir().unwrap();
        let outages = Outages::open(dir.path());
        outages.book().changed(&Link::Up, Way::Down, 10_000);
        outages.book().changed(&Link::Inbox, Way::Down, 0);
        outages.book().changed(&Link::Up, Way::Open, 40_000);
        assert_eq!(waits(&outages, 0, 999), []);
        assert_eq!(waits(&outages, 0, 5_000), [(WaitReason::Lane, 5_000)]);
        assert_eq!(waits(&outages, 20_000, 40_500), [(WaitReason::LinkDown, 20_000)]);
        let all = [(WaitReason::LinkDown, 30_000), (WaitReason::Lane, 30_000)];
        assert_eq!(waits(&outages, 0, 60_000), all);
        let inbox = outages.waits(&Link::Inbox, 0, 2_000);
        assert_eq!(inbox, [Wait { why: WaitReason::InboxClosed, ms: 2_000 }]);
    }

    #[test]
    fn a_neighbour_without_room_is_a_reason_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let outages = Outages::open(dir.path());
        outages.book().changed(&Link::Up, Way::Full, 10_000);
        outages.book().changed(&Link::Up, Way::Down, 25_000);
        outages.book().changed(&Link::Up, Way::Open, 30_000);
        let told = waits(&outages, 0, 40_000);
        let quota = (WaitReason::Quota, 15_000);
        assert_eq!(told, [(WaitReason::LinkDown, 5_000), quota, (WaitReason::Lane, 20_000)]);
        assert_eq!(outages.waits(&Link::Down(code()), 0, 40_000).len(), 1, "another link");
    }

    #[test]
    fn an_outage_goes_on_over_a_restart_which_is_a_reason_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let before = Outages::open(dir.path());
        let start = clock::now().wall_ms;
        before.book().changed(&Link::Up, Way::Down, start - 60_000);
        before.write();
        // as if it had been written a while ago
        let text = std::fs::read_to_string(&before.file).unwrap();
        let mut book: Book = serde_json::from_str(&text).unwrap();
        book.alive_ms = start - 40_000;
        std::fs::write(&before.file, serde_json::to_vec(&book).unwrap()).unwrap();
        let after = Outages::open(dir.path());
        after.book().changed(&Link::Up, Way::Down, start);
        let told = waits(&after, start - 60_000, start);
        assert_eq!(told, [(WaitReason::StationDown, 40_000), (WaitReason::LinkDown, 20_000)]);
    }
}
