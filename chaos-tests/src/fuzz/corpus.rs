//! The inputs that are kept: in `chaos-tests/fuzz/corpus/<target>/`, one file each.
//!
//! They come from three sources: [`super::codec`]'s and [`super::hello`]'s own beginnings (the
//! ignored tests `write_*` in `tests/fuzz_corpus.rs`), what the fuzzer found that reaches
//! something new (`make fuzz-corpus` keeps the smallest of them), and findings, whose names begin
//! with `found-` and which are never thrown away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Every stored input of a target, in the order of its name.
///
/// # Errors
/// The folder cannot be read.
pub fn stored(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder(target))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // a folder may hold a note beside its inputs
        if !name.ends_with(".md") {
            inputs.push((name, fs::read(entry.path())?));
        }
    }
    inputs.sort();
    Ok(inputs)
}

/// Where the inputs of a target are.
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}
