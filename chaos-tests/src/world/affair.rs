//! What people do about incidents and cases in a [`World`], and what is shown of it at the end.

use yizhan_schemas::MessageId;

use super::World;
use super::event::{Attempt, Event};
use crate::host::Host;
use crate::oracle::matters::Register;
use crate::oracle::matters::said::Said;

/// Who waits until something has come looks again after this long, microseconds.
const LOOK_US: (u64, u64) = (200_000, 800_000);

impl World {
    /// The first messages of affairs; what follows them is handed in when they are taken.
    pub(super) fn schedule_affairs(&mut self) {
        let most = self.plan.safety_us() * 3 / 4;
        let openings: Vec<(usize, u64)> = self
            .matters
            .iter()
            .filter(|matter| matter.deed.as_ref().is_some_and(|deed| deed.after.is_none()))
            .map(|matter| (matter.host, matter.key))
            .collect();
        for (host, key) in openings {
            self.soon(1_000, most, Event::Submit { host, key, why: Attempt::First });
        }
    }

    /// What is done once a key was taken, or will never be.
    pub(super) fn follow(&mut self, key: u64) {
        let mut due = Vec::new();
        for matter in &self.matters {
            let Some(deed) = &matter.deed else { continue };
            if deed.after == Some(key) {
                due.push((matter.host, matter.key, deed.look_us, Attempt::First));
            }
            if matter.key == key && matter.repeated {
                due.push((matter.host, key, 3_000_000, Attempt::Repeat));
            }
        }
        for (host, key, most, why) in due {
            self.soon(1_000, most, Event::Submit { host, key, why });
        }
    }

    /// True if it is known what is to be said about a matter; else it is said later, or never.
    pub(super) fn may_begin(&mut self, host: usize, key: u64) -> bool {
        let at = usize::try_from(key).unwrap_or(usize::MAX);
        let Some(matter) = self.matters.get(at).filter(|matter| matter.body.is_none()) else {
            return true;
        };
        let Some(deed) = &matter.deed else { return true };
        let subject = deed.subject.and_then(|key| self.oracle.id_of(key));
        // where a store was lost it may never come: nobody waits for ever
        if deed.sees && !self.calm && !subject.is_some_and(|id| self.has_come(matter.whom, &id)) {
            let (least, most) = LOOK_US;
            self.soon(least, most, Event::Submit { host, key, why: Attempt::First });
            return false;
        }
        match deed.body(key, &|key| self.oracle.id_of(key)) {
            Some(body) => {
                if let Some(matter) = self.matters.get_mut(at) {
                    matter.body = Some(body);
                }
                true
            }
            // what it speaks of was refused
            None => {
                self.oracle.spare(key);
                self.follow(key);
                false
            }
        }
    }

    fn has_come(&self, whom: crate::tree::Whom, id: &MessageId) -> bool {
        let targets = self.tree.resolve(whom);
        let mut hosts = targets.iter().filter_map(|at| self.hosts.get(*at));
        hosts.all(|h| h.disk.register.end_of(id).is_some())
    }

    /// How often anything has changed at a station, if a case may go up there now by a matter.
    pub(super) fn may_go_up(&self, host: usize, key: u64) -> Option<u64> {
        let matter = self.matters.get(usize::try_from(key).ok()?)?;
        let register = &self.hosts.get(host)?.disk.register;
        let said = Said::read(matter.deed.as_ref()?.kind, matter.body.as_ref()?);
        let Some(Said::Apply { subject, history, .. }) = said else { return None };
        register.may_apply(&subject, &history).then_some(register.moves())
    }

    /// True if a matter is an application for the tier above.
    pub(super) fn is_application(&self, key: u64) -> bool {
        let matter = usize::try_from(key).ok().and_then(|at| self.matters.get(at));
        matter.and_then(|it| it.deed.as_ref()).is_some_and(|deed| deed.kind == "case.apply")
    }

    /// What the disk of a station took about matters.
    pub(super) fn note_matters(&mut self, host: usize) {
        let Some(h) = self.hosts.get_mut(host) else { return };
        let register = &mut h.disk.register;
        let (news, faults) =
            (std::mem::take(&mut register.news), std::mem::take(&mut register.faults));
        self.oracle.learnt(host, news, faults);
    }

    /// True if every station knows what the tier above did, and the tier above what it counts.
    pub(super) fn is_told_of_matters(&self) -> bool {
        if self.plan.work.affairs == 0 {
            return true;
        }
        let told = |h: &Host| h.station().is_some_and(|it| it.kept().tally.is_told());
        let registers = self.registers();
        (1..self.hosts.len()).all(|child| {
            let parent = self.tree.parent(child).and_then(|at| registers.get(at));
            self.hosts.get(child).is_some_and(told)
                && registers
                    .get(child)
                    .zip(parent)
                    .is_some_and(|(lower, upper)| self.oracle.is_heard_below(child, lower, upper))
        })
    }

    fn registers(&self) -> Vec<&Register> {
        self.hosts.iter().map(|h| &h.disk.register).collect()
    }

    /// The pages of all stations are held against what must be on them.
    pub(super) fn judge_matters(&mut self) {
        let mut pages = Vec::new();
        for host in 0..self.hosts.len() {
            self.note_matters(host);
            let now = self.clock(host);
            pages.extend(self.hosts.get_mut(host).and_then(|h| h.governed(now)));
        }
        let registers: Vec<&Register> = self.hosts.iter().map(|h| &h.disk.register).collect();
        if pages.len() == registers.len() {
            self.oracle.judge_matters(&registers, &pages);
        }
    }
}
