//! The dictionaries that are checked in are those that packed bodies were made with.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use yizhan_schemas::dictionary;
use yizhan_schemas::frame::{BODY_BYTES_MAX, Body};

use crate::golden_values;

/// Each number stands for the same bytes for ever. A new number gets a new line.
const SUMS: [(u32, &str); 1] =
    [(1, "17e218b40cacc0230ed7e1c9e3855a23afa08cd0199570c1fbeb468dddd3a62f")];

#[test]
fn a_number_means_the_same_bytes_for_ever() {
    assert_eq!(SUMS.len() + 1, dictionary::KNOWN.len(), "one line for each, and 0 has no bytes");
    for (number, sum) in SUMS {
        let bytes = dictionary::bytes(number).unwrap();
        assert_eq!(HEXLOWER.encode(&Sha256::digest(bytes)), sum, "dictionary {number}");
        assert!(bytes.len() <= 64 * 1024, "{} bytes", bytes.len());
    }
}

#[test]
fn the_golden_packed_body_reads_with_its_dictionary_and_with_no_other() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/dictionaries/1.hex");
    let body = golden_values::body();
    let raw = body.encode().unwrap();
    if !std::path::Path::new(file).exists() && std::env::var_os("YIZHAN_BLESS").is_some() {
        let dictionary = dictionary::bytes(1).unwrap();
        let mut packer = zstd::bulk::Compressor::with_dictionary(19, dictionary).unwrap();
        packer.include_contentsize(false).unwrap();
        packer.include_checksum(false).unwrap();
        packer.include_dictid(false).unwrap();
        let lines = HEXLOWER.encode(&packer.compress(&raw).unwrap());
        let lines: Vec<_> = lines.as_bytes().chunks(64).collect();
        std::fs::write(file, lines.join(&b"\n"[..])).unwrap();
    }
    let text = std::fs::read_to_string(file).unwrap();
    let packed: String = text.split_whitespace().collect();
    let packed = HEXLOWER.decode(packed.as_bytes()).unwrap();
    let unpack = |number| {
        let dictionary = dictionary::bytes(number).unwrap();
        let mut unpacker = zstd::bulk::Decompressor::with_dictionary(dictionary).unwrap();
        unpacker.decompress(&packed, BODY_BYTES_MAX)
    };
    let read = unpack(1).unwrap();
    assert!(packed.len() * 2 < read.len(), "{} of {}", packed.len(), read.len());
    assert_eq!(Body::decode(&read.into()).unwrap(), body);
    assert_ne!(unpack(0).ok(), Some(raw.to_vec()));
}
