//! [`Carrier`]: publishes what the core orders for one link, in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use yizhan_core::effect::Send;
use yizhan_core::fill::{LegSource, fill};
use yizhan_core::input::Input;
use yizhan_core::seal::Signet;
use yizhan_core::time::BootId;
use yizhan_schemas::frame::Frame;

use crate::bus::Client;
use crate::clock;
use crate::driver::Order;
use crate::mailbox::Mailbox;

/// Pause before legs that could not be read are asked for again.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);

/// One link's way out.
#[derive(Clone)]
pub struct Carrier {
    /// The connection to the bus that the link is on.
    pub client: Client,
    /// The subject to publish on.
    pub subject: String,
    /// Where legs are read.
    pub legs: Arc<dyn LegSource>,
    /// What is this station's own leaves sealed with this.
    pub signet: Arc<dyn Signet>,
    /// This boot of the machine.
    pub boot: BootId,
    /// The way back to the core.
    pub mailbox: Mailbox,
}

impl Carrier {
    /// Carries out orders until the core is gone. Hellos are left to `hello`.
    pub async fn run(
        self,
        mut orders: mpsc::Receiver<Order>,
        hello: impl Fn(Box<yizhan_schemas::frame::Hello>),
    ) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Hello(said) => hello(said),
                Order::Nudge(nudge) => self.publish(&Frame::Nudge(nudge)).await,
                Order::Ack(ack) => self.publish(&Frame::Ack(ack)).await,
                Order::Beat(beat) => self.publish(&Frame::Beat(beat)).await,
                Order::Send(send) => {
                    if !self.send(send).await {
                        return;
                    }
                }
            }
        }
    }

    /// Publishes a frame; if it cannot be, that is as if it were lost on the way.
    async fn publish(&self, frame: &Frame) {
        match frame.encode() {
            Ok(bytes) => {
                if let Err(fault) = self.client.publish(&self.subject, bytes).await {
                    tracing::debug!(subject = self.subject, %fault, "not published");
                }
            }
            Err(fault) => {
                tracing::error!(subject = self.subject, %fault, "a frame does not encode")
            }
        }
    }

    /// Fills and publishes legs and tells the core how far that went; `false` if it is gone.
    async fn send(&self, send: Send) -> bool {
        let (through, bytes) = match fill(&send, &*self.legs, &*self.signet, clock::now()) {
            Ok(filled) => {
                metrics::counter!("yizhan_seals_signed_total").increment(filled.signed);
                if let Some((from, through)) = filled.gap {
                    let (link, lane) = (send.link.clone(), send.lane);
                    self.mailbox
                        .tell(Input::Unreadable { link, lane, from, through, id: None })
                        .await;
                }
                self.publish_batches(&send, filled).await
            }
            Err(fault) => {
                tracing::error!(link = send.link.word(), %fault, "legs cannot be read");
                // the core asks again at once
                tokio::time::sleep(UNREADABLE_PAUSE).await;
                (send.from.saturating_sub(1), 0)
            }
        };
        let Send { link, session, lane, from, .. } = send;
        self.mailbox.tell(Input::Sent { link, session, lane, from, through, bytes }).await
    }

    async fn publish_batches(&self, send: &Send, filled: yizhan_core::fill::Filled) -> (u64, u64) {
        let mut bytes = 0;
        if !self.client.is_connected() {
            return (send.from.saturating_sub(1), 0);
        }
        for batch in filled.frames {
            bytes += batch.body.len() as u64;
            self.publish(&Frame::Batch(batch)).await;
        }
        (filled.through, bytes)
    }
}
