//! Stories told to a station: see `chaos_tests::fuzz::hello`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chaos_tests::fuzz::hello::hello(data));
