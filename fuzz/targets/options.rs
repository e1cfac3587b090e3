//! A crate with a procedural macro exports nothing else, so its modules are included here.
#![no_main]
#![allow(dead_code, reason = "what the compiler alone calls")]

#[path = "../../daemon-macros/src/check.rs"]
mod check;
#[path = "../../daemon-macros/src/diagnostics.rs"]
mod diagnostics;
#[path = "../../daemon-macros/src/entry_fn.rs"]
mod entry_fn;
#[path = "../../daemon-macros/src/expand.rs"]
mod expand;
#[path = "../../daemon-macros/src/fallback.rs"]
mod fallback;
#[path = "../../daemon-macros/src/fuzz.rs"]
mod fuzz;
#[path = "../../daemon-macros/src/option_table.rs"]
mod option_table;
#[path = "../../daemon-macros/src/options.rs"]
mod options;
#[path = "../../daemon-macros/src/span.rs"]
mod span;
#[path = "../../daemon-macros/src/stacking.rs"]
mod stacking;
#[path = "../../daemon-macros/src/suggest.rs"]
mod suggest;
#[path = "../../daemon-macros/src/syntax.rs"]
mod syntax;
#[path = "../../daemon-macros/src/value/mod.rs"]
mod value;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::options(bytes));
