//! [`Base`]: the logs that are tampered with, sound and always the same.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use bytes::Bytes;
use yizhan::spool::log::DIR;
use yizhan_core::link::Link;
use yizhan_core::record::{Leg, PublisherKey, Put, Record};
use yizhan_core::time::BootId;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::Chain;
use yizhan_schemas::{Code, Envelope, Epoch, Header, Kind, Lane, MessageId, Selector};

use super::{open, place, reseal};

/// Stands for the number that is drawn when a log is made: the same input must do the same harm.
const STORE: u64 = 0x6e61_687a_6979_0001;

/// A log's records, and its files as they are on disk.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) records: Vec<Record>,
    /// Names and bytes, oldest segment first.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

/// With many segments; with a snapshot in the middle; with one segment that is not full.
pub(super) static BASES: LazyLock<[Base; 3]> =
    LazyLock::new(|| [Base::make(30, None), Base::make(24, Some(14)), Base::make(3, None)]);

impl Base {
    fn make(messages: u64, snapshot_behind: Option<u64>) -> Self {
        let place = place();
        let (mut log, _) = open(place.path()).expect("a new log opens");
        let mut records = Vec::new();
        for number in 1..=messages {
            let record = message(number);
            log.append(std::slice::from_ref(&record)).expect("a new log takes records");
            log.sync().expect("a new log syncs");
            records.push(record);
            if snapshot_behind == Some(number) {
                let state = Bytes::from_static(b"all of it");
                log.append_snapshot(state.clone()).expect("a new log takes a snapshot");
                records.push(Record::Snapshot(state));
            }
        }
        drop(log);
        let mut files = Vec::new();
        for entry in fs::read_dir(place.path().join(DIR)).expect("the log is there") {
            let path = entry.expect("the log can be listed").path();
            if path.extension().is_some_and(|end| end == "seg") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let mut bytes = fs::read(&path).expect("a segment can be read");
                reseal::with_store(&mut bytes, STORE);
                files.push((name, bytes));
            }
        }
        files.sort();
        Self { records, files }
    }

    pub(super) fn write_to(&self, dir: &Path) {
        fs::create_dir_all(dir).expect("a directory for the log");
        for (name, bytes) in &self.files {
            fs::write(dir.join(name), bytes).expect("a segment can be written");
        }
    }

    /// The bytes of the message that was leg `sequence` up, in that lane.
    pub(super) fn envelope(&self, lane: Lane, sequence: u64) -> Option<&Bytes> {
        self.records.iter().find_map(|record| match record {
            Record::Put(put) if put.envelope.header().lane == lane => {
                let leg = put.legs.iter().find(|leg| leg.link == Link::Up)?;
                (leg.sequence == sequence).then(|| put.envelope.bytes())
            }
            _ => None,
        })
    }
}

/// The n-th message: routine for the most part, to the parent and now and then into the inbox.
fn message(number: u64) -> Record {
    let (lane, at) = if number.is_multiple_of(5) {
        (Lane::Flash, number / 5)
    } else {
        (Lane::Routine, number - number / 5)
    };
    let payload = vec![number as u8; 120 + 40 * (number as usize % 7)];
    let header = Header::plain(
        MessageId {
            origin: Code::parse("510722.101").expect("a code"),
            epoch: Epoch::from_random(7),
            lane,
            sequence: at,
        },
        "incident.report".parse::<Kind>().expect("a kind"),
        "up".parse::<Selector>().expect("a selector"),
        1_770_000_000_000 + number,
    );
    let key = number.is_multiple_of(3).then(|| PublisherKey {
        scope: "grid".into(),
        key: number.to_string(),
        body: Digest::of(&payload),
    });
    let leg = |link: Link, sequence: u64| Leg { link, sequence, chain: chain(sequence) };
    let mut legs = vec![leg(Link::Up, at)];
    if number.is_multiple_of(2) {
        legs.push(leg(Link::Inbox, number / 2));
    }
    Record::Put(Put {
        envelope: Envelope::make(header, &payload).expect("a small envelope"),
        via: None,
        age_ms: number,
        age_unknown: false,
        hops: 1,
        boot: BootId(3),
        taken_boot_ms: 1000 + number,
        taken_wall_ms: 1_770_000_000_000 + number * 20_000_000,
        legs,
        key,
        late: false,
        targets: Vec::new(),
        under: None,
        opens: false,
    })
}

/// Any eight bytes do for a chain here.
fn chain(sequence: u64) -> Chain {
    Chain(sequence.to_be_bytes())
}
