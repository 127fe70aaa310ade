//! What falls due, and when.

use super::Station;
use crate::step::Step;
use crate::time::Now;

impl Station {
    /// Does whatever has fallen due.
    pub fn tick(&mut self, now: Now, step: &mut Step) {
        self.hello_if_due(now, step);
        self.beat_if_due(now, step);
        self.miss_the_silent(now, step);
        self.resend_overdue(now, step);
        self.perish(now, step);
        self.tell_beyond_if_due(now, step);
        self.supervise(now, step);
        self.wake(now, step);
        // also here, not only when the step closes: what is due must not stay due meanwhile
        self.fold_all_notes(now, step);
        self.tell_counts(now, step);
        self.ask_for_spans(now, step);
    }

    /// When to call [`Station::tick`] next, microseconds since boot.
    pub fn due_us(&self) -> Option<u64> {
        let links = self.neighbours.iter().filter_map(|(link, n)| self.link_due_us(link, n));
        let own = [
            self.uplink.due_us(),
            self.perishing.due_us(),
            self.tell_beyond_us,
            self.timers.due_us(),
            self.wake_us,
            self.digest_due_us(),
            self.spans_due_us(),
        ];
        links.chain(own.into_iter().flatten()).min()
    }
}
