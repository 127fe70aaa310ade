//! Whatever is done to the log's files: it opens, makes nothing up, and takes new records.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use spool_common::*;
use yizhan::spool::Reading;
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::Lane;

#[derive(Debug, Clone)]
enum Harm {
    Flip(usize, u8),
    Fill {
        at: usize,
        bytes: usize,
        with: u8,
    },
    Truncate(usize),
    Extend(usize, u8),
    /// One place of the file copied over another.
    Repeat {
        from: usize,
        to: usize,
        bytes: usize,
    },
    Remove,
}

fn harm_strategy() -> impl Strategy<Value = Harm> {
    let place = || any::<prop::sample::Index>().prop_map(|index| index.index(5000));
    prop_oneof![
        6 => (place(), 1..=255_u8).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        3 => (place(), 1..600_usize, any::<u8>())
            .prop_map(|(at, bytes, with)| Harm::Fill { at, bytes, with }),
        1 => place().prop_map(Harm::Truncate),
        1 => (1..3000_usize, any::<u8>()).prop_map(|(bytes, with)| Harm::Extend(bytes, with)),
        2 => (place(), place(), 1..1500_usize)
            .prop_map(|(from, to, bytes)| Harm::Repeat { from, to, bytes }),
        1 => Just(Harm::Remove),
    ]
}

fn apply(file: &Path, what: &Harm) {
    if matches!(what, Harm::Remove) {
        fs::remove_file(file).unwrap();
        return;
    }
    harm(file, |bytes| match *what {
        Harm::Flip(at, bits) => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bits;
            }
        }
        Harm::Fill { at, bytes: count, with } => {
            bytes.iter_mut().skip(at).take(count).for_each(|byte| *byte = with);
        }
        Harm::Truncate(at) => bytes.truncate(at),
        Harm::Extend(count, with) => bytes.extend(vec![with; count]),
        Harm::Repeat { from, to, bytes: count } => {
            let piece: Vec<u8> = bytes.iter().skip(from).take(count).copied().collect();
            bytes.iter_mut().skip(to).zip(piece).for_each(|(byte, new)| *byte = new);
        }
        Harm::Remove => {}
    });
}

/// True if `part` is `whole` with some elements left out.
fn is_left_of(part: &[Record], whole: &[Record]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|one| rest.any(|other| other == one))
}

fn run(harms: &[(prop::sample::Index, Harm)], with_snapshot: bool) {
    let data = data();
    let mut sender = Sender::default();
    let records: Vec<_> = (0..40_u8).map(|n| sender.up(&[n; 250])).collect();
    let mut expected = records.clone();
    let (mut log, _, _) = open(data.path(), SMALL);
    append_each(&mut log, &records[..20]);
    if with_snapshot {
        log.append_snapshot(b"state".as_slice().into()).unwrap();
        expected.insert(20, snapshot("state"));
    }
    append_each(&mut log, &records[20..]);
    drop(log);
    for (which, what) in harms {
        let files = segments(data.path());
        if !files.is_empty() {
            apply(which.get::<PathBuf>(&files), what);
        }
    }

    let (mut log, report, visited) = open(data.path(), SMALL);
    assert!(is_left_of(&visited, &expected));
    let silent = report.damage.is_empty() && report.torn.is_none() && !report.fresh;
    let whole = visited == expected || visited == expected[20..];
    // what is cut off a file's end leaves no trace but the shorter file
    let traceless = harms.iter().any(|(_, what)| {
        matches!(what, Harm::Truncate(_) | Harm::Remove | Harm::Fill { with: 0, .. })
    });
    assert!(whole || !silent || traceless, "{report:?}");
    legs(&log.reader(), &Link::Up, Lane::Routine, 1, u64::MAX).0.iter().for_each(|reading| {
        let Reading::Leg(leg) = reading else { return };
        assert_eq!(&leg.envelope_bytes, envelope_of(&records[leg.sequence as usize - 1]));
    });
    append_each(&mut log, &[handed_over(77)]);
    drop(log);
    assert_eq!(open(data.path(), SMALL).2.last(), Some(&handed_over(77)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_the_files_the_log_opens_and_makes_nothing_up(
        harms in prop::collection::vec((any::<prop::sample::Index>(), harm_strategy()), 1..6),
        with_snapshot in any::<bool>()
    ) {
        run(&harms, with_snapshot);
    }
}
