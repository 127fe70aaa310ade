//! [`Inlet`]: what comes from one child, listened to by itself.
//!
//! Promise: a child that sends more than its room takes, or more hellos than a station says, is not
//! listened to for a while: its bus throws away what it sends, so that it costs this station neither
//! memory nor work, and its siblings nothing at all.
//!
//! However often a child says hello, there is at most one being answered: the last one, for a child
//! that says another has given up the one before.

use std::time::Duration;

use tokio::task::AbortHandle;
use yizhan_core::bucket::Bucket;
use yizhan_core::link::Link;
use yizhan_schemas::Code;
use yizhan_schemas::frame::Frame;

use super::porch::{Porch, Put};
use super::refuse;
use crate::audit::{Audit, Deed};
use crate::bus::{Client, Message, Subscription, subjects};
use crate::clock;
use crate::mailbox::Mailbox;
use crate::telemetry::REFUSALS;

/// Hellos that one child may say at once; an honest one says another only when the last one is
/// late.
const HELLOS_BURST: u64 = 64;
/// And each second from then on.
const HELLOS_PER_SECOND: u64 = 8;
/// Frames and hellos that are dropped before the child is not listened to.
const DROPS_MAX: u32 = 64;
/// For so long. An honest child that got here by some fault of its own sends again after it.
const MUTED: Duration = Duration::from_secs(1);

/// What comes from one child.
pub(super) struct Inlet {
    pub(super) child: Code,
    pub(super) client: Client,
    pub(super) mailbox: Mailbox,
    pub(super) porch: Porch,
    pub(super) audit: Audit,
}

impl Inlet {
    /// Listens until the core is gone, or the connection for good.
    pub(super) async fn run(self, first: Subscription) {
        let mut subscription = first;
        while self.listen(&mut subscription).await {
            let link = self.child.as_str();
            // what waits in it goes with it
            drop(subscription);
            metrics::counter!("yizhan_link_muted_total", "link" => link.to_owned()).increment(1);
            let why = "more frames or hellos than a station sends";
            self.audit.note(Deed::refused("muted", link, "flood").detail(why));
            if let Some(before) = REFUSALS.due("muted", link) {
                tracing::warn!(event = "muted", link, why, before, "not listened to for {MUTED:?}");
            }
            tokio::time::sleep(MUTED).await;
            let Ok(again) = self.client.subscribe(&subjects::up(&self.child)).await else { return };
            subscription = again;
        }
    }

    /// Passes on what comes; `true` if too much does, `false` if there is nobody to pass it on to.
    async fn listen(&self, subscription: &mut Subscription) -> bool {
        let mut hellos = Bucket::new(HELLOS_BURST, HELLOS_PER_SECOND);
        let mut answering: Option<AbortHandle> = None;
        let mut drops = 0;
        while let Some(message) = subscription.next().await {
            let put = if message.reply.is_none() {
                self.porch.put(&message.payload)
            } else if hellos.take(clock::boot_us(), 1) {
                let answer = self.answer(message);
                if let Some(before) = answering.replace(answer) {
                    before.abort();
                }
                Put::Waits
            } else {
                Put::Dropped
            };
            match put {
                Put::Waits => {}
                Put::Dropped if drops < DROPS_MAX => drops += 1,
                Put::Dropped => return true,
                Put::Nowhere => return false,
            }
        }
        false
    }

    fn answer(&self, message: Message) -> AbortHandle {
        let (client, mailbox) = (self.client.clone(), self.mailbox.clone());
        let (audit, child) = (self.audit.clone(), self.child.clone());
        // answering waits for a commit
        let answering = async move { answer(&client, &mailbox, &audit, child, message).await };
        tokio::spawn(answering).abort_handle()
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
                tracing::debug!(
                    event = "hello_unanswered",
                    child = child.as_str(),
                    %fault,
                    "a hello was not answered"
                );
            }
        }
        Err(fault) => {
            tracing::error!(event = "frame_unencodable", %fault, "a welcome does not encode")
        }
    }
}
