//! What a seal covers is exactly what was signed, whatever part of it comes and goes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::subsequence;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::{Body, Carried, Chain, Record, Skip, SkipReason};
use yizhan_schemas::seal::{Algorithm, KeyId, LEAVES_MAX, Run, Seal, Stamp, Tree, signed};

fn digests(count: u32) -> Vec<Digest> {
    (0..count).map(|at| Digest::of(&at.to_be_bytes())).collect()
}

fn whole(count: u32) -> Tree {
    Tree::whole(digests(count)).unwrap()
}

/// The root as a sentence of the documentation has it, without any of the code under test.
fn root(leaves: &[Digest]) -> Digest {
    if let [leaf] = leaves {
        return *leaf;
    }
    let mut left = 1;
    while left * 2 < leaves.len() {
        left *= 2;
    }
    let (left, right) = leaves.split_at(left);
    Digest::of(&[&[0][..], &root(left).0, &root(right).0].concat())
}

/// A number of leaves, some of them, and some of those.
fn parts() -> impl Strategy<Value = (u32, Vec<u32>, Vec<u32>)> {
    let some =
        |count: u32| (Just(count), subsequence((0..count).collect::<Vec<_>>(), 1..=count as usize));
    let fewer = |(count, some): (u32, Vec<u32>)| {
        let most = some.len();
        (Just(count), Just(some.clone()), subsequence(some, 1..=most))
    };
    (1..=70_u32).prop_flat_map(some).prop_flat_map(fewer)
}

proptest! {
    #[test]
    fn any_part_of_any_part_has_the_root_of_the_whole((count, some, fewer) in parts()) {
        let all = whole(count);
        prop_assert_eq!(all.root(), root(&digests(count)));
        let part = all.only(&some).unwrap();
        prop_assert_eq!(part.root(), all.root());
        let smaller = part.only(&fewer).unwrap();
        prop_assert_eq!(&smaller, &all.only(&fewer).unwrap(), "the way there does not matter");
        prop_assert_eq!(smaller.root(), all.root());
        let again = Tree::of(count, smaller.known().to_vec(), smaller.siblings().to_vec());
        prop_assert_eq!(again.unwrap(), smaller);
    }

    #[test]
    fn two_parts_make_one_that_knows_what_either_does((count, some, fewer) in parts(), flip in any::<bool>()) {
        let all = whole(count);
        let rest: Vec<u32> = (0..count).filter(|leaf| fewer.contains(leaf) || !some.contains(leaf)).collect();
        let (a, b) = (all.only(&some).unwrap(), all.only(&rest).unwrap());
        let joined = if flip { a.joined(&b) } else { b.joined(&a) }.unwrap();
        prop_assert_eq!(&joined, &all);
        let (a, b) = (all.only(&some[..1]).unwrap(), all.only(&fewer).unwrap());
        let mut both = [&some[..1], &fewer[..]].concat();
        both.sort_unstable();
        both.dedup();
        prop_assert_eq!(a.joined(&b).unwrap(), all.only(&both).unwrap());
    }

    #[test]
    fn whatever_is_changed_changes_the_root((count, some, _) in parts(), at in any::<prop::sample::Index>(), by in 1..=255_u8, byte in 0..16_usize) {
        let part = whole(count).only(&some).unwrap();
        let (mut known, mut siblings) = (part.known().to_vec(), part.siblings().to_vec());
        let at = at.index(known.len() + siblings.len());
        match known.get_mut(at) {
            Some((_, digest)) => digest.0[byte] ^= by,
            None => siblings[at - known.len()].0[byte] ^= by,
        }
        prop_assert_ne!(Tree::of(count, known, siblings).unwrap().root(), part.root());
    }

    #[test]
    fn leaves_in_other_places_are_no_tree_or_another((count, some, _) in parts(), at in any::<prop::sample::Index>(), to in 0..80_u32) {
        let part = whole(count).only(&some).unwrap();
        let mut known = part.known().to_vec();
        let at = at.index(known.len());
        prop_assume!(known[at].0 != to);
        known[at].0 = to;
        known.sort_unstable();
        if let Ok(other) = Tree::of(count, known, part.siblings().to_vec()) {
            prop_assert_ne!(other.root(), part.root());
        }
    }

    #[test]
    fn another_number_of_leaves_is_another_signed_text((count, some, _) in parts(), leaves in 1..80_u32) {
        prop_assume!(leaves != count);
        let part = whole(count).only(&some).unwrap();
        if let Ok(other) = Tree::of(leaves, part.known().to_vec(), part.siblings().to_vec()) {
            prop_assert_ne!(signed(leaves, other.root()), signed(count, part.root()));
        }
    }

    #[test]
    fn one_too_many_or_too_few_is_no_tree((count, some, _) in parts()) {
        let part = whole(count).only(&some).unwrap();
        let more = [part.siblings(), &[Digest([0; 16])]].concat();
        prop_assert!(Tree::of(count, part.known().to_vec(), more).is_err());
        let fewer = part.siblings().split_last().map(|(_, rest)| rest.to_vec());
        if let Some(fewer) = fewer {
            prop_assert!(Tree::of(count, part.known().to_vec(), fewer).is_err());
        }
    }

    #[test]
    fn a_tree_is_written_and_read((count, some, _) in parts()) {
        let part = whole(count).only(&some).unwrap();
        let written = rmp_serde::to_vec(&part).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<Tree>(&written).unwrap(), part);
    }
}

#[test]
fn a_tree_has_at_least_one_leaf_and_at_most_as_many_as_a_frame_has_records() {
    assert!(Tree::whole(Vec::new()).is_err());
    assert!(Tree::of(1, Vec::new(), digests(1)).is_err(), "a seal over nothing that is there");
    assert!(Tree::whole(digests(LEAVES_MAX)).is_ok());
    assert!(Tree::whole(digests(LEAVES_MAX + 1)).is_err());
    assert!(whole(3).only(&[3]).is_err(), "what was never there cannot be kept");
    assert!(whole(3).only(&[1]).unwrap().only(&[0]).is_err());
}

fn seal(count: u32) -> Seal {
    let stamp = Stamp {
        algorithm: Algorithm::Ed25519Sha256,
        key: KeyId::of(b"a public key"),
        leaves: count,
        signature: Bytes::from_static(&[7; 64]),
    };
    Seal { stamp, runs: Seal::runs((0..count).map(|at| (at, at))), siblings: Vec::new() }
}

#[test]
fn a_full_frame_of_one_origin_costs_a_signature_and_thirty_bytes() {
    let record = Record::Carried(Carried {
        envelope: Bytes::from_static(b"envelope"),
        age_ms: 0,
        age_unknown: false,
        hops: 0,
    });
    let body = |seals| Body { records: vec![record.clone(); 128], seals }.encode().unwrap().len();
    let cost = body(vec![seal(128)]) - body(Vec::new());
    assert!(cost <= 64 + 34, "{cost} bytes");
}

#[test]
fn runs_are_as_long_as_leaf_and_record_go_on_together() {
    let runs = Seal::runs([(0, 0), (1, 1), (3, 2), (4, 3), (5, 7)]);
    let run = |leaf, record, count| Run { leaf, record, count };
    assert_eq!(runs, [run(0, 0, 2), run(3, 2, 2), run(5, 7, 1)]);
}

#[test]
fn an_algorithm_that_is_not_known_is_read_and_carried_on_as_it_is() {
    let mut later = seal(3);
    later.stamp.algorithm = Algorithm::Other(9);
    let (reason, chain) = (SkipReason::Expired, Chain::default());
    let skip = Record::Skip(Skip { from: 1, through: 1, reason, chain });
    let body = Body { records: vec![skip], seals: vec![later] };
    assert_eq!(Body::decode(&body.encode().unwrap()).unwrap(), body);
}
