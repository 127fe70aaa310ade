//! Whatever part of a seal is in a frame, the frame's seal is over the same root.

use proptest::prelude::*;
use yizhan_schemas::Code;
use yizhan_schemas::frame::{Body, Carried};

use super::*;
use crate::seal::{Checked, SealFault, Specimens};

/// A station that takes every root that it was shown before for signed.
#[derive(Debug)]
struct Known(Vec<Digest>);

impl Specimens for Known {
    fn owner(&self, _: &Stamp, root: Digest) -> Result<Code, SealFault> {
        let known = self.0.contains(&root);
        known.then(|| Code::parse("510722").unwrap()).ok_or(SealFault::Signature)
    }
}

impl Signet for Known {
    fn stamp(&self, leaves: u32, _: Digest) -> Option<Stamp> {
        Some(stamp(leaves, 0))
    }
}

fn stamp(leaves: u32, byte: u8) -> Stamp {
    let (algorithm, key) = (Algorithm::Ed25519Sha256, KeyId([byte; 8]));
    Stamp { algorithm, key, leaves, signature: Bytes::from(vec![byte; 64]) }
}

fn text(of: u8, leaf: u32) -> Bytes {
    format!("{of} {leaf}").into_bytes().into()
}

fn tree(of: u8, leaves: u32) -> Tree {
    Tree::whole((0..leaves).map(|leaf| Digest::of(&text(of, leaf))).collect()).unwrap()
}

fn record(envelope: Bytes) -> Record {
    Record::Carried(Carried { envelope, age_ms: 0, age_unknown: false, hops: 0 })
}

proptest! {
    #[test]
    fn any_messages_of_any_origins_in_a_frame_are_covered_there(
        sizes in prop::collection::vec(1..20_u32, 1..4),
        cut in 0..20_u32,
        chosen in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..30),
        own in 0..5_u32,
    ) {
        // each seal came here in two parts, as a relay cut it
        let held: Vec<[Option<Arc<HeldSeal>>; 2]> = (1..).zip(&sizes).map(|(of, leaves)| {
            let part = |some: Vec<u32>| {
                let tree = tree(of, *leaves).only(&some).ok()?;
                Some(Arc::new(HeldSeal { stamp: stamp(*leaves, of), tree }))
            };
            [part((0..cut.min(*leaves)).collect()), part((cut.min(*leaves)..*leaves).collect())]
        }).collect();
        let (mut records, mut covers) = (Vec::new(), Vec::new());
        let mut members: Vec<_> = chosen.into_iter().map(|(of, leaf)| {
            let of = of.index(sizes.len());
            (of, leaf.index(sizes[of] as usize) as u32)
        }).collect();
        members.sort_unstable();
        members.dedup();
        for (of, leaf) in members {
            records.push(record(text(of as u8 + 1, leaf)));
            let seal = held[of][usize::from(leaf >= cut.min(sizes[of]))].clone().unwrap();
            covers.push(Cover::Under(seal, leaf));
        }
        for leaf in 0..own {
            records.insert(0, record(text(0, leaf)));
            covers.insert(0, Cover::Own);
        }
        let mine: Vec<_> = (0..own).rev().map(|leaf| Digest::of(&text(0, leaf))).collect();
        let mut roots: Vec<_> = (1..).zip(&sizes).map(|(of, leaves)| tree(of, *leaves).root()).collect();
        roots.extend(Tree::whole(mine).map(|tree| tree.root()));
        let known = Known(roots);
        let (seals, signed) = seals(&records, &covers, &known);
        prop_assert_eq!(signed, own > 0);
        prop_assert!(seals.len() <= sizes.len() + 1, "parts of one seal are one again");
        let many = records.len();
        let checked = Checked::of(Body { records, seals }, &known);
        prop_assert_eq!(checked.covered().count(), many);
    }
}
