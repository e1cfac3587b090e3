#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| daemon_core::fuzz::handoff(bytes));
