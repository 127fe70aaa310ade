//! The bytes on the wire stay what they are: one checked-in vector for each thing that crosses a
//! link, read and written by every later version.
//!
//! `YIZHAN_BLESS=1` writes vectors that are missing and never changes one that is there: stations
//! of different versions talk to each other, so a changed vector is a broken promise.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

mod golden_dictionary;
mod golden_values;

use std::path::PathBuf;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use yizhan_schemas::Envelope;
use yizhan_schemas::codec::CodecError;
use yizhan_schemas::frame::{Body, Frame};

/// Bytes in one line of a vector's file.
const LINE_BYTES: usize = 32;

fn file_of(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.hex"))
}

fn vector(name: &str, made: &[u8]) -> Bytes {
    let file = file_of(name);
    if !file.exists() && std::env::var_os("YIZHAN_BLESS").is_some_and(|set| set == "1") {
        let lines: Vec<_> = made.chunks(LINE_BYTES).map(|line| HEXLOWER.encode(line)).collect();
        std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|fault| panic!("{}: {fault}; YIZHAN_BLESS=1 makes it", file.display()));
    let digits: String = text.split_whitespace().collect();
    HEXLOWER.decode(digits.as_bytes()).unwrap().into()
}

/// One kind of thing on the wire: its vector's name, its bytes as written now, its reader.
type Case = (&'static str, Bytes, fn(&Bytes) -> Result<(), CodecError>);

fn cases() -> Vec<Case> {
    let frames = golden_values::frames().into_iter().map(|(name, frame)| {
        let read: fn(&Bytes) -> _ = |bytes| Frame::decode(bytes).map(|_| ());
        (name, frame.encode().unwrap(), read)
    });
    let mut cases: Vec<Case> = vec![
        ("envelope", golden_values::envelope().bytes().clone(), |bytes| {
            Envelope::read(bytes.clone()).map(|_| ())
        }),
        ("body", golden_values::body().encode().unwrap(), |bytes| Body::decode(bytes).map(|_| ())),
    ];
    cases.extend(frames);
    cases
}

#[test]
fn every_vector_is_what_is_written_today() {
    for (name, made, _) in cases() {
        let golden = vector(name, &made);
        assert!(golden == made, "{name}: written today is\n{}", HEXLOWER.encode(&made));
    }
}

#[test]
fn every_vector_reads_as_the_value_it_was_made_of() {
    let envelope = golden_values::envelope();
    assert_eq!(Envelope::read(vector("envelope", envelope.bytes())).unwrap(), envelope);
    let body = golden_values::body();
    assert_eq!(Body::decode(&vector("body", &body.encode().unwrap())).unwrap(), body);
    for (name, frame) in golden_values::frames() {
        let golden = vector(name, &frame.encode().unwrap());
        assert_eq!(Frame::decode(&golden).unwrap(), frame, "{name}");
    }
}

#[test]
fn the_body_of_the_batch_is_the_body_vector() {
    let golden = Frame::decode(&vector("batch", &[])).unwrap();
    let Frame::Batch(batch) = golden else { panic!("not a batch: {golden:?}") };
    assert_eq!(Body::decode(&batch.body).unwrap(), golden_values::body());
}

#[test]
fn a_vector_cut_short_anywhere_is_an_error_with_a_reason() {
    for (name, made, read) in cases() {
        let golden = vector(name, &made);
        for length in 0..golden.len() {
            let fault = read(&golden.slice(..length)).expect_err(name);
            match (length, &fault) {
                (0, CodecError::Empty) | (1.., CodecError::Malformed(_)) => {}
                _ => panic!("{name} cut to {length} bytes: {fault}"),
            }
        }
    }
}

#[test]
fn bytes_behind_a_vector_are_refused() {
    for (name, made, read) in cases() {
        let mut longer = vector(name, &made).to_vec();
        longer.push(0xc0);
        assert_eq!(read(&longer.into()), Err(CodecError::Trailing), "{name}");
    }
}

#[test]
fn a_member_of_a_later_version_is_passed_over() {
    for (name, frame) in golden_values::frames() {
        // version byte, map of one, its name as a short string, then the map of members
        let marker = 3 + name.len();
        let longer = with_one_more_member(&frame.encode().unwrap(), marker);
        assert_eq!(Frame::decode(&longer).unwrap(), frame, "{name}");
    }
    let envelope = golden_values::envelope();
    let longer = Envelope::read(with_one_more_member(envelope.bytes(), 1).into()).unwrap();
    assert_eq!(longer.header(), envelope.header());
    assert_ne!(longer.digest(), envelope.digest(), "what is not understood is still covered");
}

/// The bytes with `"later": [1, {"x": nil}]` as last member of the map whose marker is at `at`;
/// that map must end where the bytes end.
fn with_one_more_member(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut longer = bytes.to_vec();
    assert!((0x80..0x8f).contains(&longer[at]), "a short map, not {:#x}", longer[at]);
    longer[at] += 1;
    longer.extend(b"\xa5later\x92\x01\x81\xa1x\xc0");
    longer
}

#[test]
fn every_file_of_the_folder_is_a_vector() {
    let files: Vec<_> = cases().iter().map(|(name, ..)| file_of(name)).collect();
    for entry in std::fs::read_dir(file_of("x").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert!(files.contains(&path), "{} is no vector of a test", path.display());
    }
}
