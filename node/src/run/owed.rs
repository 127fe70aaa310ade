//! [`Owed`]: which of the requests that are open a desk may answer.
//!
//! Promise: no answer goes to a publisher who did not ask for it, as far as the requests open here
//! can tell.
//!
//! A request crosses from `APP` to `LINK` with a reply subject of the server's own making: six
//! digits of 62 at random (nats-server 2.15). Two that are open at once can bear the same: 21 of
//! 1.5 million all open did, and with 1,000 open it is one request in 57 million. The server then
//! knows only the later publisher, and would take the earlier one's answer to him: he would hear
//! `accepted` of a message that is not on the disk yet. So the earlier one is left without an
//! answer; he asks again with the same key.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// How the server's own reply subjects begin; others are as good as whoever made them wants.
const MADE_UP: &str = "_R_.";

/// The open requests, by the hash of their reply subject: at most as many as the desk lets be open.
#[derive(Debug, Default)]
pub(super) struct Owed {
    newest: HashMap<u64, u64>,
    hasher: RandomState,
    turn: u64,
}

impl Owed {
    /// A request came; gives its turn, by which it is told from others of the same reply subject.
    pub(super) fn open(&mut self, reply: &str) -> u64 {
        self.turn += 1;
        if reply.starts_with(MADE_UP) {
            self.newest.insert(self.hasher.hash_one(reply), self.turn);
        }
        self.turn
    }

    /// The request is settled; `true` if its answer would go to whoever asked.
    pub(super) fn settle(&mut self, reply: &str, turn: u64) -> bool {
        if !reply.starts_with(MADE_UP) {
            return true;
        }
        let hash = self.hasher.hash_one(reply);
        let own = self.newest.get(&hash) == Some(&turn);
        if own {
            self.newest.remove(&hash);
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_bear_the_same_reply_subject_only_the_later_is_answered() {
        let mut owed = Owed::default();
        let (earlier, other) = (owed.open("_R_.abc.1"), owed.open("_R_.abc.2"));
        let later = owed.open("_R_.abc.1");
        assert!(!owed.settle("_R_.abc.1", earlier));
        assert!(owed.settle("_R_.abc.2", other));
        assert!(owed.settle("_R_.abc.1", later));
        // the subject is free again
        let next = owed.open("_R_.abc.1");
        assert!(owed.settle("_R_.abc.1", next));
        assert!(owed.newest.is_empty(), "what is settled takes no room");
    }

    #[test]
    fn a_reply_subject_of_the_publishers_own_may_be_that_of_many() {
        let mut owed = Owed::default();
        let turns = ["_INBOX.mine", "_INBOX.mine"].map(|reply| owed.open(reply));
        assert!(turns.into_iter().all(|turn| owed.settle("_INBOX.mine", turn)));
        assert!(owed.newest.is_empty());
    }
}
