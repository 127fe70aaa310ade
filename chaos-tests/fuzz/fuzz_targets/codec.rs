//! Bytes from a neighbour: see `chaos_tests::fuzz::codec`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chaos_tests::fuzz::codec::codec(data));
