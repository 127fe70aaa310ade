//! What no seal of its origin covers.

use yizhan_core::effect::{Effect, Notice};
use yizhan_core::link::Link;
use yizhan_core::neighbour::ASIDE_BURST_BYTES;
use yizhan_core::record::Record;
use yizhan_core::seal::SealFault;
use yizhan_schemas::Outcome;
use yizhan_schemas::payload::receipt::Event;

use crate::bench::Bench;
use crate::misplaced::{carried, header};
use crate::neighbours::{acked, batch, from_town, linked_as};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";

fn refused(said: &[Effect]) -> Vec<SealFault> {
    let fault = |effect: &Effect| match effect {
        Effect::Notice(Notice::Unsealed { fault, .. }) => Some(*fault),
        _ => None,
    };
    said.iter().filter_map(fault).collect()
}

fn takes(bench: &Bench) -> usize {
    let put = |record: &&Record| matches!(record, Record::Put(put) if put.via.is_some());
    bench.records().iter().filter(put).count()
}

#[test]
fn an_unsealed_directive_is_put_aside_acked_and_told_to_its_origin_as_rejected() {
    let (_, mut town, tag) = linked_as(Bench::keyed);
    let below = format!("{TOWN}.>");
    let record = carried(header(COUNTY, "directive.issue", &below, 1), b"{}", 0);
    let said = town.tell(batch(Link::Up, tag, 1, vec![record]));
    assert_eq!((refused(&said), acked(&said)), (vec![SealFault::Uncovered], Some(1)));
    assert_eq!((takes(&town), town.station.kept().quarantined), (0, 1));
    let told = town.records().iter().filter_map(|record| match record {
        Record::Noted(routed) => Some((routed.toward.clone(), routed.note.clone())),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let stations: Vec<_> = told.iter().flat_map(|(_, note)| &note.stations).collect();
    assert_eq!(
        stations.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
        [TOWN, "510722.101.002"]
    );
    for (toward, note) in &told {
        assert_eq!(*toward, Some(Link::Up));
        let Event::Ended { outcome, detail } = &note.event else { panic!("{note:?}") };
        assert_eq!(*outcome, Outcome::Rejected);
        assert_eq!(detail.as_deref(), Some("seal: uncovered at 510722.101"));
    }
}

#[test]
fn a_neighbour_cannot_fill_the_disk_with_what_nobody_takes() {
    let (_, mut town, tag) = linked_as(Bench::keyed);
    let payload = vec![b'x'; 250 * 1024];
    for leg in 1..=40 {
        let record = carried(header(COUNTY, "directive.issue", TOWN, leg), &payload, 0);
        let said = town.tell(batch(Link::Up, tag, leg, vec![record]));
        assert_eq!(acked(&said), Some(leg), "the link stays up");
    }
    let aside = town.records().iter().filter_map(|record| match record {
        Record::Quarantined(aside) => Some(aside),
        _ => None,
    });
    let aside: Vec<_> = aside.collect();
    let bytes: u64 = aside.iter().map(|aside| aside.bytes.len() as u64).sum();
    assert!(bytes > ASIDE_BURST_BYTES / 2 && bytes <= ASIDE_BURST_BYTES, "{bytes}");
    assert_eq!(aside.len(), 40);
    assert!(aside[39].bytes.is_empty() && aside[39].why.contains("are not kept"));
    // after a while there is room again
    town.now.boot_us += 100_000_000;
    let record = carried(header(COUNTY, "directive.issue", TOWN, 41), &payload, 0);
    town.tell(batch(Link::Up, tag, 41, vec![record]));
    let last = town.records().iter().rev().find_map(|record| match record {
        Record::Quarantined(aside) => Some(aside.bytes.len()),
        _ => None,
    });
    assert!(last.unwrap() > payload.len());
}

#[test]
fn an_unsealed_fold_is_put_aside_and_one_of_a_station_without_a_key_is_taken() {
    let (mut county, mut town, tag) = linked_as(Bench::keyed);
    let fold = |of, to| {
        let fold = yizhan_schemas::payload::receipt::Fold { notes: Vec::new() };
        let payload = fold.encode().unwrap();
        carried(header(of, yizhan_schemas::payload::receipt::KIND, to, 1), &payload, 0)
    };
    let said = town.tell(batch(Link::Up, tag, 1, vec![fold(COUNTY, TOWN)]));
    assert_eq!(refused(&said), [SealFault::Uncovered]);
    let said = county.tell(batch(from_town(), tag, 1, vec![fold(TOWN, COUNTY)]));
    assert_eq!((refused(&said), acked(&said)), (vec![], Some(1)));
    let taken = |record: &Record| matches!(record, Record::FoldTaken(_));
    assert!(county.records().iter().any(taken) && !town.records().iter().any(taken));
}
