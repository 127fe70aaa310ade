//! [`Downlinks`]: the station's own bus, where its children speak, each heard by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use yizhan_core::fill::LegSource;
use yizhan_core::link::Link;
use yizhan_core::time::BootId;
use yizhan_schemas::Code;

use super::Carrier;
use super::inlet::Inlet;
use super::porch::Porch;
use crate::audit::Audit;
use crate::bus::{BusError, Client, subjects};
use crate::driver::Order;
use crate::mailbox::Mailbox;
use crate::query::Board;
use crate::seal::Seals;

/// Everything that the downlinks' tasks need.
pub struct Downlinks {
    /// The connection to this station's own LINK account.
    pub client: Client,
    /// Where legs are read.
    pub legs: Arc<dyn LegSource>,
    /// What seals are made with and known by.
    pub seals: Seals,
    /// This boot of the machine.
    pub boot: BootId,
    /// The way to the core.
    pub mailbox: Mailbox,
    /// Where it is written down what was refused.
    pub audit: Audit,
    /// Where questions and answers go.
    pub board: Board,
}

impl Downlinks {
    /// Runs until the core is gone.
    ///
    /// # Errors
    /// The children's subjects cannot be subscribed to.
    pub async fn run(
        self,
        children: BTreeMap<Code, mpsc::Receiver<Order>>,
    ) -> Result<(), BusError> {
        // both end with this, as nobody else serves the children
        let (mut carriers, mut inlets) = (JoinSet::new(), JoinSet::new());
        for (child, orders) in children {
            let carrier = Carrier {
                client: self.client.clone(),
                subject: subjects::down(&child),
                legs: Arc::clone(&self.legs),
                signet: Arc::clone(&self.seals.signet),
                boot: self.boot,
                mailbox: self.mailbox.clone(),
            };
            carriers.spawn(carrier.run(orders, |_| {}));
            let specimens = Arc::clone(&self.seals.register);
            let link = Link::Down(child.clone());
            let (mailbox, audit) = (self.mailbox.clone(), self.audit.clone());
            let (porch, reading) = Porch::open(link, specimens, mailbox, audit, &self.board);
            inlets.spawn(reading);
            let subscription = self.client.subscribe(&subjects::up(&child)).await?;
            let (client, mailbox) = (self.client.clone(), self.mailbox.clone());
            let audit = self.audit.clone();
            inlets.spawn(Inlet { child, client, mailbox, porch, audit }.run(subscription));
        }
        // one ends only when the core has
        match inlets.join_next().await {
            Some(_) => Ok(()),
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
