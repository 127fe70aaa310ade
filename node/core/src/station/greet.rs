//! The parent's side of a session: a child's hello, the answer, and the first frame that proves
//! that the answer arrived.
//!
//! A hello may be old: said by a process that has died since, and delivered late. So it changes
//! nothing by itself. The welcome is a **proposal**; the session begins, and the one before it
//! ends, when a frame comes that carries the proposal's tag, which only a living child can know.
//!
//! # What becomes of a hello
//!
//! | the hello | outcome | test in `tests/station/` |
//! |---|---|---|
//! | known store, higher counter or new epoch | proposal; the lanes go on as [`crate::resume`] says | `hello::both_sides_go_on_where_they_stood` |
//! | first contact: both stores are new | proposal; each adopts the other's numbering | `hello::two_new_stores_adopt_each_others_numbering` |
//! | the child's disk was lost (it knows less) | proposal; all that is held is offered again | `hello::a_child_that_lost_its_disk_is_offered_all_that_is_held` |
//! | the child knows more than we do (our store was restored or replaced) | proposal; what was not acked gets a new numbering | `hello::a_parent_restored_from_a_copy_numbers_anew_what_was_not_acked` |
//! | the child was restored from an old copy | proposal; we go back to where it stands | `hello::a_child_restored_from_a_copy_gets_again_what_it_forgot` |
//! | both were restored | proposal; all that is held is offered under a new numbering | `hello::when_both_were_restored_all_is_offered_again` |
//! | another store, while the known one showed life within the liveness bound | refused `store_conflict`, alarmed | `hello::a_second_station_under_the_same_code_is_refused_while_the_first_lives` |
//! | another store, after the known one went quiet | proposal as a replacement, the operator is told | `hello::a_replacement_is_admitted_after_the_old_store_went_quiet` |
//! | a store that was replaced | refused `store_replaced` | `hello::a_replaced_store_is_refused_for_good` |
//! | an epoch that is over, or a counter that is not higher | refused `stale` | `hello::an_old_hello_is_refused` |
//! | a hello of a dead process that was never seen, delivered late | proposal that nobody takes up: the standing session goes on | `hello::a_hello_that_comes_late_does_not_end_the_session_that_stands` |
//! | answered before the session before it began a new numbering | void when it is taken up, another hello is asked for | `hello::a_welcome_that_a_newer_numbering_overtook_begins_no_session` |
//! | no frame version in common | refused `version` | `hello::a_version_that_is_not_spoken_here_is_refused` |
//! | an older version than ours | proposal in that version | `hello::an_older_version_is_spoken_with_an_older_station` |
//! | a code that is no child here (it moved away, or topologies differ) | refused `unknown_station` | `hello::a_station_that_is_no_child_here_is_refused` |
//! | a child that was renamed or came from another parent | proposal; what it holds of its old code comes with it | `hello::a_renamed_station_hands_over_what_it_took_under_its_old_code` |

use yizhan_schemas::frame::{
    Frame, Hello, Nudge, RefusalReason, Refused, SessionTag, VERSION_MIN, Welcome,
};
use yizhan_schemas::{Code, PerLane, dictionary};

use super::Station;
use super::clocks::Met;
use super::session::SOFTWARE;
use crate::effect::{Effect, Notice};
use crate::input::{Marks, Ticket};
use crate::link::Link;
use crate::neighbour::{Proposal, Terms};
use crate::peer::Claim;
use crate::record::{self, Record, Renumbered};
use crate::resume::Resume;
use crate::step::Step;
use crate::time::Now;

/// A welcome and the sign of life that takes it up, on the wire, bytes: rather too few.
const WELCOME_BYTES: u64 = 750;
/// A child whose frames belong to no session is asked for a hello this often, microseconds.
const NUDGE_EVERY_US: u64 = 1_000_000;

impl Station {
    pub(super) fn on_greeted(
        &mut self,
        now: Now,
        from: Code,
        hello: Hello,
        ticket: Ticket,
        marks: PerLane<Marks>,
        step: &mut Step,
    ) {
        let link = Link::Down(from);
        let frame = match self.claim_fault(now, &link, &hello) {
            Some((reason, why)) => {
                self.notice(step, Notice::HelloRefused { link, why: why.clone() });
                Frame::Refused(Refused { reason, message: why, counter: hello.counter })
            }
            None => Frame::Welcome(self.propose(now, &link, hello, marks)),
        };
        step.after(Effect::Answer { ticket, frame: Box::new(frame) });
    }

    fn claim_fault(&self, now: Now, link: &Link, hello: &Hello) -> Option<(RefusalReason, String)> {
        let Some(neighbour) = self.neighbours.get(link) else {
            let why = format!("{} is no child of {} in its topology", hello.code, self.here);
            return Some((RefusalReason::UnknownStation, why));
        };
        if hello.version < VERSION_MIN {
            let why = format!(
                "frame version {} is not spoken here; {VERSION_MIN} to {} are",
                hello.version, self.settings.version
            );
            return Some((RefusalReason::Version, why));
        }
        let claim = self
            .kept
            .peers
            .get(link)
            .map_or(Claim::Admit, |peer| peer.claim(hello.store, hello.epoch, hello.counter));
        let heard = neighbour.heard_us.filter(|_| neighbour.session.is_some());
        let patience_us = neighbour.patience_us(self.settings.liveness_ms_min, 8);
        let alive = heard.is_some_and(|at| now.boot_us < at.saturating_add(patience_us));
        match claim {
            Claim::Admit => None,
            Claim::OtherStore if !alive => None,
            Claim::OtherStore => Some((
                RefusalReason::StoreConflict,
                format!(
                    "another station is at work as {} (its data directory is not {}); stop one of \
                     the two",
                    hello.code, hello.store
                ),
            )),
            Claim::Replaced => Some((
                RefusalReason::StoreReplaced,
                format!("data directory {} of {} was replaced", hello.store, hello.code),
            )),
            Claim::Stale => Some((
                RefusalReason::Stale,
                format!("hello {} of epoch {} comes late", hello.counter, hello.epoch),
            )),
        }
    }

    /// Answers a hello without changing anything that is kept.
    fn propose(&mut self, now: Now, link: &Link, hello: Hello, marks: PerLane<Marks>) -> Welcome {
        let mut offers = self.offers(link);
        let mut renumbered = PerLane::from_fn(|_| None);
        for (lane, have) in hello.haves.iter() {
            let Resume::Renumber(start) = self.resume_lane(link, lane, have, &marks) else {
                continue;
            };
            let new = self.renumbering(link, lane, start, marks.get(lane).acked);
            let offer = offers.get_mut(lane);
            offer.link_epoch = new.link_epoch;
            offer.start = new.start;
            offer.start_chain = new.start_chain;
            *renumbered.get_mut(lane) = Some(new);
        }
        let welcome = Welcome {
            version: self.settings.version.min(hello.version),
            code: self.here.clone(),
            store: self.store,
            epoch: self.epoch,
            counter: hello.counter,
            boot_ms: now.boot_ms(),
            boot: Some(self.boot.0),
            wall_ms: Some(now.wall_ms),
            offers,
            haves: self.haves(link),
            dictionaries: self.settings.dictionaries.clone(),
            software: SOFTWARE.to_owned(),
        };
        let tag = SessionTag::of(&hello, &welcome);
        let told = PerLane::from_fn(|lane| welcome.offers.get(lane).link_epoch);
        if let Some(neighbour) = self.neighbours.get_mut(link) {
            let version = welcome.version;
            neighbour.propose(Proposal { tag, version, hello, marks, told, renumbered, at: now });
        }
        welcome
    }

    /// A frame with a tag that is not the session's came from a child: begins the session that it
    /// confirms. `sent_ms` is the child's clock when it sent the frame.
    pub(super) fn confirm(
        &mut self,
        now: Now,
        link: &Link,
        tag: SessionTag,
        sent_ms: Option<u64>,
        step: &mut Step,
    ) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(link) else { return false };
        let Some(proposal) = neighbour.take_proposal(tag) else {
            self.ask_for_hello(now, link, step);
            return false;
        };
        if self.claim_fault(now, link, &proposal.hello).is_some() {
            return false;
        }
        self.end_session(link, "a new session takes its place", step);
        let known = self.kept.peers.get(link).and_then(|peer| peer.now);
        if known.is_some_and(|(store, ..)| store != proposal.hello.store) {
            self.notice(step, Notice::StoreReplaced { link: link.clone() });
        }
        self.adopt(link, &proposal.hello.offers, step);
        if !self.take_up(link, &proposal, step) {
            // what the child was told does not hold any more
            self.ask_for_hello(now, link, step);
            return false;
        }
        let hello = &proposal.hello;
        let with = record::Session {
            link: link.clone(),
            store: hello.store,
            epoch: hello.epoch,
            counter: hello.counter,
        };
        self.write(step, Record::Session(with));
        // when the hello came, the child's clock stood between its hello and its first frame
        let at_ms = proposal.at.boot_ms();
        let high = sent_ms.map(|sent_ms| Met { our_ms: at_ms, their_ms: sent_ms });
        let low = Met { our_ms: at_ms, their_ms: hello.boot_ms };
        self.clocks_met(link, hello.boot, high, low, step);
        let dictionary = dictionary::common(&self.settings.dictionaries, &hello.dictionaries);
        let terms = Terms { tag, version: proposal.version, dictionary };
        self.begin_session(now, link.clone(), terms, step);
        if let Some(neighbour) = self.neighbours.get_mut(link) {
            let took_us = now.boot_us.saturating_sub(proposal.at.boot_us);
            neighbour.greeted(now.boot_us, WELCOME_BYTES, took_us);
        }
        if let Some(session) = self.session_mut(link) {
            session.welcomed_ms = Some(at_ms);
        }
        self.said_since_welcome(now, link, sent_ms);
        true
    }

    /// Moves our cursors as the proposal said. Acks of the session before may have come since, so
    /// each lane is looked at again; false if one cannot go on as the child was told. It cannot if
    /// that session began a numbering after this hello was answered: the child has just gone back
    /// to the one before, and would never hear of the newer one while this session stands.
    fn take_up(&mut self, link: &Link, proposal: &Proposal, step: &mut Step) -> bool {
        self.touched.insert(link.clone());
        for (lane, have) in proposal.hello.haves.iter() {
            if let Some(new) = proposal.renumbered.get(lane) {
                self.begin_numbering(new.clone(), step);
                continue;
            }
            let ours = self.kept.outbound(link, lane).and_then(|ours| ours.link_epoch);
            if ours != Some(*proposal.told.get(lane)) {
                return false;
            }
            match self.resume_lane(link, lane, have, &proposal.marks) {
                Resume::After(through) => self.stand_at(link, lane, through, step),
                Resume::Renumber(_) => return false,
            }
        }
        true
    }

    fn begin_numbering(&mut self, new: Renumbered, step: &mut Step) {
        let (link, lane, from) = (new.link.clone(), new.lane, new.start);
        self.write(step, Record::Renumbered(new));
        self.notice(step, Notice::Renumbered { link, lane, from });
    }

    /// Asks a child for a hello, if there is no session with it and it was not asked just now.
    fn ask_for_hello(&mut self, now: Now, link: &Link, step: &mut Step) {
        let Link::Down(child) = link else { return };
        let Some(neighbour) = self.neighbours.get_mut(link) else { return };
        let lately = neighbour.nudged_us.is_some_and(|at| now.boot_us < at + NUDGE_EVERY_US);
        if lately || neighbour.session.is_some() {
            return;
        }
        neighbour.nudged_us = Some(now.boot_us);
        step.after(Effect::Nudge { child: child.clone(), nudge: Nudge { epoch: self.epoch } });
    }
}
