//! The log against a model: random commits, restarts and torn ends must agree with a plain list.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may; clippy takes only functions marked `test` for tests"
)]

mod spool_common;

use std::collections::BTreeMap;
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
        5 => (0..4_usize, 1..16_u8, 0..700_usize).prop_map(|(lane, links, payload_bytes)| {
            Message::Put { lane, links, payload_bytes }
        }),
        1 => (1..9_u64).prop_map(Message::HandedOver),
    ]
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
        3 => (commit(), tear).prop_map(|(commit, tear)| Act::Cut(commit, tear)),
    ]
}

/// What the log should hold.
#[derive(Default, Clone)]
struct Model {
    sender: Sender,
    commits: Vec<Vec<Record>>,
    legs: BTreeMap<(Link, Lane), Vec<Record>>,
}

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
            let (said, next) = legs(&log.reader(), link, *lane, 1, u64::MAX);
            assert_eq!((said.len(), next), (records.len(), records.len() as u64 + 1));
            for (reading, record) in said.iter().zip(records) {
                let Reading::Leg(leg) = reading else { panic!("{reading:?}") };
                assert_eq!(&leg.envelope_bytes, envelope_of(record));
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
