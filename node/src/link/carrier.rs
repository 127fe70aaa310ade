//! [`Carrier`]: publishes what the core orders for one link, in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use yizhan_core::effect::Send;
use yizhan_core::fill::{Filled, LegSource, fill};
use yizhan_core::input::Input;
use yizhan_core::seal::Signet;
use yizhan_core::time::BootId;
use yizhan_schemas::frame::{Batch, Frame};

use super::Packer;
use crate::bus::Client;
use crate::clock;
use crate::driver::Order;
use crate::mailbox::Mailbox;

/// Pause before legs that could not be read are asked for again.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(1);

/// What NATS puts around a subject and a body, bytes: `PUB`, the length, two ends of lines.
const PROTOCOL_BYTES: usize = 13;
/// A frame that came out more than half longer than it should is filled anew, so many times: what
/// packs well was followed by what does not.
const REFILLS_MAX: u32 = 2;

/// One link's way out.
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
        let mut packer = Packer::default();
        while let Some(order) = orders.recv().await {
            match order {
                Order::Hello(said) => hello(said),
                Order::Nudge(nudge) => drop(self.publish(&Frame::Nudge(nudge)).await),
                Order::Ack(ack) => drop(self.publish(&Frame::Ack(ack)).await),
                Order::Beat(beat) => drop(self.publish(&Frame::Beat(beat)).await),
                Order::Send(send) => {
                    // it may have to be sealed, and the answers to publishers are ready to go
                    tokio::task::yield_now().await;
                    if !self.send(send, &mut packer).await {
                        return;
                    }
                }
            }
        }
    }

    /// Publishes a frame and gives its bytes on the wire; if it cannot be published, that is as if
    /// it were lost on the way.
    async fn publish(&self, frame: &Frame) -> u64 {
        match frame.encode() {
            Ok(bytes) => {
                let wire_bytes = bytes.len() + self.subject.len() + PROTOCOL_BYTES;
                if let Err(fault) = self.client.publish(&self.subject, bytes).await {
                    tracing::debug!(
                        event = "not_published",
                        subject = self.subject,
                        %fault,
                        "not published"
                    );
                }
                wire_bytes as u64
            }
            Err(fault) => {
                tracing::error!(
                    event = "frame_unencodable",
                    subject = self.subject,
                    %fault,
                    "a frame does not encode"
                );
                0
            }
        }
    }

    /// Fills and publishes legs and tells the core how far that went; `false` if it is gone.
    async fn send(&self, send: Send, packer: &mut Packer) -> bool {
        let (through, bytes) = match self.fill(&send, packer) {
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
                tracing::error!(
                    event = "legs_unreadable",
                    link = send.link.word(),
                    %fault,
                    "legs cannot be read"
                );
                // the core asks again at once
                tokio::time::sleep(UNREADABLE_PAUSE).await;
                (send.from.saturating_sub(1), 0)
            }
        };
        let Send { link, session, lane, from, .. } = send;
        self.mailbox.tell(Input::Sent { link, session, lane, from, through, bytes }).await
    }

    /// Frames as long as they should be once they are packed, as far as that can be foreseen.
    fn fill(&self, send: &Send, packer: &mut Packer) -> Result<Filled, String> {
        let how = send.packing;
        let mut refills = 0;
        loop {
            let raw = Send {
                max_bytes: packer.raw_for(how, send.max_bytes),
                frame_bytes: packer.raw_for(how, send.frame_bytes),
                ..send.clone()
            };
            let mut filled = fill(&raw, &*self.legs, &*self.signet, clock::now())?;
            let raw_bytes: usize = filled.frames.iter().map(|batch| batch.body.len()).sum();
            let pack = |batch| packer.pack(how, batch);
            filled.frames = filled.frames.into_iter().map(pack).collect();
            let most = send.frame_bytes.saturating_add(send.frame_bytes / 2);
            let is_too_long = |batch: &Batch| batch.body.len() as u64 > most;
            let is_shorter = how.is_some() && packer.raw_for(how, send.max_bytes) < raw.max_bytes;
            if refills < REFILLS_MAX && is_shorter && filled.frames.iter().any(is_too_long) {
                refills += 1;
                continue;
            }
            let link = send.link.word();
            metrics::counter!("yizhan_link_raw_bytes_total", "link" => link.to_owned())
                .increment(raw_bytes as u64);
            return Ok(filled);
        }
    }

    async fn publish_batches(&self, send: &Send, filled: Filled) -> (u64, u64) {
        let mut bytes = 0;
        if !self.client.is_connected() {
            return (send.from.saturating_sub(1), 0);
        }
        for batch in filled.frames {
            bytes += self.publish(&Frame::Batch(batch)).await;
        }
        metrics::counter!("yizhan_link_wire_bytes_total", "link" => send.link.word().to_owned())
            .increment(bytes);
        (filled.through, bytes)
    }
}
