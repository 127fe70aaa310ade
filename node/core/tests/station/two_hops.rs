//! What was handed over is kept until the hop beyond has it: the two-hop cache and the log's room.

use yizhan_core::effect::{Effect, Notice};
use yizhan_core::input::{Input, OldSegment, Span};
use yizhan_core::link::Link;
use yizhan_core::record::{Put, Record};
use yizhan_schemas::frame::SkipReason;
use yizhan_schemas::{Code, Lane};

use crate::chain::Chain;

const CODES: [&str; 3] = ["510722", "510722.101", "510722.101.002"];

fn line() -> Chain {
    Chain::of(&CODES)
}

fn down(chain: &Chain, at: usize) -> Link {
    Link::Down(chain.code(at + 1))
}

/// The township's disk is replaced.
fn lose_town(chain: &mut Chain) {
    let said = chain.benches[1].lose_store();
    chain.inboxes[1].clear();
    chain.tell(2, Input::Disconnected);
    chain.wait_ms(11_000);
    chain.said(1, said);
    chain.open_inbox(1);
    chain.tell(1, Input::Connected);
    chain.tell(2, Input::Connected);
    chain.wait_ms(15_000);
}

/// The oldest segment holds the legs of one link up to this one.
pub(crate) fn oldest(chain: &Chain, at: usize, link: &Link, through: u64) -> Input {
    use yizhan_core::fill::LegSource as _;
    let lane = Lane::Routine;
    let chain_through = chain.benches[at].log.chain_at(link, lane, through).unwrap();
    let span =
        Span { link: link.clone(), lane, from: 1, through, chain: chain_through, only_from: 1 };
    let newest_wall_ms = chain.benches[at].now.wall_ms;
    Input::Oldest(Box::new(OldSegment {
        number: 1,
        bytes: 8_000_000,
        newest_wall_ms,
        spans: vec![span],
    }))
}

/// The log forgets the messages of legs up to this one of a link.
fn forget(chain: &mut Chain, at: usize, link: &Link, through: u64) {
    let old = |record: &Record| match record {
        Record::Put(put) => put.legs.iter().any(|leg| leg.link == *link && leg.sequence <= through),
        _ => false,
    };
    for record in &mut chain.benches[at].log.0 {
        if old(record)
            && let Record::Put(put) = record
        {
            // the fold needs the record, a reader must not find it
            put.legs.iter_mut().for_each(|leg| leg.link = Link::Down(Code::parse("x").unwrap()));
        }
    }
}

fn gaps(chain: &Chain, at: usize) -> u64 {
    chain.benches[at].station.kept().gaps
}

#[test]
fn a_station_that_lost_its_disk_is_refilled_from_above_and_below() {
    let mut chain = line();
    chain.cut.insert(2);
    chain.wait_ms(11_000);
    for _ in 0..5 {
        chain.publish(0, "directive.issue", "510722.101.002", None);
        chain.publish(2, "incident.report", "up", None);
    }
    assert!(chain.inboxes[2].is_empty(), "the township holds them for the village");
    chain.cut.clear();
    lose_town(&mut chain);
    assert_eq!((chain.inboxes[0].len(), chain.inboxes[2].len()), (5, 5));
    assert_eq!(gaps(&chain, 1) + gaps(&chain, 2), 0);
}

#[test]
fn neighbours_tell_what_is_durable_one_hop_further() {
    let mut chain = line();
    for _ in 0..70 {
        chain.publish(0, "directive.issue", "510722.101.002", None);
    }
    chain.wait_ms(2_000);
    let owed = chain.benches[0].station.kept().outbound(&down(&chain, 0), Lane::Routine).unwrap();
    assert_eq!((owed.acked, owed.not_passed_on(1, 70)), (owed.next - 1, 0));
}

#[test]
fn a_village_that_is_away_holds_back_the_mark_of_its_own_messages_only() {
    let mut chain = line();
    chain.cut.insert(2);
    chain.wait_ms(11_000);
    for _ in 0..64 {
        chain.publish(0, "directive.issue", "510722.101.002", None);
    }
    for _ in 0..64 {
        chain.publish(0, "directive.issue", "510722.101", None);
    }
    chain.wait_ms(2_000);
    let owed = chain.benches[0].station.kept().outbound(&down(&chain, 0), Lane::Routine).unwrap();
    assert_eq!(owed.not_passed_on(1, 64), 64);
    assert_eq!(owed.not_passed_on(65, 128), 0);
}

#[test]
fn nothing_owed_is_ever_discarded_and_what_was_passed_on_goes_after_its_time() {
    let mut chain = line();
    for _ in 0..70 {
        chain.publish(0, "directive.issue", "510722.101.002", None);
    }
    let link = down(&chain, 0);
    let segment = oldest(&chain, 0, &link, 70);
    chain.tell(0, segment);
    chain.wait_ms(2_000);
    assert!(chain.reclaims.is_empty(), "it is kept for a refill");
    chain.benches[0].now.wall_ms += 8 * 86_400_000;
    chain.wait_ms(100);
    chain.publish(0, "directive.issue", "510722.101.002", None);
    assert_eq!(chain.reclaims, [Effect::Discard { segment: 1 }]);
    // a new disk is not told of losses: the village has all of them
    forget(&mut chain, 0, &link, 70);
    lose_town(&mut chain);
    assert_eq!(gaps(&chain, 1), 0);
    assert_eq!(chain.inboxes[2].len(), 71);
}

#[test]
fn a_full_cache_gives_up_its_oldest_and_what_cannot_be_had_again_is_counted() {
    let mut chain = line();
    chain.cut.insert(2);
    chain.wait_ms(11_000);
    for _ in 0..10 {
        chain.publish(0, "directive.issue", "510722.101.002", None);
    }
    let link = down(&chain, 0);
    let segment = oldest(&chain, 0, &link, 10);
    chain.tell(0, segment);
    chain.tell(0, Input::Disk { held_bytes: 30_000_000, max_bytes: 100_000_000 });
    assert_eq!(chain.reclaims, [Effect::Discard { segment: 1 }]);
    let short = chain.notices.iter().find(|(_, n)| matches!(n, Notice::CacheShort { .. }));
    assert_eq!(short.map(|(_, n)| n), Some(&Notice::CacheShort { legs: 10 }));
    forget(&mut chain, 0, &link, 10);
    chain.cut.clear();
    lose_town(&mut chain);
    assert_eq!(gaps(&chain, 1), 10, "listed and counted where they are missed");
    let listed = chain.notices.iter().any(|(at, notice)| {
        let (from, through, reason) = match notice {
            Notice::Gap { from, through, reason, .. } => (*from, *through, *reason),
            _ => return false,
        };
        (*at, from, through, reason) == (1, 1, 10, SkipReason::Evicted)
    });
    assert!(listed);
    chain.publish(0, "directive.issue", "510722.101.002", None);
    chain.wait_ms(2_000);
    assert_eq!(chain.inboxes[2].len(), 1, "what follows is not held up");
}

#[test]
fn a_segment_kept_by_a_few_open_legs_is_emptied_and_no_ended_leg_comes_back() {
    let mut chain = line();
    for _ in 0..40 {
        chain.publish(0, "directive.issue", "510722.101", None);
    }
    chain.cut.insert(1);
    chain.wait_ms(11_000);
    for _ in 0..3 {
        chain.publish(0, "directive.issue", "510722.101", None);
    }
    let link = down(&chain, 0);
    let segment = oldest(&chain, 0, &link, 43);
    chain.tell(0, segment);
    chain.tell(0, Input::Disk { held_bytes: 30_000_000, max_bytes: 100_000_000 });
    let open = vec![(link.clone(), Lane::Routine, 41, 43)];
    assert_eq!(chain.reclaims, [Effect::Carry { segment: 1, open }]);
    // the log gives one back that has been handed over, too
    let puts = chain.benches[0].records().iter().filter_map(|record| match record {
        Record::Put(put) if put.legs.iter().any(|leg| leg.sequence >= 40) => Some(put.clone()),
        _ => None,
    });
    let puts: Vec<Put> = puts.collect();
    assert_eq!(puts.len(), 4);
    chain.tell(0, Input::Carried { segment: 1, puts, seals: Vec::new() });
    let again = chain.benches[0].records().iter().filter_map(|record| match record {
        Record::Reappended(put) => Some(put.legs[0].sequence),
        _ => None,
    });
    assert_eq!(again.collect::<Vec<_>>(), [41, 42, 43]);
    let said = chain.benches[0].restart();
    chain.said(0, said);
    chain.open_inbox(0);
    chain.cut.clear();
    chain.wait_ms(15_000);
    assert_eq!(chain.inboxes[1].len(), 43, "each once");
}

#[test]
fn what_is_owed_to_one_that_is_away_does_not_keep_what_was_handed_over_behind_it() {
    // seen with real processes: a small segment with nothing but one directive for a village that
    // was away stood before 14 MB that nobody needed, and every report was refused
    let mut chain = line();
    chain.cut.insert(2);
    chain.wait_ms(11_000);
    chain.publish(1, "directive.issue", "510722.101.002", None);
    let link = down(&chain, 1);
    let segment = oldest(&chain, 1, &link, 1);
    chain.tell(1, segment);
    chain.tell(1, Input::Disk { held_bytes: 92_000_000, max_bytes: 100_000_000 });
    assert!(chain.reclaims.is_empty(), "nothing lies behind it");
    for _ in 0..5 {
        chain.publish(1, "incident.report", "up", None);
    }
    chain.wait_ms(2_000);
    let open = vec![(link, Lane::Routine, 1, 1)];
    assert_eq!(chain.reclaims, [Effect::Carry { segment: 1, open }]);
}

fn hears_that_there_is_no_room(chain: &Chain) -> bool {
    let bench = &chain.benches[0];
    bench.station.link_views(bench.now).iter().any(|link| link.full)
}

#[test]
fn a_full_direction_stops_acking_and_drops_nothing() {
    let mut chain = line();
    chain.tell(1, Input::Disk { held_bytes: 100, max_bytes: 100 });
    for _ in 0..5 {
        chain.publish(0, "directive.issue", "510722.101", None);
    }
    chain.wait_ms(3_000);
    assert!(chain.inboxes[1].is_empty());
    assert!(chain.notices.iter().any(|(at, n)| *at == 1 && matches!(n, Notice::Full { .. })));
    assert!(hears_that_there_is_no_room(&chain), "the sender knows what it waits for");
    chain.tell(1, Input::Disk { held_bytes: 100, max_bytes: 1_000_000 });
    chain.wait_ms(5_000);
    assert!(!hears_that_there_is_no_room(&chain));
    assert_eq!(chain.inboxes[1].len(), 5);
}

#[test]
fn what_is_through_is_not_remembered_block_by_block() {
    let mut chain = line();
    for _ in 0..300 {
        chain.publish(0, "directive.issue", "510722.101.002", None);
    }
    chain.wait_ms(1_000);
    let passage = chain.benches[1].station.kept().passage[&Link::Up].get(Lane::Routine);
    assert!(passage.len() <= 2, "{} blocks", passage.len());
}
