//! Every stored input of the fuzzer, given to its target without libFuzzer: what was found once
//! stays found. The spool's are in `chaos-tests/powercut/tests/fuzz_corpus.rs`.
//!
//! The ignored tests write the inputs that the fuzzer begins with (`make fuzz-corpus`).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use chaos_tests::fuzz::{codec, corpus, hello};
use rand::rngs::SmallRng;
use rand::{RngCore as _, SeedableRng as _};
use yizhan_schemas::payload::receipt::{Event, Fold, Note};
use yizhan_schemas::{Answer, MessageId, Outcome};

/// Stories that the fuzzer begins with.
const STORIES: u64 = 24;

fn replay(target: &str, feed: fn(&[u8])) {
    let inputs = corpus::stored(target).unwrap();
    assert!(!inputs.is_empty(), "no inputs of {target}: the test looks in the wrong place");
    for (name, input) in inputs {
        // shown if it is the one that fails
        println!("{target}/{name}");
        feed(&input);
    }
}

fn story(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 200 + 50 * (seed as usize % 24)];
    SmallRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// The golden vectors: one of each kind of frame, a body, an envelope.
fn golden() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/tests/golden");
    let vectors = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let vectors = vectors.filter(|path| path.extension().is_some_and(|end| end == "hex"));
    vectors
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
            let bytes = digits.chunks(2).map(|two| (two[0] * 16 + two[1]) as u8).collect();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

fn fold() -> Vec<u8> {
    let id = MessageId::parse("510722.101.002-b7k2qf-r1042").unwrap();
    let here = || "510722".parse().unwrap();
    let events = [
        Event::Relayed,
        Event::Ended { outcome: Outcome::Rejected, detail: Some("无此设备".into()) },
        Event::Answered { answer: Answer::Completed, remark: Some("done".into()) },
    ];
    let notes = events.map(|event| Note::of(&id, here(), event, 1_795_393_800));
    let mut fold = Fold { notes: notes.into() };
    fold.notes[0].ranges = vec![(1, 3), (7, 7), (9, u64::MAX)];
    fold.encode().unwrap().to_vec()
}

/// How many random inputs are tried; more of them stand in for the fuzzer where there is none.
fn random_inputs() -> u64 {
    std::env::var("YIZHAN_FUZZ_INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

#[test]
fn every_stored_input_of_the_codec_is_a_value_that_reads_back_or_an_error() {
    replay("codec", codec::codec);
}

#[test]
fn a_station_keeps_its_promises_in_every_stored_story() {
    replay("hello", hello::hello);
}

#[test]
fn a_station_keeps_its_promises_whatever_it_is_told() {
    for seed in 1000..1000 + random_inputs() {
        println!("story {seed}");
        hello::hello(&story(seed));
    }
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    fs::create_dir_all(corpus::folder(target)).unwrap();
    fs::write(corpus::folder(target).join(name), bytes).unwrap();
}

#[test]
#[ignore = "writes into the source tree: make fuzz-corpus"]
fn write_the_inputs_of_codec() {
    for (name, bytes) in golden() {
        write("codec", &name, &bytes);
    }
    write("codec", "fold", &fold());
}

#[test]
#[ignore = "writes into the source tree: make fuzz-corpus"]
fn write_the_inputs_of_hello() {
    for seed in 0..STORIES {
        write("hello", &format!("story-{seed:02}"), &story(seed));
    }
}
