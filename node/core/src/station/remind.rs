//! Directives that want an answer by a time: who has not given it is reminded once, at half of the
//! time; whoever issued it gets one card of those who have not given it when it is due.

use bytes::Bytes;
use yizhan_schemas::payload::directive::reminder::{self, Overdue, Reminder};
use yizhan_schemas::selector::{TARGETS_MAX, Target};
use yizhan_schemas::{Lane, MessageId, Selector};

use super::Station;
use super::overdue::Outgoing;
use crate::awaited::{Change, Wanted, Wants};
use crate::record::Record;
use crate::step::Step;
use crate::time::Now;

/// What there was no room for is tried again after this long, milliseconds.
pub(super) const TRY_AGAIN_MS: u64 = 1000;

impl Station {
    /// A directive of ours wants answers.
    pub(super) fn await_answers(
        &mut self,
        now: Now,
        id: MessageId,
        wanted: Wanted,
        step: &mut Step,
    ) {
        // whose time is over before it leaves wants nothing that anybody could give
        if wanted.wants.due_ms <= wanted.from_ms || !self.kept.awaited.has_room() {
            return;
        }
        self.write(step, Record::Awaited(Change::Wanted { id, wanted }));
        self.set_waking(now);
    }

    /// These were taken back, or replaced.
    pub(super) fn await_no_more(&mut self, ids: &[MessageId], step: &mut Step) {
        for id in ids {
            if self.kept.awaited.get(id).is_some() {
                self.write(step, Record::Awaited(Change::Over { id: id.clone() }));
            }
        }
    }

    /// How long until there is somebody to remind, or something overdue, milliseconds.
    pub(super) fn remind_left_ms(&self, now: Now) -> Option<u64> {
        let next_ms = self.kept.awaited.iter().map(|(_, wanted)| wanted.next_ms()).min()?;
        Some(next_ms.saturating_sub(now.wall_ms).max(TRY_AGAIN_MS))
    }

    /// Reminds, and says what is overdue.
    pub(super) fn remind(&mut self, now: Now, step: &mut Step) {
        let due = self.kept.awaited.iter().filter(|(_, wanted)| wanted.next_ms() <= now.wall_ms);
        let due: Vec<(MessageId, Wanted)> =
            due.map(|(id, wanted)| (id.clone(), wanted.clone())).collect();
        for (id, wanted) in due {
            match wanted.wants.due_ms <= now.wall_ms {
                true => self.say_overdue(now, id, &wanted, step),
                false => self.remind_silent(now, &id, &wanted, step),
            }
        }
    }

    fn remind_silent(&mut self, now: Now, id: &MessageId, wanted: &Wanted, step: &mut Step) {
        let Wants { requires, due, .. } = wanted.wants.clone();
        let (subject, station) = (id.to_string(), self.here.to_string());
        let more = Default::default();
        let payload = Reminder { subject, station, requires, due, more }.to_json();
        let silent: Vec<Target> = wanted.silent().collect();
        for targets in silent.chunks(TARGETS_MAX) {
            let to = Selector::of_targets(targets.to_vec());
            if self.say(now, reminder::KIND, to, id, payload.clone(), step).is_none() {
                return;
            }
            let stations = targets.iter().filter_map(Target::code).cloned().collect();
            let id = id.clone();
            self.write(step, Record::Awaited(Change::Reminded { id, stations }));
        }
    }

    fn say_overdue(&mut self, now: Now, id: MessageId, wanted: &Wanted, step: &mut Step) {
        let Wants { requires, due, .. } = wanted.wants.clone();
        let missing = wanted.missing.keys().take(reminder::MISSING_MAX);
        let overdue = Overdue {
            subject: id.to_string(),
            station: self.here.to_string(),
            requires,
            due,
            missing: missing.map(ToString::to_string).collect(),
            missing_count: wanted.missing.len() as u64,
            more: Default::default(),
        };
        let here = Selector::of([self.here.clone()]);
        if self.say(now, reminder::OVERDUE_KIND, here, &id, overdue.to_json(), step).is_some() {
            self.write(step, Record::Awaited(Change::Over { id }));
        }
    }

    /// Says something about a directive, more urgently than a routine one.
    fn say(
        &mut self,
        now: Now,
        kind: &'static str,
        to: Selector,
        about: &MessageId,
        payload: Bytes,
        step: &mut Step,
    ) -> Option<MessageId> {
        let lane = match about.lane {
            Lane::Flash | Lane::Immediate => Lane::Immediate,
            Lane::Priority | Lane::Routine => Lane::Priority,
        };
        let references = vec![about.clone()];
        let outgoing = Outgoing { kind, to, lane, content_type: None, payload, references };
        self.issue(now, outgoing, step)
    }
}
