//! [`Ride`]: spans to the parent, for a station that has no way to a collector of its own.
//!
//! The core says when a batch may go, and how long it may be; what goes is in custody like any
//! message, what waits here is not.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use yizhan_core::input::Input;
use yizhan_schemas::Code;
use yizhan_schemas::payload::spans::{Batch, Seen, Span};

use super::shelf::{Owned, Shelf, dropped};
use crate::mailbox::Mailbox;

/// About as many bytes as a span takes in a batch.
const SPAN_BYTES: usize = 160;

/// The way to the parent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ride {
    shelf: Shelf,
}

impl Ride {
    /// One for what is on a shelf.
    pub fn of(shelf: Shelf) -> Self {
        Self { shelf }
    }

    /// Tells the core whenever there is something.
    pub async fn run(self, mailbox: Mailbox) {
        loop {
            self.shelf.filled().await;
            mailbox.tell(Input::SpansWaiting).await;
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }

    /// Takes a child's spans.
    pub fn take_in(&self, child: &Code, batch: &[u8]) {
        self.shelf.take_in(child, batch);
    }

    /// Says whether somebody collects spans.
    pub fn want(&self, wanted: bool) {
        self.shelf.want(wanted);
    }

    /// The oldest spans, in at most so many bytes; empty if there are none.
    pub fn batch(&self, bytes_max: usize) -> Bytes {
        let mut count = (bytes_max / SPAN_BYTES).max(1);
        loop {
            let spans = self.shelf.take(count);
            if spans.is_empty() {
                return Bytes::new();
            }
            match grouped(&spans).encode() {
                Ok(bytes) if bytes.len() <= bytes_max => {
                    let sent = spans.len() as u64;
                    metrics::counter!("yizhan_spans_sent_up_total").increment(sent);
                    let bytes_total = metrics::counter!("yizhan_spans_sent_up_bytes_total");
                    bytes_total.increment(bytes.len() as u64);
                    return bytes;
                }
                // one that alone is too long never goes
                _ if spans.len() == 1 => dropped(1, "long"),
                _ => {
                    count = spans.len() / 2;
                    self.shelf.put_back(spans);
                }
            }
        }
    }
}

fn grouped(spans: &[Owned]) -> Batch {
    let mut by_station: BTreeMap<(&Code, &Arc<str>), Vec<Span>> = BTreeMap::new();
    for owned in spans {
        by_station.entry((&owned.station, &owned.version)).or_default().push(owned.span.clone());
    }
    let seen = |((station, version), spans): ((&Code, &Arc<str>), Vec<Span>)| Seen {
        station: station.clone(),
        version: version.to_string(),
        spans,
    };
    Batch { seen: by_station.into_iter().map(seen).collect() }
}
