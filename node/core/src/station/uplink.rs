//! The child's side of a session: when it says hello, and what it makes of the answer.
//!
//! Only the child opens sessions. The one that stands goes on until the parent has welcomed the
//! next one; a welcome is answered with a sign of life at once, which is what tells the parent
//! that the session has begun.

use yizhan_schemas::frame::{Beat, Hello, Refused, SessionTag, Welcome};

use yizhan_schemas::{PerLane, dictionary};

use super::Station;
use super::clocks::Met;
use super::session::SOFTWARE;
use crate::effect::{Effect, Notice};
use crate::input::Marks;
use crate::link::Link;
use crate::neighbour::Terms;
use crate::record::{self, Record};
use crate::step::Step;
use crate::time::Now;

/// A nudge within this time after a hello asks for nothing that is not under way. Microseconds.
const HELLO_PAUSE_US: u64 = 1_000_000;

/// A hello and its welcome on the wire, with the subjects around them, bytes: rather too few.
const GREETING_BYTES: u64 = 1_400;

/// Our side of the link to the parent.
#[derive(Debug, Default)]
pub(super) struct Uplink {
    connected: bool,
    /// The hello that waits for an answer, and when it was said.
    asked: Option<(Hello, Now)>,
    counter: u64,
    /// Hellos in a row of which nothing was heard, not even that nobody was there.
    unheard: u32,
    retry_us: Option<u64>,
}

impl Uplink {
    pub(super) fn due_us(&self) -> Option<u64> {
        self.retry_us.filter(|_| self.connected)
    }
}

impl Station {
    pub(super) fn on_connected(&mut self, now: Now, step: &mut Step) {
        self.uplink.connected = true;
        self.uplink.unheard = 0;
        self.say_hello(now, step);
    }

    pub(super) fn on_disconnected(&mut self, step: &mut Step) {
        self.uplink.connected = false;
        self.uplink.retry_us = None;
        self.end_session(&Link::Up, "the connection to the parent's bus is gone", step);
    }

    /// The parent has started, or has no session with us. A nudge may come late, so what stands is
    /// left standing until there is a welcome.
    pub(super) fn on_nudged(&mut self, now: Now, step: &mut Step) {
        let said = self.uplink.asked.as_ref().map(|(_, said)| said.boot_us);
        if said.is_none_or(|at| at.saturating_add(HELLO_PAUSE_US) <= now.boot_us) {
            self.say_hello(now, step);
        }
    }

    pub(super) fn on_unanswered(&mut self, now: Now, counter: u64) {
        if self.uplink.asked.as_ref().is_some_and(|(hello, _)| hello.counter == counter) {
            self.uplink.asked = None;
            self.uplink.unheard = 0;
            // many children lose a parent at the same moment: they come back spread over time
            let most_us = self.settings.hello_retry_ms * 1000;
            let pause_us = most_us / 4 + self.jitter.below(most_us / 4 * 3);
            self.uplink.retry_us = Some(now.boot_us + pause_us);
        }
    }

    pub(super) fn hello_if_due(&mut self, now: Now, step: &mut Step) {
        if self.uplink.retry_us.is_some_and(|at| at <= now.boot_us) {
            self.say_hello(now, step);
        }
    }

    pub(super) fn say_hello(&mut self, now: Now, step: &mut Step) {
        let Some(neighbour) = self.neighbours.get(&Link::Up).filter(|_| self.uplink.connected)
        else {
            return;
        };
        // on a line so slow that no hello is answered in time, the next one waits longer
        let patience_us = neighbour.patience_us(self.settings.liveness_ms_min, 8);
        let patience_us = patience_us << self.uplink.unheard.min(2);
        self.uplink.unheard += 1;
        self.uplink.counter += 1;
        let hello = Hello {
            version: self.settings.version,
            code: self.here.clone(),
            formerly: self.formerly.clone(),
            store: self.store,
            epoch: self.epoch,
            counter: self.uplink.counter,
            boot_ms: now.boot_ms(),
            boot: Some(self.boot.0),
            offers: self.offers(&Link::Up),
            haves: self.haves(&Link::Up),
            dictionaries: self.settings.dictionaries.clone(),
            software: SOFTWARE.to_owned(),
        };
        self.uplink.asked = Some((hello.clone(), now));
        // if even the word that nobody answered is lost, it is said again all the same
        self.uplink.retry_us = Some(now.boot_us + patience_us);
        step.after(Effect::Hello(Box::new(hello)));
    }

    pub(super) fn on_welcomed(
        &mut self,
        now: Now,
        welcome: Welcome,
        marks: PerLane<Marks>,
        step: &mut Step,
    ) {
        let asked = self.uplink.asked.take_if(|(hello, _)| hello.counter == welcome.counter);
        let Some((hello, said)) = asked else { return };
        self.uplink.unheard = 0;
        self.uplink.retry_us = None;
        self.end_session(&Link::Up, "a new session takes its place", step);
        self.adopt(&Link::Up, &welcome.offers, step);
        if self.go_on(&Link::Up, &welcome.haves, &marks, step) {
            // our offers changed: the session that the parent has in mind is not this one
            self.say_hello(now, step);
            return;
        }
        let with = record::Session {
            link: Link::Up,
            store: welcome.store,
            epoch: welcome.epoch,
            counter: welcome.counter,
        };
        self.write(step, Record::Session(with));
        // the parent's clock stood there at some moment between our hello and now
        let their_ms = welcome.boot_ms;
        let high = Some(Met { our_ms: said.boot_ms(), their_ms });
        let low = Met { our_ms: now.boot_ms(), their_ms };
        self.clocks_met(&Link::Up, welcome.boot, high, low, step);
        let tag = SessionTag::of(&hello, &welcome);
        let dictionary = dictionary::common(&self.settings.dictionaries, &welcome.dictionaries);
        let terms = Terms { tag, version: welcome.version, dictionary };
        self.begin_session(now, Link::Up, terms, step);
        if let Some(neighbour) = self.neighbours.get_mut(&Link::Up) {
            let took_us = now.boot_us.saturating_sub(said.boot_us);
            neighbour.greeted(now.boot_us, GREETING_BYTES, took_us);
            // it answered about half way
            let ours = i64::try_from(now.wall_ms.saturating_sub(took_us / 2_000));
            let theirs = welcome.wall_ms.map(i64::try_from);
            neighbour.clock_offset_ms = match (theirs, ours) {
                (Some(Ok(theirs)), Ok(ours)) => Some(theirs.saturating_sub(ours)),
                _ => None,
            };
        }
        // the parent answered after we asked
        self.bound_transit(now, &Link::Up, said.boot_ms(), welcome.boot_ms);
        let beat = Beat::of(tag, now.boot_ms());
        step.after(Effect::Beat { link: Link::Up, beat });
    }

    pub(super) fn on_refused(&mut self, now: Now, refused: Refused, step: &mut Step) {
        let asked = self.uplink.asked.as_ref();
        if asked.is_none_or(|(hello, _)| hello.counter != refused.counter) {
            return;
        }
        self.on_unanswered(now, refused.counter);
        self.notice(step, Notice::HelloRefused { link: Link::Up, why: refused.message });
    }
}
