//! The inbox of a [`Host`]: legs go in at their sequences, and are released when they are synced.

use std::collections::VecDeque;

use yizhan_core::effect::Deliver;
use yizhan_core::input::{InInbox, Input};
use yizhan_core::link::Link;
use yizhan_core::mutant::{self, Mutant};
use yizhan_core::time::Now;
use yizhan_schemas::{Envelope, Lane, MessageId};

use super::Host;

/// The inbox, as one process sees it.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Which opening is the present one; `None` while the stream is away.
    opening: Option<u64>,
    openings: u64,
    /// Legs in the stream from an earlier opening, whose release has not been told.
    recalled: Option<(u64, u64)>,
    /// Legs published under this opening whose release has not been told.
    published: VecDeque<(u64, MessageId)>,
}

/// What came of publishing into the inbox.
#[derive(Debug)]
pub struct Published {
    /// What went in, in order, and whether it bears the mark of lateness.
    pub messages: Vec<(Envelope, bool)>,
    /// What the station hears of it.
    pub inputs: Vec<Input>,
}

impl Host {
    /// Publishes into the inbox, as far as it takes it.
    pub fn publish(&mut self, deliver: &Deliver, now: Now) -> Published {
        let mut published = Published { messages: Vec::new(), inputs: Vec::new() };
        if self.opening() != Some(deliver.opening) {
            return published; // asked for under an earlier opening
        }
        let mut through = deliver.from - 1;
        for leg in deliver.from..=deliver.through {
            let held = self.disk.leg(&Link::Inbox, Lane::Routine, leg);
            let put = self.disk.put(&Link::Inbox, Lane::Routine, leg);
            let Some((held, envelope)) = held.zip(put.map(|put| put.envelope.clone())) else {
                published.inputs.push(Input::Unreadable {
                    link: Link::Inbox,
                    lane: Lane::Routine,
                    from: leg,
                    through: leg,
                    id: None,
                });
                break;
            };
            if held.age_within(now, &deliver.clock, envelope.header().ttl_ms).is_none() {
                published.inputs.push(Input::Stale { leg });
                break;
            }
            let sequence = u64::try_from(leg as i64 + deliver.offset).unwrap_or(0);
            if !self.stream.append(sequence, envelope.header().id()) {
                break;
            }
            if let Some(process) = self.process.as_mut() {
                process.delivery.published.push_back((leg, envelope.header().id()));
            }
            published.messages.push((envelope, held.late));
            through = leg;
        }
        if through == deliver.through {
            published.inputs.push(Input::Delivered { through });
        } else {
            // whatever went wrong, the stream is opened anew and says what is in it
            published.inputs.push(Input::InboxClosed);
            published.inputs.extend(self.open_inbox());
        }
        published
    }

    /// Opens the inbox: what the stream says of itself.
    pub fn open_inbox(&mut self) -> Option<Input> {
        let process = self.process.as_mut()?;
        process.delivery.openings += 1;
        process.delivery.opening = Some(process.delivery.openings);
        process.delivery.recalled = None;
        process.delivery.published.clear();
        Some(Input::InboxOpened {
            opening: process.delivery.openings,
            present_sequence: self.stream.last_sequence(),
            created_ns: self.stream.created_ns,
            last_sequence: self.stream.last_sequence(),
        })
    }

    /// The present opening of the inbox.
    pub fn opening(&self) -> Option<u64> {
        self.process.as_ref().and_then(|process| process.delivery.opening)
    }

    /// The inbox is not to be had.
    pub fn close_inbox(&mut self) -> Option<Input> {
        let process = self.process.as_mut()?;
        process.delivery.opening.take().map(|_| Input::InboxClosed)
    }

    /// These legs were published under an earlier opening and are in the stream.
    pub fn recall(&mut self, from: u64, through: u64) {
        if let Some(process) = self.process.as_mut() {
            process.delivery.recalled = Some((from, through));
        }
    }

    /// The inbox has synced its files through a leg: says so, with the messages that are in it.
    pub fn release(&mut self, through: u64) -> Input {
        if !mutant::is(Mutant::ReleasedAtPubAck) {
            self.stream.sync();
        }
        let Some(process) = self.process.as_mut() else {
            return Input::Released { through, ids: Vec::new() };
        };
        let put = |leg| self.disk.put(&Link::Inbox, Lane::Routine, leg);
        let recalled = process.delivery.recalled.take().map(|(from, through)| from..=through);
        let mut ids: Vec<InInbox> = recalled
            .into_iter()
            .flatten()
            .filter_map(|leg| Some(InInbox::plain(leg, put(leg)?.envelope.header().id())))
            .collect();
        while process.delivery.published.front().is_some_and(|(leg, _)| *leg <= through) {
            let released = process.delivery.published.pop_front();
            ids.extend(released.map(|(leg, id)| InInbox::plain(leg, id)));
        }
        Input::Released { through, ids }
    }
}
