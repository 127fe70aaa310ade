//! Resume: where a sender goes on after a hello.
//!
//! Leg numbers are never reused under one [`LinkEpoch`], and a link epoch holds the random epoch
//! of the opening that began it, so equal numbering and equal chain hash mean equal history.
//!
//! | what the receiver has | what that means | the sender |
//! |---|---|---|
//! | our numbering, a sequence that we have too, equal chain | the usual case; behind `acked`: it was restored from an old copy | goes on from there |
//! | our numbering, a sequence that we never issued, or another chain | we were restored from an old copy | begins a new numbering behind what was acked |
//! | the same, and less than it acked | both were restored | begins a new numbering with all that may be missing |
//! | no numbering, ours began with all that may be missing | first contact, or its disk is new | goes on from its first leg, the receiver adopts it |
//! | another or no numbering, ours began later | its disk is new, or older than our numbering | begins a new numbering with all that may be missing |
//! | just what our present numbering was made for | our answer was lost on the way | goes on from its first leg |

use yizhan_schemas::frame::{Chain, Have};

use crate::mutant::{self, Mutant};
use crate::outbound::Outbound;

/// Where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Under the present numbering: everything up to this leg is durable at the receiver.
    After(u64),
    /// Under a new numbering, from this leg on.
    Renumber(u64),
}

/// Decides for one lane. `ours` is our chain just before `have.expected`, if the log has it;
/// `answered` is what the receiver had when our present numbering was made.
pub fn resume(
    lane: &Outbound,
    have: &Have,
    ours: Option<Chain>,
    answered: Option<&Have>,
) -> Resume {
    let all = match mutant::is(Mutant::LostStoreNotRefilled) {
        true => lane.acked.saturating_add(1),
        false => lane.refill_from(),
    };
    if lane.link_epoch.is_none() {
        return Resume::Renumber(all);
    }
    if have.link_epoch == lane.link_epoch {
        return match chain_before(lane, have.expected, ours) {
            Some(chain) if chain == have.chain => {
                let more = mutant::is(Mutant::ResumeOffByOne) && have.expected < lane.next;
                Resume::After(have.expected.saturating_sub(1) + u64::from(more))
            }
            _ if have.expected > lane.acked => Resume::Renumber(lane.acked.saturating_add(1)),
            _ => Resume::Renumber(all),
        };
    }
    if answered == Some(have) || lane.start == all {
        return Resume::After(lane.start.saturating_sub(1));
    }
    Resume::Renumber(all)
}

fn chain_before(lane: &Outbound, expected: u64, ours: Option<Chain>) -> Option<Chain> {
    if expected < lane.start || expected > lane.next {
        return None;
    }
    let marks = [(lane.next, lane.chain), (lane.start, lane.start_chain)];
    let marked = marks.into_iter().find(|(at, _)| *at == expected).map(|(_, chain)| chain);
    marked.or_else(|| lane.gone.chain_before(expected)).or(ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use yizhan_schemas::Epoch;
    use yizhan_schemas::frame::LinkEpoch;

    const OURS: LinkEpoch = LinkEpoch { epoch: EPOCH, n: 0 };
    const EPOCH: Epoch = Epoch::from_random(0);

    fn lane(legs: u64, acked: u64) -> Outbound {
        let mut lane = Outbound::default();
        lane.renumbered(OURS, 1, Chain::default());
        for sequence in 1..=legs {
            lane.opened(sequence, chain(sequence), (None, yizhan_schemas::Lane::Routine), 1);
        }
        lane.handed_over(acked);
        lane
    }

    fn chain(sequence: u64) -> Chain {
        Chain(sequence.to_be_bytes())
    }

    fn have(expected: u64, chain: Chain) -> Have {
        Have { link_epoch: Some(OURS), expected, chain }
    }

    #[test]
    fn equal_histories_go_on_where_the_receiver_stands() {
        let have = have(6, chain(5));
        assert_eq!(resume(&lane(9, 3), &have, Some(chain(5)), None), Resume::After(5));
    }

    #[test]
    fn a_receiver_restored_from_an_old_copy_is_sent_again_what_it_lost() {
        let have = have(3, chain(2));
        assert_eq!(resume(&lane(9, 7), &have, Some(chain(2)), None), Resume::After(2));
    }

    #[test]
    fn a_sender_restored_from_an_old_copy_numbers_anew_what_was_not_acked() {
        let ahead = have(20, chain(19));
        assert_eq!(resume(&lane(9, 7), &ahead, None, None), Resume::Renumber(8));
        let forked = have(9, Chain([9; 8]));
        assert_eq!(resume(&lane(9, 7), &forked, Some(chain(8)), None), Resume::Renumber(8));
    }

    #[test]
    fn when_both_were_restored_all_that_is_held_is_offered_again() {
        let forked = have(4, Chain([9; 8]));
        assert_eq!(resume(&lane(9, 7), &forked, Some(chain(3)), None), Resume::Renumber(1));
    }

    #[test]
    fn a_new_disk_adopts_a_numbering_that_began_with_all_that_is_held() {
        assert_eq!(resume(&lane(9, 7), &Have::default(), None, None), Resume::After(0));
    }

    #[test]
    fn a_new_disk_gets_a_new_numbering_when_ours_began_later() {
        let mut lane = lane(9, 7);
        lane.renumbered(LinkEpoch { epoch: EPOCH, n: 1 }, 8, chain(7));
        assert_eq!(resume(&lane, &Have::default(), None, None), Resume::Renumber(1));
        let older = have(5, chain(4));
        assert_eq!(resume(&lane, &older, None, None), Resume::Renumber(1));
    }

    #[test]
    fn a_lost_welcome_does_not_begin_yet_another_numbering() {
        let mut lane = lane(9, 7);
        let ahead = have(20, chain(19));
        lane.renumbered(LinkEpoch { epoch: EPOCH, n: 1 }, 8, chain(7));
        assert_eq!(resume(&lane, &ahead, None, Some(&ahead)), Resume::After(7));
    }

    #[test]
    fn a_lane_that_was_never_numbered_is_numbered_with_all_that_is_held() {
        let mut lane = Outbound::default();
        lane.opened(1, chain(1), (None, yizhan_schemas::Lane::Routine), 1);
        assert_eq!(resume(&lane, &Have::default(), None, None), Resume::Renumber(1));
    }

    #[test]
    fn the_chain_is_known_at_the_ends_without_asking_the_log() {
        assert_eq!(resume(&lane(9, 3), &have(10, chain(9)), None, None), Resume::After(9));
        assert_eq!(resume(&lane(9, 3), &have(1, Chain::default()), None, None), Resume::After(0));
        let mut evicted = lane(9, 7);
        evicted.evicted(1, 4, chain(4));
        assert_eq!(resume(&evicted, &have(5, chain(4)), None, None), Resume::After(4));
    }

    #[test]
    fn what_the_log_says_counts_only_within_the_present_numbering() {
        let mut lane = lane(9, 7);
        lane.renumbered(OURS, 5, chain(4));
        let before = have(4, chain(3));
        assert_eq!(resume(&lane, &before, Some(chain(3)), None), Resume::Renumber(1));
        let beyond = have(11, chain(10));
        assert_eq!(resume(&lane, &beyond, Some(chain(10)), None), Resume::Renumber(5));
    }

    #[test]
    fn a_receiver_that_lost_what_it_acked_and_another_history_gets_all_that_is_held() {
        let mut lane = lane(9, 7);
        lane.passed_on(&[(1, 2)]);
        lane.evicted(1, 2, chain(2));
        let at_the_ack = have(7, Chain([9; 8]));
        assert_eq!(resume(&lane, &at_the_ack, Some(chain(6)), None), Resume::Renumber(3));
        let behind_it = have(8, Chain([9; 8]));
        assert_eq!(resume(&lane, &behind_it, Some(chain(7)), None), Resume::Renumber(8));
    }

    #[test]
    fn an_answer_to_something_else_is_no_answer() {
        let mut lane = lane(9, 7);
        lane.renumbered(LinkEpoch { epoch: EPOCH, n: 1 }, 8, chain(7));
        let (ahead, other) = (have(20, chain(19)), have(21, chain(19)));
        assert_eq!(resume(&lane, &ahead, None, Some(&other)), Resume::Renumber(1));
    }
}
