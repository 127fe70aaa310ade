//! What the [`Oracle`] says of incidents and cases: at each answer, at each inbox, at the end.

use std::sync::Arc;

use yizhan_core::station::Governed;
use yizhan_schemas::MessageId;

use super::shown::{Sum, total};
use super::{End, Register};
use crate::oracle::Oracle;

impl Oracle {
    /// A disk took something: what it says of how messages must end, and what it may not have.
    pub fn learnt(&mut self, host: usize, news: Vec<(MessageId, End)>, faults: Vec<String>) {
        for (id, end) in news {
            if end == End::Waits {
                self.waited.insert((host, id.clone()));
            }
            self.ends.insert((host, id), end);
        }
        faults.into_iter().for_each(|fault| self.fault(fault));
    }

    /// The publisher of a key needs no other answer.
    pub fn spare(&mut self, key: u64) {
        self.spared.insert(key);
    }

    /// The id under which a key was first taken.
    pub fn id_of(&self, key: u64) -> Option<MessageId> {
        self.told.get(&key)?.first().cloned()
    }

    /// A message about a matter enters an inbox.
    pub fn enters(&mut self, host: usize, id: &MessageId, due: Option<End>) {
        if let Some(due) = due.filter(|due| *due != End::Delivered) {
            self.fault(format!("matters: {id} entered the inbox of {host}, due was {due:?}"));
        }
    }

    /// An application was refused; `legal` if it might not be, at any time since it was handed in.
    pub fn refused_application(&mut self, host: usize, key: u64, legal: bool) {
        if legal {
            self.fault(format!("matters: {host} refused {key}, a case that may go up"));
        }
        self.spare(key);
    }

    /// True if both ends of a link know the same of the applications that went over it.
    pub fn is_heard_below(&self, child: usize, lower: &Register, upper: &Register) -> bool {
        let parent = self.tree.parent(child);
        if self.touched.contains(&child) || parent.is_some_and(|at| self.touched.contains(&at)) {
            return true;
        }
        let excused = |id: &MessageId| {
            let account = self.accounts.get(id);
            account.is_none_or(|it| it.is_tampered_on(&self.tree.route(child, parent.unwrap_or(0))))
        };
        lower.unheard(upper).all(excused)
    }

    /// Judges what the stations' pages show at the end.
    pub fn judge_matters(&mut self, registers: &[&Register], pages: &[Arc<Governed>]) {
        for (register, page) in registers.iter().zip(pages) {
            register.disagrees(page).into_iter().for_each(|fault| self.fault(fault));
        }
        // counts that went up before a store was lost are not the sums of what is known now, and
        // what somebody altered on its way up is not told again before something changes
        if !self.touched.is_empty() || self.plan.faults.tamper > 0.0 {
            return;
        }
        let Some(root) = pages.first() else { return };
        let depths = 0..crate::tree::TIERS.len();
        for depth in depths {
            let mut due = Sum::new();
            let tier = registers.iter().enumerate().filter(|(at, _)| self.tree.depth(*at) == depth);
            tier.for_each(|(_, register)| register.add_to(&mut due));
            let found = total(&root.tally, u8::try_from(depth).unwrap_or(u8::MAX), root.depth);
            if found != due {
                self.fault(format!(
                    "matters: the root counts {found:?} at depth {depth}, it were {due:?}"
                ));
            }
        }
    }
}
