//! What a neighbour is sent of what the log holds: which legs, in which frames, and what is said
//! of those that are not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use yizhan_schemas::frame::SkipReason;

use super::*;
use crate::effect::EndedRun;
use crate::seal::NoKeys;

/// A log that holds legs of these sizes; it has lost the runs in `gaps`, and says so.
#[derive(Default)]
struct Log {
    sizes: BTreeMap<u64, usize>,
    gaps: Vec<(u64, u64)>,
}

impl LegSource for Log {
    fn legs(
        &self,
        _: &Link,
        _: Lane,
        from: u64,
        through: u64,
        each: &mut dyn FnMut(Reading) -> bool,
    ) -> Result<(), String> {
        let mut next = from;
        while next <= through {
            let gap = self.gaps.iter().find(|(first, last)| (*first..=*last).contains(&next));
            let (reading, last) = match (gap, self.sizes.get(&next)) {
                (Some((_, last)), _) => (Reading::Gap { from: next, through: *last }, *last),
                (None, Some(size)) => (Reading::Leg(leg(next, *size)), next),
                // not durable yet: nothing is said of it
                (None, None) => return Ok(()),
            };
            if !each(reading) {
                return Ok(());
            }
            next = last + 1;
        }
        Ok(())
    }

    fn chain_at(&self, _: &Link, _: Lane, sequence: u64) -> Option<Chain> {
        self.sizes.get(&sequence).map(|_| chain(sequence))
    }
}

fn chain(sequence: u64) -> Chain {
    Chain(sequence.to_be_bytes())
}

fn leg(sequence: u64, size: usize) -> HeldLeg {
    HeldLeg {
        sequence,
        chain: chain(sequence),
        envelope: vec![sequence as u8; size].into(),
        age_ms: 100,
        age_unknown: false,
        hops: 3,
        late: false,
        own: false,
        under: None,
        boot: BootId(1),
        taken_boot_ms: 1_000,
    }
}

fn log(sizes: &[usize]) -> Log {
    let sizes = (1..).zip(sizes.iter().copied()).collect();
    Log { sizes, gaps: Vec::new() }
}

fn send(from: u64, through: u64, max_bytes: usize) -> Send {
    Send {
        link: Link::Up,
        session: SessionTag([1; 8]),
        lane: Lane::Routine,
        from,
        through,
        max_bytes: max_bytes as u64,
        frame_bytes: FRAME_FILL_BYTES as u64,
        packing: None,
        ended: Vec::new(),
        clock: Arc::new(BootClock::of(BootId(1))),
    }
}

fn ended(from: u64, through: u64, chain: Option<Chain>) -> EndedRun {
    EndedRun { from, through, reason: SkipReason::Expired, chain }
}

fn filled(send: &Send, log: &Log) -> Filled {
    fill(send, log, &NoKeys, Now { boot_us: 5_000_000, wall_ms: 0 }).unwrap()
}

fn records(batch: &Batch) -> Vec<Record> {
    Body::decode(&batch.body).unwrap().records
}

/// The legs of each frame, by its first: `4` or, skipped, `4-6`.
fn told(filled: &Filled) -> Vec<(u64, String)> {
    let told = |batch: &Batch| {
        let mut next = batch.first;
        let leg = |record: &Record| {
            let first = next;
            next += record.span();
            match record {
                Record::Carried(carried) => {
                    assert!(carried.envelope.iter().all(|byte| *byte == first as u8));
                    first.to_string()
                }
                Record::Skip(skip) => format!("{}-{}", skip.from, skip.through),
            }
        };
        let legs: Vec<_> = records(batch).iter().map(leg).collect();
        (batch.first, legs.join(" "))
    };
    filled.frames.iter().map(told).collect()
}

fn one(first: u64, legs: &str) -> Vec<(u64, String)> {
    vec![(first, legs.to_owned())]
}

#[test]
fn the_legs_asked_for_are_sent_and_no_others() {
    let log = log(&[10; 9]);
    let filled = filled(&send(3, 6, 1_000), &log);
    assert_eq!(told(&filled), one(3, "3 4 5 6"));
    assert_eq!((filled.through, filled.gap), (6, None));
}

#[test]
fn a_single_leg_is_sent() {
    let filled = filled(&send(4, 4, 1_000), &log(&[10; 9]));
    assert_eq!((told(&filled), filled.through), (one(4, "4"), 4));
}

#[test]
fn a_leg_says_how_long_it_was_held() {
    let held = filled(&send(1, 1, 1_000), &log(&[10]));
    let carried = |filled: &Filled| match &records(&filled.frames[0])[..] {
        [Record::Carried(carried)] => (carried.age_ms, carried.age_unknown, carried.hops),
        other => panic!("{other:?}"),
    };
    assert_eq!(carried(&held), (4_100, false, 3));
    assert_eq!(held.frames[0].sent_ms, 5_000);
    // nobody knows how long the power was off between the two boots
    let later = Send { clock: Arc::new(BootClock::of(BootId(2))), ..send(1, 1, 1_000) };
    assert_eq!(carried(&filled(&later, &log(&[10]))), (100, true, 3));
}

#[test]
fn what_fits_exactly_is_sent_and_not_a_byte_more() {
    let log = log(&[10; 9]);
    for (max_bytes, last) in [(30, 3), (39, 3), (40, 4)] {
        assert_eq!(filled(&send(1, 9, max_bytes), &log).through, last, "{max_bytes} bytes");
    }
}

#[test]
fn one_leg_is_sent_whatever_its_size_and_then_no_more() {
    for (sizes, last) in [(&[500, 10][..], 1), (&[10, 500], 1), (&[50, 50, 50], 2)] {
        assert_eq!(filled(&send(1, 9, 100), &log(sizes)).through, last, "{sizes:?}");
    }
}

#[test]
fn a_frame_holds_64_kib_so_that_flash_need_not_wait_for_longer() {
    let kib = 1024;
    let frames = |sizes: &[usize]| told(&filled(&send(1, 9, 1 << 20), &log(sizes)));
    assert_eq!(frames(&[32 * kib, 32 * kib]), one(1, "1 2"), "exactly full");
    assert_eq!(
        frames(&[32 * kib, 32 * kib, 1]),
        [(1, "1 2".to_owned()), (3, "3".to_owned())],
        "one byte more is another frame"
    );
    assert_eq!(
        frames(&[10, 200 * kib, 10, 10]),
        [(1, "1".to_owned()), (2, "2".to_owned()), (3, "3 4".to_owned())],
        "a larger envelope goes alone"
    );
}

#[test]
fn a_frame_holds_no_more_records_than_a_receiver_reads() {
    let legs = RECORDS_MAX + 1;
    let filled = filled(&send(1, legs as u64, 1 << 20), &log(&vec![1; legs]));
    let counts: Vec<_> = filled.frames.iter().map(|batch| records(batch).len()).collect();
    assert_eq!(counts, [RECORDS_MAX, 1]);
}

#[test]
fn what_ended_is_skipped_where_it_stands_even_if_the_log_still_has_it() {
    let log = log(&[10; 9]);
    let runs = vec![ended(1, 2, None), ended(5, 6, Some(Chain([7; 8]))), ended(9, 9, None)];
    let filled = filled(&Send { ended: runs, ..send(1, 9, 1_000) }, &log);
    assert_eq!(told(&filled), one(1, "1-2 3 4 5-6 7 8 9-9"));
    assert_eq!((filled.through, filled.gap), (9, None));
    let skips = records(&filled.frames[0]);
    let skips = skips.iter().filter_map(|record| match record {
        Record::Skip(skip) => Some((skip.reason, skip.chain)),
        Record::Carried(_) => None,
    });
    // the log is asked for the chain, unless the log is known not to have it
    let expected = [chain(2), Chain([7; 8]), chain(9)].map(|chain| (SkipReason::Expired, chain));
    assert_eq!(skips.collect::<Vec<_>>(), expected);
}

#[test]
fn a_send_that_is_full_ends_before_what_ended() {
    let log = log(&[10; 9]);
    let send = Send { ended: vec![ended(3, 4, None)], ..send(1, 9, 20) };
    assert_eq!(told(&filled(&send, &log)), one(1, "1 2"));
}

#[test]
fn what_the_log_cannot_give_is_told_where_it_stands() {
    let log = Log { gaps: vec![(3, 4)], ..log(&[10; 9]) };
    let first = filled(&send(1, 9, 1_000), &log);
    assert_eq!((told(&first), first.through), (one(1, "1 2"), 2));
    assert_eq!(first.gap, Some((3, 4)));
    // nothing comes before it: what is to be done is the same
    let second = filled(&send(3, 9, 1_000), &log);
    assert_eq!((told(&second), second.through, second.gap), (Vec::new(), 2, Some((3, 4))));
}

#[test]
fn a_gap_in_what_ended_is_missed_by_nobody() {
    let log = Log { gaps: vec![(3, 4)], ..log(&[10; 6]) };
    let send = Send { ended: vec![ended(3, 4, None)], ..send(1, 6, 1_000) };
    let filled = filled(&send, &log);
    assert_eq!((told(&filled), filled.gap), (one(1, "1 2 3-4 5 6"), None));
}

#[test]
fn what_is_not_durable_yet_is_left_for_the_next_send() {
    let log = log(&[10; 4]);
    let filled = filled(&Send { ended: vec![ended(8, 8, None)], ..send(3, 9, 1_000) }, &log);
    assert_eq!((told(&filled), filled.through, filled.gap), (one(3, "3 4"), 4, None));
}
