//! Trains a dictionary for thin links:
//! `cargo run --release -p yizhan-schemas --example train-dictionary -- schemas/dictionaries/<n>.zdict`.
//!
//! The samples are whole bodies as they cross a link, of the kinds that a county sends, from a
//! pretend county; the same run makes the same file. Of the real calls only the **first half** of
//! the list is used: the second is what benchmarks measure with. A dictionary that is checked in
//! never changes: stations have it. Make the next number.

#![allow(clippy::unwrap_used, reason = "a tool for developers fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "the same")]

mod calls;
mod dice;
mod samples;
mod words;

use std::path::PathBuf;

/// Longest dictionary, bytes.
const DICTIONARY_BYTES_MAX: usize = 64 * 1024;

fn main() {
    let Some(file) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: train-dictionary FILE");
        std::process::exit(2);
    };
    let samples = samples::all();
    let bytes: usize = samples.iter().map(Vec::len).sum();
    eprintln!("{} bodies, {bytes} bytes", samples.len());
    let dictionary = zstd::dict::from_samples(&samples, DICTIONARY_BYTES_MAX).unwrap();
    std::fs::write(&file, &dictionary).unwrap();
    eprintln!("{}: {} bytes", file.display(), dictionary.len());
}
