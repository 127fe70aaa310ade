//! [`Reader`]: the messages of one run in the inbox of one station.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use yizhan_schemas::Code;

use super::Fault;
use super::ledger::Seen;
use crate::bus::{Client, Delivered, InboxReader};

/// How long a read waits for news.
const READ_WITHIN: Duration = Duration::from_secs(1);
/// Before a read that failed is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long an inbox may take to be read from its start to its end.
const ALL_WITHIN: Duration = Duration::from_secs(20);

/// Reads an inbox from its first message on.
pub(super) struct Reader<'a> {
    inbox: InboxReader,
    source: &'a str,
}

/// One message of this run.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) seen: Seen,
    /// When it entered the inbox, in nanoseconds since 1970.
    pub(super) stored_unix_ns: i128,
}

impl<'a> Reader<'a> {
    /// Over the connection of an application; `source` tells this run's messages from all others.
    pub(super) fn new(bus: &Client, source: &'a str) -> Self {
        Self { inbox: InboxReader::new(bus), source }
    }

    /// What is new, after a while; none if the bus is away.
    pub(super) async fn news(&mut self) -> Vec<Found> {
        match self.inbox.read(READ_WITHIN).await {
            Ok(news) => self.found(&news).collect(),
            // stopped, killed or just starting: that is what the demo is about
            Err(_) => {
                sleep(PAUSE).await;
                Vec::new()
            }
        }
    }

    /// All that there is from here to the end.
    pub(super) async fn all(mut self, station: &Code) -> Result<Vec<Found>, Fault> {
        let (mut all, deadline) = (Vec::new(), Instant::now() + ALL_WITHIN);
        loop {
            match self.inbox.read(Duration::ZERO).await {
                Ok(news) if news.is_empty() => return Ok(all),
                Ok(news) => all.extend(self.found(&news)),
                Err(cause) if Instant::now() > deadline => {
                    return Err(Fault::Uncounted { code: station.clone(), cause });
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn found<'n>(&self, news: &'n [Delivered]) -> impl Iterator<Item = Found> + use<'n, 'a> {
        let source = self.source;
        news.iter().filter_map(move |one| {
            let said = |name| one.message.headers.get(name).unwrap_or_default();
            let seen = Seen { id: said("Yz-Id").to_owned(), key: said("ce-id").to_owned() };
            (said("ce-source") == source)
                .then_some(Found { seen, stored_unix_ns: one.stored_unix_ns })
        })
    }
}
