//! [`Downlinks`]: the station's own bus, where its children speak.
//!
//! However many children come back at once, and however often one says hello, there is at most one
//! hello of each being answered: the last one, for a child that says another has given up the one
//! before.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use yizhan_core::fill::LegSource;
use yizhan_core::link::Link;
use yizhan_core::time::BootId;
use yizhan_schemas::Code;
use yizhan_schemas::frame::Frame;

use super::{Carrier, Unpacker, input_of, refuse};
use crate::audit::Audit;
use crate::bus::{BusError, Client, Message, subjects};
use crate::driver::Order;
use crate::mailbox::Mailbox;
use crate::seal::Seals;

/// The hello of each child that is being answered.
type Hellos = BTreeMap<Code, Option<AbortHandle>>;

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
        let mut subscription = self.client.subscribe(subjects::UP_ALL).await?;
        let mut hellos: Hellos = children.keys().map(|child| (child.clone(), None)).collect();
        let mut carriers = JoinSet::new();
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
        }
        let mut unpacker = Unpacker::default();
        while let Some(message) = subscription.next().await {
            if !self.heard(message, &mut hellos, &mut unpacker).await {
                break;
            }
        }
        Ok(())
    }

    /// Passes a child's frame on; `false` if the core is gone.
    async fn heard(&self, message: Message, hellos: &mut Hellos, unpacker: &mut Unpacker) -> bool {
        let Some(child) = subjects::child_of_up(&message.subject) else {
            refuse(
                &self.audit,
                &Link::Up,
                &format!("no station code in subject {}", message.subject),
            );
            return true;
        };
        let Some(hello) = hellos.get_mut(&child) else {
            refuse(&self.audit, &Link::Down(child), "no child of this station");
            return true;
        };
        if message.reply.is_some() {
            let this = (self.client.clone(), self.mailbox.clone(), self.audit.clone());
            // answering waits for a commit: frames of other children must not wait with it
            let answering =
                tokio::spawn(
                    async move { answer(&this.0, &this.1, &this.2, child, message).await },
                );
            if let Some(before) = hello.replace(answering.abort_handle()) {
                before.abort();
            }
            return true;
        }
        let link = Link::Down(child);
        match input_of(link.clone(), &message.payload, unpacker, &*self.seals.register) {
            Ok(input) => self.mailbox.tell(input).await,
            Err(why) => {
                refuse(&self.audit, &link, &why);
                true
            }
        }
    }
}

async fn answer(client: &Client, mailbox: &Mailbox, audit: &Audit, child: Code, message: Message) {
    let hello = match Frame::decode(&message.payload) {
        Ok(Frame::Hello(hello)) => hello,
        Ok(_) => return refuse(audit, &Link::Down(child), "a request that is no hello"),
        Err(fault) => return refuse(audit, &Link::Down(child), &fault.to_string()),
    };
    if hello.code != child {
        return refuse(
            audit,
            &Link::Down(child),
            &format!("a hello in the name of {}", hello.code),
        );
    }
    let Some(frame) = mailbox.greet(child.clone(), hello).await else { return };
    match frame.encode() {
        Ok(bytes) => {
            if let Err(fault) = client.answer(&message, bytes).await {
                tracing::debug!(child = child.as_str(), %fault, "a hello was not answered");
            }
        }
        Err(fault) => tracing::error!(%fault, "a welcome does not encode"),
    }
}

#[cfg(test)]
mod tests;
