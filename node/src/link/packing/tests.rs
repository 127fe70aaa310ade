use yizhan_core::effect::Effort::{Hard, Light};
use yizhan_schemas::envelope::Header;
use yizhan_schemas::frame::{Body, Carried, Record, SessionTag};
use yizhan_schemas::{Code, Envelope, Epoch, Kind, Lane, MessageId, Selector};

use super::*;

const CALLS: &str = include_str!("../../../data/incidents-montgomery-911.csv");

/// Reports of the second half of the list, which no dictionary was trained on.
fn reports() -> Vec<Vec<u8>> {
    let mut rows = csv::Reader::from_reader(CALLS.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let second = rows.iter().skip(rows.len().div_ceil(2));
    let report = |row: &csv::StringRecord| {
        let (category, kind) = row[2].split_once(':').unwrap();
        format!(
            "{{\"category\":\"{category}\",\"severity\":\"general\",\"description\":\"{}\",\
             \"occurred_at\":\"{}:00-05:00\",\"lat\":{},\"lng\":{},\"address\":\"{}, {}\",\
             \"source_code\":\"{}\"}}",
            kind.trim().trim_end_matches('-').trim(),
            row[3].replace(' ', "T"),
            &row[0],
            &row[1],
            &row[5],
            &row[4],
            &row[2],
        )
        .into_bytes()
    };
    second.map(report).collect()
}

fn carried(sequence: u64, payload: &[u8]) -> Record {
    let header = Header {
        handle: Some(Selector::parse("up:510722").unwrap()),
        ..Header::plain(
            MessageId {
                origin: Code::parse("510722.109.007").unwrap(),
                epoch: Epoch::parse("c4tq7m").unwrap(),
                lane: Lane::Routine,
                sequence,
            },
            Kind::parse("incident.report").unwrap(),
            Selector::parse("up").unwrap(),
            1_795_000_000_000 + sequence * 3,
        )
    };
    let envelope = Envelope::make(header, payload).unwrap().bytes().clone();
    Record::Carried(Carried { envelope, age_ms: 90_000, age_unknown: false, hops: 0 })
}

fn batch(body: impl Into<Bytes>) -> Batch {
    Batch {
        session: SessionTag([7; 8]),
        lane: Lane::Routine,
        first: 1_042,
        sent_ms: 86_400_000,
        packing: None,
        body: body.into(),
    }
}

fn batches(records_each: usize) -> Vec<Batch> {
    let reports = reports();
    let records: Vec<_> = (1..).zip(&reports).map(|(n, report)| carried(n, report)).collect();
    let bodies = records.chunks(records_each);
    let bodies = bodies.map(|records| Body { records: records.to_vec(), seals: Vec::new() });
    bodies.map(|body| batch(body.encode().unwrap())).collect()
}

const WAYS: [Packing; 4] = [
    Packing { dictionary: 0, effort: Light },
    Packing { dictionary: 0, effort: Hard },
    Packing { dictionary: 1, effort: Light },
    Packing { dictionary: 1, effort: Hard },
];

#[test]
fn what_is_packed_reads_back_as_the_same_bytes() {
    let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
    for how in WAYS {
        for raw in batches(20) {
            let packed = packer.pack(Some(how), raw.clone());
            assert!(packed.body.len() * 2 < raw.body.len(), "{how:?}");
            assert_eq!(unpacker.unpack(packed.packing, packed.body).unwrap(), raw.body, "{how:?}");
        }
    }
}

#[test]
fn real_reports_take_little_more_than_a_fifth_of_their_bytes_on_the_wire() {
    let payload: usize = reports().iter().map(Vec::len).sum();
    for (records, most) in [(15, 0.25), (80, 0.19)] {
        let mut packer = Packer::default();
        let how = Some(Packing { dictionary: 1, effort: Hard });
        let frames = batches(records).into_iter().map(|batch| packer.pack(how, batch));
        let frames = frames.map(|batch| frame::Frame::Batch(batch).encode().unwrap().len() + 40);
        let share = frames.sum::<usize>() as f64 / payload as f64;
        assert!(share < most, "{records} in a frame: {share}");
    }
}

#[test]
fn what_does_not_become_shorter_goes_as_it_is() {
    let mut packer = Packer::default();
    let mut noise = 1_u64;
    let noise = (0..4_000).map(|_| {
        noise =
            noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 56) as u8
    });
    for body in [noise.collect::<Vec<u8>>(), b"short".repeat(5), Vec::new()] {
        for how in WAYS {
            let raw = batch(body.clone());
            assert_eq!(packer.pack(Some(how), raw.clone()), raw, "{} bytes", body.len());
        }
    }
    let raw = batch(b"long enough, and alike, ".repeat(100));
    assert_eq!(packer.pack(None, raw.clone()), raw, "not asked for");
    let unknown = Packing { dictionary: 77, effort: Light };
    assert_eq!(packer.pack(Some(unknown), raw.clone()), raw, "not known here");
}

#[test]
fn a_frame_is_as_long_as_asked_for_once_something_was_packed() {
    let how = Some(WAYS[3]);
    let mut packer = Packer::default();
    assert_eq!(packer.raw_for(None, 930), 800);
    for batch in batches(80) {
        let wanted = packer.raw_for(how, 3_200);
        assert!((9_000..50_000).contains(&wanted), "{wanted} bytes");
        packer.pack(how, batch);
    }
    // what does not pack shows at once
    packer.pack(how, batch((0..=255).cycle().take(300).map(|n: u8| n ^ 0x5a).collect::<Vec<_>>()));
    assert!(packer.raw_for(how, 3_200) < 8_000);
}

#[test]
fn a_body_that_would_not_fit_is_refused_before_anything_is_made_of_it() {
    let mut unpacker = Unpacker::default();
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).unwrap();
    assert!(bomb.len() < 10_000);
    let packing = |raw_bytes| Some(frame::Packing { dictionary: 0, raw_bytes });
    let mut unpack = |raw_bytes| unpacker.unpack(packing(raw_bytes), bomb.clone().into());
    assert_eq!(unpack(64 << 20), Err(PackingError::TooLong(64 << 20)));
    assert_eq!(unpack(u32::MAX), Err(PackingError::TooLong(u32::MAX)));
    for said in [0, 1, 1_000, BODY_BYTES_MAX as u32] {
        assert!(matches!(unpack(said), Err(PackingError::Damaged(_))), "{said}");
    }
}

#[test]
fn a_body_that_is_not_what_its_frame_says_is_refused_by_name() {
    let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
    let raw = batches(20).remove(0);
    let packed = packer.pack(Some(WAYS[3]), raw.clone());
    let said = packed.packing.unwrap();
    let mut unpack = |packing: frame::Packing, body: &Bytes| {
        unpacker.unpack(Some(packing), body.clone()).map_err(|fault| fault.to_string())
    };
    let longer = frame::Packing { raw_bytes: said.raw_bytes + 1, ..said };
    assert!(unpack(longer, &packed.body).unwrap_err().contains("it says that it has"));
    let unknown = frame::Packing { dictionary: 2, ..said };
    assert!(unpack(unknown, &packed.body).unwrap_err().contains("dictionary 2"));
    let other = frame::Packing { dictionary: 0, ..said };
    assert_ne!(unpack(other, &packed.body).ok(), Some(raw.body.clone()));
    assert!(unpack(said, &Bytes::from_static(b"no zstd")).is_err());
    assert!(unpack(said, &packed.body.slice(..packed.body.len() / 2)).is_err());
    assert_eq!(unpack(said, &packed.body).unwrap(), raw.body, "it goes on after all that");
}
