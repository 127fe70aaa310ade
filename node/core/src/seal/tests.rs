//! What counts as covered, and what does not.

use bytes::Bytes;
use yizhan_schemas::frame::{Carried, Chain, Skip, SkipReason};
use yizhan_schemas::seal::{Algorithm, KeyId, Run, signed};

use super::*;

const TOWN: &str = "510722.101";
const OTHER: &str = "510722.102";

/// Stations whose signature is a digest that anybody could make.
#[derive(Debug)]
struct Pretend;

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn signature(of: &str, leaves: u32, root: Digest) -> Bytes {
    Digest::of(&[of.as_bytes(), &signed(leaves, root)].concat()).0.to_vec().into()
}

impl Specimens for Pretend {
    fn owner(&self, stamp: &Stamp, root: Digest) -> Result<Code, SealFault> {
        if stamp.algorithm != Algorithm::Other(0) {
            return Err(SealFault::Algorithm);
        }
        let known = [TOWN, OTHER].into_iter().find(|of| KeyId::of(of.as_bytes()) == stamp.key);
        let of = known.ok_or(SealFault::Key)?;
        let valid = signature(of, stamp.leaves, root) == stamp.signature;
        if valid { Ok(code(of)) } else { Err(SealFault::Signature) }
    }
}

fn carried(text: &str) -> Record {
    let envelope = Bytes::copy_from_slice(text.as_bytes());
    Record::Carried(Carried { envelope, age_ms: 0, age_unknown: false, hops: 0 })
}

fn seal(of: &str, texts: &[&str]) -> Seal {
    let tree = Tree::whole(texts.iter().map(|text| Digest::of(text.as_bytes())).collect()).unwrap();
    let stamp = Stamp {
        algorithm: Algorithm::Other(0),
        key: KeyId::of(of.as_bytes()),
        leaves: tree.leaves(),
        signature: signature(of, tree.leaves(), tree.root()),
    };
    Seal { stamp, runs: Seal::runs((0..tree.leaves()).zip(0..)), siblings: Vec::new() }
}

/// Three messages of the town, and its seal over them.
fn body() -> Body {
    let texts = ["one", "two", "three"];
    Body { records: texts.map(carried).to_vec(), seals: vec![seal(TOWN, &texts)] }
}

/// What each record is under, for an origin with a key.
fn covers(body: Body) -> Vec<Result<u32, SealFault>> {
    let (records, covers) = Checked::of(body, &Pretend).split();
    let cover = |record| covers.of(record, &code(TOWN), true);
    let leaf = |record| cover(record).map(|under| under.unwrap().1);
    (0..records.len()).map(leaf).collect()
}

fn all(fault: SealFault) -> Vec<Result<u32, SealFault>> {
    vec![Err(fault); 3]
}

#[test]
fn what_its_origin_signed_is_covered() {
    assert_eq!(covers(body()), [Ok(0), Ok(1), Ok(2)]);
}

#[test]
fn what_was_altered_takes_its_seal_with_it() {
    let altered = |change: fn(&mut Body)| {
        let mut body = body();
        change(&mut body);
        covers(body)
    };
    let faults = [
        altered(|body| body.records[1] = carried("twO")),
        altered(|body| body.records.swap(0, 1)),
        altered(|body| body.seals[0].stamp.leaves = 4),
        altered(|body| body.seals[0].stamp.signature = Bytes::from_static(&[0; 16])),
    ];
    let [text, places, leaves, signature] = faults;
    assert_eq!((text, places), (all(SealFault::Signature), all(SealFault::Signature)));
    assert_eq!((leaves, signature), (all(SealFault::Shape), all(SealFault::Signature)));
    assert_eq!(altered(|body| body.seals[0].stamp.key = KeyId::of(b"?")), all(SealFault::Key));
    let other = altered(|body| body.seals[0].stamp.algorithm = Algorithm::Ed25519Sha256);
    assert_eq!(other, all(SealFault::Algorithm));
    assert_eq!(altered(|body| body.seals.clear()), all(SealFault::Uncovered));
}

#[test]
fn what_another_station_signed_is_not_covered() {
    let mut body = body();
    body.seals = vec![seal(OTHER, &["one", "two", "three"])];
    assert_eq!(covers(body), all(SealFault::Origin));
}

#[test]
fn one_that_was_put_in_is_not_covered_and_the_others_are() {
    let mut body = body();
    body.records[1] = carried("forged");
    body.seals[0].runs = Seal::runs([(0, 0), (2, 2)]);
    body.seals[0].siblings = vec![Digest::of(b"two")];
    assert_eq!(covers(body), [Ok(0), Err(SealFault::Uncovered), Ok(2)]);
}

#[test]
fn a_seal_that_speaks_of_what_is_not_there_covers_nothing() {
    let with = |run: Run| {
        let mut body = body();
        body.seals[0].runs.push(run);
        covers(body)
    };
    let most = u32::MAX;
    let runs = [(3, 3, 1), (3, 0, 1), (3, most, 1), (most, 0, 2), (0, 0, most), (0, 0, 3)];
    for (leaf, record, count) in runs {
        assert_eq!(
            with(Run { leaf, record, count }),
            all(SealFault::Shape),
            "{leaf} {record} {count}"
        );
    }
    let mut body = body();
    let skip = Skip { from: 1, through: 1, reason: SkipReason::Expired, chain: Chain([0; 8]) };
    body.records[2] = Record::Skip(skip);
    assert_eq!(covers(body)[..2], all(SealFault::Shape)[..2]);
}

#[test]
fn a_record_is_under_the_first_seal_that_names_it() {
    let mut body = body();
    body.seals.push(seal(TOWN, &["one"]));
    assert_eq!(covers(body), [Ok(0), Ok(1), Ok(2)]);
}

#[test]
fn an_origin_without_a_key_needs_no_seal_and_keeps_one_that_others_may_know() {
    let under = |body: Body| {
        let (_, covers) = Checked::of(body, &Pretend).split();
        covers.of(0, &code("510722.103"), false).unwrap().is_some()
    };
    let stranger = || {
        let mut body = body();
        body.seals[0].stamp.key = KeyId::of(b"of a topology to come");
        body
    };
    assert!(under(stranger()));
    assert!(!under(body()), "of a station that has nothing to do with it");
    assert!(!under(Body { seals: Vec::new(), ..body() }));
}
