//! [`Receipts`]: what the origins know of what they sent.
//!
//! Promise: a pair of a message and a target counts as known only if the origin itself says how it
//! ended, on its own page; what it says otherwise than it was is named.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use yizhan_schemas::status::MessageStatus;
use yizhan_schemas::{Code, MessageId};

use super::county::County;
use super::ledger::Ledger;

/// How long receipts may be under way when all is there.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);
/// Before they are looked at again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often a station that does not answer is asked.
const ATTEMPTS: u32 = 10;

/// What the origins know of what they sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Receipts {
    /// Pairs of a message and a target.
    pub(super) pairs: usize,
    /// Of these, delivered.
    pub(super) delivered: usize,
    /// Ended otherwise, in words.
    pub(super) other: Vec<String>,
    /// Not known, in words.
    pub(super) open: Vec<String>,
}

impl Receipts {
    /// Asks the origins of all that was accepted, until all is known or for too long.
    pub(super) async fn gather(county: &County, ledger: &Ledger) -> Self {
        let deadline = Instant::now() + KNOWN_WITHIN;
        let origins: BTreeSet<&Code> = ledger.accepted().map(|(origin, ..)| origin).collect();
        loop {
            let mut known = BTreeMap::new();
            for site in county.sites().filter(|site| origins.contains(&site.code)) {
                known.extend(pages(county, &site.code).await);
            }
            let receipts = Self::of(ledger, &known);
            if receipts.open.is_empty() || Instant::now() > deadline {
                return receipts;
            }
            sleep(PAUSE).await;
        }
    }

    fn of(ledger: &Ledger, known: &BTreeMap<MessageId, MessageStatus>) -> Self {
        let mut receipts = Self::default();
        for (_, id, targets) in ledger.accepted() {
            for station in targets {
                receipts.pairs += 1;
                let target = known.get(id).and_then(|status| {
                    status.targets.iter().find(|target| target.station == *station)
                });
                match target.and_then(|target| target.outcome.as_deref()) {
                    Some("delivered") => receipts.delivered += 1,
                    Some(other) => receipts.other.push(format!("{id} at {station}: {other}")),
                    None => receipts.open.push(format!("{id} at {station}")),
                }
            }
        }
        receipts
    }
}

/// A station's own messages; those that it gave before it fell silent.
async fn pages(county: &County, code: &Code) -> BTreeMap<MessageId, MessageStatus> {
    let (mut known, mut cursor) = (BTreeMap::new(), None::<String>);
    let Ok(site) = county.site(code) else { return known };
    let mut attempts = 0;
    while attempts < ATTEMPTS {
        match county.probe.messages(site, cursor.as_deref()).await {
            Ok(page) => {
                known.extend(page.messages.into_iter().map(|status| (status.id.clone(), status)));
                match page.cursor {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            Err(_) => {
                attempts += 1;
                sleep(PAUSE).await;
            }
        }
    }
    known
}
