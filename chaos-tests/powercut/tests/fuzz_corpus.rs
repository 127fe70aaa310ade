//! Every stored input of the fuzz target `spool_open`, given to it without libFuzzer: what was
//! found once stays found.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use rand::rngs::SmallRng;
use rand::{RngCore as _, SeedableRng as _};
use yizhan_powercut::tamper::{folder, spool_open, stored, told};

/// Inputs that the fuzzer begins with.
const TAMPERINGS: u64 = 40;

fn tampering(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 6 + 2 * (seed as usize % 40)];
    SmallRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// How many random inputs are tried; more of them stand in for the fuzzer where there is none.
fn random_inputs() -> u64 {
    std::env::var("YIZHAN_FUZZ_INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

#[test]
fn a_log_opens_makes_nothing_up_and_goes_on_for_every_stored_tampering() {
    let inputs = stored().unwrap();
    assert!(!inputs.is_empty(), "the test looks in the wrong place");
    for (path, input) in inputs {
        // shown if it is the one that fails
        println!("{}: {}", path.display(), told(&input));
        spool_open(&input);
    }
}

#[test]
fn a_log_opens_makes_nothing_up_and_goes_on_whatever_is_done_to_its_files() {
    for seed in 1000..1000 + random_inputs() {
        let input = tampering(seed);
        println!("tampering {seed}: {}", told(&input));
        spool_open(&input);
    }
}

#[test]
#[ignore = "writes into the source tree: make fuzz-corpus"]
fn write_the_inputs_of_spool_open() {
    fs::create_dir_all(folder()).unwrap();
    for seed in 0..TAMPERINGS {
        fs::write(folder().join(format!("tampering-{seed:02}")), tampering(seed)).unwrap();
    }
}
