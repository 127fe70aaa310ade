//! What a station remembers: in its log, and in the snapshots that take the place of old parts.

use yizhan_core::input::Input;
use yizhan_core::kept::Kept;
use yizhan_core::record::Record;
use yizhan_core::step::Steps;
use yizhan_schemas::MessageId;

use crate::chain::Chain;

/// A county, a township and a village that have been through something.
fn story() -> Chain {
    let mut chain = Chain::of(&["510722", "510722.101", "510722.101.002"]);
    for _ in 0..5 {
        chain.publish(0, "directive.issue", "510722.>", Some(600_000));
        chain.publish(2, "incident.report", "up", None);
    }
    chain.publish(0, "video.dispatch", "510722.101.002", None);
    chain.wait_ms(1_000);
    chain.cut.insert(2);
    chain.tell(1, Input::InboxClosed);
    chain.publish(0, "directive.issue", "510722.>", Some(1_000));
    chain.publish(2, "incident.report", "up", Some(600_000));
    chain.wait_ms(12_000);
    chain
}

#[test]
fn a_snapshot_holds_all_that_the_log_before_it_says() {
    let chain = story();
    for bench in &chain.benches {
        let kept = bench.station.kept();
        let mut folded = Kept::default();
        bench.records().iter().for_each(|record| folded.apply(record).unwrap());
        assert_eq!(folded, *kept, "the log says all that the station knows");
        let (writes, _) = bench.station.snapshot(Steps::default().begin()).unwrap();
        let [Record::Snapshot(_)] = writes.records() else { panic!("one snapshot") };
        let mut read = Kept::default();
        writes.records().iter().for_each(|record| read.apply(record).unwrap());
        assert_eq!(read, *kept);
        assert_ne!(read, Kept::default());
    }
}

#[test]
fn a_station_that_has_seen_a_whole_province_still_fits_into_a_snapshot() {
    let mut kept = Kept::default();
    for village in 0..20_000 {
        let id = format!("510722.{}.{}-b7k2qf-r1", village / 100, village);
        kept.seen.insert(&MessageId::parse(&id).unwrap());
    }
    let snapshot = kept.to_snapshot().unwrap();
    assert!(snapshot.len() > 1024 * 1024, "{}", snapshot.len());
    assert_eq!(Kept::from_snapshot(&snapshot).unwrap(), kept);
}

#[test]
fn a_leg_that_is_nowhere_is_found() {
    use yizhan_schemas::Lane;
    let chain = story();
    let mut kept = chain.benches[0].station.kept().clone();
    assert_eq!(kept.imbalance(), None);
    let whose = (Some(chain.code(2)), Lane::Routine);
    kept.ledger.taken(&vec![(whose.clone(), 1)]);
    assert_eq!(kept.imbalance(), Some(whose));
}
