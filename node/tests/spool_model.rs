//! The log against a model: random commits, restarts and torn ends must agree with a plain list.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use spool_common::*;
use yizhan::spool::{Log, Reading};
use yizhan_core::link::Link;
use yizhan_core::record::Record;
use yizhan_schemas::Lane;

#[derive(Debug, Clone)]
enum Act {
    Commit(Vec<Message>),
    Snapshot(u16),
    Reopen,
    /// The oldest segment shall go; of what it holds every n-th leg is still owed.
    Reclaim(u64),
    /// Power goes while the commit is on its way to the disk.
    Cut(Vec<Message>, Tear),
}

#[derive(Debug, Clone)]
enum Message {
    Put { lane: usize, links: u8, payload_bytes: usize },
    HandedOver(u64),
}

/// What arrived of the last commit. Fractions are of its length, in 1/1000.
#[derive(Debug, Clone)]
enum Tear {
    /// A prefix.
    Prefix(usize),
    /// All but a prefix.
    Suffix(usize),
    /// All, with one byte changed.
    Flip(usize),
    /// A prefix, and behind it something else.
    Garbage(usize, u8),
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        5 => (0..4_usize, 1..16_u8, payload_bytes()).prop_map(|(lane, links, payload_bytes)| {
            Message::Put { lane, links, payload_bytes }
        }),
        1 => (1..9_u64).prop_map(Message::HandedOver),
    ]
}

/// Long ones make commits that are packed.
fn payload_bytes() -> impl Strategy<Value = usize> {
    prop_oneof![9 => 0..700_usize, 1 => 1000..9000_usize]
}

fn act() -> impl Strategy<Value = Act> {
    let commit = || prop::collection::vec(message(), 1..5);
    let tear = prop_oneof![
        (0..1000_usize).prop_map(Tear::Prefix),
        (1..1000_usize).prop_map(Tear::Suffix),
        (0..1000_usize).prop_map(Tear::Flip),
        (0..1000_usize, any::<u8>()).prop_map(|(at, byte)| Tear::Garbage(at, byte)),
    ];
    prop_oneof![
        12 => commit().prop_map(Act::Commit),
        2 => (0..3000_u16).prop_map(Act::Snapshot),
        1 => Just(Act::Reopen),
        4 => (1..6_u64).prop_map(Act::Reclaim),
        3 => (commit(), tear).prop_map(|(commit, tear)| Act::Cut(commit, tear)),
    ]
}

/// What the log should hold.
#[derive(Default, Clone)]
struct Model {
    sender: Sender,
    commits: Vec<Vec<Record>>,
    legs: BTreeMap<(Link, Lane), Vec<Record>>,
    /// Legs that went with their segment.
    gone: BTreeSet<(Link, Lane, u64)>,
}

/// Legs in the files: those of the oldest segment that no newer one has, and those of newer ones.
fn only_in_oldest(data: &Path) -> (BTreeSet<Leg>, BTreeSet<Leg>) {
    let oldest = segments(data)[0].clone();
    let (mut here, mut newer) = (BTreeSet::new(), BTreeSet::new());
    for found in all(data) {
        let (Record::Put(put) | Record::Reappended(put)) = found.record else { continue };
        let lane = put.envelope.header().lane;
        let legs = put.legs.into_iter();
        let legs = legs.map(|leg| (leg.link.clone(), leg.link.numbered_lane(lane), leg.sequence));
        if found.file == oldest { here.extend(legs) } else { newer.extend(legs) }
    }
    (here.difference(&newer).cloned().collect(), newer)
}

/// A leg of one lane of a link.
type Leg = (Link, Lane, u64);

impl Model {
    fn records(&mut self, messages: &[Message]) -> Vec<Record> {
        let links = [Link::Up, down("510722.101"), down("510722.102"), Link::Inbox];
        let record = |message: &Message| match message {
            Message::HandedOver(through) => handed_over(*through),
            Message::Put { lane, links: some, payload_bytes } => {
                let chosen = links.iter().enumerate().filter(|(at, _)| some & (1 << at) != 0);
                let chosen: Vec<_> = chosen.map(|(_, link)| link.clone()).collect();
                self.sender.put(Lane::ALL[*lane], &chosen, &vec![0xab; *payload_bytes])
            }
        };
        messages.iter().map(record).collect()
    }

    fn commit(&mut self, records: Vec<Record>) {
        for record in &records {
            let Record::Put(put) = record else { continue };
            for leg in &put.legs {
                let lane = leg.link.numbered_lane(put.envelope.header().lane);
                self.legs.entry((leg.link.clone(), lane)).or_default().push(record.clone());
            }
        }
        self.commits.push(records);
    }

    fn since_snapshot(&self) -> Vec<Record> {
        let is_snapshot = |commit: &Vec<Record>| matches!(commit.as_slice(), [Record::Snapshot(_)]);
        let start = self.commits.iter().rposition(is_snapshot).unwrap_or(0);
        self.commits[start..].concat()
    }

    fn check_legs(&self, log: &Log) {
        for ((link, lane), records) in &self.legs {
            let (said, _) = legs(&log.reader(), link, *lane, 1, u64::MAX);
            let mut there = BTreeMap::new();
            for reading in &said {
                if let Reading::Leg(leg) = reading {
                    there.insert(leg.sequence, &leg.envelope_bytes);
                }
            }
            for (sequence, record) in (1..).zip(records) {
                let gone = self.gone.contains(&(link.clone(), *lane, sequence));
                match there.get(&sequence) {
                    // memory may know it longer
                    Some(bytes) => assert_eq!(*bytes, envelope_of(record), "leg {sequence}"),
                    None => assert!(gone, "leg {sequence} is not to be had"),
                }
            }
        }
    }
}

/// Lets the newest segment hold only part of what was last written to it.
fn tear(file: &Path, before: Option<Vec<u8>>, how: &Tear) {
    let after = fs::read(file).unwrap();
    // the header of a new segment is synced before anything else goes in
    let mut before = before.unwrap_or_else(|| after[..64].to_vec());
    before.resize(after.len(), 0);
    let differs = |at: &usize| before[*at] != after[*at];
    let Some(first) = (0..after.len()).find(differs) else { return };
    let last = (0..after.len()).rev().find(differs).unwrap();
    let point = |fraction: &usize| first + (last - first) * fraction / 1000;
    let mut torn = after.clone();
    match how {
        Tear::Prefix(at) => torn[point(at)..].copy_from_slice(&before[point(at)..]),
        Tear::Suffix(at) => torn[..=point(at)].copy_from_slice(&before[..=point(at)]),
        Tear::Flip(at) => torn[point(at)] ^= 0x40,
        Tear::Garbage(at, byte) => torn[point(at)..=last].fill(*byte),
    }
    fs::write(file, torn).unwrap();
}

/// Lets the oldest segment go, as the core would: what is owed is carried, then it is discarded.
fn reclaim(data: &Path, log: &mut Log, model: &mut Model, every: u64) {
    let mut reclaimer = log.reclaimer(Vec::new());
    let Some(oldest) = reclaimer.oldest().unwrap() else { return };
    let (only, newer) = only_in_oldest(data);
    let mut told = BTreeSet::new();
    for span in oldest.spans {
        assert_eq!(span.chain, chain(span.through));
        let leg = |sequence| (span.link.clone(), span.lane, sequence);
        told.extend((span.from..=span.through).map(leg));
        assert!((span.only_from..=span.through).all(|at| !newer.contains(&leg(at))));
    }
    assert_eq!(told, only);

    let owed: BTreeSet<_> = only.iter().filter(|leg| leg.2 % every == 0).cloned().collect();
    let asked: Vec<_> =
        owed.iter().map(|(link, lane, leg)| (link.clone(), *lane, *leg, *leg)).collect();
    let carried = reclaimer.carry(oldest.number, &asked).unwrap();
    assert_eq!(carried.unreadable, []);
    let moved: Vec<_> = carried.puts.into_iter().map(Record::Reappended).collect();
    log.append(&moved).unwrap();
    log.sync().unwrap();
    if !moved.is_empty() {
        model.commits.push(moved);
    }
    // carrying may have closed a segment, and never changes which one is the oldest
    reclaimer.discard(oldest.number);
    if reclaimer.tend().unwrap() == [oldest.number] {
        model.gone.extend(only.difference(&owed).cloned());
    }
}

fn newest(data: &Path) -> PathBuf {
    segments(data).pop().unwrap()
}

fn run(acts: &[Act]) {
    let data = data();
    let mut model = Model::default();
    let (mut log, _, _) = open(data.path(), SMALL);
    for act in acts {
        match act {
            Act::Commit(messages) => {
                let records = model.records(messages);
                log.append(&records).unwrap();
                log.sync().unwrap();
                model.commit(records);
            }
            Act::Snapshot(bytes) => {
                let state = vec![9; usize::from(*bytes)];
                log.append_snapshot(state.clone().into()).unwrap();
                model.commit(vec![Record::Snapshot(state.into())]);
            }
            Act::Reopen => {
                drop(log);
                let (again, report, visited) = open(data.path(), SMALL);
                assert_eq!((report.torn, report.damage), (None, vec![]));
                assert_eq!(visited, model.since_snapshot());
                log = again;
            }
            Act::Reclaim(every) => reclaim(data.path(), &mut log, &mut model, *every),
            Act::Cut(messages, how) => {
                let mut with = model.clone();
                let records = with.records(messages);
                with.commit(records.clone());
                let before: BTreeMap<_, _> = segments(data.path())
                    .into_iter()
                    .map(|path| (path.clone(), fs::read(path).unwrap()))
                    .collect();
                log.append(&records).unwrap();
                drop(log);
                let file = newest(data.path());
                tear(&file, before.get(&file).cloned(), how);
                let (again, report, visited) = open(data.path(), SMALL);
                assert_eq!(report.damage, []);
                if visited != model.since_snapshot() {
                    assert_eq!(visited, with.since_snapshot());
                    model = with;
                }
                log = again;
            }
        }
        model.check_legs(&log);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_synced_commits_are_there_and_others_whole_or_not_at_all(
        acts in prop::collection::vec(act(), 1..40)
    ) {
        run(&acts);
    }
}
