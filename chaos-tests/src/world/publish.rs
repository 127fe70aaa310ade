//! What publishers do in a [`World`]: hand in, wait, ask again.

use yizhan_core::effect::Verdict;
use yizhan_core::input::{Input, Ticket};
use yizhan_schemas::Lane;
use yizhan_schemas::reply::ErrorCode;

use super::World;
use super::event::{Attempt, Event};
use crate::workload::Matter;

/// A publisher that hears nothing asks again after this long, microseconds.
const PATIENCE_US: (u64, u64) = (2_000_000, 4_000_000);

/// A station may refuse for want of room from this share of `spool.max_bytes` on.
const FULL_PERCENT: u64 = 20;

impl World {
    pub(super) fn submit(&mut self, host: usize, key: u64, why: Attempt) {
        if why == Attempt::Unheard && self.oracle.is_heard(key) {
            return;
        }
        if !self.may_begin(host, key) {
            return;
        }
        let matter = usize::try_from(key).ok().and_then(|at| self.matters.get(at));
        let Some(matter) = matter.cloned() else { return };
        let (least, most) = PATIENCE_US;
        if why != Attempt::Repeat {
            self.soon(least, most, Event::Submit { host, key, why: Attempt::Unheard });
        }
        self.counter += 1;
        let ticket = Ticket(self.counter);
        let Some(h) = self.hosts.get(host).filter(|h| h.process.is_some()) else { return };
        let life = h.life;
        let draft = matter.draft(&self.tree, Default::default());
        let Some(mut draft) = draft else {
            return self.oracle.fault(format!("no draft for {matter:?}"));
        };
        if let Some(key) = &draft.key {
            draft.known = h.index.look(key);
        }
        self.publishers.insert((host, life, ticket), (key, false));
        if let Some(moves) = self.may_go_up(host, key) {
            self.rising.insert(ticket, moves);
        }
        self.input(host, life, Input::Submitted { ticket, draft: Box::new(draft) });
        let reserved = self.hosts.get(host).is_some_and(|h| h.is_reserved());
        if let Some(publisher) = self.publishers.get_mut(&(host, life, ticket)) {
            publisher.1 = reserved && matter.lane != Lane::Flash;
        }
    }

    /// True if a station may say no for this reason: its publisher then asks again.
    fn is_fair(&self, host: usize, code: ErrorCode) -> bool {
        let flash = |matter: &&Matter| matter.host == host && matter.lane == Lane::Flash;
        match code {
            ErrorCode::SpoolFull => self.hosts.get(host).is_some_and(|h| {
                // a direction may be full at its guaranteed quarter, long before the disk is
                h.disk.held_bytes() * 100 >= self.plan.store.max_bytes * FULL_PERCENT
            }),
            // a hundred at once are always taken (design §5)
            ErrorCode::RateLimited => self.matters.iter().filter(flash).count() > 100,
            _ => false,
        }
    }

    pub(super) fn reply(&mut self, host: usize, life: u32, ticket: Ticket, verdict: Verdict) {
        if let Some((id, answer)) = self.answers.remove(&(host, life, ticket)) {
            let noted = matches!(verdict, Verdict::Noted);
            return self.oracle.answered(host, &id, answer, noted);
        }
        let Some((key, reserved)) = self.publishers.remove(&(host, life, ticket)) else { return };
        let moves = self.rising.remove(&ticket);
        match verdict {
            Verdict::Accepted(accepted) => {
                let durable = self.hosts.get(host).is_some_and(|h| h.disk.had(&accepted.id));
                let now_us = self.now_us;
                if reserved && !accepted.duplicate {
                    self.oracle.fault(format!("urgent first: {key} got what is left for flash"));
                }
                self.story.tell(now_us, format_args!("{host} takes {} as {}", key, accepted.id));
                let fresh = !self.oracle.was_told(key);
                self.oracle.accepted(host, key, accepted.id, durable);
                if fresh {
                    self.follow(key);
                }
            }
            Verdict::Refused(refusal) => {
                self.tell(format_args!("{host} refuses {key}: {refusal}"));
                if refusal.code == ErrorCode::Forbidden && self.is_application(key) {
                    // what came in between may have changed that
                    let legal = moves.is_some() && moves == self.may_go_up(host, key);
                    self.oracle.refused_application(host, key, legal);
                    return self.follow(key);
                }
                self.figures.refusals += 1;
                if !self.is_fair(host, refusal.code) {
                    self.oracle.fault(format!("{host} refused {key}: {refusal}"));
                }
            }
            Verdict::Noted => self.oracle.fault(format!("{host} noted an answer to {key}")),
            // its index is behind: who is not answered asks again
            Verdict::LookAgain => {}
        }
    }
}
