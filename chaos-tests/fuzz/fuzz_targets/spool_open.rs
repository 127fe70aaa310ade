//! A log whose files were tampered with: see `yizhan_powercut::tamper`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| yizhan_powercut::tamper::spool_open(data));
