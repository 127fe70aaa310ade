//! [`Verdict`]: what is said of a story at its end.

use std::collections::BTreeSet;

use yizhan_schemas::{MessageId, Outcome};

use super::matters::End;
use super::{FAULTS_MAX, Oracle, Pages};

/// How a story ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Accepted messages.
    pub accepted: usize,
    /// Targets that have them.
    pub delivered: usize,
    /// Targets that refused them, or where they wait.
    pub kept_out: usize,
    /// Targets that nobody could have given them.
    pub excused: usize,
    /// Targets that they came too late for.
    pub expired: usize,
    /// What must not be.
    pub faults: Vec<String>,
}

impl Verdict {
    /// True if every promise held.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }
}

impl Oracle {
    /// What origins know must be what inboxes hold.
    fn disagreements(&self, pages: &dyn Pages) -> Vec<String> {
        let unheard = |(id, at): (&MessageId, usize)| {
            format!(
                "accounted: {at} promised to pass on an answer to {id}, and its origin knows none"
            )
        };
        let mut faults: Vec<String> = self.unheard_answers(pages).map(unheard).collect();
        for (id, account, target) in self.owed_receipts() {
            let known = pages.outcome(account.host, id, target);
            let end = self.ends.get(&(target, id.clone()));
            let right = match (self.order.has(target, id), known) {
                (false, known) if end.is_some_and(|end| *end != End::Delivered) => match end {
                    Some(End::Rejected) => known == Some(Outcome::Rejected),
                    Some(End::Superseded) => known == Some(Outcome::Superseded),
                    // it is not over
                    _ => known.is_none(),
                },
                (false, known) if account.video => self.devices.may_end(target, id, known),
                (true, Some(Outcome::Delivered)) => true,
                (false, Some(Outcome::Expired)) => account.is_perishable(),
                _ => false,
            };
            if !right {
                let is = if self.has(target, id) { "in" } else { "not in" };
                faults.push(format!(
                    "accounted: {id} is {is} the inbox of {target}, and its origin knows {known:?}"
                ));
            }
        }
        faults
    }

    /// Judges the inboxes, and what origins know, at the end.
    pub fn judge(&self, inboxes: &[Vec<MessageId>], pages: &dyn Pages, now_us: u64) -> Verdict {
        let mut verdict = Verdict { faults: self.faults.clone(), ..Verdict::default() };
        verdict.faults.extend(self.disagreements(pages));
        let found: Vec<BTreeSet<&MessageId>> =
            inboxes.iter().map(|inbox| inbox.iter().collect()).collect();
        for (id, account) in self.accounts.iter().filter(|(_, account)| account.told) {
            verdict.accepted += 1;
            for target in &account.targets {
                let is_in = found.get(*target).is_some_and(|inbox| inbox.contains(id));
                if is_in || self.devices.was_asked(*target, id) {
                    verdict.delivered += 1;
                } else if self.is_kept_out(*target, id) {
                    verdict.kept_out += 1;
                } else if account.excused.contains(target) {
                    verdict.excused += 1;
                } else if account.is_over(now_us) {
                    verdict.expired += 1;
                } else {
                    verdict.faults.push(format!("lost: {id} never entered {target}"));
                }
            }
        }
        for (host, (inbox, set)) in inboxes.iter().zip(&found).enumerate() {
            if inbox.len() != set.len() {
                verdict.faults.push(format!("once: the inbox of {host} holds a message twice"));
            }
        }
        verdict.faults.truncate(FAULTS_MAX);
        verdict
    }
}
