//! What is still owed to publishers, inboxes and origins.

use yizhan_schemas::{Answer, MessageId};

use super::account::Account;
use super::matters::End;
use super::{Oracle, Pages};

impl Oracle {
    /// True if every publisher was answered and every target has what it can still get.
    pub fn is_satisfied(&self, now_us: u64) -> bool {
        self.missing(now_us).is_empty()
    }

    /// True if a message is in the inbox of a station, or its device was told.
    pub(super) fn has(&self, target: usize, id: &MessageId) -> bool {
        self.order.has(target, id) || self.devices.was_asked(target, id)
    }

    /// True if a message about a matter came and has no business in the inbox: it was refused, or
    /// waits. What a station knew whose store was lost or put back, nobody knows for certain.
    pub(super) fn is_kept_out(&self, target: usize, id: &MessageId) -> bool {
        let end = self.ends.get(&(target, id.clone()));
        end.is_some_and(|end| *end != End::Delivered || self.touched.contains(&target))
    }

    /// True if the publisher of a key has what it can get.
    pub fn is_heard(&self, key: u64) -> bool {
        self.told.contains_key(&key) || self.spared.contains(&key)
    }

    /// Messages that were accepted and that targets do not have, without excuse.
    pub fn missing(&self, now_us: u64) -> Vec<String> {
        let told = self.accounts.iter().filter(|(_, account)| account.told);
        let owed = told.flat_map(|(id, account)| {
            let wanting = account.targets.iter().filter(|target| {
                !(account.excused.contains(target)
                    || account.is_over(now_us)
                    || self.has(**target, id)
                    || self.is_kept_out(**target, id))
            });
            wanting.map(move |target| format!("{id} for {target}"))
        });
        let due = self.matters.iter().filter(|matter| self.encore || !matter.encore);
        let unheard = due.map(|matter| matter.key).filter(|key| !self.is_heard(*key));
        owed.chain(unheard.map(|key| format!("key {key} was never answered"))).collect()
    }

    /// Pairs of an accepted message and a target whose origin must know how they ended, unless a
    /// store on their way was touched.
    pub(super) fn owed_receipts(&self) -> impl Iterator<Item = (&MessageId, &Account, usize)> {
        let told = self.accounts.iter().filter(|(_, account)| account.told);
        let pairs = told.flat_map(|(id, account)| {
            account.targets.iter().map(move |target| (id, account, *target))
        });
        pairs.filter(|(_, account, target)| {
            let route = self.tree.route(account.host, *target);
            !route.iter().any(|at| self.touched.contains(at)) && !account.is_tampered_on(&route)
        })
    }

    /// True if every origin knows how all of its messages ended and what was answered.
    pub fn is_accounted(&self, pages: &dyn Pages) -> bool {
        let knows = |(id, account, at): (&MessageId, &Account, usize)| {
            let waits = self.ends.get(&(at, id.clone())) == Some(&End::Waits);
            waits || pages.outcome(account.host, id, at).is_some()
        };
        self.owed_receipts().all(knows) && self.unheard_answers(pages).next().is_none()
    }

    /// Answers that an origin does not know, though no store on their way was touched.
    pub(super) fn unheard_answers(
        &self,
        pages: &dyn Pages,
    ) -> impl Iterator<Item = (&MessageId, usize)> {
        let unheard = |(id, at, answer): &&(MessageId, usize, Answer)| {
            let Some(account) = self.accounts.get(id) else { return false };
            let route = self.tree.route(account.host, *at);
            !route.iter().any(|at| self.touched.contains(at))
                && !pages.is_answered(account.host, id, *at, *answer)
        };
        self.devices.answers().filter(unheard).map(|(id, at, _)| (id, *at))
    }
}
