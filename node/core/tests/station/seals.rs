//! What no seal of its origin covers.

use yizhan_core::effect::{Effect, Notice};
use yizhan_core::link::Link;
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
