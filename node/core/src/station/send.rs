//! Legs go to a neighbour: within the window, urgent first, again where they do not arrive.

use yizhan_schemas::frame::{Ack, Beat, LaneAck, RECORDS_MAX, SessionTag, SkipReason};
use yizhan_schemas::{Lane, MessageId, Outcome};

use super::Station;
use crate::effect::{Effect, EndedRun, Notice, Packing, Send};
use crate::flight::Flight;
use crate::link::Link;
use crate::mutant::{self, Mutant};
use crate::neighbour::Neighbour;
use crate::pace::{FRAME_BYTES_MAX, WINDOW_BYTES_MIN};
use crate::record::{Beyond, Cursor, Ended, Record};
use crate::step::Step;
use crate::time::Now;

/// Round trips to wait for progress before sending again (design §5).
const RESEND_ROUND_TRIPS: u64 = 4;
/// Neighbours hear what is durable one hop further at most this often, microseconds.
pub(super) const TELL_BEYOND_EVERY_US: u64 = 500_000;
/// Such a word on the wire, bytes.
const BEYOND_BYTES: u64 = 200;
/// Legs asked for at once where some have a time to live.
const CAUTIOUS_LEGS: u64 = 16;
/// The frame version that brought `beyond`, and skips of what was passed on.
const BEYOND_SINCE: u8 = 2;

/// What became of a [`Send`].
pub(super) struct Sent {
    pub(super) session: SessionTag,
    pub(super) lane: Lane,
    pub(super) from: u64,
    pub(super) through: u64,
    pub(super) bytes: u64,
}

impl Station {
    /// Asks for the next send on a link, if its session, its window and its backlog allow one.
    pub(super) fn pump(&mut self, link: &Link, step: &mut Step) {
        let Some(neighbour) = self.neighbours.get_mut(link) else { return };
        let Some(session) = neighbour.session.as_mut().filter(|session| !session.asking) else {
            return;
        };
        let most = self.settings.in_flight_bytes_max;
        let fixed = mutant::is(Mutant::WindowFixed);
        let window = if fixed { most } else { neighbour.pace.window_bytes(most) };
        let doubt = session.flights.iter().any(Flight::is_in_doubt);
        let window = if doubt { window.min(WINDOW_BYTES_MIN) } else { window };
        let in_flight = session.bytes();
        let room = window.saturating_sub(in_flight);
        let frame_bytes = if fixed { FRAME_BYTES_MAX } else { neighbour.pace.frame_bytes() };
        let roomy = if fixed { room > 0 } else { neighbour.pace.is_roomy(window, in_flight) };
        let flash_fits = session.flight(Lane::Flash).bytes() < neighbour.pace.flash_bytes(window);
        let lanes = self.kept.outbound.get(link);
        let sent = session.flights.each_ref().map(|flight| flight.sent);
        let waiting = |lane: Lane| {
            // what is urgent goes out over a full window of what is not
            let fits = if lane == Lane::Flash { flash_fits } else { roomy };
            let owed = lanes.map_or(0, |lanes| lanes.get(lane).next.saturating_sub(1));
            fits && sent.get(lane as usize).is_some_and(|sent| *sent < owed)
        };
        let Some(lane) = session.turns.pick(waiting) else { return };
        let Some(owed) = lanes.map(|lanes| lanes.get(lane)) else { return };
        let version = session.version;
        let from = session.flight(lane).sent.saturating_add(1);
        let through = owed.next.saturating_sub(1).min(from.saturating_add(RECORDS_MAX as u64 - 1));
        // what may have left cannot end here any more: no more of it than is about to
        let through = match self.kept.last_perishable(link, lane, from, through) {
            Some(_) => through.min(from.saturating_add(CAUTIOUS_LEGS - 1)),
            None => through,
        };
        // what the log no longer has is skipped whole: only the chain through its end is known
        let through = owed.gone.end_of(through).unwrap_or(through);
        session.asking = true;
        let send = Send {
            link: link.clone(),
            session: session.tag,
            lane,
            from,
            through,
            max_bytes: match frame_bytes {
                FRAME_BYTES_MAX => room.clamp(1, self.settings.send_bytes_max),
                // one frame a time: what is urgent comes between, and each ack makes room
                slow if room < slow && lane != Lane::Flash => room.max(1),
                slow => slow,
            },
            frame_bytes,
            packing: session.dictionary.and_then(|dictionary| {
                neighbour.pace.effort().map(|effort| Packing { dictionary, effort })
            }),
            ended: owed
                .ended_runs(from, through)
                .into_iter()
                .map(|run| spoken(run, version))
                .collect(),
            clock: std::sync::Arc::clone(&self.clock),
        };
        self.offer_perishables(link, lane, from, through, step);
        step.after(Effect::Send(send));
    }

    pub(super) fn on_sent(&mut self, now: Now, link: &Link, sent: Sent) {
        let lanes = self.kept.outbound.get(link);
        let Some(neighbour) = self.neighbours.get_mut(link) else { return };
        let Some(session) = neighbour.session.as_mut().filter(|s| s.tag == sent.session) else {
            return;
        };
        session.asking = false;
        let alone = session.bytes() == 0;
        let flights = session.flights.each_ref().map(|flight| flight.sent);
        let flight = session.flight(sent.lane);
        // after a gap the cursor stands elsewhere: what was sent meanwhile counts for nothing
        if flight.sent.saturating_add(1) != sent.from {
            return;
        }
        let waiting = |lane: Lane| {
            let owed = lanes.map_or(0, |lanes| lanes.get(lane).next.saturating_sub(1));
            let sent =
                if lane == sent.lane { Some(&sent.through) } else { flights.get(lane as usize) };
            sent.is_some_and(|sent| *sent < owed)
        };
        let more = Lane::ALL.into_iter().any(waiting);
        let left = neighbour.pace.departs(now.boot_us, alone, more);
        session.flight(sent.lane).published(sent.through, sent.bytes, left);
        session.turns.served(now.boot_us, sent.lane, sent.bytes, waiting);
    }

    pub(super) fn on_ack(&mut self, now: Now, link: &Link, ack: Ack, step: &mut Step) {
        if !self.heard(now, link, ack.session, None, step) {
            return;
        }
        self.measure(now, link, ack.echo_ms, step);
        for lane in ack.lanes {
            if !self.on_lane_ack(now, link, lane, step) {
                self.end_session(link, "it acked more than there is", step);
                // a child that is not heard any more says hello by itself; we have to do it
                if *link == Link::Up {
                    self.say_hello(now, step);
                }
                return;
            }
        }
    }

    /// False if the other end speaks of legs that were never made: start over from a hello.
    fn on_lane_ack(&mut self, now: Now, link: &Link, ack: LaneAck, step: &mut Step) -> bool {
        let mut ack = ack;
        if mutant::is(Mutant::SentIsHandedOver)
            && let Some(session) = self.neighbours.get_mut(link).and_then(|n| n.session.as_mut())
        {
            ack.through = ack.through.max(session.flight(ack.lane).sent);
        }
        let Some(owed) = self.kept.outbound(link, ack.lane) else { return true };
        if ack.through >= owed.next {
            return false;
        }
        let news = |(from, through): &(u64, u64)| owed.not_passed_on(*from, *through) > 0;
        if ack.beyond.iter().any(news) {
            let beyond = Beyond { link: link.clone(), lane: ack.lane, ranges: ack.beyond };
            self.write(step, Record::Beyond(beyond));
        }
        let Some(owed) = self.kept.outbound(link, ack.lane) else { return true };
        let goes_on = ack.through > owed.acked;
        if goes_on {
            let at = Cursor { link: link.clone(), lane: ack.lane, through: ack.through };
            self.write(step, Record::HandedOver(at));
            self.touched.insert(link.clone());
        }
        let acked = self.kept.outbound(link, ack.lane).map_or(0, |owed| owed.acked);
        let Some(neighbour) = self.neighbours.get_mut(link) else { return true };
        let pause_us = neighbour.rtt_us.unwrap_or(0).max(20_000);
        let samples = neighbour.samples.get_mut(ack.lane as usize);
        let arrived = samples.map(|samples| samples.arrived(ack.through)).unwrap_or_default();
        let mut again = false;
        if let Some(session) = neighbour.session.as_mut() {
            // an ack of something else says nothing of room
            if ack.full || goes_on {
                *session.full.get_mut(ack.lane) = ack.full;
            }
            let flight = session.flight(ack.lane);
            for (bytes, left) in flight.acked(ack.through, now.boot_us) {
                neighbour.pace.arrived(now.boot_us, bytes, left);
            }
            again = ack.gap && flight.again(acked, now.boot_us, pause_us);
        }
        for (legs, taken_us) in arrived {
            let held_us = now.boot_us.saturating_sub(taken_us);
            let link = link.clone();
            self.notice(step, Notice::HandedOver { link, lane: ack.lane, legs, held_us });
        }
        if again {
            let link = link.clone();
            self.notice(step, Notice::Resent { link, lane: ack.lane, from: acked + 1 });
        }
        true
    }

    pub(super) fn resend_overdue(&mut self, now: Now, step: &mut Step) {
        let min_ms = self.settings.resend_ms_min;
        let mut resent = Vec::new();
        for (link, neighbour) in &mut self.neighbours {
            let patience_us = neighbour.resend_us(min_ms, RESEND_ROUND_TRIPS);
            let Some(session) = neighbour.session.as_mut() else { continue };
            for lane in Lane::ALL {
                let acked = self.kept.outbound(link, lane).map_or(0, |owed| owed.acked);
                let flight = session.flight(lane);
                let overdue = flight.overdue_us(patience_us).is_some_and(|at| at <= now.boot_us);
                if overdue && flight.again_overdue(acked, now.boot_us) {
                    resent.push(Notice::Resent { link: link.clone(), lane, from: acked + 1 });
                }
            }
        }
        for notice in resent {
            self.notice(step, notice);
        }
    }

    pub(super) fn on_unreadable(
        &mut self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        id: Option<MessageId>,
        step: &mut Step,
    ) {
        let Some(owed) = self.kept.outbound(link, lane) else { return };
        let (from, through) = (from.max(owed.acked + 1), through.min(owed.next - 1));
        if from > through || !owed.ended_runs(from, through).is_empty() {
            return;
        }
        // what was handed over once may have been given up since; the rest was lost
        let once = through.min(owed.acked_once);
        let mut fates = owed.fate_of(from, once);
        let behind = from.max(once.saturating_add(1));
        if behind <= through {
            fates.push((behind, through, SkipReason::Damaged));
        }
        for (from, through, reason) in fates {
            self.end_legs(link, lane, from, through, reason, step);
        }
        if let Some(id) = id.filter(|_| !link.is_neighbour()) {
            let why = "unreadable: it is unfit for where it was to go";
            self.ended_at(&id, [self.here.clone()], Outcome::DeadLettered, Some(why));
        }
        // what was asked for begins with them: ask anew, now with the skip
        if let Some(session) = self.neighbours.get_mut(link).and_then(|n| n.session.as_mut()) {
            session.asking = false;
        }
    }

    /// Ends open legs of one lane for a reason.
    pub(super) fn end_legs(
        &mut self,
        link: &Link,
        lane: Lane,
        from: u64,
        through: u64,
        reason: SkipReason,
        step: &mut Step,
    ) {
        let ended = Ended { link: link.clone(), lane, from, through, reason };
        self.write(step, Record::Ended(ended));
        self.touched.insert(link.clone());
        let legs = through - from + 1;
        self.notice(step, Notice::Ended { link: link.clone(), lane, legs, reason });
    }

    pub(super) fn on_beat(&mut self, now: Now, link: &Link, beat: Beat, step: &mut Step) {
        if !self.heard(now, link, beat.session, Some(beat.sent_ms), step) {
            return;
        }
        match beat.echo_ms {
            Some(echo_ms) => {
                self.on_collects(link, beat.collects, step);
                self.measure(now, link, Some(echo_ms), step);
                self.bound_transit(now, link, echo_ms, beat.sent_ms);
            }
            None => {
                let answer = Beat {
                    echo_ms: Some(beat.sent_ms),
                    collects: self.collects(),
                    ..Beat::of(beat.session, now.boot_ms())
                };
                step.after(Effect::Beat { link: link.clone(), beat: answer });
            }
        }
    }

    /// The child asks for signs of life; the parent's answers are its own.
    pub(super) fn beat_if_due(&mut self, now: Now, step: &mut Step) {
        let beat_us = self.settings.beat_ms * 1000;
        let session = self.neighbours.get_mut(&Link::Up).and_then(|n| n.session.as_mut());
        let Some(session) = session.filter(|s| s.beat_us + beat_us <= now.boot_us) else { return };
        session.beat_us = now.boot_us;
        let beat = Beat::of(session.tag, now.boot_ms());
        step.after(Effect::Beat { link: Link::Up, beat });
    }

    /// Tells neighbours what of theirs is durable one hop further, as far as that is news.
    pub(super) fn tell_beyond_if_due(&mut self, now: Now, step: &mut Step) {
        if self.tell_beyond_us.is_none_or(|at| at > now.boot_us) {
            return;
        }
        self.tell_beyond_us = None;
        let mut later_us: Option<u64> = None;
        for (link, neighbour) in &mut self.neighbours {
            let every_us = TELL_BEYOND_EVERY_US.max(neighbour.chat_us(BEYOND_BYTES));
            let Some(session) = neighbour.session.as_mut() else { continue };
            if session.version < BEYOND_SINCE {
                continue;
            }
            let due_us = session.told_us.saturating_add(every_us);
            for lane in Lane::ALL {
                let beyond = self.kept.beyond(link, lane);
                let Some(inbound) = self.kept.inbound(link, lane) else { continue };
                if beyond.is_empty() || *session.told.get(lane) == beyond {
                    continue;
                }
                // on a thin line less often: a lane that has news waits for its turn
                if due_us > now.boot_us && session.told_us != now.boot_us {
                    later_us = Some(later_us.map_or(due_us, |at| at.min(due_us)));
                    continue;
                }
                session.told_us = now.boot_us;
                session.told.get_mut(lane).clone_from(&beyond);
                let through = inbound.expected.saturating_sub(1);
                let ack = LaneAck { lane, through, gap: false, full: false, beyond };
                step.ack(link, session.tag, ack, None);
            }
        }
        self.tell_beyond_us = later_us;
    }

    fn measure(&mut self, now: Now, link: &Link, echo_ms: Option<u64>, step: &mut Step) {
        let Some(echo_ms) = echo_ms else { return };
        let Some(neighbour) = self.neighbours.get_mut(link) else { return };
        let sample_us = now.boot_us.saturating_sub(echo_ms.saturating_mul(1000));
        neighbour.measured(sample_us);
        neighbour.pace.round_trip(now.boot_us, sample_us);
        let link = link.clone();
        self.notice(step, Notice::RoundTrip { link, rtt_us: sample_us });
    }

    pub(super) fn link_due_us(&self, link: &Link, neighbour: &Neighbour) -> Option<u64> {
        let session = neighbour.session.as_ref()?;
        let folds = Lane::ALL.into_iter().filter_map(|lane| self.fold_due_us(link, lane));
        let resend_us = neighbour.resend_us(self.settings.resend_ms_min, RESEND_ROUND_TRIPS);
        let silent_us = neighbour.patience_us(self.settings.liveness_ms_min, 8);
        let overdue = session.flights.iter().filter_map(|flight| flight.overdue_us(resend_us));
        let beat_us = session.beat_us + self.settings.beat_ms * 1000;
        let beat = (*link == Link::Up).then_some(beat_us);
        let silent = neighbour.heard_us.map(|at| at + silent_us);
        overdue.chain(beat).chain(silent).chain(folds).min()
    }
}

/// A run of ended legs in words that the other end knows.
fn spoken(run: EndedRun, version: u8) -> EndedRun {
    match run.reason {
        SkipReason::Passed if version < BEYOND_SINCE => {
            EndedRun { reason: SkipReason::Evicted, ..run }
        }
        _ => run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_station_is_not_told_of_what_it_has_no_word_for() {
        let told = |reason, version| {
            spoken(EndedRun { from: 1, through: 2, reason, chain: None }, version).reason
        };
        let all = [SkipReason::Passed, SkipReason::Evicted, SkipReason::Expired];
        let [passed, evicted, expired] = all;
        assert_eq!(all.map(|reason| told(reason, 1)), [evicted, evicted, expired]);
        assert_eq!(all.map(|reason| told(reason, 2)), [passed, evicted, expired]);
    }
}
