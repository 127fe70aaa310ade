//! [`Peer`]: which data directory a neighbour has, and which of its hellos are old.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use yizhan_schemas::{Epoch, StoreId};

/// What is remembered of a neighbour over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its data directory, epoch and last hello counter.
    pub now: Option<(StoreId, Epoch, u64)>,
    /// Its earlier epochs, newest last: a hello of one of these comes late.
    past_epochs: VecDeque<Epoch>,
    /// Data directories that were replaced: refused from then on.
    replaced: Vec<StoreId>,
}

/// What to make of who says hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Go on.
    Admit,
    /// Another data directory than the known one.
    OtherStore,
    /// A data directory that was replaced.
    Replaced,
    /// An older hello than one seen.
    Stale,
}

impl Peer {
    /// What to make of a hello with these.
    pub fn claim(&self, store: StoreId, epoch: Epoch, counter: u64) -> Claim {
        let Some((known_store, known_epoch, known_counter)) = self.now else {
            return Claim::Admit;
        };
        if self.replaced.contains(&store) {
            return Claim::Replaced;
        }
        if store != known_store {
            return Claim::OtherStore;
        }
        let stale = match epoch == known_epoch {
            true => counter <= known_counter,
            false => self.past_epochs.contains(&epoch),
        };
        if stale { Claim::Stale } else { Claim::Admit }
    }

    /// Its data directory, once a session with it was opened.
    pub fn store(&self) -> Option<StoreId> {
        self.now.map(|(store, _, _)| store)
    }

    /// A session with these was opened.
    pub fn session(&mut self, store: StoreId, epoch: Epoch, counter: u64, past_epochs_max: usize) {
        if let Some((known_store, known_epoch, _)) = self.now {
            if known_store != store {
                self.replaced.push(known_store);
            }
            if known_epoch != epoch {
                self.past_epochs.push_back(known_epoch);
            }
        }
        while self.past_epochs.len() > past_epochs_max {
            self.past_epochs.pop_front();
        }
        self.now = Some((store, epoch, counter));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_counter_wins_within_an_epoch_and_a_new_epoch_beats_all() {
        let (store, other) = (StoreId::from_random(1), StoreId::from_random(2));
        let [old, new, newest] = [1, 2, 3].map(Epoch::from_random);
        let mut peer = Peer::default();
        assert_eq!(peer.claim(store, old, 1), Claim::Admit);
        peer.session(store, old, 5, 8);
        assert_eq!(peer.claim(store, old, 5), Claim::Stale);
        assert_eq!(peer.claim(store, old, 6), Claim::Admit);
        peer.session(store, new, 1, 8);
        assert_eq!(peer.claim(store, old, 99), Claim::Stale, "its epoch is over");
        assert_eq!(peer.claim(store, newest, 1), Claim::Admit);
        assert_eq!(peer.claim(other, newest, 1), Claim::OtherStore);
        peer.session(other, newest, 1, 8);
        assert_eq!(peer.claim(store, old, 100), Claim::Replaced);
    }

    #[test]
    fn only_so_many_past_epochs_are_remembered() {
        let store = StoreId::from_random(1);
        let mut peer = Peer::default();
        for epoch in 1..=5 {
            peer.session(store, Epoch::from_random(epoch), 1, 2);
        }
        let claim = |epoch| peer.claim(store, Epoch::from_random(epoch), 9);
        assert_eq!([claim(3), claim(4)], [Claim::Stale; 2]);
        assert_eq!([claim(1), claim(2)], [Claim::Admit; 2], "forgotten, oldest first");
    }

    #[test]
    fn the_same_session_again_replaces_nothing() {
        let (store, epoch) = (StoreId::from_random(1), Epoch::from_random(1));
        let mut peer = Peer::default();
        peer.session(store, epoch, 1, 8);
        peer.session(store, epoch, 2, 8);
        assert_eq!(peer, Peer { now: Some((store, epoch, 2)), ..Peer::default() });
    }
}
