//! [`Shelf`]: spans on their way out. Bounded: the oldest go first, and are counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use yizhan_schemas::Code;
use yizhan_schemas::payload::spans::{Batch, Span};

/// Spans that wait at most.
const SPANS_MAX: usize = 8_192;

/// A span, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) station: Code,
    pub(super) version: Arc<str>,
    pub(super) span: Span,
}

/// Spans on their way out. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Shelf(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<VecDeque<Owned>>,
    /// Told whenever there is one more.
    filled: Notify,
    /// False while nobody collects spans: none need be made.
    wanted: AtomicBool,
}

impl Shelf {
    /// Says whether somebody collects spans.
    pub fn want(&self, wanted: bool) {
        self.0.wanted.store(wanted, Ordering::Relaxed);
        metrics::gauge!("yizhan_spans_wanted").set(f64::from(u8::from(wanted)));
    }

    /// True if somebody does.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::Relaxed)
    }

    /// Puts spans behind the others.
    pub(super) fn put(&self, spans: impl IntoIterator<Item = Owned>) {
        let mut waiting = self.waiting();
        waiting.extend(spans);
        let over = waiting.len().saturating_sub(SPANS_MAX);
        waiting.drain(..over);
        drop(waiting);
        dropped(over, "full");
        self.0.filled.notify_one();
    }

    /// Puts spans back that did not go, before the others.
    pub(super) fn put_back(&self, spans: Vec<Owned>) {
        let mut waiting = self.waiting();
        for span in spans.into_iter().rev() {
            waiting.push_front(span);
        }
        let over = waiting.len().saturating_sub(SPANS_MAX);
        waiting.drain(..over);
        drop(waiting);
        dropped(over, "full");
    }

    /// Takes a child's spans.
    pub fn take_in(&self, child: &Code, batch: &[u8]) {
        let read = match Batch::decode(batch) {
            Ok(read) => read,
            Err(fault) => {
                tracing::warn!(event = "spans_broken", %child, %fault, "a batch of spans is none");
                return dropped(1, "broken");
            }
        };
        let mut foreign = 0;
        for seen in read.seen {
            // nobody speaks for a station that is not below it
            if !seen.station.is_within(child) {
                foreign += seen.spans.len();
                continue;
            }
            let (station, version) = (seen.station, Arc::<str>::from(seen.version));
            let owned = |span| Owned { station: station.clone(), version: version.clone(), span };
            self.put(seen.spans.into_iter().map(owned));
        }
        dropped(foreign, "foreign");
    }

    /// Takes so many spans, the oldest first.
    pub(super) fn take(&self, most: usize) -> Vec<Owned> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(most);
        waiting.drain(..count).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Resolves once there is something.
    pub(super) async fn filled(&self) {
        while self.is_empty() {
            self.0.filled.notified().await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Owned>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts spans that nobody will see.
pub(super) fn dropped(spans: usize, why: &'static str) {
    if spans > 0 {
        metrics::counter!("yizhan_spans_dropped_total", "reason" => why).increment(spans as u64);
    }
}
